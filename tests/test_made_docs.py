"""docs/api.md is what the docstrings say, and docs/extending.md shows the files that the tests use."""

import inspect
import re

import pytest

import foveate
import make_docs
from documents import ROOT


def test_the_pages_are_what_the_program_writes():
    assert (ROOT / "docs" / "api.md").read_text("utf-8") == make_docs.api_page()
    assert (ROOT / "docs" / "commands.md").read_text("utf-8") == make_docs.commands_page()
    text = (ROOT / "docs" / "extending.md").read_text("utf-8")
    assert text == make_docs.with_files(text)


def test_every_public_name_stands_on_the_page_with_how_it_is_called():
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    for name in set(foveate.__all__) - {"__version__"}:
        assert f"### foveate.{name}\n" in page
        assert inspect.getdoc(getattr(foveate, name)).splitlines()[0].replace("``", "`") in page


def test_every_file_that_extends_is_explained():
    shown = re.findall(r"`tests/extending/(\w+\.py)`:", (ROOT / "docs" / "extending.md").read_text("utf-8"))
    own = {path.name for path in (ROOT / "tests" / "extending").glob("*.py")} - set(shown)
    assert shown and all(name.startswith("test_") for name in own)


@pytest.mark.parametrize(
    ("written", "page"),
    [
        ("Says.\n\n>>> 1 + 1\n2\n\nMore.", "Says.\n\n```pycon\n>>> 1 + 1\n2\n```\n\nMore.\n"),
        (
            "Says.\n\nArgs:\n    a, b: what\n        it is.",
            "Says.\n\nArguments:\n\n- `a, b`: what\n  it is.\n",
        ),
    ],
)
def test_a_docstring_becomes_markdown(written, page):
    assert make_docs.as_markdown(written) == page
