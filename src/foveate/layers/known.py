"""The operator table with all of this package's layers in it: every file beside this one adds its own."""

from __future__ import annotations

import importlib
import pkgutil

import foveate.layers
from foveate.operators.table import BLUEPRINT_LAYERS, FUNCTIONS, MODULES, SUMS, WRITERS, register_layer

__all__ = ["BLUEPRINT_LAYERS", "FUNCTIONS", "MODULES", "SUMS", "WRITERS", "register_layer"]

for _file in pkgutil.iter_modules(foveate.layers.__path__):
    importlib.import_module(f"foveate.layers.{_file.name}")
