"""The guide as a static site: chapters are run, written as Markdown with outputs, and built by Sphinx."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from html import escape
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

from foveate.errors import InputError, MissingExtraError
from foveate.folders import replacing_folder
from foveate.guide.cards import CARDS, cards
from foveate.guide.chapter import (
    FOLDED,
    Cell,
    GuideError,
    Prose,
    Widget,
    chapter_names,
)
from foveate.guide.execute import Chapters, Ran, Say, run_chapters
from foveate.guide.pages import Pages
from foveate.guide.show import as_html
from foveate.kept import cache_folder
from foveate.outputs import check_folder
from foveate.webpage.engine import SCRIPT, engine

MARK = "guide.json"  # which every such folder holds
# Modules and pictures of other rooms that the pages use, as they are.
_SHARED = {
    "foveate.http": ("icon.svg",),
    "foveate.inspector": ("api.js", "draw.js", "numbers.js", "sandbox_math.js", "sandbox_formula.js"),
    "foveate.webpage": ("preprocess.js", "resample.js", "unpack.js"),
}


def write_site(
    out: Path,
    *,
    overwrite: bool = False,
    download: bool = False,
    say: Say | None = None,
    ran: Chapters | None = None,
    pages: Pages | None = None,
) -> int:
    """Write the guide to a folder that any web host can serve; how many bytes it takes.

    download: let the engine of networks in a browser be fetched; without it, widgets that run one say so.
    ran: the chapters, where they have been run already. pages: what else the site is to hold.

    Raises:
        GuideError: a chapter fails, or what Sphinx warns of. InputError: the folder holds other things.
        MissingExtraError: Sphinx is not installed. DownloadError.
    """
    check_folder(out, MARK, what="a guide", name="out", overwrite=overwrite)
    with tempfile.TemporaryDirectory() as work, replacing_folder(out) as part:
        source = Path(work) / "source"
        files = engine_files(download=download, say=say)
        stage(source, run_chapters(say=say) if ran is None else ran, files)
        if pages is not None:
            pages.stage(source)
        _build(source, Path(work) / "doctrees", part)
        (part / MARK).write_text(json.dumps({"version": version("foveate"), "pages": chapter_names()}))
        return sum(file.stat().st_size for file in part.rglob("*") if file.is_file())


def kept_site(*, download: bool = False, say: Say | None = None) -> Path:
    """The folder of the guide in the cache, made when there is none of this version and these chapters."""
    has_engine = _engine(download=download, say=say) is not None
    folder = cache_folder() / "guide" / _key(has_engine=has_engine)
    if not (folder / MARK).is_file():
        if say is not None:
            say("Making the guide: its programs run once, which takes a minute …")
        write_site(folder, say=say)
    return folder


def _engine(*, download: bool, say: Say | None) -> tuple[bytes, bytes] | None:
    """ONNX Runtime Web, its script and its binary; None where it would have to be fetched unasked."""
    try:
        return engine(download=download, say=say)
    except InputError:
        return None


def engine_files(*, download: bool, say: Say | None = None) -> dict[str, bytes]:
    """What the widgets that run a network need beside them; nothing, and a word, where it is not here."""
    found = _engine(download=download, say=say)
    if found is not None:
        return {SCRIPT.name: found[0], "ort.wasm.gz": gzip.compress(found[1], mtime=0)}
    if say is not None:
        say(
            "Two widgets need ONNX Runtime Web, the engine of networks in a browser, which is not here; "
            "--download fetches it once (14 MB)."
        )
    return {}


def stage(folder: Path, chapters: Chapters, engine: Mapping[str, bytes]) -> None:
    """Write what Sphinx builds: Markdown with all outputs, scripts, styles, networks and their engine."""
    static = folder / "_static" / "guide"
    static.mkdir(parents=True)
    index = (resources.files("foveate.guide") / "chapters/index.md").read_text("utf-8")
    (folder / "index.md").write_text(index.replace(CARDS, cards(chapters)), "utf-8")
    for name, ran in chapters.items():
        (folder / f"{name}.md").write_text("\n".join(map(_markdown, ran)) + "\n", "utf-8")
        for one in ran:
            for file, content in one.files.items():
                (static / file).write_bytes(gzip.compress(content, mtime=0))
    for file, content in (*_scripts(), *engine.items()):
        (static / file).write_bytes(content)


def _scripts() -> Iterator[tuple[str, bytes]]:
    for package, names in {**_SHARED, "foveate.guide": None}.items():
        web = resources.files(package) / "web"
        for file in sorted(web.iterdir(), key=lambda file: file.name):
            if names is None or file.name in names:
                yield file.name, file.read_bytes()


def _markdown(ran: Ran) -> str:
    """A part with what came of it, in MyST."""
    match ran.part:
        case Prose():
            return ran.prose(lambda text: f"{{computed}}`{text}`")
        case Widget(name=name, title=title):
            return (
                f'\n```{{raw}} html\n<div class="widget" data-widget="{name}" role="group" '
                f'aria-label="{escape(title)}"><script type="application/json">{ran.data}</script>'
                "<noscript>This part needs JavaScript.</noscript></div>\n```\n"
            )
        case Cell(code=code, tags=tags):
            block, outputs = f"```python\n{code}\n```", _outputs(ran)
            if FOLDED in tags:
                words = "The program behind it" if outputs else "A part of the program"
                block = f":::{{question}} {words}\n:class: program\n{block}\n:::"
            return f"\n{block}\n\n{outputs}\n"


def _outputs(ran: Ran) -> str:
    parts = [f'<pre class="printed" tabindex="0">{escape(ran.printed)}</pre>'] if ran.printed else []
    if ran.value is not None:
        parts.append(as_html(ran.value))
    inside = re.sub(r"\n\s*\n", "\n", "\n".join(parts))
    return f'```{{raw}} html\n<div class="output">{inside}</div>\n```' if parts else ""


def _build(source: Path, doctrees: Path, out: Path) -> None:
    try:
        import furo  # noqa: F401  # asked for by its name below
        import myst_parser  # noqa: F401
        from sphinx.application import Sphinx
        from sphinx.util.docutils import docutils_namespace
    except ModuleNotFoundError as error:
        raise MissingExtraError("`foveate guide`", "guide") from error
    warnings = io.StringIO()
    settings = "\n".join(f"{name} = {value!r}" for name, value in _settings().items())
    (source / "conf.py").write_text(settings, "utf-8")
    with docutils_namespace():  # what is taught to docutils is forgotten again
        app = Sphinx(source, source, out, doctrees, "html", status=None, warning=warnings, freshenv=True)
        app.build()
    told = re.sub(r"\x1b\[[\d;]*m", "", warnings.getvalue()).replace(str(source), "").strip()
    if told or app.statuscode:
        raise GuideError(f"The guide cannot be built: {told or 'Sphinx failed'}")
    for rest in (".buildinfo", "objects.inv", ".doctrees", "_sources"):
        path = out / rest
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _settings() -> dict[str, Any]:
    return {
        "project": "foveate",
        "author": "the authors of foveate",
        "copyright": "the authors of foveate",
        "extensions": ["myst_parser", "foveate.guide.sphinx_parts"],
        "myst_enable_extensions": ["colon_fence"],
        "myst_heading_anchors": 3,
        "guide_chapters": chapter_names(),
        "html_theme": "furo",
        "html_favicon": "_static/guide/icon.svg",
        "html_title": "foveate, the guide that runs",
        "html_static_path": ["_static"],
        "html_css_files": ["guide/guide.css"],
        "html_js_files": [("guide/guide.js", {"type": "module"})],
        "html_copy_source": False,
        "html_show_sourcelink": False,
        "html_show_copyright": False,
        "html_use_index": False,
        "html_theme_options": {"navigation_with_keys": True},
        "highlight_language": "none",  # of blocks that do not name theirs
        "pygments_style": "a11y-high-contrast-light",
        "pygments_dark_style": "a11y-high-contrast-dark",
        "nitpicky": True,
    }


def _key(*, has_engine: bool) -> str:
    """A name that changes with the chapters, the scripts and the versions of what builds them."""
    digest = hashlib.blake2b(digest_size=12)
    digest.update(f"{version('foveate')} {sys.version_info[:2]} {has_engine}".encode())
    root = resources.files("foveate.guide")
    for folder in (root, root / "chapters", root / "photos", root / "web"):
        for file in sorted(folder.iterdir(), key=lambda file: file.name):
            if file.is_file():
                digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()
