"""What the command line can do, as functions of the same names: one file a command.

None imports torch before it needs it.
"""
