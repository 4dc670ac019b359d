"""Features by content: found again, never mixed up, and no reason to stop where the disk fails."""

import sqlite3

import numpy as np
import pytest

from foveate.transfer.store import FeatureStore, as_stored, key_of, remove_older

RANDOM = np.random.default_rng(0)
KEYS = [RANDOM.bytes(16) for _ in range(1200)]  # more than SQLite takes at once
FEATURES = RANDOM.normal(size=(1200, 7)).astype(np.float32)


def test_what_was_put_is_found_by_content_and_view(tmp_path):
    with FeatureStore(tmp_path / "deep" / "a.sqlite", 7) as store:
        store.put(KEYS, 0, FEATURES)
        store.put(KEYS[:2], 1, -FEATURES[:2])
    with FeatureStore(tmp_path / "deep" / "a.sqlite", 7) as store:
        found = store.get(KEYS[::-1], 0)
        assert sorted(found) == list(range(1200))
        rows = np.stack([found[i] for i in range(1200)])
        assert (rows == as_stored(FEATURES)[::-1]).all()
        other = store.get(KEYS[:3], 1)
        assert sorted(other) == [0, 1]
        assert (other[1] == as_stored(-FEATURES)[1]).all()
        assert store.notes == ()


def test_a_key_follows_pixels_and_shape():
    picture = RANDOM.integers(0, 256, (4, 6, 3), dtype=np.uint8)
    changed = picture.copy()
    changed[3, 5, 2] ^= 1
    keys = {key_of(some) for some in (picture, changed, picture.reshape(6, 4, 3), picture[:, ::-1])}
    assert len(keys) == 4
    assert key_of(np.asfortranarray(picture)) == key_of(picture)


def test_two_copies_of_a_picture_share_a_row(tmp_path):
    with FeatureStore(tmp_path / "a.sqlite", 7) as store:
        store.put(KEYS[:1], 0, FEATURES[:1])
        assert sorted(store.get(KEYS[:1] * 3, 0)) == [0, 1, 2]


def test_half_precision_is_close():
    assert as_stored(FEATURES) == pytest.approx(FEATURES, rel=1e-3)


def damage(path, statement, *values):
    with sqlite3.connect(path) as raw:
        raw.execute(statement, values)
    raw.close()


@pytest.mark.parametrize(
    "value", [b"\0", b"\0" * 22, "text", 7, None, np.full(7, np.nan, "<f2").tobytes() + b"\0" * 8]
)
def test_a_row_of_another_form_is_computed_again(tmp_path, value):
    with FeatureStore(tmp_path / "a.sqlite", 7) as store:
        store.put(KEYS[:2], 0, FEATURES[:2])
    damage(tmp_path / "a.sqlite", "UPDATE features SET row = ? WHERE key = ?", value, KEYS[0] + b"\0")
    with FeatureStore(tmp_path / "a.sqlite", 7) as store:
        assert sorted(store.get(KEYS[:2], 0)) == [1]
        assert store.notes == (f"1 damaged row was found in {tmp_path / 'a.sqlite'} and computed again.",)
        store.put(KEYS[:1], 0, FEATURES[:1])
        assert sorted(store.get(KEYS[:2], 0)) == [0, 1]


def test_no_flipped_bit_of_a_row_passes(tmp_path):
    with FeatureStore(tmp_path / "a.sqlite", 7) as store:
        store.put(KEYS[:1], 0, FEATURES[:1])
        ((key, row),) = store._connection.execute("SELECT key, row FROM features").fetchall()
        for bit in range(8 * len(row)):
            flipped = bytearray(row)
            flipped[bit // 8] ^= 1 << bit % 8
            store._connection.execute("UPDATE features SET row = ?", (bytes(flipped),))
            assert store.get(KEYS[:1], 0) == {}
        # A row that stands at another picture's place is not that picture's.
        store._connection.execute("UPDATE features SET row = ?, key = ?", (row, KEYS[1] + b"\0"))
        assert store.get(KEYS[1:2], 0) == {}
        store._connection.execute("UPDATE features SET row = ?, key = ?", (row, key))
        assert sorted(store.get(KEYS[:1], 0)) == [0]


def test_no_flipped_bit_of_the_file_gives_other_features_and_every_one_heals(tmp_path):
    path = tmp_path / "a.sqlite"
    with FeatureStore(path, 7) as store:
        store.put(KEYS[:20], 0, FEATURES[:20])
    whole = path.read_bytes()
    random = np.random.default_rng(1)
    for place in (*range(0, 100, 9), *random.integers(0, len(whole), 40)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(random.integers(8))
        path.write_bytes(flipped)
        for _ in range(2):
            with FeatureStore(path, 7) as store:
                found = store.get(KEYS[:20], 0)
                assert all((values == as_stored(FEATURES[row])).all() for row, values in found.items())
                store.put(KEYS[:20], 0, FEATURES[:20])
        with FeatureStore(path, 7) as store:
            assert len(store.get(KEYS[:20], 0)) == 20, place
        for file in tmp_path.iterdir():
            file.unlink()


@pytest.mark.parametrize("content", [b"this is no database, it is a text" * 50, b"", None])
def test_a_damaged_store_is_set_aside_and_a_new_one_begun(tmp_path, content):
    path = tmp_path / "a.sqlite"
    if content is None:
        damage(path, "CREATE TABLE features (something TEXT)")
        content = path.read_bytes()
    path.write_bytes(content)
    with FeatureStore(path, 7) as store:
        assert store.get(KEYS[:2], 0) == {}
        store.put(KEYS[:2], 0, FEATURES[:2])
    if content:
        (told,) = store.notes
        assert "are damaged" in told
        assert "the file is now a.sqlite.damaged" in told
        assert (tmp_path / "a.sqlite.damaged").read_bytes()[100:] == content[100:]  # the header says: in use
    else:
        assert store.notes == ()  # an empty file is a new database
    with FeatureStore(path, 7) as healed:
        assert len(healed.get(KEYS[:2], 0)) == 2
        assert healed.notes == ()


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with FeatureStore(tmp_path / "file" / "a.sqlite", 7) as store:
        store.put(KEYS[:2], 0, FEATURES[:2])
        assert store.get(KEYS[:2], 0) == {}
        (told,) = store.notes
        assert told.startswith(
            f"Features cannot be kept in {tmp_path / 'file' / 'a.sqlite'} and are computed"
        )


def test_a_full_disk_is_no_damage(tmp_path):
    path = tmp_path / "a.sqlite"
    with FeatureStore(path, 7) as store:
        store.put(KEYS[:2], 0, FEATURES[:2])
        store._connection.execute("PRAGMA max_page_count = 2")
        store.put(KEYS, 0, FEATURES)
        (told,) = store.notes
        assert "computed each time: database or disk is full" in told
    with FeatureStore(path, 7) as store:
        assert sorted(store.get(KEYS[:2], 0)) == [0, 1]


def test_only_what_earlier_versions_kept_of_this_network_is_removed(tmp_path):
    digest = "0123456789abcdef01234567"
    gone = [f"net-{digest}.sqlite", f"net-{digest}.sqlite-wal", f"net-v3-{digest}.sqlite"]
    kept = [f"net-v4-{digest}.sqlite", f"net-v5-{digest}.sqlite", f"net2-{digest}.sqlite", "net-mine.sqlite"]
    for name in (*gone, *kept):
        (tmp_path / name).write_bytes(b"12345")
    assert remove_older(tmp_path, "net", 4) == 15
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
    assert remove_older(tmp_path / "missing", "net", 4) == 0
