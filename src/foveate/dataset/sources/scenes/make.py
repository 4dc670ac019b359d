"""A data set of scenes on the disk: pictures, masks, boxes and sentences, the same to the byte each time."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from foveate.dataset.samples import SPLITS
from foveate.dataset.sources.scenes.annotations import Annotations
from foveate.dataset.sources.scenes.colours import COLOURS
from foveate.dataset.sources.scenes.objects import Kind
from foveate.dataset.sources.scenes.readme import readme
from foveate.dataset.sources.scenes.scene import USUAL_SENTENCES, Rules, Scene, scene
from foveate.errors import InputError, listed
from foveate.folders import replacing_folder
from foveate.outputs import check_folder
from foveate.tasks.captioning.reading import CAPTION, SCENE
from foveate.tasks.captioning.scene import facts_cell
from foveate.tasks.segmentation.colours import voc_colour
from foveate.words import setting

MARK = "scenes.json"  # the file that tells a folder of scenes from any other
COUNTS = (3, 99_999)
SIZES = (48, 512)
SEEDS = (0, 2**63 - 1)
SENTENCES = (1, 20)  # of five things there are twenty pairs
HELD_OUT_PAIRS = (0, 40)  # of the 72 that there are
_HELD_OUT = 0.15  # of the scenes, for validation, and as many for the test
_PALETTE = bytes(part for number in range(256) for part in voc_colour(number))
_FAST = 2  # zlib's level: half the time of the usual one for a sixth more bytes


@dataclass(frozen=True)
class SceneSettings:
    """How many scenes of which size, and what chance begins with. Raises InputError when it is made.

    sentences: of each picture at most. number: they begin with how many objects there are. hold_out: pairs
    of a colour and a class that no training and no validation picture has.
    """

    count: int = 2000
    size: int = 128
    seed: int = 0
    sentences: int = USUAL_SENTENCES
    number: bool = False
    hold_out: int = 0

    def __post_init__(self) -> None:
        for name, (low, high), unit in (
            ("count", COUNTS, " scenes"),
            ("size", SIZES, " pixels"),
            ("seed", SEEDS, ""),
            ("sentences", SENTENCES, ""),
            ("hold_out", HELD_OUT_PAIRS, " pairs"),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise InputError(
                    f"{setting(name, value)}: expected a whole number from {low:,} to {high:,}{unit}."
                )

    def rules(self, split: str, classes: Sequence[str]) -> Rules:
        """What holds for the scenes of a split: the pairs that are held out are drawn by the seed."""
        pairs = [(colour, name) for colour in COLOURS for name in classes]
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(len(SPLITS),)))
        chosen = rng.permutation(len(pairs))[: self.hold_out].tolist()
        held_out = frozenset(pairs[i] for i in chosen)
        return Rules(self.sentences, self.number, held_out, split != "test")

    def counts(self) -> dict[str, int]:
        """Scenes of each split; one at least."""
        held_out = max(1, round(_HELD_OUT * self.count))
        return {"train": self.count - 2 * held_out, "val": held_out, "test": held_out}


@dataclass(frozen=True)
class Made:
    """What `make_scenes` has made."""

    folder: Path
    kind: str
    classes: tuple[str, ...]
    settings: SceneSettings

    def to_dict(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "kind": self.kind,
            "classes": list(self.classes),
            **asdict(self.settings),
            "held_out": sorted(map(list, self.settings.rules("test", self.classes).held_out)),
            "splits": self.settings.counts(),
        }


def check_place(out: str | Path, *, overwrite: bool = False) -> Path:
    """The path, if scenes may be written there: a new name, an empty folder, or (overwritten) old scenes.

    Raises InputError, also for old scenes among which lies something that was not made with them.
    """
    out = Path(out)
    check_folder(out, MARK, what="scenes", name="out", overwrite=overwrite)
    above = next(folder for folder in Path(os.path.realpath(out)).parents if folder.exists())
    if not above.is_dir():
        raise InputError(
            f"{setting('out', str(out))}: expected folders above it, found the file {above.name!r}; give "
            f"another name."
        )
    if out.is_dir():
        if Path.cwd().is_relative_to(out.resolve()):
            raise InputError(f"{setting('out', str(out))}: is the folder you are in; give another name.")
        if strange := [name for name in _files(out) if not _own(name)]:
            raise InputError(
                f"{setting('out', str(out))}: besides scenes it holds {listed(strange, 1)}, which would be "
                f"lost; move that away or give another name."
            )
    return out


def make_scenes(
    out: str | Path,
    kinds: Mapping[str, Kind],
    settings: SceneSettings | None = None,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Made:
    """Draw scenes and write them, all at once: a folder is there when it is whole.

    The same settings give the same files, byte for byte, with the same versions of this package, NumPy and
    Pillow. A scene depends on the seed, its split and its number: of a smaller set the scenes are the first
    ones of a larger.

    Args:
        kinds: what each split is made of; see `kinds`.
        progress: called with the scenes made and the scenes wanted.

    Raises:
        InputError: ``out`` may not be written to.
        StorageError: it could not be written; what was there is intact.
    """
    settings = settings or SceneSettings()
    out = check_place(out, overwrite=overwrite)
    made = Made(out, kinds["train"].name, kinds["train"].classes, settings)
    counts = settings.counts()
    captions = [("file_name", CAPTION, "split", SCENE)]
    with replacing_folder(out) as folder:
        done = 0
        for place, split in enumerate(SPLITS):
            annotations = Annotations(made.classes, f"{made.kind}, {split}")
            for part in ("images", "masks"):
                (folder / split / part).mkdir(parents=True)
            rules = settings.rules(split, made.classes)
            for i in range(counts[split]):
                rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(place, i)))
                drawn = scene(rng, kinds[split], settings.size, rules)
                name = f"{i:05d}.png"
                _save(drawn, folder / split, name)
                annotations.add(f"images/{name}", drawn)
                file_name = f"{split}/images/{name}"
                known = facts_cell(drawn.facts)
                captions += [(file_name, told, split, known) for told in drawn.sentences]
                done += 1
                if progress is not None:
                    progress(done, settings.count)
            _write(folder / split / "annotations.json", annotations.to_json())
        _write(folder / "captions.csv", _csv(captions))
        _write(folder / "classes.csv", _csv(_class_rows(made.classes)))
        _write(folder / "README.md", readme(made.kind, made.classes, settings, counts))
        _write(folder / MARK, _facts(made))
    return made


def _save(drawn: Scene, folder: Path, name: str) -> None:
    Image.fromarray(drawn.picture).save(folder / "images" / name, compress_level=_FAST)
    mask = Image.fromarray(drawn.mask)
    mask.putpalette(_PALETTE)  # VOC's; which makes the grey picture an indexed one
    mask.save(folder / "masks" / name, compress_level=_FAST)


def _class_rows(classes: tuple[str, ...]) -> list[tuple[str, ...]]:
    names = ("background", *classes)
    rows = [(name, *map(str, voc_colour(number))) for number, name in enumerate(names)]
    return [("name", "r", "g", "b"), *rows]


def _facts(made: Made) -> str:
    facts = {key: value for key, value in made.to_dict().items() if key != "folder"}
    return json.dumps({"made_by": f"foveate {version('foveate')}", **facts}, indent=2) + "\n"


def _csv(rows: Sequence[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8", newline="\n")


def _files(folder: Path) -> list[str]:
    """Every file and link below a folder, and every empty folder, by its path from there."""
    found = []
    for place, folders, files in os.walk(folder):
        links = [name for name in folders if Path(place, name).is_symlink()]
        empty = [] if folders or files or Path(place) == folder else [place]
        found += [os.path.relpath(os.path.join(place, name), folder) for name in (*files, *links, *empty)]  # noqa: PTH118
    return sorted(found)


def _own(name: str) -> bool:
    """Whether a file is one that `make_scenes` writes, by its place and name."""
    parts = Path(name).parts
    if len(parts) == 1:
        return name in {MARK, "README.md", "captions.csv", "classes.csv"}
    if parts[0] not in SPLITS:
        return False
    if len(parts) == 3 and parts[1] in {"images", "masks"}:
        stem, _, ending = parts[2].partition(".")
        return ending == "png" and len(stem) == 5 and stem.isascii() and stem.isdigit()
    return parts[1:] == ("annotations.json",)
