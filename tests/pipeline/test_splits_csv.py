"""splits.csv, laid beside the pictures, is the same data set again, whatever the files are called."""

import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from foveate.dataset import open_dataset
from foveate.dataset.sides import splits_csv
from foveate.modelfolder.write import Draft

# Any bytes but a slash and NUL: spaces at the ends, commas, quotes, newlines, Latin-1, accents in two forms.
AWKWARD = st.sampled_from(
    [b" ", b",", b'"', b"\n", b"\r", b"\xe9", "é".encode(), "e\u0301".encode(), b"\\", b";", b"\t"]
)
NAMES = st.lists(AWKWARD | st.binary(min_size=1, max_size=3), min_size=1, max_size=4).map(b"".join)
NAMES = NAMES.filter(
    lambda name: not set(name) & set(b"/\0") and not name.startswith(b".") and len(name) < 200
)


def told(data):
    return [
        (key, split.images.name(i), data.task.labels[split.targets.labels[i]])
        for key, split in data.splits.items()
        for i in range(len(split))
    ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(NAMES, NAMES), min_size=2, max_size=5, unique_by=lambda pair: pair[0].lower()))
@example([(b" ant ", b" x"), (b"bee", b"a,b"), (b"caf\xe9", b"\xe9\n"), (b" ", b'"'), ("é".encode(), b"1")])
@example([(b"a\\b", b"c"), (b"a", b"b\\c"), (b"cr\r", b"\rx")])
def test_any_names_come_back(pairs):
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "photos"
        for folder, file in pairs:
            for name in (file, b"other" + file):
                path = root / os.fsdecode(folder) / os.fsdecode(name + b".png")
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("L", (1, 1)).save(path)
        data = open_dataset(root)
        splits = {
            key: SimpleNamespace(
                names=[split.images.name(i) for i in range(len(split))],
                targets=split.targets,
                digests=np.zeros((len(split), 32), np.uint8),
            )
            for key, split in data.splits.items()
        }
        with Draft(Path(place) / "model") as draft:
            draft.add_text("splits.csv", splits_csv(data.task, splits))
            (root / "splits.csv").write_bytes((draft.folder / "splits.csv").read_bytes())
        again = open_dataset(root / "splits.csv")
        assert told(again) == told(data) and again.task.labels == data.task.labels
        assert not any("Windows" in note or "spelled" in note for note in again.notes)
