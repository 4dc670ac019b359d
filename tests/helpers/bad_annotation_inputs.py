"""Annotation files that are wrong (COCO, LabelMe, YOLO, CVAT), and what foveate says of them."""

from __future__ import annotations

import json
from typing import Any

from bad_input_makers import Case, Maker, both, file, pngs

OUTLINE = [1, 1, 9, 1, 9, 9]
BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'


def _document(**changes: Any) -> dict[str, Any]:
    """One picture of 12 x 12 pixels with one thing."""
    thing = {"id": 1, "image_id": 5, "category_id": 2, "segmentation": [OUTLINE], "bbox": [1, 1, 8, 8]}
    whole = {
        "images": [{"id": 5, "file_name": "a.png", "width": 12, "height": 12}],
        "annotations": [thing],
        "categories": [{"id": 2, "name": "leaf"}],
    }
    return whole | changes


def _coco(document: Any) -> Maker:
    text = document if isinstance(document, str) else json.dumps(document)
    return both(pngs("leaves/images/a.png"), file("leaves/annotations/train.json", text))


def _thing(*more: dict[str, Any], **changes: Any) -> Maker:
    return _coco(_document(annotations=[_document()["annotations"][0] | changes, *more]))


def _image(**changes: Any) -> Maker:
    return _coco(_document(images=[_document()["images"][0] | changes]))


def _labelme(shape: dict[str, Any], **changes: Any) -> Maker:
    whole = {"label": "leaf", "points": [[1, 1], [9, 1], [9, 9]], "shape_type": "polygon"} | shape
    sides = {"imageWidth": 12, "imageHeight": 12}
    document = {"shapes": [whole], "imagePath": "a.png", **sides, **changes}
    return both(pngs("leaves/a.png", "leaves/b.png"), file("leaves/a.json", json.dumps(document)))


def _yolo(rows: str | None, settings: str = "") -> Maker:
    settings = settings or "names: [leaf, twig]"
    text = f"train: images/train\nval: images/val\n{settings}\n"
    made = [pngs("leaves/images/train/a.png", "leaves/images/val/b.png"), file("leaves/data.yaml", text)]
    labels = {"train/a": rows, "val/b": "0 0.1 0.1 0.9 0.1 0.9 0.9\n"}
    made += [file(f"leaves/labels/{at}.txt", given) for at, given in labels.items() if given is not None]
    return both(*made)


def _cvat(inner: str, head: str = "") -> Maker:
    text = f"{head}<annotations><version>1.1</version>{inner}</annotations>"
    return both(pngs("leaves/images/a.png"), file("leaves/annotations.xml", text))


ANNOTATIONS = [
    Case(
        "JSON that is cut off", "train leaves", 2, "is no valid JSON: ", _coco('{"images": [], "annotations"')
    ),
    Case(
        "JSON nested 100,000 deep",
        "check leaves/annotations/train.json",
        2,
        "train.json' is nested too deep to be annotations.",
        _coco("[" * 100_000),
    ),
    Case(
        "JSON that is something else",
        "check leaves/annotations/train.json",
        2,
        "train.json' holds a list of 2; expected an object with 'images',",
        _coco([1, 2]),
    ),
    Case(
        "a file of sentences",
        "check leaves --task detection",
        2,
        "train.json' holds sentences (captions), where outlines or boxes",
        _coco(_document(annotations=[{"id": 1, "image_id": 5, "caption": "A leaf."}])),
    ),
    Case(
        "a category that is not listed",
        "train leaves",
        2,
        "is of the category 7, which is not listed; listed: 2 'leaf'.",
        _thing(category_id=7),
    ),
    Case(
        "a category listed twice",
        "check leaves",
        2,
        "has the category 2 twice: 'leaf' and 'twig'.",
        _coco(_document(categories=[{"id": 2, "name": "leaf"}, {"id": 2, "name": "twig"}])),
    ),
    Case(
        "two pictures of one id",
        "check leaves",
        2,
        "has the image 5 twice; each needs an id of its own.",
        _coco(_document(images=_document()["images"] * 2)),
    ),
    Case(
        "an annotation of no picture",
        "check leaves",
        2,
        "Annotation 1 of 'leaves/annotations/train.json' is of an image",
        _thing(image_id=6),
    ),
    Case(
        "an annotated picture that is not there",
        "train leaves",
        2,
        "names 1 of 1 pictures that are not there: 'b.png'; looked for in",
        _image(file_name="b.png"),
    ),
    Case(
        "an annotated picture outside the folder",
        "check leaves",
        2,
        "names '../../secret.png', which lies outside the data set's folder",
        both(pngs("secret.png"), _image(file_name="../../secret.png")),
    ),
    Case(
        "annotations of another size",
        "train leaves",
        2,
        "has 'images/a.png' as 640 x 480 pixels and the file is 12 x 12",
        _image(width=640, height=480),
    ),
    Case(
        "an outline of two points",
        "train leaves",
        2,
        "has an outline of 2 points; expected three or more.",
        _thing(segmentation=[[1, 1, 5, 5]]),
    ),
    Case(
        "an outline of seven numbers",
        "check leaves",
        2,
        "has an outline of 7 numbers; expected x and y of each point.",
        _thing(segmentation=[[*OUTLINE, 4]]),
    ),
    Case(
        "an outline of words",
        "check leaves",
        2,
        "has an outline of something else than numbers.",
        _thing(segmentation=[["1", "1", "9", "1", "9", "9"]]),
    ),
    Case(
        "an outline that is not a number",
        "check leaves",
        2,
        "train.json' is no valid JSON: NaN is no number.",
        _thing(segmentation=[[float("nan")] * 6]),
    ),
    Case(
        "run lengths cut off",
        "check leaves",
        2,
        "has run lengths whose string is damaged: it is cut off, or of",
        _thing(segmentation={"size": [12, 12], "counts": "d1o"}),
    ),
    Case(
        "run lengths of too few pixels",
        "check leaves",
        2,
        "has run lengths of 100 pixels in all for 12 x 12.",
        _thing(segmentation={"size": [12, 12], "counts": [50, 50]}),
    ),
    Case(
        "run lengths of another picture",
        "check leaves",
        2,
        "has run lengths of 10 x 10 pixels; its picture has 12 x 12.",
        _thing(segmentation={"size": [10, 10], "counts": [50, 50]}),
    ),
    Case(
        "boxes and no outlines",
        "train leaves --task segmentation",
        2,
        "has no outlines: Annotation 1 of 'leaves/annotations/train.json'",
        _thing(segmentation=[]),
    ),
    Case(
        "a box among outlines",
        "train leaves",
        2,
        "Annotation 8 of 'leaves/annotations/train.json' has no outline:",
        _thing({"id": 8, "image_id": 5, "category_id": 2, "bbox": [1, 1, 2, 2]}),
    ),
    Case(
        "a class to ignore that is not there",
        "check leaves --ignore 255",
        2,
        "has no class '255' to ignore; it has 'background', 'leaf'.",
        _thing(),
    ),
    Case(
        "LabelMe: a shape of another kind",
        "check leaves",
        2,
        "Shape 1 of 'leaves/a.json' has the shape_type 'cuboid'; known are",
        _labelme({"shape_type": "cuboid"}),
    ),
    Case(
        "LabelMe: a label that is a number",
        "check leaves",
        2,
        "Shape 1 of 'leaves/a.json' has the label 3; expected the name of a",
        _labelme({"label": 3}),
    ),
    Case(
        "LabelMe: a file of two pictures",
        "train leaves",
        2,
        "'leaves/a.json' is named as 'a.png' is and says that it is of",
        _labelme({}, imagePath="b.png"),
    ),
    Case(
        "YOLO: a picture without its file",
        "train leaves",
        2,
        "1 of 1 pictures of train have no label file, the first",
        _yolo(None),
    ),
    Case(
        "YOLO: a class beyond the list",
        "train leaves",
        2,
        "Line 1 of 'leaves/labels/train/a.txt' is of class 2;",
        _yolo("2 0.1 0.1 0.9 0.1 0.9 0.9"),
    ),
    Case(
        "YOLO: pixels for fractions",
        "check leaves",
        2,
        "has the coordinate 9; expected fractions of the picture's sides.",
        _yolo("0 1 1 9 1 9 9"),
    ),
    Case(
        "YOLO: a word in a row",
        "check leaves",
        2,
        "has a word among its numbers: 'leaf 0.1 0.1 0.9 0.1 0.9 0.9'.",
        _yolo("leaf 0.1 0.1 0.9 0.1 0.9 0.9"),
    ),
    Case(
        "YOLO: a box among outlines",
        "train leaves/data.yaml",
        2,
        "Line 2 of 'leaves/labels/train/a.txt' has no outline: draw what",
        _yolo("0 0.1 0.1 0.9 0.1 0.9 0.9\n1 0.5 0.5 0.2 0.2"),
    ),
    Case(
        "YOLO: fewer names than classes",
        "check leaves",
        2,
        "'leaves/data.yaml' lists 2 names and says that there are 3.",
        _yolo("", "names: [leaf, twig]\nnc: 3"),
    ),
    Case(
        "YOLO: a name that YAML takes for a truth value",
        "check leaves",
        2,
        "has False as the name of class 1; write it in quotes.",
        _yolo("", "names: [leaf, no]"),
    ),
    Case(
        "CVAT: a DTD that unfolds",
        "check leaves",
        2,
        "'leaves/annotations.xml' has a DTD (<!DOCTYPE ...>), which",
        _cvat("&b;", BOMB),
    ),
    Case(
        "CVAT: the tracks of a video",
        "train leaves",
        2,
        "'leaves/annotations.xml' holds tracks of a video; export it as",
        _cvat('<track id="0" label="leaf"/>'),
    ),
    Case(
        "CVAT: a subset of another name",
        "check leaves",
        2,
        "has the subset 'odd'; train, val and test are known.",
        _cvat('<image name="a.png" subset="odd" width="12" height="12"/>'),
    ),
]
