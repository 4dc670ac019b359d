"""Data sets of boxes written in the forms that other programs read."""
