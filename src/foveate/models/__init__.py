"""Networks by name, one family a file. Importing this package imports no torch; making a network does."""

from __future__ import annotations

from foveate.models.registry import (
    ModelInfo,
    create_model,
    list_models,
    model_info,
    model_options,
    register,
)

__all__ = ["ModelInfo", "create_model", "list_models", "model_info", "model_options", "register"]
