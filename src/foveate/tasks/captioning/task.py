"""A sentence for a picture, as a task: the part that predicting needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from foveate.errors import InputError
from foveate.strict_json import exact_keys, is_int, need
from foveate.tasks.base import Runs
from foveate.tasks.captioning.answers import Candidate, SentenceDocument, Written
from foveate.tasks.captioning.data import Described, captions_in
from foveate.tasks.captioning.driving import Driver
from foveate.tasks.captioning.interface import (
    ATTENTION,
    CANDIDATES,
    ENCODER,
    PROBABILITIES,
    SCORES,
    STEP,
    WORDS,
)
from foveate.tasks.captioning.reading import captions_of
from foveate.tasks.captioning.targets import Captions
from foveate.tasks.captioning.text import words_of
from foveate.tasks.captioning.vocabulary import END, LONGEST, SPECIAL, Vocabulary
from foveate.tasks.data_side import Allocate
from foveate.tasks.measures import Metric
from foveate.tasks.targets import Targets
from foveate.tasks.values import Output, Values

if TYPE_CHECKING:
    from foveate.images.preprocess import Preprocessing
    from foveate.tasks.captioning.sections import SentenceShown
    from foveate.tasks.measures import Evaluation
    from foveate.tasks.telling import Measured, TaskReport

WORD_ACCURACY = Metric("word_accuracy", title="next words right")
MOST_BEAMS = 20
GRID_MOST = 512
ENOUGH_PIXELS = 224 * 224
SHOWN = 12  # pictures of a report
_USUAL_LONGEST = 20
_WHOLE = 0.995  # of the sentences can be written to their end


@dataclass(frozen=True)
class Captioning(Described):
    """A sentence for a picture.

    longest: words of a sentence that is written, its end among them. grid: rows and columns of the places
    that are looked at, where the network looks at places. beam: for these answers alone, how many sentences a
    search follows at once, of which it tells the one that the others agree with most; 1 takes the likeliest
    word each time.

    Raises InputError for numbers out of reach.
    """

    name: ClassVar[str] = "captioning"
    hub_tag: ClassVar[str] = "image-to-text"
    learner: ClassVar[str] = "foveate.tasks.captioning.learn:CaptioningLearner"
    document: ClassVar[type] = SentenceDocument
    fewest_groups: ClassVar[int] = 0
    needs: ClassVar[str] = "Captioning needs pictures with sentences"
    whole_picture: ClassVar[bool] = False
    usual_networks: ClassVar[tuple[str, str]] = (
        "show_attend_and_tell_compact",
        "show_attend_and_tell_efficientnet_lite0",
    )
    usual_recipes: ClassVar[tuple[str, str]] = ("sentences", "sentences-learnt")
    halves: ClassVar[bool] = False  # a place in the picture is one of the network's
    parts: ClassVar[tuple[str, ...]] = (ENCODER, STEP)
    no_use: ClassVar[Mapping[str, str]] = {
        "class_weights": "words are learnt as often as they stand in the sentences",
        "unsure_precision": "a sentence is no class that could be right or wrong as a whole",
    }

    longest: int = _USUAL_LONGEST
    grid: tuple[int, int] | None = None
    beam: int = 1

    def __post_init__(self) -> None:
        need(isinstance(self.constant, str), "constant", "a sentence", self.constant)
        most = LONGEST + 1
        need(is_int(self.longest) and 1 <= self.longest <= most, "longest", f"1 to {most}", self.longest)
        if self.grid is not None:
            grid = tuple(self.grid)
            ok = len(grid) == 2 and all(is_int(side) and 1 <= side <= GRID_MOST for side in grid)
            need(ok, "grid", f"rows and columns from 1 to {GRID_MOST}", self.grid)
            object.__setattr__(self, "grid", grid)
        ok = is_int(self.beam) and 1 <= self.beam <= MOST_BEAMS
        need(ok, "beam", f"1 to {MOST_BEAMS} sentences at once", self.beam)

    @classmethod
    def of(cls, answers: Mapping[str, Sequence[Any]], *, fewest: int | None = None) -> Captioning:
        """Of sentences, which also tell how long those are that it writes."""
        made = super().of(answers, fewest=fewest)
        sentences = captions_of(answers["train"]).each()
        lengths = [len(made.vocabulary.encode(one)) - 1 for one in sentences]
        usual = int(np.quantile(lengths, _WHOLE, method="higher"))
        return replace(made, longest=min(max(usual + 1, 2), LONGEST + 1))

    @classmethod
    def unnamed(cls, count: int) -> Captioning:
        """Of a network of so many words that nobody has named."""
        return cls(Vocabulary(tuple(f"word{number}" for number in range(count - len(SPECIAL)))))

    @property
    def shown(self) -> Metric:
        return WORD_ACCURACY

    @property
    def purpose(self) -> str:
        return f"Writes a sentence of what is in a picture, in {len(self.vocabulary.words):,} words"

    @property
    def outputs(self) -> tuple[Output, ...]:
        last = len(self.vocabulary) - 1
        words = Output(WORDS, (self.longest,), low=0, high=last, dtype="int64")
        sure = Output(PROBABILITIES, (self.longest,), low=0, high=1.001)
        if self.grid is None:
            return (words, sure)
        return (words, sure, Output(ATTENTION, (self.longest, *self.grid), low=0, high=1.001))

    @property
    def searched(self) -> tuple[Output, ...]:
        if self.beam == 1:
            return ()
        last = len(self.vocabulary) - 1
        return (
            Output(CANDIDATES, (self.beam, self.longest), low=0, high=last, dtype="int64"),
            Output(SCORES, (self.beam,), high=0.001),
        )

    @property
    def network_options(self) -> Mapping[str, Any]:
        return {"longest": self.longest}

    def enough_pixels(self, targets: Targets) -> int:
        """Those at which most trunks were learnt; more places would be looked at, at more cost."""
        return ENOUGH_PIXELS

    def raw_shape(self, height: int, width: int) -> tuple[int | None, ...]:
        """Of each word its number, its probability, and the weights of all places."""
        return (None, None)

    def to_dict(self) -> dict[str, Any]:
        grid = None if self.grid is None else list(self.grid)
        facts = {"constant": self.constant, "longest": self.longest, "grid": grid}
        return {"vocabulary": self.vocabulary.to_json(), **facts}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Captioning:
        found = exact_keys(dict(document), {"vocabulary", "constant", "longest", "grid"}, "task")
        vocabulary = Vocabulary.from_json(found["vocabulary"], "task.vocabulary")
        grid = found["grid"]
        need(grid is None or isinstance(grid, list), "task.grid", "rows and columns, or null", grid)
        return cls(vocabulary, found["constant"], found["longest"], grid)

    def looking_at(self, grid: tuple[int, int] | None) -> Captioning:
        """The same for a network that looks at so many rows and columns of places."""
        return replace(self, grid=grid)

    def with_beam(self, beam: int) -> Captioning:
        return replace(self, beam=beam)

    def placed(self, targets: Targets, preprocessing: Preprocessing, allocate: Allocate) -> Captions:
        return captions_in(targets).encoded(self.vocabulary)

    # --- What a network says ---

    def said(self, values: Values) -> list[str]:
        """The sentences, one a picture."""
        return [self.vocabulary.decode(words) for words in values[WORDS]]

    def predictions(self, values: Values, limit: int = 5) -> list[Written]:
        if limit < 1:
            raise InputError(f"top_k: expected at least 1, found {limit}.")
        return [self._prediction(values, row, limit) for row in range(len(values[WORDS]))]

    def _prediction(self, values: Values, row: int, limit: int) -> Written:
        ids, sure = values[WORDS][row], values[PROBABILITIES][row].astype(np.float64)
        ended = np.flatnonzero(ids == END)
        count = int(ended[0]) if len(ended) else len(ids)
        candidates = [] if CANDIDATES not in values else self._candidates(values, row)[:limit]
        return Written(
            self.vocabulary.decode(ids),
            [self.vocabulary.word(int(number)) for number in ids[:count]],
            sure[:count],
            float(sure[count]) if len(ended) else None,
            values[ATTENTION][row, :count] if ATTENTION in values else None,
            candidates,
        )

    def _candidates(self, values: Values, row: int) -> list[Candidate]:
        """Those that say something else in words; a search may have found fewer than it followed."""
        found: dict[str, Candidate] = {}
        for ids, score in zip(values[CANDIDATES][row], values[SCORES][row].tolist(), strict=True):
            sentence = self.vocabulary.decode(ids)
            if ids.any() and sentence not in found:
                found[sentence] = Candidate(sentence, score)
        return list(found.values())

    def columns(self, limit: int = 5) -> list[str]:
        return ["caption", "probability"]

    def answers(self, values: Values) -> NDArray[Any]:
        """(N,) the sentences."""
        found = np.empty(len(values[WORDS]), object)
        found[:] = self.said(values)
        return found

    def agree(self, values: Values, others: Values) -> NDArray[np.bool_]:
        """Whether two networks write the same sentence."""
        return np.asarray(self.answers(values) == self.answers(others), bool)

    def driven(self, parts: Mapping[str, Runs]) -> Runs:
        return Driver(parts[ENCODER], parts[STEP], self)

    def evaluate(self, values: Values, targets: Targets) -> Evaluation:
        return self.measured(self.said(values), targets)

    def report(self, measured: Measured) -> TaskReport:
        from foveate.tasks.captioning.report import caption_report

        return caption_report(self, measured, self._to_show(measured))

    def _to_show(self, measured: Measured) -> list[SentenceShown]:
        """Some pictures with what is said of them: the worst, the best, and evenly spaced ones between."""
        from foveate.tasks.captioning.metrics import parts_of
        from foveate.tasks.captioning.sections import SentenceShown

        captions, said = captions_in(measured.targets), self.said(measured.values)
        rows = [row for row in range(len(captions)) if captions[row]]
        right = [[words_of(one) for one in captions[row]] for row in rows]
        scores = parts_of([words_of(said[row]) for row in rows], right).cider
        order = np.argsort(scores, kind="stable")
        found = []
        for place in order[np.unique(np.linspace(0, len(order) - 1, SHOWN).astype(int))].tolist():
            row = rows[place]
            told = self._prediction(measured.values, row, 1)
            facts = (told.sentence, told.words, told.probabilities, told.attention, captions[row])
            picture, name = measured.pixels[row], measured.names[row]
            found.append(SentenceShown(picture, name, *facts, float(scores[place])))
        return found
