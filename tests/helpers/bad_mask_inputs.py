"""Masks that are none, and folders and tables of them that do not fit, and what foveate says of them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from bad_input_makers import (
    Case,
    Maker,
    both,
    fifo,
    file,
    model,
    photos,
    png_claiming,
    remove,
)
from mask_sets import mask_folder, numbers, picture, save

CLASSES = "ground\ntree\nroof\n"
TABLE = "name,r,g,b\nground,0,0,0\ntree,0,200,0\nroof,200,0,0\n"
COLOURS = np.array([[0, 0, 0], [0, 200, 0], [200, 0, 0]], np.uint8)


def good(table: str | None = CLASSES, count: int = 12, classes: int = 3) -> Maker:
    """A good folder ``set`` of pictures, masks and classes."""
    return lambda: mask_folder("set", count, classes, table) and None


def masks(*images: Image.Image | np.ndarray, suffix: str = ".png", **how: object) -> Maker:
    """The first masks of the set replaced."""

    def make() -> None:
        for i, image in enumerate(images):
            Path(f"set/masks/{i}.png").unlink(missing_ok=True)
            save(f"set/masks/{i}{suffix}", image, **how)

    return make


def bytes_of_masks(data: bytes, count: int = 2) -> Maker:
    return both(*(file(f"set/masks/{i}.png", data) for i in range(count)))


def changed(value: int, pixels: int = 5) -> Maker:
    """The first mask with a number more."""
    values = numbers(0)
    values.reshape(-1)[:pixels] = value
    return masks(values)


def coloured(colours: np.ndarray = COLOURS) -> Maker:
    return masks(*(colours[numbers(i)] for i in range(12)))


def encoded_mask() -> bytes:
    target = io.BytesIO()
    Image.fromarray(numbers(0)).save(target, "PNG")
    return target.getvalue()


def smoothed() -> None:
    for i in range(4):
        save(f"set/images/{i}.png", picture(i, (96, 64)))
        sharp = Image.fromarray(numbers(i, 2) * np.uint8(255))
        save(f"set/masks/{i}.png", sharp.resize((96, 64), Image.Resampling.BICUBIC))


def other_names() -> None:
    for i in range(4):
        save(f"set/images/a{i}.png", picture(i))
        save(f"set/masks/b{i}.png", numbers(i))


def voc(lists: dict[str, str]) -> Maker:
    def make() -> None:
        for i in range(4):
            save(f"set/JPEGImages/{i}.jpg", picture(i))
            save(f"set/SegmentationClass/{i}.png", numbers(i))
        for name, text in lists.items():
            file(f"set/ImageSets/Segmentation/{name}", text)()

    return make


def instances(pictures: int) -> Maker:
    """Folders of instances, as the Data Science Bowl has them, the first with so many pictures."""

    def make() -> None:
        for i in range(3):
            for extra in range(pictures if i == 0 else 1):
                save(f"set/p{i}/images/{i}{extra}.png", picture(10 * i + extra))
            for instance in range(2):
                save(f"set/p{i}/masks/{instance}.png", (numbers(i, 2) == instance) * np.uint8(255))

    return make


def table_of(*rows: str) -> Maker:
    return both(good(), file("set/table.csv", "\n".join(("file_name,mask_name", *rows))))


ROWS = tuple(f"images/{i}.jpg,masks/{i}.png" for i in range(1, 12))
SMALL = [numbers(i)[:8] for i in range(2)]
CHANGED_VAL = both(good(), lambda: mask_folder("other", 4, 4, "ground\ntree\nroof\nsea\n") and None)

MASKS = [
    Case(
        "masks saved as JPEG",
        "train set/",
        2,
        "Mask 'masks/0.jpg' is a JPEG file, whose compression changes",
        both(good(None), masks(*map(numbers, range(12)), suffix=".jpg")),
    ),
    Case(
        "one mask saved as JPEG",
        "check set/",
        1,
        "error: Mask 'masks/0.jpg' is a JPEG file, whose compression",
        both(good(), masks(numbers(0), suffix=".jpg")),
        report=True,
    ),
    Case(
        "masks saved as JPEG under another name",
        "train set/",
        2,
        "Mask 'masks/0.png' is a JPEG file, whose compression changes",
        both(good(None), masks(*map(numbers, range(12)), format="JPEG")),
    ),
    Case(
        "masks in colour without a table",
        "train set/",
        2,
        "has masks in colour ('masks/0.png'), and nothing says which",
        both(good(None), coloured()),
    ),
    Case(
        "masks in colour with a list of names alone",
        "train set/",
        2,
        "Mask 'masks/0.png' is in colour, and no table says which colour",
        both(good(), coloured()),
    ),
    Case(
        "masks in the colours of another table",
        "check set/",
        1,
        "is the table of colours another data set's?",
        both(good(None), coloured(255 - COLOURS), file("set/classes.csv", TABLE)),
        report=True,
    ),
    Case(
        "smoothed masks",
        "train set/",
        2,
        "a mask has one number a class; were they smoothed",
        smoothed,
    ),
    Case(
        "255 among the numbers, unnamed",
        "train set/",
        2,
        "if 255 marks what is to be left out, say --ignore 255",
        both(good(None), changed(255)),
    ),
    Case(
        "255 where the classes are listed",
        "train set/",
        2,
        "If 255 marks what is to be left out, say --ignore 255.",
        both(good(), changed(255)),
    ),
    Case(
        "a number beyond the list",
        "train set/",
        2,
        "Mask 'masks/0.png' has 7 in 5 pixels, and classes.txt goes from 0",
        both(good(), changed(7)),
    ),
    Case(
        "classes counted from 1, a list without background",
        "check set/",
        1,
        "Is the background, 0, missing in the list?",
        both(good("tree\nroof\nroad\n"), changed(3)),
        report=True,
    ),
    Case(
        "numbers of instances instead of classes",
        "train set/",
        2,
        "has masks with 384 different numbers",
        both(good(None), masks(np.arange(384, dtype=np.uint16).reshape(16, 24))),
    ),
    Case(
        "transparent masks",
        "train set/",
        2,
        "parts of it are transparent, and what is there is not said",
        both(good(), masks(Image.new("RGBA", (24, 16), (1, 1, 1, 9)))),
    ),
    Case(
        "masks of fractions",
        "train set/",
        2,
        "its pixels are neither whole numbers nor RGB colours (mode F)",
        both(good(), masks(np.full((16, 24), 0.5, np.float32), suffix=".tif")),
    ),
    Case(
        "empty mask files",
        "train set/",
        2,
        "its mask 'masks/0.png': the file is empty",
        both(good(), bytes_of_masks(b"")),
    ),
    Case(
        "texts named as masks",
        "check set/",
        1,
        "its mask 'masks/0.png': it is not a picture",
        both(good(), bytes_of_masks(b"no mask")),
        report=True,
    ),
    Case(
        "a truncated mask",
        "train set/ --max-unreadable 0",
        2,
        "its mask 'masks/0.png': it is truncated",
        both(good(), bytes_of_masks(encoded_mask()[:-30], 1)),
    ),
    Case(
        "a mask that claims 60000 x 60000 pixels",
        "train set/ --max-unreadable 0",
        2,
        "its mask 'masks/0.png': it is 60,000 x 60,000 pixels; at most",
        both(good(), bytes_of_masks(png_claiming(60_000, 60_000), 1)),
    ),
    Case(
        "a pipe instead of a mask",
        "train set/ --max-unreadable 0",
        2,
        "its mask 'masks/0.png': there is no mask of this name",
        both(good(), remove("set/masks/0.png"), fifo("set/masks/0.png")),
    ),
    Case(
        "masks of another size than their pictures",
        "train set/",
        2,
        "its mask 'masks/0.png': it is 24 x 8, and its picture 24 x 16",
        both(good(), masks(*SMALL)),
    ),
    Case(
        "pictures without a mask",
        "train set/",
        2,
        "its mask 'masks/0.png': there is no mask of this name",
        both(good(), remove("set/masks/0.png"), remove("set/masks/1.png")),
    ),
    Case(
        "masks with other names than their pictures",
        "train set/",
        2,
        "no mask has the name of a picture: 'images/a0.png'",
        other_names,
    ),
    Case(
        "two masks for one picture",
        "check set/",
        2,
        "has 2 masks for 'images/0.jpg': 'masks/0.png', 'masks/0.tif'",
        both(good(), lambda: save("set/masks/0.tif", numbers(0)) and None),
    ),
    Case(
        "two folders of masks",
        "train set/",
        2,
        "each of which may hold the masks; keep one of them there",
        both(good(), lambda: save("set/annotations/0.png", numbers(0)) and None),
    ),
    Case(
        "masks of one class",
        "train set/",
        2,
        "Segmentation needs two classes that masks show",
        good("ground\ntree\n", classes=1),
    ),
    Case(
        "masks of nothing but what is ignored",
        "train set/ --ignore ground --ignore tree",
        2,
        "segmentation needs at least 2",
        good(),
    ),
    Case(
        "every class ignored",
        "train set/ --ignore 0 --ignore 1 --ignore 2",
        2,
        "--ignore leaves no class of classes.txt",
        good(),
    ),
    Case(
        "a misspelt class to ignore",
        "check set/ --ignore treee",
        2,
        "--ignore treee: there is no class 'treee' in classes.txt",
        good(),
    ),
    Case(
        "a class to ignore without names",
        "check set/ --ignore void",
        2,
        "--ignore void: there is no class 'void' in the masks;",
        good(None),
    ),
    Case(
        "something to ignore in classes",
        "train photos/ --ignore void",
        2,
        "--ignore void is for masks, and data set",
        photos,
    ),
    Case(
        "something to ignore for a classifier",
        "evaluate model photos/ --ignore 255",
        2,
        "--ignore 255 is for masks, and data set",
        both(model, photos),
    ),
    Case(
        "masks for a classifier",
        "evaluate model set/",
        2,
        "has pictures of 'images', 'masks', unknown where the classes",
        both(model, good()),
    ),
    Case(
        "class folders where masks are asked for",
        "train photos/ --task segmentation",
        2,
        "holds answers for classification, not for segmentation",
        photos,
    ),
    Case(
        "a table of colours without colours",
        "train set/",
        2,
        "'classes.csv' needs a first line with the columns name,r,g,b",
        both(good(None), file("set/classes.csv", "ground,0,0,0\ntree,0,200,0\n")),
    ),
    Case(
        "a colour of 256",
        "train set/",
        2,
        "Line 3 of 'classes.csv': 'g' must be a whole number from 0 to",
        both(good(None), file("set/classes.csv", TABLE.replace("tree,0,200", "tree,0,256"))),
    ),
    Case(
        "one colour for two classes",
        "check set/",
        2,
        "'classes.csv' gives two classes the colour (0, 200, 0)",
        both(good(None), file("set/classes.csv", TABLE.replace("200,0,0", "0,200,0"))),
    ),
    Case(
        "one name for two classes",
        "check set/",
        2,
        "'classes.txt' gives two classes the name 'tree'",
        good("ground\ntree\ntree\n"),
    ),
    Case(
        "a list of 300 classes",
        "train set/",
        2,
        "'classes.txt' lists 300 classes; at most 255",
        good("".join(f"c{i}\n" for i in range(300))),
    ),
    Case(
        "a list in no known letters",
        "train set/",
        2,
        "'classes.txt' is no UTF-8 text",
        both(good(), file("set/classes.txt", b"\xff\xfe\0")),
    ),
    Case(
        "an empty list of classes",
        "train set/",
        2,
        "'classes.txt' lists no class; write one a line.",
        good("\n"),
    ),
    Case(
        "a VOC list of pictures that are not there",
        "train set/",
        2,
        "'ImageSets/Segmentation/train.txt' lists 1 of 3 pictures that are",
        voc({"train.txt": "0\n1\n9\n"}),
    ),
    Case(
        "VOC lists without training pictures",
        "train set/",
        2,
        "has lists in ImageSets/Segmentation/ and no training pictures",
        voc({"val.txt": "0\n1\n"}),
    ),
    Case(
        "one mask an instance for three classes",
        "train set/",
        2,
        "has one mask an instance, which tells two classes apart",
        both(instances(1), file("set/classes.txt", CLASSES)),
    ),
    Case(
        "two pictures for a folder of instances",
        "train set/",
        2,
        "holds 2 pictures; beside a folder of masks, one",
        instances(2),
    ),
    Case(
        "a table that names a mask that is not there",
        "train set/table.csv",
        2,
        "names 1 of 12 files that are not there: 'masks/gone.png'",
        table_of("images/0.jpg,masks/gone.png", *ROWS),
    ),
    Case(
        "a table that names a mask elsewhere",
        "train set/table.csv",
        2,
        "names '../../etc/passwd', which lies outside",
        table_of("images/0.jpg,../../etc/passwd", *ROWS),
    ),
    Case(
        "a table without a mask",
        "check set/table.csv",
        2,
        "'mask_name' must name a file, not ''",
        table_of("images/0.jpg,", *ROWS),
    ),
    Case(
        "a table with two masks for a picture",
        "check set/table.csv",
        2,
        "give 'images/1.jpg' the mask_names",
        table_of("images/1.jpg,masks/0.png", *ROWS),
    ),
    Case(
        "validation masks with a class more",
        "train set/ --val other/",
        2,
        "has masks of 'sea', unknown where the classes are",
        CHANGED_VAL,
    ),
]
