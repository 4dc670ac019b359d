"""`doctor`: what this machine and this installation have, what is missing, and how to get it."""

from __future__ import annotations

import platform
import re
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from foveate.dataset.sources.fetch import cache_folder
from foveate.images.resample import is_fast
from foveate.memory import memory_bytes
from foveate.runtime.machine import installed_version, processor
from foveate.runtime.session import physical_cores
from foveate.words import bytes_text

PACKAGE = "foveate"
# What each extra is for, in the order of use; what has no line here is of no interest to users (dev).
PURPOSES = {
    "": "predict, evaluate, check",
    "train": "train, inspect, export --int8",
    "pretrained": "start from ImageNet weights, offline",
    "cloud": "shards in object stores (s3://, gs://, az://)",
    "parquet": "answers to shards as Parquet",
    "ray": "shards predicted and checked on a cluster",
    "fast": "JPEG files, decoded sooner",
    "serve": "answer over HTTP",
    "hub": "weights by name (hf:...)",
    "timm": "networks by name (timm:...)",
    "sklearn": "foveate.sklearn, for pipelines and searches",
    "notebook": "foveate.widget, inspect in a notebook",
    "tensorboard": "curves in TensorBoard",
    "guide": "the guide that runs, as pages",
    "openvino": "compute with OpenVINO where that is faster",
    "bench": "rivals to measure",
    "mlflow": "runs kept by MLflow",
    "wandb": "runs kept by Weights & Biases",
    "trackio": "runs kept by trackio",
}
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[(?P<extras>[^\]]*)\])?\s*(?P<bounds>[^;]*)")
_EXTRA = re.compile(r"""extra\s*==\s*['"](?P<extra>[^'"]+)['"]""")


@dataclass(frozen=True)
class Package:
    """A package that a part of the program needs. installed: its version, where it is there."""

    name: str
    bounds: str
    installed: str | None

    @property
    def fits(self) -> bool:
        """Whether it is there in a version that is taken."""
        from packaging.specifiers import SpecifierSet

        return self.installed is not None and SpecifierSet(self.bounds).contains(
            self.installed, prereleases=True
        )

    def to_text(self) -> str:
        if self.installed is None:
            return f"{self.name} is missing"
        return f"{self.name} {self.installed}" + ("" if self.fits else f" (needs {self.bounds})")


@dataclass(frozen=True)
class Part:
    """A part of the program: what it is for, and the packages that it needs. extra: "" for the rest."""

    extra: str
    purpose: str
    packages: tuple[Package, ...]

    @property
    def ready(self) -> bool:
        return all(package.fits for package in self.packages)

    @property
    def remedy(self) -> str:
        """The command that brings what is missing."""
        return f"pip install '{PACKAGE}[{self.extra}]'" if self.extra else f"pip install --upgrade {PACKAGE}"

    def to_dict(self) -> dict[str, Any]:
        packages = [
            {"name": one.name, "needs": one.bounds, "installed": one.installed, "fits": one.fits}
            for one in self.packages
        ]
        found = {"extra": self.extra, "purpose": self.purpose, "ready": self.ready, "packages": packages}
        return found if self.ready else {**found, "remedy": self.remedy}


@dataclass(frozen=True)
class Diagnosis:
    """What was found.

    Attributes:
        machine: what computes, by name: processor, memory, cards.
        engines: what runs networks here, by name.
        parts: of the program, with the packages that each needs.
        cache, cached: the folder of what was fetched and computed, and the bytes of its parts.
    """

    machine: dict[str, str]
    engines: dict[str, str]
    parts: tuple[Part, ...]
    cache: Path
    cached: dict[str, int]

    @property
    def well(self) -> bool:
        """Whether what every use needs is there."""
        return self.parts[0].ready

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: what `foveate doctor --json` prints."""
        return {
            "machine": self.machine,
            "engines": self.engines,
            "parts": [part.to_dict() for part in self.parts],
            "cache": {"folder": str(self.cache), "bytes": self.cached},
        }

    def lines(self) -> list[str]:
        """All of it for people, a fact a line."""
        facts = [f"{name:<14}{value}" for name, value in (self.machine | self.engines).items()]
        kept = ", ".join(f"{name} {bytes_text(size)}" for name, size in self.cached.items()) or "empty"
        return [*facts, f"{'cache':<14}{self.cache}: {kept}", "", *map(_line, self.parts)]


def doctor() -> Diagnosis:
    """What this machine and this installation have, what is missing, and how to get it. Nothing is changed.

    >>> found = foveate.doctor()
    >>> found.well, found.parts[0].purpose
    (True, 'predict, evaluate, check')
    """
    needed = _needed()
    parts = tuple(
        Part(extra, purpose, needed[extra]) for extra, purpose in PURPOSES.items() if extra in needed
    )
    cache = cache_folder()
    return Diagnosis(_machine(), _engines(), parts, cache, _sizes(cache))


def _needed() -> dict[str, tuple[Package, ...]]:
    """The packages of each extra, by foveate's own metadata; "" are those of every installation."""
    found: dict[str, list[Package]] = {}
    for line in metadata.metadata(PACKAGE).get_all("Requires-Dist") or ():
        said, _, marker = line.partition(";")
        if "sys_platform" in marker:
            continue
        extra = _EXTRA.search(marker)
        one = _REQUIREMENT.match(said)
        if one is None or one["name"] == PACKAGE:
            continue  # an extra that brings another one
        bounds = one["bounds"].strip().strip("()")
        package = Package(one["name"], bounds, installed_version(one["name"]))
        found.setdefault(extra["extra"] if extra else "", []).append(package)
    return {extra: tuple(packages) for extra, packages in found.items()}


def _machine() -> dict[str, str]:
    facts = {
        "foveate": metadata.version(PACKAGE),
        "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "processor": f"{processor()}, {physical_cores()} cores",
    }
    if (memory := memory_bytes()) is not None:
        facts["memory"] = bytes_text(memory)
    facts["disk"] = f"{bytes_text(shutil.disk_usage(Path.cwd()).free)} free here"
    return facts


def _engines() -> dict[str, str]:
    import onnxruntime

    providers = (name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers())
    facts = {
        "ONNX Runtime": f"{onnxruntime.__version__}: {', '.join(providers)}",
        "scaling": "compiled" if is_fast() else "Pillow's: the same pixels, more slowly",
    }
    if installed_version("torch") is None:
        return facts
    try:
        import torch
    except Exception as error:  # a broken installation is what is looked for here
        return facts | {"torch": f"cannot be imported: {error}"}
    cards = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    facts["torch"] = f"{torch.__version__}: {', '.join(cards) or 'no card that it can use'}"
    return facts


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of each folder in the cache."""
    parts = sorted(part for part in folder.iterdir() if part.is_dir()) if folder.is_dir() else []
    return {
        part.name: sum(file.stat().st_size for file in part.rglob("*") if file.is_file()) for part in parts
    }


def _line(part: Part) -> str:
    name = part.extra or "always"
    if part.ready:
        return f"ok   {name:<12} {part.purpose}: {', '.join(one.to_text() for one in part.packages)}"
    missing = ", ".join(one.to_text() for one in part.packages if not one.fits)
    return f"--   {name:<12} {part.purpose}: {missing} -> {part.remedy}"
