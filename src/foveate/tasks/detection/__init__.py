"""Object detection: a box with a class for each thing in a picture."""
