"""A run in a notebook shows itself below its cell, and nothing outside of one."""

import sys
import types
from html.parser import HTMLParser

import numpy as np
import pytest

import foveate
from foveate.api.notebook import ShownRun, shown_here
from foveate.pipeline.listen import Note, PhaseStarted, Reading


class Cell:
    """What IPython's display with an id gives: the cell's latest picture, and how often it changed."""

    def __init__(self):
        self.pictures = []

    def update(self, html):
        self.pictures.append(html)


@pytest.fixture
def kernel(monkeypatch):
    """A stand-in for the IPython of a notebook: the parts that are used of it."""
    cell = Cell()
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    shown = types.ModuleType("IPython.display")
    shown.HTML = str
    shown.display = lambda html, display_id: cell
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", shown)
    return cell


def well_formed(html):
    """Whether each element that was opened is closed, in order."""
    opened = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: opened.append(tag)
    parser.handle_endtag = lambda tag: opened.pop() == tag or pytest.fail(html)
    parser.feed(html)
    return not opened


def test_a_run_in_a_notebook_shows_its_epochs(kernel, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)
    foveate.train((pixels, np.arange(40) % 2), model="lenet5", epochs=2, out=tmp_path / "model")
    last = kernel.pictures[-1]
    assert all(map(well_formed, kernel.pictures))
    assert "validation loss" in last and "accuracy" in last and last.count("<tr>") == 3
    assert "<progress" not in last
    assert any("<progress max" in one and "training" in one for one in kernel.pictures)


def test_a_listener_of_ones_own_is_told_instead(kernel, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)
    heard = []
    foveate.train((pixels, np.arange(40) % 2), model="lenet5", epochs=1, out=tmp_path, listener=heard.append)
    assert heard and kernel.pictures == []


def test_texts_are_escaped_and_steps_are_told_seldom():
    shown = []
    run = ShownRun(shown.append)
    run(Note("<script>"))
    for done in range(1000):
        run(Reading("<train>", done, 1000))
    run(PhaseStarted("train"))
    assert "<script>" not in shown[-1] and "&lt;script&gt;" in shown[-1]
    assert len(shown) < 20 and all("<train>" not in one for one in shown)


def test_on_a_terminal_nothing_is_shown(monkeypatch):
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = object  # a shell without a kernel
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert shown_here()(Note("x")) is None
    monkeypatch.delitem(sys.modules, "IPython")
    assert shown_here()(Note("x")) is None
