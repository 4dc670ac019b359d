"""Boxes that are wrong (COCO, YOLO, VOC, LabelMe, CVAT, tables, lists), and what foveate says of them."""

from __future__ import annotations

import json
from typing import Any

from bad_annotation_inputs import BOMB
from bad_input_makers import Case, Maker, both, file, pngs

GOOD = {"id": 1, "image_id": 5, "category_id": 2, "bbox": [1, 1, 8, 8]}
HEADER = "filename,width,height,class,xmin,ymin,xmax,ymax\n"


def _coco(*things: dict[str, Any]) -> Maker:
    """A picture of 12 x 12 pixels with boxes."""
    whole = {
        "images": [{"id": 5, "file_name": "a.png", "width": 12, "height": 12}],
        "annotations": list(things),
        "categories": [{"id": 2, "name": "leaf"}],
    }
    return both(pngs("leaves/images/a.png"), file("leaves/annotations/train.json", json.dumps(whole)))


def _voc(inner: str, *, size: str = "12", name: str = "a", head: str = "", root: str = "annotation") -> Maker:
    sides = f"<size><width>{size}</width><height>12</height></size>"
    text = f"{head}<{root}>{sides}{inner}</{root}>"
    return both(pngs("leaves/JPEGImages/a.png"), file(f"leaves/Annotations/{name}.xml", text))


def _object(name: str = "<name>leaf</name>", xmin: str = "1") -> str:
    sides = f"<xmin>{xmin}</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax>"
    return f"<object>{name}<bndbox>{sides}</bndbox></object>"


def _yolo(rows: str) -> Maker:
    return both(
        pngs("leaves/images/train/a.png"),
        file("leaves/data.yaml", "train: images/train\nnames: [leaf, twig]\n"),
        file("leaves/labels/train/a.txt", rows),
    )


def _table(rows: str, header: str = HEADER) -> Maker:
    return both(pngs("leaves/a.png", "leaves/b.png"), file("leaves/boxes.csv", header + rows))


def _lists(boxes: str, line: str = "a.png a.txt") -> Maker:
    return both(pngs("leaves/a.png"), file("leaves/trainval.txt", line), file("leaves/a.txt", boxes))


OF_COCO = [
    Case(
        "a box of three numbers",
        "check leaves",
        2,
        "has a box of 3 numbers; expected x, y, width and height.",
        _coco({**GOOD, "bbox": [1, 1, 8]}),
    ),
    Case(
        "a box of words",
        "train leaves",
        2,
        "has a box of something else than numbers.",
        _coco({**GOOD, "bbox": ["1", "1", "8", "8"]}),
    ),
    Case(
        "neither a box nor an outline",
        "check leaves",
        2,
        "Annotation 1 of 'leaves/annotations/train.json' has neither",
        _coco({**GOOD, "bbox": []}),
    ),
    Case(
        "a crowd of two",
        "check leaves --task detection",
        2,
        "has the 'iscrowd' 2; expected 0 or 1.",
        _coco({**GOOD, "iscrowd": 2}),
    ),
    Case(
        "an area that is a word",
        "check leaves",
        2,
        "has the area 'big'; expected a number of square pixels.",
        _coco({**GOOD, "area": "big"}),
    ),
    Case(
        "the only box outside its picture",
        "train leaves",
        2,
        "has no box in train that could be learnt: Annotation 1",
        _coco({**GOOD, "bbox": [30, 30, 5, 5]}),
    ),
    Case(
        "a box outside its picture",
        "check leaves",
        1,
        "1 box of 2 lies outside the picture, and at most 5",
        _coco(GOOD, {**GOOD, "id": 2, "bbox": [30, 30, 5, 5]}),
        report=True,
    ),
    Case(
        "corners for width and height",
        "check leaves",
        1,
        "1 box of 2 has its corners exchanged, and at most 5",
        _coco(GOOD, {**GOOD, "id": 2, "bbox": [9, 9, -6, -6]}),
        report=True,
    ),
    Case(
        "a box without width",
        "check leaves",
        1,
        "1 box of 2 has no width or no height, and at most 5",
        _coco(GOOD, {**GOOD, "id": 2, "bbox": [3, 3, 0, 5]}),
        report=True,
    ),
    Case(
        "a box of one pixel",
        "check leaves",
        1,
        "1 box of 2 covers no more than a pixel, and at most 5",
        _coco(GOOD, {**GOOD, "id": 2, "bbox": [3, 3, 1, 1]}),
        report=True,
    ),
    Case(
        "a box that is there twice",
        "check leaves",
        1,
        "1 box of 2 is there twice, and at most 5",
        _coco(GOOD, {**GOOD, "id": 2}),
        report=True,
    ),
    Case(
        "a box that reaches out of its picture",
        "check leaves",
        1,
        "1 box of 1 reaches out of the picture, and at most 5",
        _coco({**GOOD, "bbox": [4, 4, 20, 20]}),
        report=True,
    ),
]

OF_VOC = [
    Case("VOC: XML that is cut off", "check leaves", 2, "a.xml' is no valid XML: ", _voc("<object>")),
    Case(
        "VOC: a DTD that unfolds",
        "check leaves",
        2,
        "a.xml' has a DTD (<!DOCTYPE ...>), which annotations do without",
        _voc("&b;", head=BOMB),
    ),
    Case(
        "VOC: a thing without a name",
        "train leaves",
        2,
        "Object 1 of 'leaves/Annotations/a.xml' has no <name>.",
        _voc(_object(name="")),
    ),
    Case(
        "VOC: a thing without a box",
        "check leaves",
        2,
        "Object 1 of 'leaves/Annotations/a.xml' ('leaf') has no <bndbox>.",
        _voc("<object><name>leaf</name></object>"),
    ),
    Case(
        "VOC: a word for a side",
        "check leaves",
        2,
        "('leaf') has 'left' as <xmin>; expected a number of pixels.",
        _voc(_object(xmin="left")),
    ),
    Case(
        "VOC: a side without end",
        "train leaves",
        2,
        "('leaf') has 'inf' as <xmin>; expected a number of pixels.",
        _voc(_object(xmin="inf")),
    ),
    Case(
        "VOC: a size that is no number",
        "check leaves",
        2,
        "has the size wide x 12; expected whole numbers of pixels.",
        _voc(_object(), size="wide"),
    ),
    Case(
        "VOC: annotations of another size",
        "check leaves",
        2,
        "has 'JPEGImages/a.png' as 640 x 12 pixels and the file is 12 x 12",
        _voc(_object(), size="640"),
    ),
    Case(
        "VOC: an annotation file without its picture",
        "check leaves",
        2,
        "'leaves/Annotations/b.xml' is of the picture of that name in",
        _voc(_object(), name="b"),
    ),
    Case(
        "VOC: a picture without its annotation file",
        "train leaves",
        2,
        "1 of 2 pictures in 'leaves/JPEGImages' have no annotation file",
        both(_voc(_object()), pngs("leaves/JPEGImages/b.png")),
    ),
    Case(
        "VOC: a list of pictures that are not there",
        "check leaves",
        2,
        "lists 1 of 1 pictures that have no annotation file: 'z'; --unlabelled",
        both(_voc(_object()), file("leaves/ImageSets/Main/train.txt", "z\n")),
    ),
]

OF_OTHERS = [
    Case(
        "YOLO: a box of three numbers",
        "check leaves",
        2,
        "has 3 numbers behind its class; expected the four of a box,",
        _yolo("0 0.5 0.5 0.2\n"),
    ),
    Case(
        "YOLO: half a class",
        "train leaves",
        2,
        "Line 1 of 'leaves/labels/train/a.txt' is of class 0.5;",
        _yolo("0.5 0.5 0.5 0.2 0.2\n"),
    ),
    Case(
        "LabelMe: a rectangle of three points",
        "check leaves",
        2,
        "Shape 1 of 'leaves/a.json' is a rectangle of 3 points; expected two.",
        both(
            pngs("leaves/a.png"),
            file(
                "leaves/a.json",
                json.dumps(
                    {
                        "imagePath": "a.png",
                        "imageWidth": 12,
                        "imageHeight": 12,
                        "shapes": [
                            {"label": "leaf", "shape_type": "rectangle", "points": [[1, 1], [5, 5], [9, 9]]}
                        ],
                    }
                ),
            ),
        ),
    ),
    Case(
        "CVAT: a box without a side",
        "check leaves",
        2,
        "Shape 1 of image 'a.png' of 'leaves/annotations.xml' has no number 'xbr'.",
        both(
            pngs("leaves/images/a.png"),
            file(
                "leaves/annotations.xml",
                '<annotations><version>1.1</version><image name="a.png" width="12" height="12">'
                '<box label="leaf" xtl="1" ytl="1" ybr="9"/></image></annotations>',
            ),
        ),
    ),
    Case(
        "a table of boxes: a word for a side",
        "check leaves/boxes.csv",
        2,
        "Line 2 of 'leaves/boxes.csv' has 'left' as 'xmin'; expected a number",
        _table("a.png,12,12,leaf,left,1,9,9\n"),
    ),
    Case(
        "a table of boxes: a box without a class",
        "train leaves/boxes.csv",
        2,
        "Line 2 of 'leaves/boxes.csv' has a box without a class.",
        _table("a.png,12,12,,1,1,9,9\n"),
    ),
    Case(
        "a table of boxes: a picture that is not there",
        "check leaves/boxes.csv",
        2,
        "names 1 of 1 pictures that are not there: 'z.png'; looked for in",
        _table("z.png,12,12,leaf,1,1,9,9\n"),
    ),
    Case(
        "a table of boxes: two sizes of a picture",
        "check leaves/boxes.csv",
        2,
        "Lines 2 and 3 of 'leaves/boxes.csv' differ in the split or the size",
        _table("a.png,12,12,leaf,1,1,9,9\na.png,14,12,leaf,1,1,8,8\n"),
    ),
    Case(
        "a table of boxes: a cell too many",
        "check leaves/boxes.csv",
        2,
        "Line 2 of 'leaves/boxes.csv' has 9 columns; the header has 8",
        _table("a.png,12,12,leaf,1,1,9,9,9\n"),
    ),
    Case(
        "a table of boxes: half a pixel of a size",
        "check leaves/boxes.csv",
        2,
        "has a picture of 12.5 x 12 pixels.",
        _table("a.png,12.5,12,leaf,1,1,9,9\n"),
    ),
    Case(
        "a table of boxes: a split of another name",
        "check leaves/boxes.csv",
        2,
        "has the split 'odd'; train, val and test are known.",
        _table("a.png,leaf,1,1,9,9,odd\n", "file,label,x1,y1,x2,y2,split\n"),
    ),
    Case(
        "boxes in a column that are no list",
        "check leaves/boxes.csv",
        2,
        "Line 2 of 'leaves/boxes.csv': expected boxes as a list, found",
        _table("a.png,leaf\n", "file_name,boxes\n"),
    ),
    Case(
        "boxes in a column: a box of three numbers",
        "check leaves/boxes.csv",
        2,
        "expected a box as [class, x1, y1, x2, y2], found ['leaf', 1, 2, 3].",
        _table('a.png,"[[""leaf"", 1, 2, 3]]"\n', "file_name,boxes\n"),
    ),
    Case(
        "lists of boxes: the background's number",
        "check leaves",
        2,
        "Line 1 of 'leaves/a.txt' is of class 0; there are 6, from 1 on.",
        _lists("1 1 9 9 0\n"),
    ),
    Case(
        "lists of boxes: a picture that is not there",
        "check leaves",
        2,
        "Line 1 of 'leaves/trainval.txt' names 'z.png', which is not there.",
        _lists("1 1 9 9 1\n", "z.png a.txt"),
    ),
    Case(
        "lists of boxes: four numbers",
        "train leaves",
        2,
        "is '1 1 9 9'; expected x1 y1 x2 y2 and the class's number.",
        _lists("1 1 9 9\n"),
    ),
    Case(
        "classes alone to be measured as boxes",
        "check photos --task detection",
        2,
        "Data set 'photos' holds answers for classification, not for",
        both(pngs("photos/cat/a.png", "photos/dog/b.png")),
    ),
]
BOXES = [*OF_COCO, *OF_VOC, *OF_OTHERS]
