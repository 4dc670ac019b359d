"""The networks of the guides, one family a file, and the registry that makes them by name."""
