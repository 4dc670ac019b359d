"""The chapters as notebooks (.ipynb): the same text, programs and outputs, to change and run again."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

from foveate.folders import replacing_folder
from foveate.guide.chapter import Cell, Prose, Widget
from foveate.guide.execute import Chapters, Ran, Say, run_chapters
from foveate.guide.show import as_html
from foveate.guide.site import MARK
from foveate.guide.styles import styled
from foveate.outputs import check_folder

_QUOTED = re.compile(r"\{quoted\}`(?P<words>[^`<]+?)\s*<(?P<source>[^`<>]+)>`")
_QUESTION = re.compile(r"^:::\{question\} (?P<asked>.*)\n(?P<answer>(?:.*\n)*?):::$", re.MULTILINE)
_LABEL = re.compile(r"^\(\w+\)=\n", re.MULTILINE)
_PAGE = re.compile(r"\]\((\w+)\.md\)")
_HREF = re.compile(r'href="(\w+)\.html"')


def write_notebooks(
    out: Path, *, overwrite: bool = False, say: Say | None = None, ran: Chapters | None = None
) -> list[Path]:
    """Run the chapters and write each as NAME.ipynb; their files.

    ran: the chapters, where they have been run already. Raises as `write_site` does.
    """
    check_folder(out, MARK, what="a guide", name="notebooks", overwrite=overwrite)
    chapters = run_chapters(say=say) if ran is None else ran
    with replacing_folder(out) as part:
        for name, one in chapters.items():
            document = notebook(one)
            (part / f"{name}.ipynb").write_text(json.dumps(document, indent=1, ensure_ascii=False), "utf-8")
        (part / MARK).write_text(json.dumps({"version": version("foveate"), "notebooks": [*chapters]}))
    return [out / f"{name}.ipynb" for name in chapters]


def notebook(ran: list[Ran]) -> dict[str, Any]:
    """A chapter that has been run, in Jupyter's format 4.5."""
    cells: list[dict[str, Any]] = []
    count = 0
    for one in ran:
        common = {"id": f"part-{len(cells)}", "metadata": {}}
        match one.part:
            case Prose():
                cells.append({"cell_type": "markdown", **common, "source": plain_markdown(one.prose())})
            case Cell(code=code):
                count += 1
                outputs = _outputs(one, count)
                body = {"source": code, "execution_count": count, "outputs": outputs}
                cells.append({"cell_type": "code", **common, **body})
            case Widget(title=title):
                words = f"*{title}: this can be touched on the page of `foveate guide`.*"
                cells.append({"cell_type": "markdown", **common, "source": words})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def plain_markdown(text: str) -> str:
    """MyST as the Markdown that notebooks show: sources in parentheses, answers to unfold as HTML."""
    text = _QUOTED.sub(r"\g<words> (\g<source>)", _LABEL.sub("", text))
    text = _QUESTION.sub(
        r"<details><summary>\g<asked></summary>\n\n\g<answer>\n</details>\n",
        text,
    )
    return _PAGE.sub(r"](\1.ipynb)", text).strip()


def _outputs(ran: Ran, count: int) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = []
    if ran.printed:
        outputs.append({"output_type": "stream", "name": "stdout", "text": f"{ran.printed}\n"})
    if ran.value is not None:
        data = {"text/plain": repr(ran.value)}
        html = _HREF.sub(r'href="\1.ipynb"', styled(as_html(ran.value)))
        if not html.startswith("<pre"):
            data["text/html"] = html
        outputs.append(
            {"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": data}
        )
    return outputs
