"""The model folder: its format, and writing, reading and making it again."""
