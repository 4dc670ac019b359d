"""A box with a class for each thing in a picture, as a task: the part that predicting needs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from foveate.errors import DatasetError, InputError, listed
from foveate.strict_json import exact_keys, is_int, is_number, need
from foveate.tasks.base import Task
from foveate.tasks.classification.task import check_classes
from foveate.tasks.data_side import Allocate
from foveate.tasks.detection.answers import DetectedBoxes, DetectionDocument
from foveate.tasks.detection.drawing import distinct_colours
from foveate.tasks.detection.input_size import suggested_side
from foveate.tasks.detection.names import AP, AP50, AP75, BOXES, COUNT, LABELS, MEAN_IOU, MOST_BOXES, SCORES
from foveate.tasks.detection.targets import BoxTargets
from foveate.tasks.detection.trust import UNCHANGED, Calibration, ScoreRule
from foveate.tasks.detection.truth import FLAWED, Naming, PictureBoxes, from_mapping
from foveate.tasks.measures import Metric
from foveate.tasks.prediction import Colour, colour_table
from foveate.tasks.targets import KeptAnswer, StoredAnswer, Targets
from foveate.tasks.values import Output, Values, seen_in

if TYPE_CHECKING:
    from foveate.images.preprocess import Preprocessing
    from foveate.tasks.detection.matching import Matches
    from foveate.tasks.detection.metrics import Answer, Evaluation
    from foveate.tasks.sections import Table
    from foveate.tasks.surveyed import Remark, Surveyed, TableAnswers, TableRow
    from foveate.tasks.telling import Measured, TaskReport

BOX_COLUMN = "boxes"  # of a table with a row a picture
RUNS_APART, RUNS_MEET = 0.02, 0.9  # scores and boxes of two runs of a detector that count as the same
_USUAL = 0.5  # a threshold for want of a better one


@dataclass(frozen=True)
class Detection(Task):
    """A box with one of several classes for each thing in a picture.

    classes: their names, in the order of the labels. most: boxes that an answer has at most.
    calibration: what makes scores of the network's own; it is built into ``model.onnx``.
    rule: the score from which on a box is told of, where held-out pictures could tell. asked: another one,
    for these answers alone.

    Raises InputError for names that are empty, too long or there twice.
    """

    name: ClassVar[str] = "detection"
    hub_tag: ClassVar[str] = "object-detection"
    learner: ClassVar[str] = "foveate.tasks.detection.learn:DetectionLearner"
    metrics: ClassVar[tuple[Metric, ...]] = (AP, AP50, AP75)
    document: ClassVar[type] = DetectionDocument
    fewest_groups: ClassVar[int] = 1
    called: ClassVar[str] = "classes"
    called_one: ClassVar[str] = "class"
    needs: ClassVar[str] = "Detection needs a class of which pictures have boxes"
    whole_picture: ClassVar[bool] = False
    usual_networks: ClassVar[tuple[str, str]] = ("centre_compact", "centre_efficientnet_lite0")
    usual_recipes: ClassVar[tuple[str, str]] = ("boxes", "boxes-learnt")
    halves: ClassVar[bool] = False  # boxes are in pixels of the whole
    draws: ClassVar[str] = "the picture with its boxes, each with its class and score"
    columns_needed: ClassVar[str] = "a column 'boxes', or a row a box with its corners and class"
    known_columns: ClassVar[tuple[str, ...]] = (BOX_COLUMN,)
    no_use: ClassVar[Mapping[str, str]] = {
        "label_smoothing": "the class of a box is learnt as it stands in the data"
    }

    classes: tuple[str, ...]
    most: int = MOST_BOXES
    calibration: Calibration = UNCHANGED
    rule: ScoreRule | None = None
    asked: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", check_classes(self.classes))
        need(is_int(self.most) and 1 <= self.most <= 10_000, "most", "1 to 10000 boxes", self.most)
        object.__setattr__(self, "calibration", Calibration(*map(float, self.calibration)))
        slope, offset = self.calibration
        need(np.isfinite(slope) and slope > 0, "calibration", "a slope above 0", slope)
        need(np.isfinite(offset), "calibration", "a finite offset", offset)

    @classmethod
    def answer_columns(cls, columns: Mapping[str, Sequence[Any]], *, asked: bool = False) -> tuple[str, ...]:
        return (BOX_COLUMN,) if BOX_COLUMN in columns else ()

    @classmethod
    def parsed(cls, cells: Mapping[str, Any]) -> PictureBoxes:
        from foveate.tasks.detection.reading import parsed_boxes

        return parsed_boxes(cells[BOX_COLUMN])

    @classmethod
    def of_table(
        cls, rows: Mapping[str, Sequence[TableRow]], folder: str, ignore: Sequence[str]
    ) -> TableAnswers:
        from foveate.tasks.detection.reading import with_one_naming

        return with_one_naming({split: [answer for answer, _ in of] for split, of in rows.items()}), ()

    @classmethod
    def of(cls, answers: Mapping[str, Sequence[Any]], *, fewest: int | None = None) -> Detection:
        """Of `PictureBoxes` with one naming, which has the classes."""
        naming: Naming = answers["train"][0].naming
        shown = np.zeros(len(naming.classes), bool)
        for one in answers["train"]:
            shown[one.labels[~one.crowd]] = True
        needed = cls.fewest_groups if fewest is None else fewest
        if shown.sum() < needed:
            flaw = next((flaw for one in answers["train"] for flaw in one.flaws), None)
            why = f": {flaw.where} {FLAWED[flaw.kind][0]}" if flaw else ""
            raise DatasetError(f"has no box in train that could be learnt{why}.")
        for split, of in answers.items():
            for one in of:
                if (strange := one.labels[~shown[one.labels] & ~one.crowd]).size and needed:
                    lacking = naming.classes[int(strange[0])]
                    raise DatasetError(f"has boxes of {lacking!r} in {split} and none in train.")
        return cls(naming.classes)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.classes

    @property
    def naming(self) -> Naming:
        return Naming(self.classes)

    @property
    def palette(self) -> tuple[Colour, ...]:
        return distinct_colours(len(self.classes))

    @property
    def purpose(self) -> str:
        return f"Finds things of {len(self.classes)} classes, a box around each"

    @property
    def threshold(self) -> float:
        """The score from which on a box is told of."""
        if self.asked is not None:
            return self.asked
        return _USUAL if self.rule is None else self.rule.threshold

    @property
    def outputs(self) -> tuple[Output, ...]:
        last = len(self.classes) - 1
        return (
            Output(BOXES, (self.most, 4)),
            Output(SCORES, (self.most,), low=0, high=1.001),
            Output(LABELS, (self.most,), low=0, high=last, dtype="int64"),
            Output(COUNT, (), low=0, high=self.most, dtype="int64"),
        )

    @property
    def shown(self) -> Metric:
        return MEAN_IOU

    def raw_shape(self, height: int, width: int) -> tuple[int | None, ...]:
        """Candidates: x1, y1, x2, y2, score, class."""
        return (None, 6)

    def enough_pixels(self, targets: Targets) -> int | None:
        own = boxes_of(targets)
        sizes = [size for row in range(len(own)) if (size := own.size(row)) is not None]
        side = suggested_side(own) if sizes else None
        if side is None:
            return None
        shape = float(np.median([min(size) / max(size) for size in sizes]))
        return round(side * side * shape)

    def to_dict(self) -> dict[str, Any]:
        return {
            "classes": list(self.classes),
            "most": self.most,
            "calibration": self.calibration._asdict(),
            "rule": None if self.rule is None else self.rule.to_dict(),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Detection:
        found = exact_keys(dict(document), {"classes", "most", "calibration", "rule"}, "task")
        need(isinstance(found["classes"], list), "task.classes", "a list", found["classes"])
        need(len(found["classes"]) > 0, "task.classes", "a name or more", found["classes"])
        numbers = exact_keys(found["calibration"], {"slope", "offset"}, "task.calibration")
        for name, value in numbers.items():
            need(is_number(value), f"task.calibration.{name}", "a number", value)
        calibration = Calibration(**numbers)
        return cls(found["classes"], found["most"], calibration, ScoreRule.from_dict(found["rule"]))

    def with_trust(self, calibration: Calibration, rule: ScoreRule | None) -> Detection:
        """The same with what held-out pictures say of how far scores may be believed."""
        return replace(self, calibration=calibration, rule=rule)

    def targets(self, answers: Iterable[object]) -> BoxTargets:
        found = []
        for answer in answers:
            if isinstance(answer, PictureBoxes):
                found.append(answer.named(self.naming))
            elif isinstance(answer, Mapping):
                found.append(from_mapping(answer, self.naming))
            else:
                raise InputError(f"expected the boxes of each picture, found {type(answer).__name__}.")
        naming = (
            found[0].naming if found else self.naming
        )  # which has the ids of the data, where it is theirs
        return BoxTargets(tuple(found), naming)

    def why_not(self, targets: Targets) -> str | None:
        if not isinstance(targets, BoxTargets):
            return f"{type(targets).__name__}, not the boxes of its pictures"
        if targets.naming.classes != self.classes:
            return f"boxes of the classes {listed(targets.naming.classes)}, not {listed(self.classes)}"
        return None

    def counts(self, targets: Targets) -> NDArray[np.int64]:
        """Pictures that show each class."""
        return boxes_of(targets).shown.sum(axis=0).astype(np.int64)

    def placed(self, targets: Targets, preprocessing: Preprocessing, allocate: Allocate) -> BoxTargets:
        return boxes_of(targets).placed(preprocessing)

    def cells(self, targets: Targets) -> list[str]:
        """How many boxes of which class a picture has, the most frequent first."""
        told = []
        for row in boxes_of(targets).box_counts:
            order = np.argsort(-row, kind="stable")
            told.append(", ".join(f"{row[k]} {self.classes[k]}" for k in order if row[k]) or "nothing")
        return told

    def table(self, targets: Targets) -> dict[str, list[str]]:
        from foveate.tasks.detection.reading import written_boxes

        return {BOX_COLUMN: [json.dumps(written_boxes(one)) for one in boxes_of(targets).pictures]}

    def stored(self, targets: Targets, row: int) -> StoredAnswer:
        """The first picture's also says what the classes' ids are, for all."""
        from foveate.tasks.detection.reading import kept_boxes

        own = boxes_of(targets)
        ids = {"ids": list(own.naming.ids)} if own.naming.ids and row == 0 else {}
        return StoredAnswer({**kept_boxes(own[row], own.size(row)), **ids})

    def restored(self, answers: Sequence[KeptAnswer]) -> BoxTargets:
        from foveate.tasks.detection.reading import boxes_again

        ids = next((one.values["ids"] for one in answers if "ids" in one.values), ())
        naming = Naming(self.classes, tuple(ids))
        return BoxTargets(tuple(boxes_again(one.values, naming) for one in answers), naming)

    def same_labels(self, other: Task, targets: Targets) -> BoxTargets:
        own = boxes_of(targets)
        used = {self.classes[k] for one in own.pictures for k in np.unique(one.labels).tolist()}
        if missing := [name for name in self.classes if name in used and name not in other.labels]:
            raise DatasetError(
                f"has boxes of {listed(missing)}, unknown where the classes are {listed(other.labels)}; "
                "rename the class."
            )
        return own.renamed(Naming(tuple(other.labels)))

    def predictions(self, values: Values, limit: int = 5) -> list[DetectedBoxes]:
        return [self._prediction(values, row) for row in range(len(values[COUNT]))]

    def _prediction(self, values: Values, row: int) -> DetectedBoxes:
        found, size = self.found(values, row)
        return DetectedBoxes(*found, size, self.classes, self.palette, self.threshold)

    def found(self, values: Values, row: int) -> tuple[Answer, tuple[int, int]]:
        """The boxes of one picture in its own pixels, cut at its edges, and its width and height."""
        from foveate.tasks.detection.metrics import Answer

        count, seen = int(values[COUNT][row]), seen_in(values)
        boxes = values[BOXES][row, :count].astype(np.float64)
        size = (round(float(boxes[:, 2].max(initial=1))), round(float(boxes[:, 3].max(initial=1))))
        if seen is not None:
            size = seen.sizes[row]
            boxes = seen.place(row).inverse().boxes(boxes).reshape(-1, 4)
        boxes = np.clip(boxes, 0, np.tile(size, 2))
        scores = values[SCORES][row, :count].astype(np.float64)
        return Answer(boxes, scores, values[LABELS][row, :count]), size

    def columns(self, limit: int = 5) -> list[str]:
        return ["label", "score", "x1", "y1", "x2", "y2"]

    def rows(self, prediction: Any) -> list[list[str]]:
        found: DetectedBoxes = prediction
        return found.rows()

    def with_threshold(self, threshold: float) -> Detection:
        need(0 <= threshold <= 1, "threshold", "a number from 0 to 1", threshold)
        return replace(self, asked=float(threshold))

    def coco(self, told: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        """The boxes from the threshold on, the categories counted from 1 as COCO's own are."""
        from foveate.tasks.detection.answers import coco_document

        return coco_document(told, self.classes)

    def beside(self) -> dict[str, str]:
        """The table of classes and colours."""
        return {"classes.csv": colour_table(self.classes, self.palette)}

    def answers(self, values: Values) -> NDArray[Any]:
        """(N,) of each picture its boxes from the threshold on: (n, 6) x1 y1 x2 y2, score, label."""
        found = np.empty(len(values[COUNT]), object)
        for row, one in enumerate(self.predictions(values)):
            parts = (one.boxes, one.scores[:, None], one.labels[:, None])
            found[row] = np.concatenate(parts, axis=1)[: one.told]
        return found

    def agree(self, values: Values, others: Values) -> NDArray[np.bool_]:
        """Whether two networks tell of the same boxes: as many, each meeting one of its class by half."""
        from foveate.tasks.detection.metrics import Answer, compared

        same = []
        for one, other in zip(self.predictions(values), self.predictions(others), strict=True):
            a, b = one.told, other.told
            true = PictureBoxes.of(other.boxes[:b], other.labels[:b], self.naming)
            said = Answer(one.boxes[:a], one.scores[:a], one.labels[:a])
            met = sum(int(of.met[0, 0].sum()) for of in compared(said, true, len(self.classes)))
            same.append(a == b == met)
        return np.array(same, bool)

    def apart(self, values: Values, others: Values) -> float:
        """The share of the boxes that have no like among the other's."""
        from foveate.tasks.detection.alike import unlike

        alone, total = unlike(values, others, score_apart=RUNS_APART, iou=RUNS_MEET)
        return alone / max(total, 1)

    def matches(self, values: Values, targets: Targets) -> Iterator[list[Matches]]:
        """Picture by picture, what of its boxes met a true one, of each class."""
        from foveate.tasks.detection.metrics import compared

        own = boxes_of(targets)
        for row in range(len(own)):
            yield compared(self.found(values, row)[0], own[row], len(self.classes))

    def evaluate(self, values: Values, targets: Targets) -> Evaluation:
        from foveate.tasks.detection.metrics import evaluate

        return evaluate(self.matches(values, targets), self.classes, self.threshold)

    def fault(self, targets: Targets, row: int, size: tuple[int, int] | None = None) -> str | None:
        return boxes_of(targets).fault(row, size)

    def remarks(self, splits: Mapping[str, Surveyed]) -> list[Remark]:
        from foveate.tasks.detection.remarks import remarks_on

        return remarks_on(splits)

    def shares(self, splits: Mapping[str, Surveyed]) -> Table:
        from foveate.tasks.detection.remarks import shares_of

        return shares_of(splits, self.classes)

    def report(self, measured: Measured) -> TaskReport:
        from foveate.tasks.detection.report import box_report

        return box_report(self, measured)


def boxes_of(targets: Targets) -> BoxTargets:
    """The targets, which must be boxes."""
    if not isinstance(targets, BoxTargets):
        raise TypeError(f"a detection is given boxes, not {type(targets).__name__}")
    return targets
