"""The model of `colour_model`, as fixtures."""

from colour_model import _slow_network, colours, model_folder, pictures  # noqa: F401
