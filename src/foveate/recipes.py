"""Named training recipes."""
