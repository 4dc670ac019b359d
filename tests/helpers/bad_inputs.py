"""The table of bad inputs: what is given, the command, and what foveate must answer.

``test_bad_inputs.py`` runs every case; ``tools/bad_inputs.py`` writes the table for people, with the answers.
Every command runs in an empty folder in which ``make`` has put the input.
"""

from __future__ import annotations

from bad_annotation_inputs import ANNOTATIONS
from bad_box_inputs import BOXES
from bad_caption_inputs import CAPTIONS
from bad_data_inputs import ARRAYS, DATA_SETS, TABLES
from bad_input_makers import (
    Case,
    both,
    encoded,
    file,
    model,
    photos,
    pngs,
)
from bad_mask_inputs import MASKS
from bad_model_inputs import MODELS, PICTURES
from bad_network_inputs import BLUEPRINTS, WEIGHTS

FLAGS = [
    Case(
        "a misspelt command", "trian photos", 2, "Unknown command 'trian'; did you mean train?", process=True
    ),
    Case(
        "a misspelt flag",
        "train photos --epoch 3",
        2,
        "No such option '--epoch'. (Did you mean one of: '--epochs', '--nproc'?). See",
        photos,
    ),
    Case("no data named", "train", 2, "Missing argument 'DATA'. See `foveate train --help`."),
    Case("no model named", "evaluate", 2, "Missing argument 'MODEL'. See `foveate evaluate --help`."),
    Case(
        "an unknown network",
        "train photos --model resnet51",
        2,
        "Unknown network 'resnet51'; did you mean resnet50",
        photos,
    ),
    Case("an unknown network", "summary rsnet50", 2, "Unknown network 'rsnet50'; did you mean resnet50"),
    Case(
        "a pattern that matches no network",
        "models 'resnxt*'",
        2,
        "Unknown network 'resnxt*'; did you mean",
    ),
    Case(
        "an unknown recipe",
        "train photos --recipe artcle",
        2,
        "Unknown recipe 'artcle'; did you mean article, auto?",
        photos,
    ),
    Case(
        "an unknown kernel",
        "filter cat.png sobelx",
        2,
        "Unknown kernel 'sobelx'; did you mean sobel_x, sobel_y?",
        pngs("cat.png"),
    ),
    Case(
        "no kernel",
        "filter cat.png",
        2,
        "Give one kernel: a name (identity, sobel_x, sobel_y",
        pngs("cat.png"),
    ),
    Case(
        "a matrix with uneven rows",
        "filter cat.png --matrix '1 0; 1'",
        2,
        "A kernel needs rows of equal length, 1 to 63 numbers in",
        pngs("cat.png"),
    ),
    Case(
        "a matrix of words",
        "filter cat.png --matrix 'a b; c d'",
        2,
        "A kernel holds numbers of at most a million such as -1",
        pngs("cat.png"),
    ),
    Case(
        "a kernel larger than the picture",
        "filter cat.png gaussian_blur_5 --out out.png",
        2,
        "A window of 5 does not fit into a padded height of 4",
        file("cat.png", encoded(0, "PNG", 4)),
    ),
    Case(
        "an output that is no picture",
        "filter cat.png outline --out out.txt",
        2,
        "--out must end in .png, .jpg, .jpeg or .webp, and is",
        pngs("cat.png"),
    ),
    Case(
        "the output is the input",
        "filter cat.png outline --out cat.png",
        2,
        "--out is the picture itself, which is never",
        pngs("cat.png"),
    ),
    Case(
        "an output in a folder that is not there",
        "filter cat.png outline --out gone/out.png",
        2,
        "gone/out.png: there is no folder gone; make it, or",
        pngs("cat.png"),
    ),
    Case(
        "a device that is not there",
        "train photos --device cuda:9",
        2,
        "--device cuda:9: there is no such device here; try",
        photos,
    ),
    Case(
        "a device that does not exist",
        "train photos --device gpu",
        2,
        "--device gpu: there is no such device here; try",
        photos,
    ),
    Case(
        "a budget without a unit",
        "train photos --budget 60",
        2,
        "A budget is a number with s, m or h, such as 60s, 5m or",
        photos,
    ),
    Case(
        "a budget too short to start",
        "train photos --budget 2s",
        2,
        "The shortest budget is 10s, of which several seconds go",
        photos,
    ),
    Case(
        "a budget that is no time",
        "demo --budget soon",
        2,
        "A budget is a number with s, m or h, such as 60s, 5m or",
    ),
    Case(
        "a budget and epochs",
        "train photos --budget 60s --epochs 3",
        2,
        "Give either --budget (a time) or --epochs (a number)",
        photos,
    ),
    Case("no epochs", "train photos --epochs 0", 2, "--epochs lies between 1 and 100000, not 0.", photos),
    Case(
        "pictures of 2 pixels",
        "train photos --image-size 2",
        2,
        "--image-size lies between 8 and 1024, not 2.",
        photos,
    ),
    Case(
        "a learning rate below zero",
        "train photos --lr -0.1",
        2,
        "--lr lies between 1e-08 and 1000.0, not -0.1.",
        photos,
    ),
    Case(
        "a learning rate that is no number",
        "train photos --lr nan",
        2,
        "--lr lies between 1e-08 and 1000.0, not nan.",
        photos,
    ),
    Case(
        "nine tenths held out",
        "train photos --val-fraction 0.9",
        2,
        "--val-fraction lies between 0 and 0.5, not 0.9.",
        photos,
    ),
    Case(
        "a seed below zero",
        "train photos --seed -1",
        2,
        "--seed lies between 0 and 9223372036854775807, not -1.",
        photos,
    ),
    Case(
        "a share above one",
        "check photos --max-unreadable 5",
        2,
        "Invalid value for '--max-unreadable': expected a share",
        photos,
    ),
    Case(
        "an input size of two numbers",
        "summary resnet50 --input 224x224",
        2,
        "Invalid value for '--input': must be channels x height",
    ),
    Case(
        "a picture too small for the network",
        "summary alexnet --input 3x16x16",
        2,
        "A picture of 16x16 is too small for AlexNet, which",
    ),
    Case(
        "a drawing of an unknown kind",
        "summary lenet5 --draw net.gif",
        2,
        "--draw must end in .svg or .png, and is 'net.gif'.",
    ),
    Case(
        "--top-k 0",
        "predict model red.png --top-k 0",
        2,
        "Invalid value for '--top-k': 0 is not in the range",
        model,
    ),
    Case(
        "no batch",
        "evaluate model photos --batch-size 0",
        2,
        "Invalid value for '-b' / '--batch-size': 0 is not in",
        both(model, photos),
    ),
    Case(
        "--csv and --json",
        "predict model red.png --csv --json",
        2,
        "--csv and --json: expected one of them, found both.",
        model,
    ),
    Case(
        "an unknown data set", "data get fashion-minst", 2, "Unknown data set 'fashion-minst'; did you mean"
    ),
    Case(
        "a data command that does not exist",
        "data fetch",
        2,
        "No such command 'fetch'. See `foveate data --help`.",
    ),
    Case(
        "--out is a file",
        "train photos --epochs 1 --out notes.txt",
        2,
        "--out notes.txt: expected a folder, found a file; give",
        both(photos, file("notes.txt", "mine")),
    ),
    Case(
        "--out is a folder of other things",
        "train photos --epochs 1 --out thesis",
        2,
        "--out thesis: expected a new or empty folder or an",
        both(photos, file("thesis/chapter1.txt", "mine")),
    ),
    Case(
        "--out is the folder at hand",
        "train photos --epochs 1 --out .",
        2,
        "--out .: is the folder you are in, and finishing",
        photos,
    ),
    Case(
        "--out is the data set",
        "train photos --epochs 1 --out photos",
        2,
        "--out photos: expected a new or empty folder or an",
        photos,
    ),
    Case(
        "--out is a finished model",
        "train photos --epochs 1 --out model",
        2,
        "model holds a finished model: choose another --out, or",
        both(photos, model),
    ),
    Case(
        "--out below a file",
        "train photos --epochs 1 --out notes.txt/run",
        2,
        "--out notes.txt/run: expected folders above it, found",
        both(photos, file("notes.txt", "mine")),
    ),
    Case(
        "--resume in a model of unknown origin",
        "train photos --resume --out model",
        1,
        "model holds a finished model that does not tell what",
        both(photos, model),
    ),
    Case(
        "--out is an interrupted run",
        "train photos --epochs 1 --out run",
        2,
        "run holds an interrupted run: go on with it by",
        both(photos, file("run/checkpoint/run.json", "{}")),
    ),
    Case(
        "--resume and --overwrite",
        "train photos --epochs 1 --out run --resume --overwrite",
        2,
        "Give either --resume, to go on with what is there,",
        photos,
    ),
    Case(
        "a demo over a finished model", "demo --out model", 2, "model holds a finished model: choose", model
    ),
    Case(
        "integers over a finished model",
        "export model --int8 --data photos --out model",
        2,
        "model holds a finished model: choose",
        both(photos, model),
    ),
    Case(
        "an ONNX file over a picture",
        "export model --out cat.png",
        2,
        "--out must end in .onnx, and is 'cat.png'.",
        both(model, pngs("cat.png")),
    ),
    Case(
        "a page over a picture",
        "check photos --html photos/cat/00.png",
        2,
        "--html must end in .html or .htm, and is",
        photos,
    ),
    Case(
        "a page that is there",
        "check photos --html page.html",
        2,
        "--html page.html: exists already; give another name, or",
        both(photos, file("page.html", "mine")),
    ),
    Case(
        "a drawing that is there",
        "summary lenet5 --draw net.svg",
        2,
        "--draw net.svg: exists already; give another name, or",
        file("net.svg", "mine"),
    ),
    Case(
        "an explanation among other files",
        "explain model red.png --out photos",
        2,
        "--out photos: expected a new or empty folder, found other",
        both(model, photos),
    ),
    Case(
        "a folder that takes no files",
        "check photos --html /proc/page.html",
        1,
        "Could not write /proc/page.html: No such file or",
        photos,
    ),
    Case(
        "a folder that takes no files",
        "filter cat.png outline --out /proc/out.png",
        1,
        "Could not write /proc/out.png: No such file or",
        pngs("cat.png"),
    ),
    Case(
        "a drawing in a folder that is not there",
        "summary lenet5 --draw gone/net.svg",
        2,
        "gone/net.svg: there is no folder gone; make it, or",
    ),
]
GROUPS = {
    "Data sets": DATA_SETS,
    "Tables": TABLES,
    "Arrays": ARRAYS,
    "Masks": MASKS,
    "Annotations": ANNOTATIONS,
    "Boxes": BOXES,
    "Captions": CAPTIONS,
    "Pictures": PICTURES,
    "Model folders": MODELS,
    "Networks written as data": BLUEPRINTS,
    "Weights": WEIGHTS,
    "Flags and outputs": FLAGS,
}
CASES = [case for cases in GROUPS.values() for case in cases]
