"""The command line: one file a command, and the only place in the package that prints."""
