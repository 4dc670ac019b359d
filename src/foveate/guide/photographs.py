"""The photographs that come with the guide, of people who allow their use (photos/README.md)."""

from __future__ import annotations

import base64
import io
import json
from html import escape
from importlib import resources

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.guide.show import Shown

_FOLDER = resources.files("foveate.guide") / "photos"


def names() -> list[str]:
    """What they are called, in the order of the file that lists them."""
    return [*_sources()]


def pixels(name: str) -> NDArray[np.uint8]:
    """(256, 256, 3) of 0 to 255."""
    return np.asarray(Image.open(io.BytesIO(_content(name))).convert("RGB"))


def address(name: str) -> str:
    """The file as an address that holds it, so that a page asks nobody for it."""
    return f"data:image/jpeg;base64,{base64.b64encode(_content(name)).decode()}"


def photograph(name: str) -> Shown:
    """One of them, with its source and its licence."""
    facts = _sources()[name]
    alt = f"A photograph: {facts['shows']}."
    origin = f'<a href="{escape(facts["source"])}">source</a>, {escape(facts["licence"])}'
    words = f"<figcaption>{escape(facts['shows'])} ({origin})</figcaption>"
    image = f'<img src="{address(name)}" alt="{escape(alt)}" width="224" height="224">'
    return Shown(f'<figure class="shown">{image}{words}</figure>', alt)


def _content(name: str) -> bytes:
    return (_FOLDER / f"{name}.jpg").read_bytes()


def _sources() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads((_FOLDER / "sources.json").read_text("utf-8"))
    return found
