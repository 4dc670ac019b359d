"""The sections of a captioning's report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.captioning.metrics import Evaluation
from foveate.tasks.captioning.truth import Truth
from foveate.tasks.sections import Block, Gallery, Mark, Panel, Paragraph, Picture, Section, Text
from foveate.words import percent, split_word

_LETTERS = 300  # of a sentence that are shown
_RIGHT = 3  # right sentences beside a picture
_WORDS_SHOWN = 12  # of a sentence, each with where it looked
_LOOKING = 4  # pictures, about, of which that is shown
_DARK = 0.25  # of the light of a place that it did not look at
_LEAST_SIDE_PX = 96


class SentenceShown(NamedTuple):
    """A picture with what is said of it.

    pixels: (h, w, C) as the network saw it. said: the sentence, words: of it, sure: (L,) of each word how
    sure, looked: (L, rows, columns) of each word how much it looked at each place, None of a network that
    does not. right: what people said. score: CIDEr-D, by which the pictures are sorted.
    """

    pixels: NDArray[np.uint8]
    name: str
    said: str
    words: Sequence[str]
    sure: NDArray[np.floating]
    looked: NDArray[np.floating] | None
    right: Sequence[str]
    score: float


def figures(result: Evaluation, split: str) -> Section:
    """All figures, beside those of what needs no network."""
    text: list[str | Mark] = [
        Mark("BLEU", "strong"),
        ": the share of its words, and of its runs of two to four words, that people used for that picture. ",
        Mark("ROUGE-L", "strong"), ": how much of a person's sentence it says in that order. ",
        Mark("CIDEr-D", "strong"), ": the same with rare words counting most. ",
        f"Measured on {split_word(split)} pictures. A model that is not better than one sentence for all, "
        "than the sentence of the most similar training picture, and than its own sentences under other "
        "pictures, has learnt a language and not to see.",
    ]  # fmt: skip
    return Section(
        "How good its sentences are", "Figures", "figures", [Paragraph(text), result.figures_table()]
    )


def truths(truth: Truth) -> Section:
    """What was checked against the pictures themselves."""
    text = (
        "These pictures are drawn, so it is known what is true of them. Each sentence is parsed and each "
        "of its parts is held against the picture: a sentence may be true without being the one that was "
        "expected."
    )
    blocks: list[Block] = [Paragraph(text), Paragraph(truth.line())]
    return Section("Is it true?", "Truth", "truth", [*blocks, truth.table()] if truth.slots else blocks)


def sentences(shown: Sequence[SentenceShown]) -> Section:
    """Pictures with what is said of them, and what people said."""
    text = (
        "Pictures with what it says, how sure it is of each word, and what people said of them; the worst "
        "first, by CIDEr-D."
    )
    blocks: list[Block] = [Paragraph(text), Gallery([_picture(one) for one in shown])]
    looking = [one for one in shown if one.looked is not None and len(one.words)]
    if looking:
        said = (
            "Word by word a picture is light where the network looked while it wrote that word, some of them:"
        )
        blocks.append(Paragraph(said))
    blocks += [Gallery(word_by_word(one), small=True) for one in looking[:: max(len(looking) // _LOOKING, 1)]]
    return Section("What it says", "Sentences", "sentences", blocks)


def _picture(one: SentenceShown) -> Picture:
    sure = [f"{word} {percent(float(value), 0)}" for word, value in zip(one.words, one.sure, strict=False)]
    caption: list[Text] = [
        ("it says: ", Mark(_cut(one.said))),
        ("sure of each word: ", Mark(_cut(", ".join(sure)))),
        *(("people say: ", Mark(_cut(right))) for right in one.right[:_RIGHT]),
        ("CIDEr-D ", Mark(f"{one.score:.2f}", "number")),
    ]
    return Picture([Panel(one.pixels, f"A picture of which it says: {_cut(one.said)}")], caption, one.name)


def word_by_word(one: SentenceShown) -> list[Picture]:
    """The picture with its sentence, then for each word where the network looked, and how sure it was."""
    looked = () if one.looked is None else one.looked[:_WORDS_SHOWN]
    whole = Panel(one.pixels, f"The picture of which it says: {_cut(one.said)}")
    found = [Picture([whole], [(Mark(_cut(one.said)),)])]
    for word, weights, sure in zip(one.words, looked, one.sure, strict=False):
        panel = Panel(lit(one.pixels, weights), f"Where it looked while it wrote {_cut(word)}")
        found.append(Picture([panel], [(Mark(_cut(word)), f" {percent(float(sure), 0)}")]))
    return found


def lit(pixels: NDArray[np.uint8], weights: NDArray[np.floating]) -> NDArray[np.uint8]:
    """(H, W, 3) a picture (h, w, C) that is light where weights (rows, columns) are large, else dark."""
    colour = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
    times = max(1, -(-_LEAST_SIDE_PX // max(colour.shape[:2])))
    colour = colour.repeat(times, axis=0).repeat(times, axis=1)
    height, width = colour.shape[:2]
    rows, columns = (
        np.arange(side) * cells // side for side, cells in zip((height, width), weights.shape, strict=True)
    )
    share = np.asarray(weights, np.float64)[rows[:, None], columns[None, :]]
    share = share / max(float(share.max()), 1e-12)
    light = _DARK + (1 - _DARK) * share[..., None]
    return np.rint(colour * light).astype(np.uint8)


def _cut(text: str) -> str:
    return text if len(text) <= _LETTERS else text[: _LETTERS - 1] + "…"
