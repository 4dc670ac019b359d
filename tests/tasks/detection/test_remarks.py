"""What check says of boxes, and what a report shows of answers."""

import json

import numpy as np
import pytest

import boxed
from colour_boxes import CLASSES, SIDE, colour_graph, colour_task, patches
from foveate.api.check import check
from foveate.images.preprocess import Preprocessing, Taken
from foveate.runtime.predictor import Predictor
from foveate.tasks.detection.input_size import share_below, suggested_side
from foveate.tasks.detection.report import looked_over
from foveate.tasks.detection.targets import BoxTargets
from foveate.tasks.detection.truth import Naming, PictureBoxes
from foveate.tasks.sections import Gallery
from foveate.tasks.telling import Measured


def coco(folder, boxes, *, size=(200, 160)):
    """A picture a list of boxes, all of them cats."""
    document = {"images": [], "annotations": [], "categories": [{"id": 4, "name": "cat"}]}
    for number, own in enumerate(boxes, start=1):
        boxed.save(folder / "images", f"{number}.png", size)
        sides = {"width": size[0], "height": size[1]}
        document["images"].append({"id": number, "file_name": f"{number}.png", **sides})
        for box in own:
            entry = {"id": len(document["annotations"]) + 1, "image_id": number, "category_id": 4}
            document["annotations"].append({**entry, "bbox": box})
    (folder / "coco.json").write_text(json.dumps(document))
    return check(folder / "coco.json")


def grid(count):
    return [[10 * (k % 15), 12 * (k // 15), 8 + k % 3, 11] for k in range(count)]


def test_few_faults_are_warnings_that_name_the_box_and_many_are_refused(tmp_path):
    found = coco(tmp_path / "few", [[*grid(40), [500, 500, 5, 5]], grid(20)])
    (one,) = [item for item in found.items if item.kind == "box-outside"]
    assert one.severity == "warning" and found.usable
    assert "1 box of 61 lies outside the picture: left out. The first: Annotation 41 of" in one.message
    assert one.groups[0][0].name == "images/1.png" and "Annotation 41" in one.groups[0][0].remark
    found = coco(tmp_path / "many", [[*grid(40), *[[500 + k, 500, 5, 5] for k in range(4)]]])
    assert not found.usable and found.refused[0].kind == "box-outside"


def test_a_validation_set_that_lies_inside_the_training_set_is_found(tmp_path):
    """As a public set of blood cells has it: each of its validation pictures is a training picture, too."""
    pictures = boxed.made(3, count=8)
    boxed.write_voc(
        tmp_path, {"train": pictures["train"], "val": dict(list(pictures["train"].items())[2:6])}, lists=False
    )
    found = check(tmp_path)
    (leak,) = [item for item in found.items if item.kind == "exact-leak"]
    assert len(leak.groups) == 4 and {place.split for group in leak.groups for place in group} == {
        "train",
        "val",
    }


def test_one_thing_that_is_annotated_twice_is_told(tmp_path):
    found = coco(tmp_path, [[[10, 10, 60, 60], [11, 10, 60, 60], [80, 80, 60, 60]]])
    (one,) = [item for item in found.items if item.kind == "box-pairs"]
    assert "1 pair of boxes of one class overlap by 90" in one.message.replace("\N{NO-BREAK SPACE}", " ")


def test_the_table_has_ids_classes_and_counts(tmp_path):
    boxed.write_coco(tmp_path, boxed.made())
    found = check(tmp_path)
    table = found.found.shares
    assert [column.heading for column in table.columns][:2] == ["id", "class"]
    wanted = boxed.expected(boxed.made(), crowds=False)
    for number, name, train, pictures, *_ in table.rows:
        boxes = [label for things in wanted["train"].values() for label, _, _ in things]
        assert int(train) == boxes.count(name) and number
        assert int(pictures) == sum(any(one[0] == name for one in t) for t in wanted["train"].values())


def test_boxes_too_small_for_the_network_are_told(tmp_path):
    naming = Naming(("a",))
    boxes = PictureBoxes.of([[0, 0, w, 40] for w in (5, 9, 40, 40, 40, 40, 40, 40, 40, 40)], [0] * 10, naming)
    targets = BoxTargets((boxes,), naming)
    assert targets.fault(0, (640, 480)) is None  # which tells it the size
    assert suggested_side(targets) == 640 and share_below(targets, 640) == pytest.approx(0.1)
    assert share_below(targets, 320) == pytest.approx(0.2)
    found = coco(tmp_path, [grid(60)], size=(1600, 1200))
    assert any(item.kind == "box-small" for item in found.items)


def sized(sides: list[list[int]]) -> BoxTargets:
    """A picture of 640 x 480 with boxes of these sides, class by class."""
    naming = Naming(tuple("abc"[: len(sides)]))
    boxes = [[0, 0, side, side + 5] for own in sides for side in own]
    labels = [k for k, own in enumerate(sides) for _ in own]
    targets = BoxTargets((PictureBoxes.of(boxes, labels, naming),), naming)
    assert targets.fault(0, (640, 480)) is None
    return targets


@pytest.mark.parametrize(
    ("sides", "wanted"),
    [
        ([[40] * 100], 320),  # 20 of 320
        ([[39] * 100], 416),
        ([[97] * 900, [30] * 100], 512),  # cells and platelets: 19.5 of 416, 24 of 512
        ([[97] * 900, [30] * 19], 320),  # of 19 boxes a tenth tells nothing
        ([[10] * 5], 640),
    ],
)
def test_pictures_are_so_large_that_the_boxes_of_each_class_are_seen(sides, wanted):
    assert suggested_side(sized(sides)) == wanted


@pytest.fixture(scope="module")
def measured():
    """Eight pictures whose colours are found; in two a box is nobody's, in one there is a thing too many."""
    task = colour_task()
    shape = Preprocessing(SIDE, SIDE, 3, fit="pad", interpolation="nearest")
    pixels, answers = [], []
    for seed in range(8):
        picture, boxes = patches(seed)
        answer = {"boxes": [boxes[name] for name in CLASSES], "labels": list(CLASSES)}
        if seed < 2:
            answer = {"boxes": answer["boxes"][1:], "labels": answer["labels"][1:]}  # red is imagined
        if seed == 2:
            answer["boxes"].append([0, 80, 20, 95])
            answer["labels"].append("green")
        pixels.append(picture)
        answers.append(answer)
    targets = task.targets(answers)
    for row, picture in enumerate(pixels):
        targets.fault(row, (picture.shape[1], picture.shape[0]))
    targets = targets.placed(shape)
    predictor = Predictor(colour_graph(), task, shape)
    values = predictor.answered([Taken(shape.apply(p), (p.shape[1], p.shape[0])) for p in pixels])
    return task, Measured(
        split="test",
        values=values,
        targets=targets,
        evaluation=task.evaluate(values, targets),
        pixels=np.stack([shape.apply(p) for p in pixels]),
        names=[f"{seed}.png" for seed in range(8)],
        all_targets={"test": targets},
    )


def test_the_report_shows_what_was_missed_and_what_was_imagined(measured):
    task, facts = measured
    told = task.report(facts)
    titles = [section.title for section in told.sections]
    assert titles == ["Class by class", "Precision and recall", "What was missed", "What was imagined"]
    missed, imagined = (
        next(block for block in told.sections[k].blocks if isinstance(block, Gallery)) for k in (2, 3)
    )
    # blue is below the threshold everywhere; one green thing more was not found
    assert missed.pictures[0].name == "2.png" and len(missed.pictures) == 8
    assert {one.name for one in imagined.pictures} == {"0.png", "1.png"}
    worst = looked_over(task, facts)[0]
    assert [task.classes[int(worst.true_labels[i])] for i in worst.missed] == ["blue", "green"]
    assert "found" in told.verdict and told.headline.metric.name == "ap50"
    assert any("Fewer than 30 boxes" in warning for warning in told.warnings)


def test_boxes_of_a_report_lie_where_they_lie_on_the_networks_input(measured):
    task, facts = measured
    for one in looked_over(task, facts):
        for box, label in zip(one.true, one.true_labels, strict=True):
            if task.classes[int(label)] == "red":
                x, y = ((box[:2] + box[2:]) / 2).astype(int)
                assert tuple(one.pixels[y, x]) == (255, 0, 0)
