"""A sentence for each picture."""
