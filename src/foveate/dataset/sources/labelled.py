"""Classes of whole pictures as annotation programs have them: Label Studio, CVAT, FiftyOne.

Written for a person to look through: each picture with its label where it has one, and with what is suggested
and how surely. Read when corrected. Boxes and outlines go both ways by COCO's JSON, which all three know.

- Label Studio: a list of tasks; https://labelstud.io/guide/task_format and /guide/predictions
- CVAT: XML 1.1 "for images" with tags; https://docs.cvat.ai/docs/manual/advanced/xml_format
- FiftyOne: ``labels.json`` beside ``data/``;
  https://docs.voxel51.com/user_guide/import_datasets.html (FiftyOneImageClassificationDataset)
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, quoteattr

from foveate.dataset.samples import DataSet, FileImages, from_answers
from foveate.dataset.sources.documents import content, pictures_in, read_json, read_xml
from foveate.errors import DatasetError
from foveate.tasks import task_type
from foveate.words import plural

LABEL, IMAGE = "label", "image"  # names of the control and of the picture in Label Studio's configuration
_UPLOADED = re.compile(r"^[0-9a-f]{8}-")  # Label Studio puts this before the names of uploaded files
_MARKS = (b'"choices"', b'"labels"')  # of Label Studio and of FiftyOne


class Labelled(NamedTuple):
    """A picture for a person to look at. label: None of a picture without one; score: 0 to 1."""

    name: str
    label: str | None
    suggested: str | None = None
    score: float | None = None


# --- Writing ---------------------------------------------------------------------------------------------


def label_studio(pictures: Sequence[Labelled], classes: Sequence[str]) -> str:
    """Tasks with predictions, the label that was given as the annotation to be corrected."""
    return json.dumps([_task(one) for one in pictures], indent=1) + "\n"


def _task(one: Labelled) -> dict[str, Any]:
    task: dict[str, Any] = {"data": {IMAGE: f"/data/local-files/?d={one.name}", "file_name": one.name}}
    if one.label is not None:
        task["annotations"] = [{"result": [_choice(one.label)]}]
    if one.suggested is not None:
        task["predictions"] = [
            {"model_version": "foveate", "score": one.score, "result": [_choice(one.suggested)]}
        ]
    return task


def _choice(label: str) -> dict[str, Any]:
    return {"from_name": LABEL, "to_name": IMAGE, "type": "choices", "value": {"choices": [label]}}


def cvat(pictures: Sequence[Labelled], classes: Sequence[str]) -> str:
    """Pictures with a tag each: the suggested class where there is one, for CVAT knows no second opinion."""
    labels = "".join(f"<label><name>{escape(name)}</name><type>tag</type></label>" for name in classes)
    images = "".join(_image(number, one) for number, one in enumerate(pictures))
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
        f"<meta><job><labels>{labels}</labels></job></meta>\n{images}</annotations>\n"
    )


def _image(number: int, one: Labelled) -> str:
    label = one.label if one.suggested is None else one.suggested
    source = "manual" if one.suggested is None else "auto"
    tag = "" if label is None else f'<tag label={quoteattr(label)} source="{source}"></tag>'
    return f'<image id="{number}" name={quoteattr(one.name)}>{tag}</image>\n'


def fiftyone(pictures: Sequence[Labelled], classes: Sequence[str]) -> str:
    """``labels.json``; the label is what is suggested, with its confidence, and the given one beside."""
    labels: dict[str, Any] = {}
    for one in pictures:
        label = one.label if one.suggested is None else one.suggested
        told: dict[str, Any] = {} if one.score is None else {"confidence": one.score}
        if one.suggested is not None and one.label is not None:
            told["attributes"] = {"given": one.label}
        labels[one.name] = None if label is None else {"label": label, **told} if told else label
    return json.dumps({"classes": None, "labels": labels}, indent=1) + "\n"


Writer = Callable[[Sequence[Labelled], Sequence[str]], str]
WRITERS: dict[str, Writer] = {"label-studio": label_studio, "cvat": cvat, "fiftyone": fiftyone}


# --- Reading ---------------------------------------------------------------------------------------------

Answers = list[tuple[str, list[str]]]  # each picture's name and its labels, none of one still to be annotated


def open_labelled(path: Path, *, task: str = "auto", min_classes: int = 2) -> DataSet | None:
    """The data that a program wrote, its folder or file; None where it is none. Raises DatasetError."""
    if task not in {"auto", "classification", "multilabel"}:
        return None
    file = path / "labels.json" if path.is_dir() else path
    if not file.is_file():
        return None
    root = file.parent
    found: Answers | None = None
    if file.suffix.lower() == ".json" and any(mark in content(file) for mark in _MARKS):
        found = _of_json(read_json(file), file)
        root = root / "data" if (root / "data").is_dir() and file.name == "labels.json" else root
    elif file.suffix.lower() == ".xml":
        found = _of_cvat(file)
    return None if found is None else _data(file, root, found, task, min_classes)


def _of_json(document: Any, file: Path) -> Answers | None:
    if isinstance(document, list) and document and all(map(_is_task, document)):
        try:
            return [_of_task(task, file) for task in document]
        except (AttributeError, KeyError, TypeError) as error:
            raise DatasetError(
                f"{str(file)!r} has a task that is not as Label Studio writes it ({error!r}); export it as "
                "JSON again."
            ) from None
    if isinstance(document, dict) and document.keys() >= {"classes", "labels"}:
        labels, classes = document["labels"], document["classes"]
        if isinstance(labels, dict):
            return list(_of_fiftyone(labels, classes, file))
    return None


def _is_task(entry: Any) -> bool:
    known = isinstance(entry, dict) and isinstance(entry.get("data"), dict)
    return known and isinstance(_annotations(entry), list)


def _annotations(task: Mapping[str, Any]) -> Any:
    """What people said of a task; versions before 1.0 called it otherwise."""
    return task.get("annotations", task.get("completions"))


def _of_task(task: Mapping[str, Any], file: Path) -> tuple[str, list[str]]:
    """A task's last annotation that was not cancelled; no labels of a task without one."""
    given = [one for one in _annotations(task) if not one.get("was_cancelled")]
    results = [one for one in given[-1].get("result", ()) if one.get("type") == "choices"] if given else []
    labels = [str(label) for result in results for label in result["value"]["choices"]]
    name = task["data"].get("file_name") or _picture_of(task["data"], file)
    return str(name), labels


def _picture_of(data: Mapping[str, Any], file: Path) -> str:
    """The picture's file by its address: a local one has it after ``?d=``, an uploaded one a prefix."""
    address = next((str(value) for value in data.values() if "/" in str(value) or "." in str(value)), "")
    parts = urlsplit(address)
    name = parse_qs(parts.query).get("d", [unquote(parts.path)])[0]
    if (file.parent / name.lstrip("/")).is_file():
        return name.lstrip("/")
    last = name.rpartition("/")[2]
    return last if (file.parent / last).is_file() else _UPLOADED.sub("", last)


def _of_fiftyone(labels: Mapping[str, Any], classes: Any, file: Path) -> Iterator[tuple[str, list[str]]]:
    for name, value in labels.items():
        told = value.get("label") if isinstance(value, dict) else value
        if isinstance(told, int) and isinstance(classes, list) and 0 <= told < len(classes):
            told = classes[told]
        if told is None or isinstance(told, str):
            yield name, [] if told is None else [told]
        else:
            raise DatasetError(
                f"{str(file)!r}: expected a label of {name[:60]!r}, by name or by its number among "
                f"{len(classes or ())} classes, found {told!r:.60}."
            )


def _of_cvat(file: Path) -> Answers | None:
    if b"<tag " not in content(file):
        return None
    document = read_xml(file)
    if document.tag != "annotations" or any(
        document.find(f"image/{shape}") is not None for shape in ("box", "polygon", "mask", "ellipse")
    ):
        return None
    return [
        (entry.get("name", ""), [tag.get("label", "") for tag in entry.iterfind("tag")])
        for entry in document.iterfind("image")
    ]


def _data(file: Path, root: Path, found: Answers, task: str, min_classes: int) -> DataSet:
    """The data set of pictures that lie below ``root``. Raises DatasetError for one that does not."""
    listing = cache(pictures_in)  # a folder is looked through once, however many pictures it has
    places = [(_place(root, name, file, listing), labels) for name, labels in found if labels]
    several = any(len(labels) > 1 for _, labels in places)
    kind = task_type("multilabel" if several or task == "multilabel" else "classification")
    answers = [labels if kind.name == "multilabel" else labels[0] for _, labels in places]
    if not places:
        raise DatasetError(f"{str(file)!r} holds no picture with a label.")
    images = FileImages((name for name, _ in places), root)
    without = len(found) - len(places)
    notes = [f"{plural(without, 'picture')} without a label, left out, as still to be annotated."]
    return from_answers(
        str(file),
        {"train": (images, answers)},
        kind=kind,
        notes=notes if without else (),
        fewest=min_classes,
    )


def _place(root: Path, name: str, file: Path, listing: Callable[[Path], Mapping[str, list[Path]]]) -> str:
    """The picture's name below the folder; FiftyOne leaves endings out. listing: a folder's, by stem."""
    if os.path.isabs(name) or ".." in Path(name).parts:  # noqa: PTH117
        raise DatasetError(f"{str(file)!r}: expected pictures below its folder, found {name[:100]!r}.")
    if (root / name).is_file():
        return name
    beside = listing((root / name).parent).get(Path(name).name, [])
    if len(beside) == 1:
        return os.path.relpath(beside[0], root)
    raise DatasetError(
        f"{str(file)!r}: expected the picture {name[:100]!r} in {str(root)!r}, found none; put the file into "
        "the folder of the pictures."
    )
