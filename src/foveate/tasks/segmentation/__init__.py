"""Semantic segmentation: one of several classes for each pixel of a picture."""
