"""Compiles src/foveate/images/resample.c where it can be: on Linux x86-64 with a C compiler.

Anywhere else, and with FOVEATE_PURE=1, the wheel is pure Python: then Pillow computes the same pixels, more
slowly. The library calls nothing, not even the C library (the linker is told to refuse it otherwise), so one
file serves every version of Python and of glibc.
"""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = "src/foveate/images/resample.c"
LIBRARY = "src/foveate/images/_resample.so"
TAG = "py3-none-manylinux_2_17_x86_64"
# No fused multiply-add and no strict aliasing; no loop becomes a call of memcpy, which is not there.
FLAGS = (
    "-std=gnu11 -O3 -Wall -Wextra -fPIC -shared -ffreestanding -fno-strict-aliasing -ffp-contract=off "
    "-fno-tree-loop-distribute-patterns -fvisibility=hidden -nostdlib -Wl,-z,defs -Wl,-s"
)


class ResamplerHook(BuildHookInterface):
    """Hatchling's, see [tool.hatch.build.targets.wheel.hooks.custom] in pyproject.toml."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        (root / LIBRARY).unlink(missing_ok=True)
        if os.environ.get("FOVEATE_PURE") == "1":
            return
        if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
            return
        if not compiled(root / SOURCE, root / LIBRARY):
            self.app.display_warning("no library for fast scaling: no C compiler, or it failed")
            return
        if version != "editable":
            build_data["artifacts"].append(LIBRARY)
            build_data.update(pure_python=False, tag=TAG)


def compiled(source: Path, library: Path) -> bool:
    """Whether ``library`` was made of ``source``; it is there whole or not at all."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    unfinished = library.with_suffix(f".{os.getpid()}")
    command = [compiler[0], *FLAGS.split(), str(source), "-lgcc", "-o", str(unfinished)]
    try:
        subprocess.run(command, check=True, capture_output=True)
        unfinished.replace(library)
    except (OSError, subprocess.CalledProcessError):
        unfinished.unlink(missing_ok=True)
        return False
    return True
