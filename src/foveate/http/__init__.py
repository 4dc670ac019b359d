"""HTTP as both servers speak it: limits, bodies, guards, replies."""
