"""Pictures with sentences in each form that is read."""

import csv
import json
import shutil
import tracemalloc

import numpy as np
import pytest

import captioned
from captioned import SENTENCES
from foveate.dataset import open_dataset
from foveate.dataset.sources.caption_json import json_files
from foveate.dataset.sources.scenes import SceneSettings, kinds, make_scenes
from foveate.errors import DatasetError
from foveate.tasks.captioning.scene import SceneFacts, Thing, check, facts_cell, parse_sentence


def told(data) -> dict[str, dict[str, tuple[str, ...]]]:
    """By split and by the name of the file alone, the sentences."""
    return {
        key: {
            split.images.name(row).rpartition("/")[2]: split.targets[row] for row in range(len(split.images))
        }
        for key, split in data.splits.items()
    }


def readable(data) -> bool:
    return all(
        split.images.read(row).size for split in data.splits.values() for row in range(len(split.images))
    )


@pytest.mark.parametrize("form", [captioned.kaggle, captioned.flickr30k, captioned.json_lines])
def test_a_table_of_sentences_is_known_by_its_columns(tmp_path, form) -> None:
    folder = form(tmp_path / "set")
    by_folder = open_dataset(folder)
    assert by_folder.task.name == "captioning"
    assert told(by_folder) == {"train": dict(SENTENCES)} and readable(by_folder)
    (file,) = [one for one in folder.iterdir() if one.suffix in (".txt", ".csv", ".jsonl")]
    assert told(open_dataset(file)) == told(by_folder)


def test_flickr8k_has_its_own_splits(tmp_path) -> None:
    data = open_dataset(captioned.flickr8k(tmp_path / "set"))
    names = list(SENTENCES)
    parts = {"train": names[:4], "val": names[4:5], "test": names[5:7]}
    assert told(data) == {key: {name: SENTENCES[name] for name in part} for key, part in parts.items()}
    assert "1 pictures stand in no list of a split and are left out." in data.notes and readable(data)


def test_coco_has_a_file_a_split(tmp_path) -> None:
    folder = captioned.coco(tmp_path / "set")
    names = list(SENTENCES)
    parts = {"train": names[:5], "val": names[5:]}
    data = open_dataset(folder)
    assert told(data) == {key: {name: SENTENCES[name] for name in part} for key, part in parts.items()}
    assert readable(data)
    alone = open_dataset(folder / "annotations" / "captions_val2017.json")
    assert told(alone) == {"train": {name: SENTENCES[name] for name in names[5:]}} and readable(alone)


def test_files_are_looked_into_one_at_a_time(tmp_path) -> None:
    for split in ("train", "val", "test"):
        document = {"info": "x" * 3_000_000, "images": [], "annotations": [{"caption": ""}]}
        (tmp_path / f"captions_{split}.json").write_text(json.dumps(document))
    tracemalloc.start()
    found = json_files(tmp_path, asked=False)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.keys() == {"train", "val", "test"} and most < 2 * 3_000_000


def test_instances_beside_captions_are_what_is_meant_unless_captions_are_asked_for(tmp_path) -> None:
    folder = captioned.coco(tmp_path / "set")
    shutil.rmtree(folder / "val2017")
    (folder / "annotations" / "captions_val2017.json").unlink()
    document = captioned.coco_document(list(SENTENCES)[:5])
    things = [
        {"id": i, "image_id": image["id"], "category_id": 1, "bbox": [1, 1, 6, 6]}
        for i, image in enumerate(document["images"])
    ]
    document |= {"annotations": things, "categories": [{"id": 1, "name": "dog"}]}
    (folder / "annotations" / "instances_train2017.json").write_text(json.dumps(document))
    assert open_dataset(folder).task.name == "detection"
    assert open_dataset(folder, task="captioning").task.name == "captioning"


def test_karpathys_splits_are_kept_and_restval_is_learnt_from(tmp_path) -> None:
    data = open_dataset(captioned.karpathy(tmp_path / "set"))
    assert {key: len(split) for key, split in data.splits.items()} == {"train": 5, "val": 1, "test": 2}
    assert told(data)["test"] == {name: SENTENCES[name] for name in list(SENTENCES)[6:]}


def test_a_table_may_say_which_pictures_belong_together(tmp_path) -> None:
    captioned.pictures(tmp_path)
    rows = "".join(
        f"{name},{own[0].replace(',', '')},{i // 4}\n" for i, (name, own) in enumerate(SENTENCES.items())
    )
    (tmp_path / "set.csv").write_text("file_name,caption,group\n" + rows)
    groups = open_dataset(tmp_path / "set.csv").splits["train"].targets.groups
    assert len(np.unique(groups)) == 2 and len(np.unique(groups[:4])) == 1


def test_a_column_label_makes_a_table_one_of_classes_unless_captions_are_asked_for(tmp_path) -> None:
    captioned.pictures(tmp_path)
    rows = "".join(f"{name},a dog,{i % 2}x\n" for i, name in enumerate(SENTENCES))
    (tmp_path / "set.csv").write_text("file_name,caption,label\n" + rows)
    assert open_dataset(tmp_path / "set.csv").task.name == "classification"
    assert open_dataset(tmp_path / "set.csv", task="captioning").task.name == "captioning"
    with pytest.raises(DatasetError, match="needs, beside 'file_name'"):
        open_dataset(captioned.json_lines(tmp_path / "more") / "captions.jsonl", task="classification")


def test_columns_are_known_in_capitals_and_labels_keep_theirs(tmp_path) -> None:
    captioned.pictures(tmp_path, ["1.jpg", "2.jpg"])
    (tmp_path / "told.csv").write_text("Image,Caption,Group\n1.jpg,a dog,x\n2.jpg,a cat,y\n")
    captions = open_dataset(tmp_path / "told.csv").splits["train"].targets
    assert list(captions) == [("a dog",), ("a cat",)] and captions.together == ("x", "y")
    (tmp_path / "flags.csv").write_text("file_name,Group,Scene\n1.jpg,1,0\n2.jpg,0,1\n")
    assert open_dataset(tmp_path / "flags.csv").task.labels == ("Group", "Scene")


def test_accents_of_windows_are_read(tmp_path) -> None:
    captioned.pictures(tmp_path, ["1.jpg", "2.jpg"])
    (tmp_path / "captions.csv").write_bytes(
        "file_name,caption\n1.jpg,un café\n2.jpg,une forêt\n".encode("cp1252")
    )
    data = open_dataset(tmp_path / "captions.csv")
    assert told(data)["train"] == {"1.jpg": ("un café",), "2.jpg": ("une forêt",)}
    assert any("Windows-1252" in note for note in data.notes)


def test_hostile_sentences_are_sentences(tmp_path) -> None:
    captioned.pictures(tmp_path, ["1.jpg", "2.jpg", "3.jpg"])
    hostile = ["<script>alert(1)</script>", "\x1b[2J\x00 bell\x07 \u202egod", "word " * 100_000]
    rows = [{"file_name": f"{i}.jpg", "caption": one} for i, one in enumerate(hostile, start=1)]
    (tmp_path / "captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = open_dataset(tmp_path)
    sentences = [own[0] for own in data.splits["train"].targets]
    assert sentences[0] == hostile[0] and "\x1b" not in sentences[1] and len(sentences[2]) <= 10_000
    assert data.splits["train"].targets.arrays["words"].shape[2] <= 62


def test_scenes_are_masks_and_on_request_sentences_with_what_is_true(tmp_path) -> None:
    make_scenes(tmp_path / "scenes", kinds("shapes"), SceneSettings(count=12, size=64))
    assert open_dataset(tmp_path / "scenes").task.name == "segmentation"
    data = open_dataset(tmp_path / "scenes", task="captioning")
    assert {key: len(split) for key, split in data.splits.items()} == {"train": 8, "val": 2, "test": 2}
    assert open_dataset(tmp_path / "scenes" / "captions.csv").task.name == "captioning"
    for split in data.splits.values():
        for own, facts in zip(split.targets, split.targets.scenes, strict=True):
            assert facts is not None and 1 <= len(own) <= 5
            for said in map(parse_sentence, own):
                assert said is not None and check(said, facts).true


def test_what_is_true_of_a_picture_may_stand_in_one_of_its_rows(tmp_path) -> None:
    captioned.pictures(tmp_path, ["1.jpg", "2.jpg", "3.jpg"])
    true = facts_cell(SceneFacts((Thing("red", "disc"), Thing("blue", "star")), frozenset({(0, "above", 1)})))
    rows = [("1.jpg", "a red disc", true), ("1.jpg", "a blue star", ""), ("2.jpg", "a red disc", ""),
            ("2.jpg", "a blue star", true), ("3.jpg", "a red disc", "")]  # fmt: skip
    with (tmp_path / "captions.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file_name", "caption", "scene"), *rows])
    found = open_dataset(tmp_path).splits["train"].targets
    assert [len(own) for own in found] == [2, 2, 1]
    assert [facts and facts_cell(facts) for facts in found.scenes] == [true, true, None]
