"""Which objects there are, and what is drawn where nobody says."""

import pytest

from foveate.dataset.sources import known
from foveate.dataset.sources.scenes import KINDS, kinds
from foveate.errors import DownloadError, UnknownNameError


@pytest.mark.parametrize(("here", "name"), [(True, "garments"), (False, "shapes")])
def test_garments_are_drawn_where_they_are_and_shapes_elsewhere(monkeypatch, here, name):
    mini = known.load("fashion-mnist-mini")
    monkeypatch.setattr(known, "is_here", lambda one: here)
    monkeypatch.setattr(known, "load", lambda *args, **kwargs: mini)
    said = []
    found = kinds(say=said.append)
    assert list(found) == ["train", "val", "test"]
    assert {kind.name for kind in found.values()} == {name}
    assert ["kind='garments' fetches it (29.4 MiB)" in sentence for sentence in said] == [True] * (not here)


def test_garments_that_are_named_are_fetched_or_it_is_said_why_not(monkeypatch):
    def fail(*args, **kwargs):
        raise DownloadError("Could not get things.gz, and no copy is on this machine.")

    monkeypatch.setattr(known, "find", fail)
    with pytest.raises(DownloadError, match="Could not get things"):
        kinds("garments")


def test_an_unknown_kind_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match=r"Unknown kind of scenes 'shape'; did you mean shapes\?"):
        kinds("shape")
    assert KINDS == ("garments", "shapes")
