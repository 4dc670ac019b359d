"""From a data set to augmented batches of uint8 tensors."""
