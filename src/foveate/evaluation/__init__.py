"""How good predictions are, in plain NumPy, and the report that says so."""
