"""A folder of scenes: every file agrees with every other, and chance alone decides what is in it."""

import csv
import hashlib
import json
import re

import numpy as np
import pytest
from PIL import Image

from foveate.dataset import open_dataset
from foveate.dataset.sources.annotated_masks import masks_of
from foveate.dataset.sources.coco import read_coco
from foveate.dataset.sources.scenes import SceneSettings, make_scenes
from foveate.errors import InputError, StorageError
from foveate.tasks.captioning.scene import check, facts_of_cell, parse_sentence
from foveate.tasks.segmentation.colours import class_table

SETTINGS = SceneSettings(count=20, size=64, seed=5)
FEW = SceneSettings(count=3, size=48)
SPLITS = {"train": 14, "val": 3, "test": 3}


@pytest.fixture(scope="module", params=["shapes", "garments"])
def made(request, by_kind, tmp_path_factory):
    return make_scenes(tmp_path_factory.mktemp("made") / "scenes", by_kind[request.param], SETTINGS)


def hashes(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def decoded(segmentation):
    """COCO's run lengths as a mask: a slow reader that sets one pixel after another."""
    height, width = segmentation["size"]
    mask = np.zeros((height, width), bool)
    place, value = 0, False
    for run in segmentation["counts"]:
        for _ in range(run):
            mask[place % height, place // height] = value
            place += 1
        value = not value
    assert place == height * width
    return mask


def test_what_lies_where(made):
    names = set(hashes(made.folder))
    expected = {"README.md", "captions.csv", "classes.csv", "scenes.json"}
    for split, count in SPLITS.items():
        expected.add(f"{split}/annotations.json")
        expected |= {f"{split}/{part}/{i:05d}.png" for part in ("images", "masks") for i in range(count)}
    assert names == expected
    assert [path.name for path in made.folder.parent.iterdir()] == ["scenes"]


def test_boxes_run_lengths_and_masks_agree_to_the_pixel(made):
    for split, count in SPLITS.items():
        folder = made.folder / split
        document = json.loads((folder / "annotations.json").read_text("utf-8"))
        assert [one["name"] for one in document["categories"]] == list(made.classes)
        assert [one["id"] for one in document["images"]] == list(range(1, count + 1))
        ids = [one["id"] for one in document["annotations"]]
        assert ids == list(range(1, len(ids) + 1))
        for image in document["images"]:
            with Image.open(folder / image["file_name"]) as picture:
                assert (picture.mode, picture.size) == ("RGB", (image["width"], image["height"]))
            with Image.open(folder / image["file_name"].replace("images", "masks")) as file:
                assert file.mode == "P"
                mask = np.array(file)
            rebuilt = np.zeros_like(mask)
            things = [one for one in document["annotations"] if one["image_id"] == image["id"]]
            assert 2 <= len(things) <= 5
            for thing in things:
                visible = decoded(thing["segmentation"])
                assert not rebuilt[visible].any()  # a pixel belongs to one object
                rebuilt[visible] = thing["category_id"]
                y, x = np.nonzero(visible)
                extents = [x.min(), y.min(), x.max() - x.min() + 1, y.max() - y.min() + 1]
                assert thing["bbox"] == extents
                assert thing["area"] == len(x)
                assert thing["iscrowd"] == 0
            assert np.array_equal(rebuilt, mask)


def test_foveates_own_readers_find_the_same_masks_and_classes(made):
    data = read_coco(made.folder)
    assert data.labels == made.classes
    masks, notes = masks_of(data)
    assert not notes
    for split, count in SPLITS.items():
        assert len(masks[split]) == count
        for picture, mask in zip(data.splits[split], masks[split], strict=True):
            with Image.open(made.folder / picture.file.replace("images", "masks")) as file:
                assert np.array_equal(mask.read(), np.array(file))
    assert class_table(made.folder / "classes.csv", "classes.csv").names == ("background", *made.classes)


def test_the_folder_is_a_detection_set_too_with_the_boxes_of_what_can_be_seen(made):
    assert open_dataset(made.folder).task.name == "segmentation"
    dataset = open_dataset(made.folder, task="detection")
    assert dataset.task.classes == tuple(name for name in made.classes if name in dataset.task.classes)
    for split, part in dataset.splits.items():
        document = json.loads((made.folder / split / "annotations.json").read_text())
        for row, image in enumerate(document["images"]):
            own = [one for one in document["annotations"] if one["image_id"] == image["id"]]
            boxes = [(x, y, x + w, y + h) for x, y, w, h in (one["bbox"] for one in own)]
            found = part.targets[row]
            assert [tuple(box) for box in found.boxes.tolist()] == boxes and not found.flaws
            assert found.areas.tolist() == [one["area"] for one in own]


# The first of the table in VOC 2012's development kit.
VOC = """0 0 0  128 0 0  0 128 0  128 128 0  0 0 128  128 0 128  0 128 128  128 128 128  64 0 0"""


def test_masks_show_the_colours_of_the_table(made):
    table = rows(made.folder / "classes.csv")
    assert [row["name"] for row in table] == ["background", *made.classes]
    colours = np.array([[int(row[channel]) for channel in "rgb"] for row in table])
    assert colours.ravel().tolist() == list(map(int, VOC.split()))
    for path in made.folder.glob("*/masks/*.png"):
        with Image.open(path) as mask:
            numbers, shown = np.array(mask), np.array(mask.convert("RGB"))
        assert np.array_equal(colours[numbers], shown)


def test_each_picture_has_sentences_about_its_own_objects(made):
    captions = rows(made.folder / "captions.csv")
    assert 3 * SETTINGS.count < len(captions) <= 5 * SETTINGS.count
    assert list(dict.fromkeys(row["file_name"] for row in captions)) == [
        f"{split}/images/{i:05d}.png" for split, count in SPLITS.items() for i in range(count)
    ]
    objects = {}
    for split in SPLITS:
        document = json.loads((made.folder / split / "annotations.json").read_text("utf-8"))
        names = {one["id"]: one["name"] for one in document["categories"]}
        files = {one["id"]: f"{split}/{one['file_name']}" for one in document["images"]}
        for one in document["annotations"]:
            words = f"{one['attributes']['colour']} {names[one['category_id']]}"
            objects.setdefault(files[one["image_id"]], []).append(words)
    for row in captions:
        assert row["split"] == row["file_name"].split("/")[0]
        assert sum(f" {words}" in f" {row['caption']}" for words in objects[row["file_name"]]) == 2


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(by_kind, tmp_path, made):
    again = make_scenes(tmp_path / "again", by_kind[made.kind], SETTINGS)
    assert hashes(again.folder) == hashes(made.folder)
    other = make_scenes(tmp_path / "other", by_kind[made.kind], SceneSettings(count=20, size=64, seed=6))
    same = hashes(made.folder).items() & hashes(other.folder).items()
    assert {name for name, _ in same} == {"classes.csv"}


def test_splits_share_no_picture_and_a_smaller_set_is_the_beginning_of_a_larger(by_kind, tmp_path, made):
    pictures = [digest for name, digest in hashes(made.folder).items() if "/images/" in name]
    assert len(set(pictures)) == len(pictures)
    few = make_scenes(tmp_path / "few", by_kind[made.kind], SceneSettings(count=5, size=64, seed=5))
    small = {name: digest for name, digest in hashes(few.folder).items() if name.endswith(".png")}
    assert len(small) == 10
    assert small.items() <= hashes(made.folder).items()


def test_the_readme_tells_how_it_was_made_and_under_which_terms(made):
    text = (made.folder / "README.md").read_text("utf-8")
    assert f"--kind {made.kind} --count 20 --size 64 --seed 5" in text
    assert ("MIT" in text) == (made.kind == "garments")
    assert not re.search(r"[{}]", text)
    facts = json.loads((made.folder / "scenes.json").read_text("utf-8"))
    assert {key: facts[key] for key in ("kind", "count", "size", "seed", "splits")} == {
        "kind": made.kind,
        "count": 20,
        "size": 64,
        "seed": 5,
        "splits": SPLITS,
    }
    assert str(made.folder.parent) not in "".join(
        path.read_text("utf-8") for path in made.folder.rglob("*") if path.suffix in {".json", ".csv", ".md"}
    )


def test_progress_counts_the_scenes(by_kind, tmp_path):
    told = []
    make_scenes(
        tmp_path / "a",
        by_kind["shapes"],
        SceneSettings(count=3, size=48),
        progress=lambda *at: told.append(at),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"count": 2}, "count=2: expected a whole number from 3 to 99,999 scenes."),
        ({"count": 100_000}, "count=100000: expected a whole number from 3 to 99,999 scenes."),
        ({"count": 2.5}, "count=2.5: expected a whole number from 3 to 99,999 scenes."),
        ({"size": 47}, "size=47: expected a whole number from 48 to 512 pixels."),
        ({"size": 513}, "size=513: expected a whole number from 48 to 512 pixels."),
        ({"seed": -1}, "seed=-1: expected a whole number from 0 to 9,223,372,036,854,775,807."),
        ({"sentences": 0}, "sentences=0: expected a whole number from 1 to 20."),
        ({"seed": True}, "seed=True: expected a whole number from 0 to 9,223,372,036,854,775,807."),
    ],
)
def test_settings_are_refused_in_a_sentence(settings, message):
    with pytest.raises(InputError) as refused:
        SceneSettings(**settings)
    assert str(refused.value) == message


@pytest.fixture
def shapes(by_kind):
    return by_kind["shapes"]


def test_scenes_that_are_there_are_replaced_only_when_asked(tmp_path, shapes):
    make_scenes(tmp_path / "a", shapes, SceneSettings(count=8, size=48))
    before = hashes(tmp_path)
    with pytest.raises(InputError, match="a': holds scenes already; give another name, or overwrite=True"):
        make_scenes(tmp_path / "a", shapes, FEW)
    assert hashes(tmp_path) == before
    make_scenes(tmp_path / "a", shapes, FEW, overwrite=True)
    assert len(list((tmp_path / "a").glob("*/images/*"))) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("mine", ["notes.txt", "train/images/cat.png", "train/predicted", "more/00000.png"])
def test_what_is_not_of_the_scenes_is_never_lost(tmp_path, shapes, mine):
    make_scenes(tmp_path / "a", shapes, FEW)
    if mine.endswith("predicted"):
        (tmp_path / "a" / mine).mkdir()
    else:
        (tmp_path / "a" / mine).parent.mkdir(exist_ok=True)
        (tmp_path / "a" / mine).write_text("mine")
    with pytest.raises(InputError, match=rf"besides scenes it holds '{mine}', which would be lost"):
        make_scenes(tmp_path / "a", shapes, FEW, overwrite=True)
    assert (tmp_path / "a" / mine).exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_other_folders_and_files_are_refused(tmp_path, shapes, overwrite):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    with pytest.raises(InputError, match="expected a new or empty folder, found other files"):
        make_scenes(tmp_path / "photos", shapes, FEW, overwrite=overwrite)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="expected a folder, found a file"):
        make_scenes(tmp_path / "notes.txt", shapes, FEW, overwrite=overwrite)
    with pytest.raises(InputError, match=r"expected folders above it, found the file 'notes\.txt'"):
        make_scenes(tmp_path / "notes.txt" / "deep" / "a", shapes, FEW, overwrite=overwrite)


def test_the_folder_at_hand_is_refused(tmp_path, shapes, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="is the folder you are in"):
        make_scenes(".", shapes, FEW)


def test_an_interruption_leaves_nothing(tmp_path, shapes):
    def stop(done, wanted):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_scenes(tmp_path / "deep" / "a", shapes, FEW, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_error_and_leaves_nothing(tmp_path, shapes, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(StorageError, match=r"Could not write .*a: No space left on device"):
        make_scenes(tmp_path / "a", shapes, FEW)
    assert list(tmp_path.iterdir()) == []


def test_pairs_that_are_held_out_are_in_test_pictures_alone_and_marked(tmp_path, shapes):
    settings = SceneSettings(count=120, size=48, number=True, hold_out=20)
    made = make_scenes(tmp_path / "composed", shapes, settings)
    held_out = {
        tuple(pair) for pair in json.loads((made.folder / "scenes.json").read_text("utf-8"))["held_out"]
    }
    assert len(held_out) == 20
    seen = {"train": set(), "val": set(), "test": set()}
    for row in rows(made.folder / "captions.csv"):
        facts, said = facts_of_cell(row["scene"]), parse_sentence(row["caption"])
        assert said.number == len(facts.things) and check(said, facts).true
        seen[row["split"]] |= {thing.pair for thing in facts.things}
        assert all(thing.new == (thing.pair in held_out) for thing in facts.things)
    assert not held_out & (seen["train"] | seen["val"]) and held_out & seen["test"]
    readme = (made.folder / "README.md").read_text("utf-8")
    assert "--number --hold-out 20" in readme and "20 pairs of a colour and a class" in readme
    with pytest.raises(InputError, match="hold_out=41: expected a whole number from 0 to 40 pairs"):
        SceneSettings(hold_out=41)
