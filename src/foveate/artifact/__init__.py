"""The model folder: written with torch, read and run without it."""
