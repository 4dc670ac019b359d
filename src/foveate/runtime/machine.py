"""What this machine computes with, and which packages are here."""

from __future__ import annotations

import platform
from pathlib import Path


def processor() -> str:
    """Its name, and the vector extensions that decide how fast it is."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    facts = {name.strip(): value.strip() for name, value in facts.items()}
    flags = set(facts.get("flags", "").split())
    known = [name for name in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile") if name in flags]
    return f"{facts.get('model name', platform.machine())} ({', '.join(known) or 'no vector extensions'})"


def installed_version(package: str) -> str | None:
    """None where it is not installed; it is not imported."""
    from importlib import metadata  # takes 20 ms, which a prediction need not wait for

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
