"""What Sphinx is taught for the guide: values and quotations in sentences, answers to unfold, and one rule.

The rule: in the running text of a chapter, a digit stands only where the chapter's program put it
(`computed`), where a source is named (`quoted`), or in a name (LeNet-5, B0). Anything else fails the build.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

DIGITS = "0-9⁰¹²³⁴-⁹₀-₉½¼¾"
# A digit that is not part of a name: no letter before it, nor a letter and a hyphen.
_LOOSE = re.compile(rf"(?<![\w-])[−-]?[{DIGITS}]|(?<=\W)-[{DIGITS}]")
_BARE = re.compile(rf"[{DIGITS}\s.,·×%/+−-]+")  # inline code that is nothing but a number
_SOURCE = re.compile(r"(?P<words>.+?)\s*<(?P<source>[^<>]+)>", re.DOTALL)

logger = logging.getLogger(__name__)


class Number(nodes.inline):
    """A number that may stand in a sentence."""


class Unfold(nodes.General, nodes.Element):
    """A question, and its answer to unfold."""


class Computed(SphinxRole):
    """{computed}`value`: what a chapter's program gave."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        return [Number("", self.text, classes=["computed"])], []


class Quoted(SphinxRole):
    """{quoted}`number <source>`: what somebody else gave, and who."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        found = _SOURCE.fullmatch(self.text)
        if found is None:
            message = self.inliner.reporter.error(f"{self.text!r}: expected a number <and its source>.")
            return [], [message]
        source = nodes.inline("", f" ({found['source']})", classes=["source"])
        return [Number("", "", nodes.Text(found["words"]), source, classes=["quoted"])], []


class Question(SphinxDirective):
    """A question, with its answer as content."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"class": directives.class_option}

    def run(self) -> list[nodes.Node]:
        asked, problems = self.parse_inline(self.arguments[0])
        words = nodes.paragraph("", "", *asked)
        answer = nodes.container("", *self.parse_content_to_nodes(), classes=["answer"])
        return [Unfold("", words, answer, classes=self.options.get("class", ["question"])), *problems]


def _open(self: Any, node: Unfold) -> None:
    self.body.append(f'<details class="{" ".join(node["classes"])}"><summary>')
    node.children[0].walkabout(_Inline(self))
    self.body.append("</summary>")
    node.pop(0)


def _close(self: Any, node: Unfold) -> None:
    self.body.append("</details>")


class _Inline(nodes.NodeVisitor):
    """Writes what stands in a paragraph without its <p>: a summary holds words only."""

    def __init__(self, writer: Any) -> None:
        super().__init__(writer.document)
        self.writer = writer

    def dispatch_visit(self, node: nodes.Node) -> None:
        if not isinstance(node, nodes.paragraph):
            self.writer.dispatch_visit(node)

    def dispatch_departure(self, node: nodes.Node) -> None:
        if not isinstance(node, nodes.paragraph):
            self.writer.dispatch_departure(node)


def _visit_number(self: Any, node: Number) -> None:
    self.visit_inline(node)


def _depart_number(self: Any, node: Number) -> None:
    self.depart_inline(node)


def loose_numbers(document: nodes.document) -> list[tuple[nodes.Node, str]]:
    """Where running text says a number that neither a program nor a source gave: the node, and its text."""
    found: list[tuple[nodes.Node, str]] = []
    for text in document.findall(nodes.Text):
        around = list(_ancestors(text))
        if any(isinstance(one, (Number, nodes.literal_block, nodes.raw, nodes.comment)) for one in around):
            continue
        words = text.astext()
        code = any(isinstance(one, nodes.literal) for one in around)
        if (_BARE.fullmatch(words) and re.search(f"[{DIGITS}]", words)) if code else _LOOSE.search(words):
            found.append((text, words))
    return found


def _ancestors(node: nodes.Node) -> Any:
    while node.parent is not None:
        node = node.parent
        yield node


def check_numbers(app: Sphinx, document: nodes.document) -> None:
    """Warn of every loose number of a chapter; warnings fail the build."""
    if app.env.current_document.docname not in app.config.guide_chapters:
        return
    for node, words in loose_numbers(document):
        logger.warning(
            "a number that no program and no source gave: %r; write {eval}`…` or {quoted}`… <source>`",
            words,
            location=node.parent,
        )


def level_captions(
    app: Sphinx, page: str, template: str, context: dict[str, Any], document: nodes.document | None
) -> None:
    """Say of which level the captions of lists of pages are: WAI-ARIA requires it, Sphinx leaves it out."""
    for name in ("furo_navigation_tree", "body"):
        if name in context:
            context[name] = context[name].replace(
                'class="caption" role="heading"', 'class="caption" role="heading" aria-level="2"'
            )


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("guide_chapters", [], "env")
    app.add_role("computed", Computed())
    app.add_role("quoted", Quoted())
    app.add_directive("question", Question)
    app.add_node(Unfold, html=(_open, _close))
    app.add_node(Number, html=(_visit_number, _depart_number))
    app.connect("doctree-read", check_numbers)
    app.connect("html-page-context", level_captions, priority=900)  # after the theme
    return {"parallel_read_safe": True, "parallel_write_safe": True}
