"""COCO's JSON as people have it: layouts, numbers with holes, and what is wrong with files."""

import json

import pytest

import annotated
from foveate.dataset.sources.annotated import read_annotated
from foveate.dataset.sources.annotated_masks import masks_of
from foveate.dataset.sources.coco import read_coco
from foveate.errors import DatasetError

SQUARE = [1, 1, 4, 1, 4, 4, 1, 4]


def document(**changes):
    """One picture of 8 x 6 with one thing."""
    thing = {"id": 1, "image_id": 7, "category_id": 3, "segmentation": [SQUARE], "bbox": [1, 1, 3, 3]}
    whole = {
        "images": [{"id": 7, "file_name": "a.png", "width": 8, "height": 6}],
        "annotations": [thing],
        "categories": [{"id": 3, "name": "car"}],
    }
    return whole | changes


def write(folder, text, name="labels.json"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text if isinstance(text, str) else json.dumps(text))
    return folder


def things_of(data, split="train"):
    return [thing for picture in data.splits[split] for thing in picture.annotations]


@pytest.mark.parametrize(
    ("file", "pictures"),
    [
        ("annotations/instances_{}2017.json", "{}2017"),
        ("annotations/instances_{}2017.json", "images/{}2017"),
        ("annotations/instances_{}.json", "images/{}"),
        ("annotations/{}.json", "{}"),
        ("annotations/{}.json", "images"),
        ("Annotations/{}.json", "JPEGImages"),
        ("{}.json", "images"),
        ("{}.json", "data"),
        ("{}_annotations.json", "{}/images"),
        ("{}/_annotations.coco.json", "{}"),
        ("{}/labels.json", "{}/data"),
        ("{}/annotations.json", "{}/images"),
    ],
)
def test_the_layouts_that_programs_write(tmp_path, file, pictures):
    for split in ("train", "val"):
        whole = document(images=[{"id": 7, "file_name": f"{split}.png", "width": 8, "height": 6}])
        target = tmp_path / file.format(split)
        write(target.parent, whole, target.name)
        annotated.save(tmp_path / pictures.format(split), f"{split}.png", (8, 6))
    data = read_coco(tmp_path)
    assert data.labels == ("car",)
    for split in ("train", "val"):
        (picture,) = data.splits[split]
        assert picture.file == f"{pictures.format(split)}/{split}.png" and picture.size == (8, 6)
        (thing,) = picture.annotations
        assert thing.box == (1, 1, 4, 4) and thing.polygons[0].tolist() == [[1, 1], [4, 1], [4, 4], [1, 4]]
    alone = read_coco(tmp_path / file.format("val"))  # a file may be named itself
    assert list(alone.splits) == ["train"] and alone.splits["train"][0].annotations[0].label == "car"


def test_other_kinds_of_files_stand_beside_the_instances(tmp_path):
    annotated.save(tmp_path / "images", "a.png", (8, 6))
    write(tmp_path / "annotations", document(), "instances_train.json")
    captions = document(annotations=[{"id": 1, "image_id": 7, "caption": "A car."}])
    write(tmp_path / "annotations", captions, "captions_train.json")
    assert len(things_of(read_coco(tmp_path))) == 1
    (tmp_path / "annotations" / "instances_train.json").unlink()
    with pytest.raises(DatasetError, match=r"captions_train\.json' holds sentences \(captions\)"):
        read_coco(tmp_path)


def test_classes_go_by_name_whatever_their_numbers(tmp_path):
    for split, numbers in (("train", (18, 2)), ("val", (0, 91))):
        categories = [
            {"id": number, "name": name} for number, name in zip(numbers, ("cat", "dog"), strict=True)
        ]
        things = [
            {"image_id": 7, "category_id": number, "segmentation": [SQUARE]} for number in reversed(numbers)
        ]
        whole = document(categories=categories, annotations=things)
        write(tmp_path, whole, f"{split}.json")
        annotated.save(tmp_path / split, "a.png", (8, 6))
    data = read_coco(tmp_path)
    assert data.labels == ("cat", "dog")
    for split in ("train", "val"):
        assert [thing.label for thing in things_of(data, split)] == ["dog", "cat"]


def test_the_class_that_roboflow_puts_above_all_is_left_out(tmp_path):
    annotated.save(tmp_path, "a.png", (8, 6))
    above = {"id": 0, "name": "vehicles", "supercategory": "none"}
    below = [{"id": 3, "name": "car", "supercategory": "vehicles"}]
    data = read_coco(write(tmp_path, document(categories=[above, *below])))
    assert data.labels == ("car",)
    assert data.notes == (
        "'labels.json' lists 'vehicles' as what all classes are; no annotation has it, left out.",
    )
    thing = document()["annotations"][0]
    used = document(categories=[above, *below], annotations=[thing, thing | {"category_id": 0, "id": 2}])
    assert read_coco(write(tmp_path, used)).labels == ("vehicles", "car")


def test_crowds_are_ignored_where_nothing_else_is_annotated(tmp_path):
    annotated.save(tmp_path, "a.png", (8, 6))
    thing = document()["annotations"][0]
    crowd = thing | {"id": 2, "iscrowd": 1, "segmentation": {"size": [6, 8], "counts": [0, 18, 30]}}
    masks, _ = masks_of(read_annotated(write(tmp_path, document(annotations=[thing, crowd]))))
    (mask,) = masks["train"]
    assert mask.labelling.ignored == "crowd regions"
    expected = [[255] * 3 + [0] * 5 for _ in range(6)]
    for row in range(1, 4):
        expected[row][1:4] = [1, 1, 1]
    assert mask.read().tolist() == expected


def test_what_is_remarkable_is_told(tmp_path):
    annotated.save(tmp_path / "in", "a.png", (8, 6))
    thing = document()["annotations"][0]
    whole = document(
        images=[{"id": 7, "file_name": "in\\a.png"}, {"id": 9, "file_name": "b.png"}],
        annotations=[thing, thing],
        categories=[{"id": 3, "name": "car"}, {"id": 4, "name": "car "}],
    )
    annotated.save(tmp_path, "b.png", (8, 6))
    data = read_coco(write(tmp_path, whole))
    assert [(picture.file, picture.size, len(picture.annotations)) for picture in data.splits["train"]] == [
        ("in/a.png", None, 2),
        ("b.png", None, 0),
    ]
    assert data.notes == (
        "'labels.json' lists the class 'car' 2 times; they are one class.",
        "'labels.json' has 1 ids for several annotations; all are taken: '1'.",
        "1 file names are spelled otherwise on the disk, and were found there.",
    )


def thing_with(**changes):
    return document(annotations=[document()["annotations"][0] | changes])


def without(key):
    return {name: value for name, value in document()["annotations"][0].items() if name != key}


@pytest.mark.parametrize(
    ("whole", "says"),
    [
        ("{", "is no valid JSON: Expecting property name"),
        ("[" * 100_000, "is nested too deep to be annotations."),
        ('{"images": [], "images": []}', "is no valid JSON: the key 'images' is there twice."),
        ('{"images": [NaN]}', "is no valid JSON: NaN is no number."),
        ([1], "holds a list of 1; expected an object with 'images', 'annotations', 'categories'."),
        (document(images={}), "has no list 'images'; COCO's JSON has 'images', 'annotations', 'categories'."),
        (document(annotations=[None]), "has None in 'annotations', where an object is expected."),
        (document(annotations=[3]), "has 3 in 'annotations', where an object is expected."),
        ({"shapes": []}, "is LabelMe's file of one picture; name the folder that it lies in."),
        (document(categories=[{"id": 3}]), "labels.json' has no name."),
        (document(categories=[{"id": 3, "name": "a"}] * 2), "has the category 3 twice: 'a' and 'a'."),
        (document(categories=[{"name": "a"}]), "has no 'id'; expected a whole number."),
        (document(categories=[]), "is of the category 3, which is not listed; listed: none."),
        (document(images=[{"id": 1.5}]), "has the 'id' 1.5; expected a whole number."),
        (document(images=[{"id": 7}]), "labels.json' has no 'file_name'."),
        (document(images=document()["images"] * 2), "has the image 7 twice; each needs an id of its own."),
        (
            document(images=[*document()["images"], {"id": 8, "file_name": "./a.png"}]),
            "has the picture 'a.png' twice, under several ids.",
        ),
        (
            document(images=[{"id": 7, "file_name": "a.png", "width": 8, "height": "6"}]),
            "has the width 8 and the height '6'; expected whole numbers of pixels.",
        ),
        (
            document(images=[{"id": 7, "file_name": "b.png"}]),
            "names 1 of 1 pictures that are not there: 'b.png'",
        ),
        (document(images=[{"id": 7, "file_name": "../a.png"}]), "which lies outside the data set's folder"),
        (thing_with(image_id=8), "labels.json' is of an image that the file does not list."),
        (thing_with(category_id=4), "is of the category 4, which is not listed; listed: 3 'car'."),
        (document(annotations=[without("image_id")]), "has no 'image_id'; expected a whole number."),
        (thing_with(iscrowd=2), "has the 'iscrowd' 2; expected 0 or 1."),
        (thing_with(segmentation=[[1, 2, 3, 4]]), "has an outline of 2 points; expected three or more."),
        (thing_with(segmentation=[[1, 2, 3, 4, 5, 6, 7]]), "has an outline of 7 numbers; expected x and y"),
        (thing_with(segmentation=[["1", "2"] * 3]), "has an outline of something else than numbers."),
        (thing_with(segmentation=[[1e308 * 10] * 6]), "is no valid JSON"),
        (thing_with(segmentation=[[1e300] * 6]), "has an outline 1e+300 pixels away from its picture."),
        (thing_with(segmentation=[[10**400] * 6]), "has an outline of something else than numbers."),
        (thing_with(segmentation=SQUARE), "has a list of 8 as 'segmentation'; expected a list of outlines"),
        (thing_with(segmentation="abc"), "has 'abc' as 'segmentation'; expected a list of outlines"),
        (thing_with(segmentation={"size": [6, 8]}), "has an object of 1 where run lengths are expected"),
        (thing_with(segmentation={"size": [6, 8], "counts": "!"}), "string is damaged"),
        (thing_with(bbox=[1, 2, 3]), "has a box of 3 numbers; expected x, y, width and height."),
    ],
)
def test_what_is_wrong_is_one_sentence_with_file_and_entry(tmp_path, whole, says):
    annotated.save(tmp_path / "data", "a.png", (8, 6))
    annotated.save(tmp_path, "a.png", (8, 6))
    write(tmp_path / "data", whole)
    with pytest.raises(DatasetError) as info:
        read_coco(tmp_path / "data" / "labels.json")
    said = str(info.value)
    assert says in said and "labels.json" in said
    assert said.endswith(".") and said.isprintable() and len(said) < 500


@pytest.mark.parametrize(
    ("whole", "says"),
    [
        (thing_with(segmentation=[]), "has no outlines: Annotation 1 of"),
        (
            document(
                annotations=[*document()["annotations"], document()["annotations"][0] | {"segmentation": []}]
            ),
            "has no outline: draw what is missing, or take these out",
        ),
        (document(annotations=[]), "has pictures and no annotations of them."),
        (
            thing_with(segmentation={"size": [8, 6], "counts": [48]}),
            "has run lengths of 6 x 8 pixels; its picture has 8 x 6.",
        ),
        (
            document(images=[{"id": 7, "file_name": "a.png", "width": 80, "height": 60}]),
            "has 'a.png' as 80 x 60 pixels and the file is 8 x 6: use the pictures that were annotated.",
        ),
        (
            document(categories=[{"id": number, "name": f"{number}"} for number in range(255)]),
            "has 256 classes; masks hold at most 255.",
        ),
    ],
)
def test_what_makes_no_masks_is_refused(tmp_path, whole, says):
    annotated.save(tmp_path, "a.png", (8, 6))
    with pytest.raises(DatasetError) as info:
        masks_of(read_annotated(write(tmp_path, whole)))
    assert says in str(info.value)


@pytest.mark.parametrize("name", ["annotations/train.json", "train/_annotations.coco.json", "labels.json"])
def test_a_file_that_is_cut_off_is_still_known_for_what_it_is(tmp_path, name):
    annotated.save(tmp_path / "train", "a.png", (8, 6))
    whole = json.dumps(document())
    target = tmp_path / name
    write(target.parent, whole[: whole.index("categories")], target.name)
    with pytest.raises(DatasetError, match=r"is no valid JSON: "):
        read_coco(tmp_path)


def test_two_files_of_one_split_are_ambiguous(tmp_path):
    annotated.save(tmp_path, "a.png", (8, 6))
    for name in ("train.json", "training.json"):
        write(tmp_path, document(), name)
    with pytest.raises(DatasetError, match=r"'train\.json', 'training\.json', each of which may mean train"):
        read_coco(tmp_path)


def test_a_bomb_is_refused_before_it_is_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr("foveate.dataset.sources.documents.MAX_VALUES", 100)
    folder = write(
        tmp_path, '{"images": [' + ",".join(["[]"] * 200) + '], "annotations": [], "categories": []}'
    )
    with pytest.raises(DatasetError, match=r"holds 405 values; at most 100 are read\."):
        read_coco(folder)
