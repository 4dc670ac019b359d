"""From a file or bytes to an (H, W, 3) uint8 array, and the one definition of resize, crop and normalise."""
