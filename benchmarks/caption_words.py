"""Do all forms of a model that writes say the same? One ONNX loop, its pieces, torch, and NumPy alone.

    python benchmarks/caption_words.py MODEL PICTURES [--most 500] [--out FOLDER]

The loop is ``model.onnx``. The pieces are ``encoder.onnx`` and ``step.onnx``, driven word by word. NumPy
begins with what torch's trunk sees and takes each step with `foveate.reference`, in 64 bits. Writes
caption-words.json: of how many pictures the words are those of the loop, and how far probabilities are
apart where they are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import foveate
from foveate.images.read import is_image_name
from foveate.layers.greedy import PADDING, START, UNKNOWN
from foveate.modelfolder.to_torch import rebuild
from foveate.models.model import Model
from foveate.reference import additive_attention as looking
from foveate.reference import recurrent
from foveate.reference.activations import sigmoid, softmax
from foveate.tasks.captioning.decoding import Said, greedy
from report import machine

AT_ONCE = 50  # pictures
Array = NDArray[Any]


class NumpyStep:
    """A step of either family as a function of arrays; weights by their names in torch."""

    def __init__(self, weights: dict[str, Array]) -> None:
        self.w = {
            key.removeprefix("greedy.step."): value.astype(np.float64) for key, value in weights.items()
        }
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        self.cell = recurrent.Weights(*(self.w[f"cell.{name}"] for name in names))
        self.attends = "gate.weight" in self.w

    def __call__(
        self, word: NDArray[np.int64], state: Array, memory: Sequence[Array]
    ) -> tuple[Array, Array, Array]:
        embedded = recurrent.embedding(word[:, 0], self.w["embedding.weight"])
        if self.attends:
            state, output, looked = self._attend(embedded, state, memory[0])
        else:
            state = recurrent.lstm(embedded, state, self.cell)
            output, looked = np.split(state, 2, axis=1)[0], state[:, :0]
        scores = output @ self.w["score.weight"].T + self.w["score.bias"]
        scores[:, [PADDING, START, UNKNOWN]] = -np.inf
        return softmax(scores, axis=1), state, looked

    def _attend(self, embedded: Array, state: Array, places: Array) -> tuple[Array, Array, Array]:
        w, units = self.w, len(self.w["by_place.weight"])
        before, last = np.split(state, [2 * units], axis=1)
        state = recurrent.lstm(np.concatenate([embedded, last], axis=1), before, self.cell)
        now = state[:, :units]
        keys = (w["attention.key.weight"], w["attention.query.weight"], w["attention.score.weight"][0])
        bias = w["attention.key.bias"]  # of the places' part of the sum: one more number of each place
        wide = np.concatenate([places, np.ones_like(places[..., :1])], axis=2)
        whole = looking.Weights(np.concatenate([keys[0], bias[:, None]], axis=1), keys[1], keys[2])
        seen, looked = looking.additive_attention(wide, now, whole)
        seen = sigmoid(now @ w["gate.weight"].T + w["gate.bias"]) * seen[:, :-1]
        by_state = now @ w["by_state.weight"].T + w["by_state.bias"]
        output = np.tanh(embedded + by_state + seen @ w["by_place.weight"].T)
        return np.concatenate([state, seen], axis=1), output, looked


def in_torch(model: Model, images: torch.Tensor) -> Said:
    with torch.inference_mode():
        said = model.module(images).numpy()
    return Said(said[..., 0].round().astype(np.int64), said[..., 1], said[..., 2:])


def in_numpy(model: Model, images: torch.Tensor) -> Said:
    module: Any = model.module
    with torch.inference_mode():
        state, memory = module.encode(images)
    step = NumpyStep({key: value.numpy() for key, value in module.state_dict().items() if "step" in key})
    given = [part.double().numpy() for part in (state, *memory)]
    return greedy(step, given[0], given[1:], module.greedy.longest)


def compared(folder: Path, pictures: Sequence[Array]) -> dict[str, dict[str, float]]:
    """Each form beside the loop: pictures with the same words, and how far probabilities are apart there.

    pictures: (H, W, 3) uint8 each.
    """
    loop = foveate.load(folder, runtime="onnxruntime")  # another may compute in 16 bits
    pieces, network = foveate.load(folder, beam=1), rebuild(folder)
    found: dict[str, list[tuple[bool, float]]] = {"pieces": [], "torch": [], "numpy": []}
    for first in range(0, len(pictures), AT_ONCE):
        some = pictures[first : first + AT_ONCE]
        expected, driven = loop.values(some), pieces.values(some)
        shape = network.preprocessing
        seen = torch.from_numpy(shape.normalise(np.stack([shape.apply(one) for one in some])))
        others = {
            "pieces": (driven["words"], driven["probabilities"]),
            **{
                name: (said.words, said.probabilities)
                for name, said in (("torch", in_torch(network, seen)), ("numpy", in_numpy(network, seen)))
            },
        }
        for name, (words, sure) in others.items():
            same = (words == expected["words"]).all(axis=1)
            apart = np.abs(sure - expected["probabilities"]).max(axis=1)
            found[name] += zip(same.tolist(), apart.tolist(), strict=True)
    return {
        name: {
            "pictures": len(rows),
            "same_words": sum(same for same, _ in rows),
            "probabilities_apart": max((apart for same, apart in rows if same), default=0.0),
        }
        for name, rows in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--most", type=int, default=500)
    parser.add_argument("--out", type=Path, default=Path())
    given = parser.parse_args()
    names = sorted(str(path) for path in given.pictures.rglob("*") if is_image_name(path.name))[: given.most]
    forms = compared(given.model, [foveate.read_image(name) for name in names])
    document = {"machine": machine(quick=True), "model": given.model.name, **forms}
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "caption-words.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    print(json.dumps(document))


if __name__ == "__main__":
    main()
