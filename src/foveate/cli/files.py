"""Files and folders that commands are given."""

from __future__ import annotations

from pathlib import Path

from foveate.cli.console import note


def model_path(model: str) -> Path:
    """The model folder that MODEL means: what exists under that name, else the published network."""
    if Path(model).is_dir():  # no imports, for the usual case shall start fast
        return Path(model)
    from foveate.models.names import Registered, find_name

    if not isinstance(find_name(model), Registered):
        return Path(model)
    from foveate.modelfolder.packaged import model_folder

    return model_folder(model, note)
