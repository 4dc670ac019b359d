"""From a folder of pictures to a model folder: the whole story."""
