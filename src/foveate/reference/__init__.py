"""Every operation forward and backward in plain NumPy."""
