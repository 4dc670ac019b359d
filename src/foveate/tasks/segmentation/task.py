"""A class for each pixel, as a task: the part that predicting needs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from foveate.errors import DatasetError, InputError, listed
from foveate.images.preprocess import Preprocessing, Seen
from foveate.strict_json import exact_keys, is_int, is_number, need
from foveate.tasks.base import Task
from foveate.tasks.classification.task import check_classes
from foveate.tasks.classification.threshold import UnsureRule
from foveate.tasks.data_side import Allocate
from foveate.tasks.measures import Metric
from foveate.tasks.prediction import colour_table
from foveate.tasks.segmentation.answers import ClassMapping, MaskDocument
from foveate.tasks.segmentation.colours import voc_colour
from foveate.tasks.segmentation.columns import MASK_COLUMNS, mask_columns
from foveate.tasks.segmentation.grid import placed
from foveate.tasks.segmentation.masks import Colour, Labelling
from foveate.tasks.segmentation.names import (
    CLASSES,
    CONFIDENCE,
    MIOU,
    MOST_CLASSES,
    PIXEL_ACCURACY,
)
from foveate.tasks.segmentation.targets import MaskTargets
from foveate.tasks.targets import KeptAnswer, StoredAnswer, Targets
from foveate.tasks.values import Output, Values, seen_in

if TYPE_CHECKING:
    from foveate.tasks.sections import Table
    from foveate.tasks.segmentation.metrics import Evaluation, PictureCounts
    from foveate.tasks.surveyed import Remark, Surveyed, TableAnswers, TableRow
    from foveate.tasks.telling import Measured, TaskReport


@dataclass(frozen=True)
class Segmentation(Task):
    """One of several classes for each pixel of a picture.

    classes: their names, in the order of the network's score maps. colours: red, green, blue of each class.
    ignored: what in the data counted as no class.
    temperature: what the scores are divided by before softmax. unsure: below which probability a pixel's
    class is unsure, where that is known.

    Raises InputError for names that are empty, too long or there twice, and more than 255 of them.
    """

    name: ClassVar[str] = "segmentation"
    hub_tag: ClassVar[str] = "image-segmentation"
    learner: ClassVar[str] = "foveate.tasks.segmentation.learn:SegmentationLearner"
    metrics: ClassVar[tuple[Metric, ...]] = (MIOU, PIXEL_ACCURACY)
    document: ClassVar[type] = MaskDocument
    fewest_groups: ClassVar[int] = 2
    called: ClassVar[str] = "classes"
    called_one: ClassVar[str] = "class"
    needs: ClassVar[str] = "Segmentation needs two classes that masks show"
    whole_picture: ClassVar[bool] = False
    usual_networks: ClassVar[tuple[str, str]] = ("pyramid_compact", "pyramid_efficientnet_lite0")
    usual_recipes: ClassVar[tuple[str, str]] = ("maps", "maps-learnt")
    draws: ClassVar[str] = "a mask: an indexed PNG whose numbers are the classes'"
    may_ignore: ClassVar[bool] = True
    columns_needed: ClassVar[str] = "a column 'mask_name' with each picture's mask"
    known_columns: ClassVar[tuple[str, ...]] = MASK_COLUMNS
    file_columns: ClassVar[frozenset[str]] = frozenset(MASK_COLUMNS)
    no_use: ClassVar[Mapping[str, str]] = {
        "label_smoothing": "the class of a pixel is learnt as it stands in the mask"
    }

    classes: tuple[str, ...]
    colours: tuple[Colour, ...] = ()
    ignored: str = ""
    temperature: float = 1.0
    unsure: UnsureRule | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", check_classes(self.classes))
        most = f"at most {MOST_CLASSES} names"
        need(len(self.classes) <= MOST_CLASSES, "classes", most, len(self.classes))
        colours = tuple(tuple(colour) for colour in self.colours) or tuple(
            map(voc_colour, range(len(self.classes)))
        )
        need(len(colours) == len(self.classes), "colours", f"{len(self.classes)} of them", len(colours))
        for colour in colours:
            ok = len(colour) == 3 and all(is_int(part) and 0 <= part <= 255 for part in colour)
            need(ok, "colours", "red, green, blue from 0 to 255", colour)
        object.__setattr__(self, "colours", colours)
        need(isinstance(self.ignored, str), "ignored", "a text", self.ignored)
        ok = is_number(self.temperature) and math.isfinite(self.temperature) and self.temperature > 0
        need(ok, "temperature", "a number above 0", self.temperature)

    @classmethod
    def answer_columns(cls, columns: Mapping[str, Sequence[Any]], *, asked: bool = False) -> tuple[str, ...]:
        return mask_columns(columns)

    @classmethod
    def parsed(cls, cells: Mapping[str, Any]) -> str:
        """The mask's file, of which `of_table` makes a mask."""
        (name,) = cells.values()
        return str(name)

    @classmethod
    def of_table(
        cls, rows: Mapping[str, Sequence[TableRow]], folder: str, ignore: Sequence[str]
    ) -> TableAnswers:
        from foveate.tasks.segmentation.reading import masks_of_table

        return masks_of_table(rows, folder, ignore)

    @classmethod
    def of(cls, answers: Mapping[str, Sequence[Any]], *, fewest: int | None = None) -> Segmentation:
        """Of masks with one labelling, which has the classes."""
        labelling = answers["train"][0].labelling
        needed = cls.fewest_groups if fewest is None else fewest
        if len(labelling.classes) < needed:
            raise DatasetError(
                f"has the one class {listed(labelling.classes)} in its masks; segmentation needs at least "
                f"{needed}, of which one may be the background."
            )
        return cls(labelling.classes, colours=labelling.colours, ignored=labelling.ignored)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.classes

    @property
    def palette(self) -> tuple[Colour, ...]:
        return self.colours

    @property
    def purpose(self) -> str:
        return f"Tells the class of each pixel, one of {len(self.classes)}"

    @property
    def outputs(self) -> tuple[Output, ...]:
        last = len(self.classes) - 1
        return (
            Output(CLASSES, (None, None), low=0, high=last, dtype="uint8"),
            Output(CONFIDENCE, (None, None), low=0, high=255, dtype="uint8"),
        )

    def to_dict(self) -> dict[str, Any]:
        unsure = None if self.unsure is None else self.unsure.to_dict()
        facts = {"ignored": self.ignored, "temperature": self.temperature, "unsure": unsure}
        return {"classes": list(self.classes), "colours": [list(one) for one in self.colours], **facts}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Segmentation:
        fields = {"classes", "colours", "ignored", "temperature", "unsure"}
        found = exact_keys(dict(document), fields, "task")
        for name in ("classes", "colours"):
            need(isinstance(found[name], list), f"task.{name}", "a list", found[name])
        for colour in found["colours"]:
            need(isinstance(colour, list), "task.colours", "lists of three numbers", colour)
        need(len(found["classes"]) > 1, "task.classes", f"2 to {MOST_CLASSES} names", len(found["classes"]))
        return cls(**{**found, "unsure": UnsureRule.from_dict(found["unsure"])})

    def with_trust(self, temperature: float, unsure: UnsureRule | None) -> Segmentation:
        """The same with what held-out pixels say of how sure it may be."""
        return replace(self, temperature=temperature, unsure=unsure)

    def targets(self, answers: Iterable[object]) -> MaskTargets:
        masks = tuple(answers)
        for mask in masks:
            if not hasattr(mask, "read"):
                raise InputError(f"expected a mask for each picture, found {type(mask).__name__}.")
        return MaskTargets(masks, len(self.classes))  # type: ignore[arg-type]  # looked at

    def why_not(self, targets: Targets) -> str | None:
        if not isinstance(targets, MaskTargets):
            return f"{type(targets).__name__}, not the masks of its pictures"
        if targets.classes != len(self.classes):
            return f"masks of {targets.classes} classes, not {len(self.classes)}"
        return None

    def counts(self, targets: Targets) -> NDArray[np.int64]:
        """Pictures that show each class."""
        return np.asarray((masks_of(targets).pixels > 0).sum(axis=0), np.int64)

    @property
    def shown(self) -> Metric:
        return PIXEL_ACCURACY

    def raw_shape(self, height: int, width: int) -> tuple[int, ...]:
        return (len(self.classes), height, width)

    def placed(self, targets: Targets, preprocessing: Preprocessing, allocate: Allocate) -> MaskTargets:
        return masks_of(targets).placed(preprocessing, allocate)

    def balanced(self, targets: Targets) -> tuple[float, ...]:
        from foveate.tasks.segmentation.weights import median_frequency

        return median_frequency(masks_of(targets).pixels)

    def usual_weights(self, targets: Targets) -> tuple[float, ...]:
        """The square roots of the balanced ones: small things are learnt, and large ones stay right."""
        return tuple(math.sqrt(weight) for weight in self.balanced(targets))

    def cells(self, targets: Targets) -> list[str]:
        """The classes that a picture shows, the largest first."""
        told = []
        for pixels in masks_of(targets).pixels:
            order = np.argsort(-pixels, kind="stable")
            told.append(", ".join(self.classes[k] for k in order if pixels[k]) or "nothing known")
        return told

    def table(self, targets: Targets) -> dict[str, list[str]]:
        return {"mask": [mask.name for mask in masks_of(targets).masks]}

    def stored(self, targets: Targets, row: int) -> StoredAnswer:
        from foveate.tasks.segmentation.keeping import kept

        return kept(masks_of(targets), row, self._labelling)

    def restored(self, answers: Sequence[KeptAnswer]) -> MaskTargets:
        from foveate.tasks.segmentation.keeping import masks_again

        return masks_again(answers, self._labelling)

    @property
    def _labelling(self) -> Labelling:
        return Labelling(self.classes, self.colours, self.ignored)

    def same_labels(self, other: Task, targets: Targets) -> MaskTargets:
        ignored = other.ignored.split(", ") if isinstance(other, Segmentation) else []
        if missing := [name for name in self.classes if name not in (*other.labels, *ignored)]:
            raise DatasetError(
                f"has masks of {listed(missing)}, unknown where the classes are {listed(other.labels)}; "
                "rename the class, or name it as what is ignored."
            )
        return masks_of(targets).renumbered(self.classes, other.labels)

    def predictions(self, values: Values, limit: int = 5) -> list[ClassMapping]:
        if limit < 1:
            raise InputError(f"top_k: expected at least 1, found {limit}.")
        seen = seen_in(values) or _as_they_came(values[CLASSES])
        threshold = 0.0 if self.unsure is None else self.unsure.unsure_below
        pairs = zip(values[CLASSES], values[CONFIDENCE], strict=True)
        return [
            ClassMapping(
                *pair,
                seen.sizes[row],
                seen.place(row),
                self.classes,
                self.colours,
                unsure_below=threshold,
                limit=limit,
            )
            for row, pair in enumerate(pairs)
        ]

    def columns(self, limit: int = 5) -> list[str]:
        ends = ["", *(f"_{n}" for n in range(2, min(limit, len(self.classes)) + 1))]
        return [*(f"{word}{end}" for end in ends for word in ("label", "share")), "unsure_share"]

    def answers(self, values: Values) -> NDArray[Any]:
        """Each picture's classes at its own size: (N, H, W) uint8, of several sizes (N,) arrays."""
        maps = [one.mask for one in self.predictions(values)]
        if len({one.shape for one in maps}) == 1:
            return np.stack(maps)
        found = np.empty(len(maps), object)
        found[:] = maps
        return found

    def agree(self, values: Values, others: Values) -> NDArray[np.bool_]:
        """Whether two networks say the same of 99 % of a picture's pixels."""
        same = values[CLASSES] == others[CLASSES]
        return np.asarray(same.mean(axis=(1, 2)) >= 0.99)

    def apart(self, values: Values, others: Values) -> float:
        """The share of the pixels whose class differs."""
        return float((values[CLASSES] != others[CLASSES]).mean())

    def fault(self, targets: Targets, row: int, size: tuple[int, int] | None = None) -> str | None:
        return masks_of(targets).fault(row, size)

    def remarks(self, splits: Mapping[str, Surveyed]) -> list[Remark]:
        from foveate.tasks.segmentation.remarks import remarks_on

        return remarks_on(splits, self.ignored)

    def shares(self, splits: Mapping[str, Surveyed]) -> Table:
        from foveate.tasks.segmentation.remarks import shares_of

        return shares_of(splits, self.classes, self.ignored)

    def evaluate(self, values: Values, targets: Targets) -> Evaluation:
        from foveate.tasks.segmentation.metrics import evaluate

        return evaluate(self._counted(values, masks_of(targets)), self.classes)

    def _counted(self, values: Values, targets: MaskTargets) -> Iterator[PictureCounts]:
        """Picture by picture at its own size, so that memory holds one at a time."""
        from foveate.tasks.segmentation.metrics import BORDERS_LOOKED_AT, counted

        seen = seen_in(values) or _as_they_came(values[CLASSES])
        looked_at = set(np.linspace(0, len(targets) - 1, BORDERS_LOOKED_AT).astype(int).tolist())
        for row, (said, sure) in enumerate(zip(values[CLASSES], values[CONFIDENCE], strict=True)):
            true, back = targets.mask(row), seen.place(row).inverse()
            own = [placed(each, back, *true.shape) for each in (said, sure)]
            yield counted(true, own[0], own[1], len(self.classes), borders=row in looked_at)

    def beside(self) -> dict[str, str]:
        """The table of classes and colours, which reads the masks again."""
        return {"classes.csv": colour_table(self.classes, self.colours)}

    def report(self, measured: Measured) -> TaskReport:
        from foveate.tasks.segmentation.report import mask_report

        return mask_report(self, measured)


def _as_they_came(maps: NDArray[np.uint8]) -> Seen:
    """Pictures that had the size of the input, of which maps (N, H, W) are."""
    count, height, width = maps.shape
    return Seen(Preprocessing(height, width, fit="stretch"), [(width, height)] * count)


def masks_of(targets: Targets) -> MaskTargets:
    """The targets, which must be masks."""
    if not isinstance(targets, MaskTargets):
        raise TypeError(f"a segmentation is given masks, not {type(targets).__name__}")
    return targets
