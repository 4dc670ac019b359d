"""Numbers and names as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate import words


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0.8741, "87.4 %"),
        (1.0, "100.0 %"),
        (0.99996, "99.9 %"),
        (0.0, "0.0 %"),
        (1e-6, "0.1 %"),
        (0.5, "50.0 %"),
    ],
)
def test_percent_never_rounds_to_certainty(fraction, text):
    assert words.percent(fraction) == text.replace(" ", "\N{NO-BREAK SPACE}")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min"),
        (75.2, "1 min 15 s"),
        (3599.9, "1 h"),
        (3725, "1 h 2 min"),
        (7200, "2 h"),
    ],
)
def test_duration(seconds, text):
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1.00 k"), (12345, "12.3 k"), (999_999, "1.00 M"), (3.6e9, "3.60 G")],
)
def test_magnitude(number, text):
    assert words.magnitude(number) == text


def test_listed():
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b"]) == "a and b"
    assert words.listed(list("abcdefg")) == "a, b, c, d, e and 2 more"


@given(st.text(st.characters(), max_size=300))
def test_shown_is_visible_short_of_the_limit_and_idempotent(text):
    result = words.shown(text, 50)
    result.encode("utf-8")
    assert all(c.isprintable() or c in "\u200c\u200d\u00a0" for c in result)
    if len(result) <= 50:
        assert words.shown(result, 50) == result


def test_a_name_of_nothing_is_told():
    assert words.shown("") == "(empty)"


def test_moment():
    assert words.moment("2026-11-14T10:32:07+00:00") == "14 November 2026, 10:32 UTC"
    assert words.moment("2026-01-02T03:04:05") == "2 January 2026, 03:04"
    assert words.moment("yesterday") == "yesterday"


@given(st.text(st.characters(), max_size=100))
def test_printable_text_is_one_line_that_any_terminal_takes(text):
    result = words.printable(text)
    result.encode("utf-8")
    assert len(result.splitlines()) <= 1 and all(c.isprintable() or c in "\u200c\u200d\u00a0" for c in result)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("naïve café", "naïve café"),
        ("a\nb\x1b[31m", "a\\nb\\x1b[31m"),
        ("\u202eexe\udc80", "\\u202eexe\\udc80"),
    ],
)
def test_only_what_cannot_be_seen_is_escaped(text, told):
    assert words.printable(text) == told


def test_the_first_line_of_an_error():
    assert words.first_line(ValueError("\n wrong\tshape.\nin file x")) == "wrong\\tshape"
    assert words.first_line(KeyError()) == "KeyError"
    assert words.first_line(OSError("x" * 300), limit=5) == "xxxxx"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (1023, "1023 B"), (2048, "2.0 KiB"), (97 << 20, "97.0 MiB"), (2000 << 30, "2,000.0 GiB")],
)
def test_bytes(number, text):
    assert words.bytes_text(number) == text


def test_a_table_is_aligned_by_what_a_terminal_shows():
    found = words.table(("name", "n"), [("猫", "12"), ("e\u0301tude", "7")], right=(1,))
    assert found.splitlines() == ["name    n", "-----  --", "猫     12", "e\u0301tude   7"]


def test_what_utf_8_cannot_hold_is_marked():
    assert words.encodable("caf\u00e9 \udc80") == "caf\u00e9 ?"
