"""Features by content: found again, never mixed up, and no reason to stop where the disk fails."""

import sqlite3

import numpy as np
import pytest

from foveate.transfer.store import FeatureStore, as_stored

RANDOM = np.random.default_rng(0)
DIGESTS = RANDOM.integers(0, 2**63, (1200, 2), dtype=np.uint64)  # more than SQLite takes at once
FEATURES = RANDOM.normal(size=(1200, 7)).astype(np.float32)


def test_what_was_put_is_found_by_content_and_view(tmp_path):
    with FeatureStore(tmp_path / "deep" / "a.sqlite", 7) as store:
        store.put(DIGESTS, 0, FEATURES)
        store.put(DIGESTS[:2], 1, -FEATURES[:2])
    with FeatureStore(tmp_path / "deep" / "a.sqlite", 7) as store:
        found = store.get(DIGESTS[::-1], 0)
        assert sorted(found) == list(range(1200))
        rows = np.stack([found[i] for i in range(1200)])
        assert (rows == as_stored(FEATURES)[::-1]).all()
        other = store.get(DIGESTS[:3], 1)
        assert sorted(other) == [0, 1]
        assert (other[1] == as_stored(-FEATURES)[1]).all()
        assert store.fault is None


def test_two_copies_of_a_picture_share_a_row(tmp_path):
    with FeatureStore(tmp_path / "a.sqlite", 7) as store:
        store.put(DIGESTS[:1], 0, FEATURES[:1])
        assert sorted(store.get(np.repeat(DIGESTS[:1], 3, axis=0), 0)) == [0, 1, 2]


def test_half_precision_is_close():
    assert as_stored(FEATURES) == pytest.approx(FEATURES, rel=1e-3)


def test_a_row_of_another_width_is_computed_again(tmp_path):
    with FeatureStore(tmp_path / "a.sqlite", 7) as store:
        store.put(DIGESTS[:2], 0, FEATURES[:2])
    with sqlite3.connect(tmp_path / "a.sqlite") as raw:
        raw.execute("UPDATE features SET row = x'00' WHERE key = ?", (DIGESTS[0].tobytes() + b"\0",))
    raw.close()
    with FeatureStore(tmp_path / "a.sqlite", 7) as store:
        assert sorted(store.get(DIGESTS[:2], 0)) == [1]


@pytest.mark.parametrize("content", [b"this is no database, it is a text" * 50, b""])
def test_a_damaged_store_is_told_and_does_without(tmp_path, content):
    path = tmp_path / "a.sqlite"
    path.write_bytes(content)
    with FeatureStore(path, 7) as store:
        store.put(DIGESTS[:2], 0, FEATURES[:2])
        found = store.get(DIGESTS[:2], 0)
    if content:
        assert not found
        assert "a.sqlite" in store.fault
    else:
        assert len(found) == 2  # an empty file is a new database


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with FeatureStore(tmp_path / "file" / "a.sqlite", 7) as store:
        store.put(DIGESTS[:2], 0, FEATURES[:2])
        assert store.get(DIGESTS[:2], 0) == {}
        assert "file" in store.fault
