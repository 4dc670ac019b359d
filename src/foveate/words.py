"""Numbers as people read them, and names made safe to show."""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

NAME_LIMIT = 160  # characters of a class or file name that are shown
_JOINERS = "\u200c\u200d"  # invisible, but part of how Persian, Indic scripts and emoji are written
_HARMLESS = _JOINERS + "\u00a0"  # not "printable" to Python, yet nothing that could mislead
_SPLIT_WORDS = {"val": "validation", "valid": "validation", "train": "training"}
_MONTHS = (  # strftime("%B") would follow the machine's language
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def shown(text: object, limit: int = NAME_LIMIT) -> str:
    """A name that can stand in any page or terminal: what is invisible (control characters, newlines,
    direction overrides, undecodable bytes) is written as an escape; what is too long is cut with an ellipsis;
    nothing is "(empty)".

    It is not escaped for HTML or Markdown: that belongs to where it is put.
    """
    characters = str(text) or "(empty)"
    return printable(characters if len(characters) <= limit else characters[: limit - 1] + "…")


def printable(text: str) -> str:
    """The text with everything invisible (control characters, newlines, direction overrides, undecodable
    bytes) written as an escape: safe to show on a terminal and in an error.
    """
    return "".join(
        c if c.isprintable() or c in _HARMLESS else c.encode("unicode_escape", "surrogatepass").decode()
        for c in text
    )


def encodable(text: str) -> str:
    """The text as JSON and pages can hold it: "?" for what UTF-8 cannot (undecodable bytes of a name)."""
    return text.encode("utf-8", "replace").decode("utf-8")


def first_line(error: BaseException, limit: int = 200) -> str:
    """The first line of another library's error, short and safe to show; its type's name if it is empty."""
    lines = str(error).strip().splitlines()
    return printable(lines[0][:limit].rstrip(".")) if lines else type(error).__name__


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


def share(fraction: float, digits: int = 1) -> str:
    """The same for a sentence on a terminal: "87.4%"."""
    return percent(fraction, digits).replace("\N{NO-BREAK SPACE}", "")


def count(number: float) -> str:
    """12345 -> "12,345"."""
    return f"{int(number):,}"


def magnitude(number: float) -> str:
    """1234567 -> "1.23 M": three significant digits."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size * 0.9995:
            return f"{number / size:#.3g}".rstrip(".") + f" {letter}"
    return f"{number:.3g}"


def bytes_text(number: float) -> str:
    """102236160 -> "97.5 MiB": powers of 1,024."""
    for size, unit in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return f"{number:g} B"


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
    """Names in a sentence, the first few of many: "a, b and c", "a, b and 3 more", "none"."""
    few = [shown(name, 60) for name in names]
    if len(few) > limit:
        return some(few, limit)
    return few[0] if len(few) == 1 else f"{', '.join(few[:-1])} and {few[-1]}" if few else "none"


def quoted(names: Iterable[str], limit: int = 5) -> str:
    """``'a', 'b', 'c' and 4 more``: names for a message, quoted so that none can break a line."""
    return some([repr(name) for name in names], limit)


def some(texts: Sequence[str], limit: int, between: str = ", ") -> str:
    """The first few, and how many more there are: "a, b and 3 more"."""
    more = f" and {len(texts) - limit:,} more" if len(texts) > limit else ""
    return between.join(texts[:limit]) + more


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Container[int] = ()) -> str:
    """Plain aligned columns; those whose numbers stand in ``right`` are set flush right."""
    cells = [list(header), *[list(row) for row in rows]]
    widths = [max(map(columns, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(
            pad(c, w, right=i in right) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def html_table(
    header: Sequence[str], rows: Iterable[Sequence[object]], right: Container[int] = (), title: str = ""
) -> str:
    """The same for a notebook; cells are escaped. title: above the table."""
    from html import escape  # its table of entities takes --help two milliseconds

    sides = ["right" if i in right else "left" for i in range(len(header))]

    def row(cells: Sequence[object], kind: str) -> str:
        each = ((side, escape(printable(str(cell)))) for side, cell in zip(sides, cells, strict=True))
        return "".join(f'<{kind} style="text-align: {side}">{cell}</{kind}>' for side, cell in each)

    caption = f"<caption>{escape(printable(title))}</caption>" if title else ""
    body = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in rows)
    return f"<table>{caption}<thead><tr>{row(header, 'th')}</tr></thead><tbody>{body}</tbody></table>"


def html_lines(lines: Iterable[str]) -> str:
    """Lines for a notebook, one below the other; escaped."""
    from html import escape

    return "".join(f"<div>{escape(printable(line))}</div>" for line in lines)


def pad(text: str, width: int, *, right: bool = False) -> str:
    """The text filled up with spaces to so many columns of a terminal; set flush right or left."""
    room = " " * (width - columns(text))
    return room + text if right else text + room


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


_flags_are_spoken = False


@contextmanager
def flags_spoken() -> Iterator[None]:
    """While the command line is at work, `setting` speaks its language."""
    global _flags_are_spoken  # noqa: PLW0603 -- who listens is a fact about the process, as a locale is
    before, _flags_are_spoken = _flags_are_spoken, True
    try:
        yield
    finally:
        _flags_are_spoken = before


def setting(name: str, value: object = None) -> str:
    """A setting in a message: ``--image-size 64`` on the command line, and ``image_size=64`` in Python.

    value: True for a switch; a word in capitals, such as FILE, stands for any value.

    >>> setting("image_size"), setting("epochs", "N"), setting("resume", True), setting("weights", "none")
    ('image_size', 'epochs=N', 'resume=True', "weights='none'")
    >>> with flags_spoken():
    ...     setting("image_size"), setting("epochs", "N"), setting("resume", True), setting("weights", "none")
    ('--image-size', '--epochs N', '--resume', '--weights none')
    """
    if _flags_are_spoken:
        flag = f"--{name.strip('_').replace('_', '-')}"
        return flag if value is None or value is True else f"{flag} {value}"
    if value is None:
        return name
    return f"{name}={value if isinstance(value, str) and value.isupper() else repr(value)}"
