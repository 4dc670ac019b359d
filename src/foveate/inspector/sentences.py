"""Of a network that writes: its words one by one, where it looked, what else it might have said, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from foveate.errors import RequestError
from foveate.graph.arithmetic import explain_value
from foveate.graph.recording import record_step
from foveate.inspector import sums
from foveate.inspector.runs import Run, swapped
from foveate.layers.greedy import END, START
from foveate.models.captioner import Captioner
from foveate.operators.sums import Recording
from foveate.words import encodable

TOP = 8  # likeliest words of a step
MOST_SUMS = 12  # from a word's score back to the cell that remembers
_CELLS = ("lstm_cell", "gru_cell", "rnn_cell")


class Turn(NamedTuple):
    """One step of writing: what it is given, its probabilities (K,) and where it looked (L,)."""

    given: tuple[Tensor, ...]
    likely: Tensor
    looked: Tensor


def describe(run: Run) -> dict[str, Any]:
    """The answer of `GET .../words`: the words of a run's sentence.

    Of each its probability, the likeliest words in its place and, where places are looked at, the weights of
    each, row by row. Raises RequestError 404 for a network that does not write.
    """
    network = _writer(run)
    _, height, width = run.net.input_shape
    grid = network.grid(height, width)
    return {
        "grid": None if grid is None else list(grid),
        "words": [_word(run, turn, grid) for turn in _turns(run, network)],
    }


def why(run: Run, number: int, word: int | None) -> dict[str, Any]:
    """The answer of `GET .../words/N`: the sums behind a word's score at a step, as far as the cell's gates.

    word: its number; None for the one that was written. Behind each sum stands that of its largest part.
    Raises RequestError 404, 422.
    """
    network = _writer(run)
    turns = list(_turns(run, network))
    if number >= len(turns):
        raise RequestError(404, f"The sentence has the words 0 to {len(turns) - 1}.")
    turn = turns[number]
    chosen = int(turn.likely.argmax()) if word is None else word
    if not 0 <= chosen < len(turn.likely):
        raise RequestError(422, f"class: expected 0 to {len(turn.likely) - 1}.")
    with swapped(run.net.module, run.weights):
        recording = record_step(network.step, *turn.given)
    return {
        "number": number,
        "class": chosen,
        "label": encodable(run.net.labels[chosen]),
        "probability": float(turn.likely[chosen]),
        "sums": list(_way(recording, chosen)),
    }


def _writer(run: Run) -> Captioner:
    module = run.net.module
    if not isinstance(module, Captioner):
        raise RequestError(404, "This network writes no sentence.")
    return module


@torch.inference_mode()
def _turns(run: Run, network: Captioner) -> Iterator[Turn]:
    """The steps of the sentence, its end among them, computed again."""
    with swapped(network, run.weights):
        state, memory = network.encode(run.x)
        word = torch.full((1, 1), START, dtype=torch.int64)
        for _ in range(network.greedy.longest):
            given = (word, state, *memory)
            scores, state, looked = network.step(*given)
            likely = torch.softmax(scores, dim=1)
            yield Turn(given, likely[0], looked[0])
            word = likely.argmax(dim=1, keepdim=True)
            if int(word) == END:
                return


def _word(run: Run, turn: Turn, grid: tuple[int, int] | None) -> dict[str, Any]:
    order = torch.argsort(turn.likely, descending=True, stable=True)[:TOP].tolist()
    found = [
        {
            "class": number,
            "label": encodable(run.net.labels[number]),
            "probability": float(turn.likely[number]),
        }
        for number in order
    ]
    attention = None if grid is None else sums.plain(np.asarray(turn.looked.reshape(grid).numpy()))
    return {**found[0], "top": found, "attention": attention}


def _way(recording: Recording, word: int) -> Iterator[dict[str, Any]]:
    """The sum of a word's score, and behind it those of the largest parts, up to the cell."""
    number, channel = len(recording.steps) - 1, word
    for _ in range(MOST_SUMS):
        found = explain_value(recording, number, channel)
        step = recording.steps[number]
        yield {
            "op": found.op,
            "label": step.label,
            "module": step.module,
            "channel": channel,
            "value": sums.plain(found.value),
            "total": sums.plain(found.total),
            "steps": [{"text": one.text, "result": one.result} for one in found.steps],
        }
        part = sums.largest_part(found)
        if part is None or step.op in _CELLS:
            return
        largest, sizes = part
        source = largest.step
        if source is None or len(recording.steps[source].shape) != 1:
            return
        number, channel = source, int(sizes.argmax()) if sizes.ndim else (largest.channel or channel)
