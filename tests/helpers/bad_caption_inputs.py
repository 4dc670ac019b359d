"""Sentences that are wrong (tables, Flickr8k's lines, COCO's and Karpathy's JSON), and what foveate says."""

from __future__ import annotations

import json
from typing import Any

from bad_input_makers import Case, Maker, both, file, pngs

CHECK = "check dogs --task captioning"
TABLE = "check dogs/captions.csv"
LINES = "check dogs/captions.jsonl"
HEADER = "file_name,caption\n"
SPLITS = "file_name,caption,split\n"
IMAGE = {"id": 5, "file_name": "a.png"}
GOOD = {"id": 1, "image_id": 5, "caption": "a dog"}
BROKEN = json.dumps({"images": [IMAGE], "annotations": [GOOD]})[:-9]


def _table(rows: str | bytes, name: str = "captions.csv", header: str = HEADER) -> Maker:
    content = header.encode() + rows if isinstance(rows, bytes) else header + rows
    return both(pngs("dogs/a.png", "dogs/b.png"), file(f"dogs/{name}", content))


def _coco(annotations: Any, images: Any = (IMAGE,)) -> Maker:
    document = {"images": images, "annotations": annotations}
    return both(pngs("dogs/images/a.png"), file("dogs/captions.json", json.dumps(document)))


def _karpathy(**entry: Any) -> Maker:
    image = {"filename": "a.png", "split": "train", "sentences": [{"raw": "a dog"}], **entry}
    text = json.dumps({"images": [{key: value for key, value in image.items() if value is not None}]})
    return both(pngs("dogs/images/a.png"), file("dogs/dataset.json", text))


def _tokens(lines: str, *more: Maker) -> Maker:
    return both(pngs("dogs/images/a.png"), file("dogs/Flickr8k.token.txt", lines), *more)


OF_TABLES = [
    Case(
        "a folder without sentences",
        CHECK,
        2,
        "'dogs' holds no sentences of pictures: expected",
        pngs("dogs/a.png"),
    ),
    Case(
        "no column of sentences",
        f"{TABLE} --task captioning",
        2,
        "holds no sentences of pictures",
        _table("a.png,1\n", header="file_name,age\n"),
    ),
    Case(
        "a table of nothing but its header",
        TABLE,
        2,
        "'dogs/captions.csv' has no rows; write one a sentence",
        _table(""),
    ),
    Case(
        "a picture that is not there",
        TABLE,
        2,
        "names 1 of 2 pictures that are not there: 'c.png'; looked for",
        _table("a.png,a dog\nc.png,a cat\n"),
    ),
    Case(
        "a picture outside the folder",
        TABLE,
        2,
        "names '../b.png', which lies outside",
        both(_table("a.png,a dog\n../b.png,a cat\n"), pngs("b.png")),
    ),
    Case(
        "a comma in a sentence without quotes",
        TABLE,
        2,
        "has 3 columns; the header has 2: put names that hold a comma in quotes.",
        _table("a.png,a dog, running\n"),
    ),
    Case(
        "a quote that is never closed",
        TABLE,
        2,
        "is no CSV: unexpected end of data",
        _table('a.png,"a dog\nb.png,a cat\n'),
    ),
    Case(
        "a picture without a name",
        TABLE,
        2,
        "Line 2 of 'dogs/captions.csv' has '' as 'file_name', no file name.",
        _table(",a dog\n"),
    ),
    Case(
        "an unknown split",
        TABLE,
        2,
        "Line 2 of 'dogs/captions.csv' has the split 'maybe'; train, val",
        _table("a.png,a dog,maybe\n", header=SPLITS),
    ),
    Case(
        "one picture in two splits",
        TABLE,
        2,
        "give 'a.png' the splits 'train' and 'test'; a picture has one.",
        _table("a.png,a dog,train\na.png,a big dog,test\n", header=SPLITS),
    ),
    Case(
        "one picture in two groups",
        TABLE,
        2,
        "give 'a.png' the groups 'x' and 'y'; a picture has one.",
        _table("a.png,a dog,x\na.png,a big dog,y\n", header="file_name,caption,group\n"),
    ),
    Case(
        "sentences without a word",
        TABLE,
        2,
        "has no sentence with a word in train.",
        _table("a.png,?!\nb.png,...\n"),
    ),
    Case(
        "a table in UTF-16 without a mark",
        TABLE,
        2,
        "is no UTF-8 text: save it as CSV in UTF-8.",
        file("dogs/captions.csv", HEADER.encode("utf-16-le")),
    ),
    Case(
        "one sentence for all pictures",
        TABLE,
        1,
        "All 2 pictures have one sentence, 'a dog': there is nothing to learn.",
        _table("a.png,a dog\nb.png,a dog\n"),
        report=True,
    ),
    Case(
        "facts of a scene that are none",
        TABLE,
        2,
        "Line 2 of 'dogs/captions.csv': expected the facts of a scene",
        _table("a.png,a dog,[1]\n", header="file_name,caption,scene\n"),
    ),
    Case(
        "two files that may be meant",
        CHECK,
        2,
        "each of which may be meant; name the one file",
        both(_table("a.png,a dog\n"), _table("a.png,a dog\n", "captions.txt")),
    ),
    Case(
        "a sentence that is a number",
        LINES,
        2,
        "expected a sentence or a list of sentences, found 7.",
        _table('{"file_name": "a.png", "caption": 7}\n', "captions.jsonl", ""),
    ),
    Case(
        "a line of JSON that breaks off",
        LINES,
        2,
        "Line 1 of 'dogs/captions.jsonl' is no JSON object",
        _table('{"file_name": "a.png", "caption": "a\n', "captions.jsonl", ""),
    ),
    Case(
        "a line without a tab, among Flickr8k's",
        CHECK,
        2,
        "is 'a.png a dog'; expected a file name, #, a number, a tab",
        _tokens("a.png#0\ta dog\na.png a dog\n"),
    ),
    Case(
        "one picture in two of Flickr8k's lists",
        CHECK,
        2,
        "'a.png' stands in the lists of",
        _tokens(
            "a.png#0\ta dog\n",
            file("dogs/Flickr_8k.trainImages.txt", "a.png\n"),
            file("dogs/Flickr_8k.testImages.txt", "a.png\n"),
        ),
    ),
]

OF_JSON = [
    Case(
        "a caption that is a number",
        "check dogs",
        2,
        "Annotation 1 of 'dogs/captions.json' has the caption 3; expected",
        _coco([{**GOOD, "caption": 3}]),
    ),
    Case(
        "an annotation without a caption",
        "check dogs",
        2,
        "Annotation 2 of 'dogs/captions.json' has no 'caption'; expected",
        _coco([GOOD, {"id": 2, "image_id": 5}]),
    ),
    Case(
        "a caption of no image that is listed",
        "check dogs",
        2,
        "is of the image 6, which the file does not list.",
        _coco([{**GOOD, "image_id": 6}]),
    ),
    Case(
        "one id for two images",
        "check dogs",
        2,
        "has the image 5 twice; each needs an id of its own.",
        _coco([GOOD], [IMAGE, IMAGE]),
    ),
    Case(
        "an image without a file name",
        "check dogs",
        2,
        "Image 5 of 'dogs/captions.json' has no 'file_name'.",
        _coco([GOOD], [{"id": 5}]),
    ),
    Case(
        "captions whose images are no list",
        "check dogs",
        2,
        "'dogs/captions.json' has no list 'images'",
        _coco([GOOD], {"5": "a.png"}),
    ),
    Case(
        "JSON of captions that breaks off",
        "check dogs/captions.json",
        2,
        "'dogs/captions.json' is no valid JSON",
        both(pngs("dogs/a.png"), file("dogs/captions.json", BROKEN)),
    ),
    Case(
        "an image of Karpathy's without sentences",
        "check dogs",
        2,
        "Image no. 1 of 'dogs/dataset.json' has no list 'sentences'.",
        _karpathy(sentences="a dog"),
    ),
    Case(
        "a sentence of Karpathy's without text",
        "check dogs",
        2,
        "has the sentence an object of 1; expected 'raw', a text.",
        _karpathy(sentences=[{"raw": 1}]),
    ),
    Case(
        "an unknown split of Karpathy's",
        "check dogs",
        2,
        "Image no. 1 of 'dogs/dataset.json' has the split 'extra'; train",
        _karpathy(split="extra"),
    ),
]

CAPTIONS = [*OF_TABLES, *OF_JSON]
