"""A form of data of one's own: NAME.list with "picture class" a line, as Caffe had it. This file is all."""

import foveate
from foveate.dataset import FileImages, from_answers
from foveate.tasks import task_type


@foveate.register_format("picture list")
def open_list(path):
    if path.suffix != ".list":
        return None
    rows = [line.rsplit(maxsplit=1) for line in path.read_text("utf-8").splitlines() if line.strip()]
    pictures = FileImages((name for name, _ in rows), path.parent)
    answers = [label for _, label in rows]
    return from_answers(path.name, {"train": (pictures, answers)}, kind=task_type("classification"))
