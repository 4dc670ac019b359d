"""What a chapter's file means, and the rule that numbers in its sentences are computed or quoted."""

import json
import re

import pytest
from docutils.parsers.rst import roles
from docutils.utils import new_document
from myst_parser.parsers.docutils_ import Parser
from sphinx.util.docutils import docutils_namespace

from foveate.guide import show
from foveate.guide.chapter import Cell, GuideError, Prose, Widget, parse
from foveate.guide.execute import execute
from foveate.guide.notebooks import notebook, plain_markdown
from foveate.guide.sphinx_parts import Number, loose_numbers

pytestmark = pytest.mark.filterwarnings("ignore:nodes.Node.traverse:DeprecationWarning")  # MyST's parser

CHAPTER = """# A title

Before.

```{code-cell} python
three = 1 + 2
print("said")
three * 2
```

It is {eval}`three`, or {eval}`three / 2`.

```{code-cell} python
:tags: [hide-input]
text = "quiet"
```
```{widget} pooling Something to touch
{"values": [three, text]}
```
"""


def test_a_chapter_is_prose_programs_and_widgets_in_their_order():
    parts = parse("one", CHAPTER).parts
    assert [type(part) for part in parts] == [Prose, Cell, Prose, Cell, Widget]
    assert parts[3].tags == "[hide-input]"
    assert (parts[4].name, parts[4].title) == ("pooling", "Something to touch")
    assert parse("one", CHAPTER).title == "A title"


def test_programs_run_in_one_namespace_and_say_what_they_gave():
    first, cell, prose, _, widget = execute(parse("one", CHAPTER))
    assert first.values == ()
    assert (cell.printed, cell.value) == ("said", 6)
    assert prose.prose(lambda text: f"<{text}>").strip() == "It is <3>, or <1.5>."
    assert json.loads(widget.data) == {"values": [3, "quiet"]}


def test_bytes_that_a_widget_is_given_are_a_file_beside_the_page():
    text = '```{widget} drawn Words\n{"network": b"12", "again": [b"12"]}\n```\n'
    (widget,) = execute(parse("one", text))
    ((name, content),) = widget.files.items()
    assert json.loads(widget.data) == {"network": name, "again": [name]}
    assert content == b"12"
    with pytest.raises(GuideError, match="a widget cannot be given a set"):
        execute(parse("one", "```{widget} drawn Words\n{1, 2}\n```\n"))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("print(three)", r"one\.md, line 20: NameError: name 'three'"),
        ("a = 1\n\nraise ValueError('no')", r"one\.md, line 22: ValueError: no"),
        ("def", r"one\.md, line 20: SyntaxError"),
    ],
)
def test_a_program_that_fails_is_named_with_its_line(broken, message):
    text = "\n" * 18 + f"```{{code-cell}} python\n{broken}\n```\n"
    with pytest.raises(GuideError, match=message):
        execute(parse("one", text))


def test_a_fence_that_does_not_end_is_told():
    with pytest.raises(GuideError, match=r"one\.md, line 2: expected ```"):
        parse("one", "\n```{widget} pooling\n1")


def computed(_role, _raw, words, *_):
    return [Number("", words)], []


def loose(text):
    """What the rule finds in a text."""
    document = new_document("one")
    for name, value in (("halt_level", 5), ("report_level", 5), ("myst_enable_extensions", ["colon_fence"])):
        setattr(document.settings, name, value)
    with docutils_namespace():
        roles.register_local_role("computed", computed)
        Parser().parse(text, document)
    return [words for _, words in loose_numbers(document)]


@pytest.mark.parametrize(
    "text",
    [
        "There are 3 of them.",
        "About 4.8·10¹¹.",
        "A loss of -2 points",
        "half: ½",
        "| a | b |\n|---|---|\n| c | 17 |",
        "# Chapter 2",
        "a `12` in code",
        "- in a list, 5",
        "> quoted 2020",
        "a [link of 3](https://example.org)",
        "between 3×3 and *7*",
    ],
)
def test_a_number_that_nobody_gave_is_found(text):
    assert loose(text)


@pytest.mark.parametrize(
    "text",
    [
        "There are {computed}`3` of them.",
        "LeNet-5, ResNet-50, VGG-16 and B0 are names, as conv32 is.",
        "two, three, a quarter",
        "`output_size(28, kernel=5)` is a program",
        "```text\n1 2 3\n```",
        "- one\n- two",
        "| a | b |\n|---|---|\n| c | {computed}`17` |",
    ],
)
def test_computed_numbers_names_and_programs_are_not(text):
    assert loose(text) == []


def test_a_notebook_has_the_text_the_programs_and_what_they_gave():
    cells = notebook(execute(parse("one", CHAPTER)))["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown", "code", "markdown", "code", "markdown"]
    assert cells[1]["source"].startswith("three = 1 + 2")
    assert [output["output_type"] for output in cells[1]["outputs"]] == ["stream", "execute_result"]
    assert cells[1]["outputs"][1]["data"] == {"text/plain": "6"}
    assert cells[2]["source"] == "It is 3, or 1.5."


def test_charts_in_a_notebook_have_their_lines_and_colours():
    html = show.curves("loss", {"a": [(0, 2.0), (1, 1.0)]})._repr_html_()
    rules = html[html.index("<style>") : html.index("</style>")]
    assert "svg.chart .line { fill: none;" in rules  # else a line is a black area
    used = set(re.findall(r"var\((--[\w-]+)\)", rules))
    assert used
    assert all(f"{name}: light-dark(" in rules for name in used)
    assert show.table(["a"], [["b"]])._repr_html_() == show.table(["a"], [["b"]]).html


def test_what_only_pages_know_is_plain_markdown_in_a_notebook():
    text = "(mark)=\n:::{question} Why?\nBecause.\n:::\n{quoted}`5.3 % <He>` [next](sizes.md)"
    assert plain_markdown(text) == (
        "<details><summary>Why?</summary>\n\nBecause.\n\n</details>\n\n5.3 % (He) [next](sizes.ipynb)"
    )
