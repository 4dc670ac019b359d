"""Results in words: numbers as people read them, names made safe to show, and what a result means."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from foveate.report.data import VALIDATION, ReportData
from foveate.tasks.classification.metrics import Evaluation

NAME_LIMIT = 160  # characters of a class or file name that are shown
_JOINERS = "\u200c\u200d"  # invisible, but part of how Persian, Indic scripts and emoji are written
_HARMLESS = _JOINERS + "\u00a0"  # not "printable" to Python, yet nothing that could mislead
_SPLIT_WORDS = {"val": "validation", "valid": "validation", "train": "training"}
_MONTHS = (  # strftime("%B") would follow the machine's language
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)

WIDE_INTERVAL = 0.10  # an accuracy known no better than this is worth a warning
UNEQUAL_CLASSES = 5.0  # largest class / smallest class
BAD_ECE = 0.10
SUSPICIOUSLY_MANY = 50  # samples, all right


def shown(text: object, limit: int = NAME_LIMIT) -> str:
    """A name that can stand in any page or terminal: what is invisible (control characters, newlines,
    direction overrides, undecodable bytes) is written as an escape; what is too long is cut with an ellipsis;
    nothing is "(empty)".

    It is not escaped for HTML or Markdown: that belongs to where it is put.
    """
    characters = str(text) or "(empty)"
    cut = characters if len(characters) <= limit else characters[: limit - 1] + "…"
    return "".join(c if c.isprintable() or c in _HARMLESS else _escape(c) for c in cut)


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def columns(text: str) -> int:
    """How many terminal columns a text takes: wide characters two, combining ones none."""
    return sum(
        0
        if unicodedata.combining(c) or c in _JOINERS
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )


def percent(fraction: float, digits: int = 1) -> str:
    """0.8741 -> "87.4 %" with a no-break space; never "100 %" or "0 %" for what is only nearly so."""
    value = f"{100 * fraction:.{digits}f}"
    unit = 10.0**-digits
    if fraction < 1 and value == f"{100:.{digits}f}":
        value = f"{100 - unit:.{digits}f}"
    if fraction > 0 and value == f"{0:.{digits}f}":
        value = f"{unit:.{digits}f}"
    return f"{value}\N{NO-BREAK SPACE}%"


def count(number: float) -> str:
    """12345 -> "12,345"."""
    return f"{int(number):,}"


def magnitude(number: float) -> str:
    """1234567 -> "1.23 M": three significant digits."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size * 0.9995:
            return f"{number / size:#.3g}".rstrip(".") + f" {letter}"
    return f"{number:.0f}"


def duration(seconds: float) -> str:
    """75.2 -> "1 min 15 s"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def plural(number: int, noun: str, many: str | None = None) -> str:
    """(1, "picture") -> "1 picture"; (2000, "picture") -> "2,000 pictures"."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"


def listed(names: Sequence[str], limit: int = 5) -> str:
    """Names in a sentence, the first few of many: "a, b and 3 more"."""
    few = [shown(name, 60) for name in names[:limit]]
    if len(names) > limit:
        return f"{', '.join(few)} and {len(names) - limit:,} more"
    return few[0] if len(few) == 1 else f"{', '.join(few[:-1])} and {few[-1]}" if few else "none"


def moment(created: str) -> str:
    """ "2026-11-14T10:32:07+00:00" -> "14 November 2026, 10:32 UTC"; what is no ISO time, as it is."""
    try:
        time = datetime.fromisoformat(created)
    except ValueError:
        return shown(created)
    zone = f" {time.tzname()}" if time.tzinfo else ""
    return f"{time.day} {_MONTHS[time.month - 1]} {time.year}, {time:%H:%M}{zone}"


def split_word(split: str) -> str:
    """ "val" -> "validation"; other names as they are."""
    return _SPLIT_WORDS.get(split, shown(split, 60))


def baseline(evaluation: Evaluation) -> tuple[str, float]:
    """The most frequent class, and the accuracy that always answering it would have."""
    best = int(evaluation.support.argmax())
    return evaluation.classes[best], float(evaluation.support[best] / evaluation.samples)


def knows_limits(data: ReportData) -> list[str]:
    """What it does when it does not know: unsure answers, pictures unlike those it learned from."""
    sentences = []
    rule, found = data.unsure, data.answered
    if rule is not None:
        sentences.append(
            f"An answer of a probability below {percent(rule.unsure_below)} is marked unsure, so that the "
            f"others are right at least {percent(rule.precision)} of the time. Found on "
            f"{plural(rule.samples, 'held-out picture')}: {percent(rule.coverage)} got such an answer."
        )
    if rule is not None and found is not None:
        sentences.append(
            f"Of the {plural(found.samples, f'{split_word(data.evaluated_on)} picture')} it was sure of "
            f"{count(found.answered)} ({percent(found.coverage)}), and right about {count(found.right)} of "
            f"these ({percent(found.precision)})."
        )
    if data.measures_unlikeness:
        sentences.append(
            "Each answer comes with how unlike the training pictures the picture is; above 1, where about "
            "one in a hundred of the same kind lies, no class need be right."
        )
    return sentences


def headline(data: ReportData) -> str:
    """How good, on what: one sentence."""
    result = data.evaluation
    return (
        f"The network is right about {percent(result.accuracy)} of "
        f"{plural(result.samples, f'{split_word(data.evaluated_on)} picture')}, "
        + (
            "the very ones it learned from."
            if data.evaluated_on == "train"
            else "which it did not learn from."
        )
    )


def meaning(data: ReportData) -> str:
    """What to expect, and compared with what: one or two sentences."""
    low, high = data.evaluation.accuracy_interval
    name, share = baseline(data.evaluation)
    return (
        f"On other pictures of the same kind, expect between {percent(low)} and {percent(high)} "
        f"(95 % confidence interval). Always answering “{shown(name, 60)}” would reach {percent(share)}."
    )


def warnings(data: ReportData) -> list[str]:
    """What stands between the number above and the truth; one sentence each, the gravest first."""
    result = data.evaluation
    low, high = result.accuracy_interval
    kind = split_word(data.evaluated_on)
    name, share = baseline(result)
    found = []
    if data.evaluated_on == "train":
        found.append(
            "Measured on the pictures it was trained with: this says nothing about new ones. Keep some apart."
        )
    elif data.evaluated_on in ("val", "valid", "validation") and data.chosen_on == VALIDATION:
        found.append(
            "There were no test pictures. The validation pictures also served to choose the best moment of "
            "training, so expect a little less on new ones."
        )
    if len(result.classes) > 1 and low <= share:
        found.append(
            f"Not clearly better than always answering “{shown(name, 60)}”, which is right {percent(share)} "
            "of the time: more pictures, or more training time, are needed."
        )
    if high - low > WIDE_INTERVAL:
        found.append(
            f"Only {plural(result.samples, f'{kind} picture')}: the accuracy is known only to lie between "
            f"{percent(low, 0)} and {percent(high, 0)}."
        )
    if result.correct == result.samples >= SUSPICIOUSLY_MANY:
        found.append(
            f"Not one mistake in {count(result.samples)} pictures: make sure that the {kind} pictures are "
            "not copies of training pictures (`foveate check` looks for that)."
        )
    return found + _class_warnings(result, kind)


def _class_warnings(result: Evaluation, kind: str) -> list[str]:
    found = []
    present = result.support > 0
    if not present.all():
        found.append(
            f"{plural(int((~present).sum()), 'class has', 'classes have')} no {kind} picture, so nothing is "
            f"known about: {listed(_names(result, ~present))}."
        )
    missed = present & (result.recall == 0)
    if missed.any():
        found.append(f"Never recognised: {listed(_names(result, missed))}.")
    smallest, largest = int(result.support[present].min()), int(result.support.max())
    if largest >= UNEQUAL_CLASSES * smallest:
        found.append(
            f"The classes are of very unequal size ({count(smallest)} to {plural(largest, 'picture')}): the "
            f"accuracy speaks for the big ones; macro-F1 ({percent(result.macro_f1)}) counts all alike."
        )
    if result.ece > BAD_ECE:
        found.append(
            f"The probabilities are off by {percent(result.ece)} on average: take them as a ranking, not at "
            "face value."
        )
    return found


def _names(result: Evaluation, chosen: NDArray[np.bool_]) -> list[str]:
    return [result.classes[i] for i in np.flatnonzero(chosen)]
