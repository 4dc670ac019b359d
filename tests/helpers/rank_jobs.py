"""What several processes compute together, for tests: each function is one's part of it.

``python rank_jobs.py FOLDER NAME...`` runs the functions of these names in a rank, by the variables that
launchers set; what they return lies in FOLDER/NAME-RANK.npz. A test runs the same functions alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from foveate.batches.augment import Augmentation
from foveate.batches.loader import (
    WHOLE,
    Batch,
    EvaluationBatches,
    Normaliser,
    Part,
    Pixels,
    TrainingBatches,
)
from foveate.batches.streamed import StreamedBatches
from foveate.dataset.shards.index import read_index
from foveate.dataset.shards.stream import StreamReader, streamed
from foveate.errors import FoveateError, InputError, InterruptedRunError
from foveate.images.preprocess import Preprocessing
from foveate.launched import Launched
from foveate.layers.greedy import END, PADDING, START
from foveate.models import create_model
from foveate.pipeline import several
from foveate.pipeline.request import TrainRequest
from foveate.stores import open_store
from foveate.tasks.captioning.learn import CaptioningLearner
from foveate.tasks.classification.learn import ClassificationLearner
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification
from foveate.tasks.detection.learn import DetectionLearner
from foveate.tasks.detection.task import Detection
from foveate.tasks.learning import Learner
from foveate.tasks.multilabel.learn import MultilabelLearner
from foveate.tasks.multilabel.task import Multilabel
from foveate.tasks.regression.learn import RegressionLearner
from foveate.tasks.regression.task import Regression
from foveate.tasks.segmentation.learn import SegmentationLearner
from foveate.tasks.segmentation.task import Segmentation
from foveate.training.checkpoint import CheckpointStore, Saving
from foveate.training.loop import Trainer
from foveate.training.optim import make_optimiser
from foveate.training.ranks import Ranks, joined_ranks
from foveate.training.schedule import StepHorizon
from foveate.training.settings import OptimiserSettings, TrainingSettings
from foveate.training.step import Step
from foveate.transfer.finetune import TuningBatches, fine_tune, horizons

PICTURES, BATCH = 51, 8  # batches of 8, and a last one of 3
STREAM_BATCH = 64
SHARDS = {"uneven": (1, 0, 997, 30, 3), "few": (70, 51)}  # of so many pictures each
STEPS_AN_EPOCH = 7
SGD = OptimiserSettings("sgd", learning_rate=0.05, weight_decay=1e-4)
Found = Mapping[str, Any]


def stripes(count: int, seed: int = 0, device: str = "cpu") -> Pixels:
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = random.integers(0, 200, (count, 8, 8, 1))
    images[labels == 0, ::2] += 50
    images[labels == 1, :, ::2] += 50
    return Pixels(images.astype(np.uint8), ClassTargets(labels), device)


def network() -> nn.Module:
    """Batch norms of maps and of vectors; a bias before one would only learn rounding."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, 6, bias=False),
        nn.BatchNorm1d(6),
        nn.ReLU(),
        nn.Linear(6, 2),
    ).to(memory_format=torch.channels_last)


class Logged(TrainingBatches):
    """Remembers which pictures each batch is made of."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.log: list[tuple[int, list[int]]] = []

    def _make(self, indices: torch.Tensor, epoch: torch.Tensor) -> tuple[torch.Tensor, ...]:
        self.log.append((int(epoch), indices.tolist()))
        return super()._make(indices, epoch)


class LoggedStream(StreamedBatches):
    """The same of pictures that are read from shards: a batch is logged when it is learnt from."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.log: list[tuple[int, list[int]]] = []

    def _moved(self, images: torch.Tensor, indices: torch.Tensor, epoch: torch.Tensor) -> Any:
        self.log.append((int(epoch), indices.tolist()))
        return super()._moved(images, indices, epoch)


def trainer(
    ranks: Ranks,
    steps: int,
    folder: Path | None = None,
    device: str = "cpu",
    shards: Path | None = None,
    **settings: Any,
) -> Trainer:
    """shards: from which the pictures are streamed; otherwise they are drawn."""
    normalise = Normaliser(Preprocessing(8, 8, channels=1, mean=(0.5,), std=(0.25,)), device)
    moves = Augmentation(
        flip="random", shift_px=1, zoom_fraction=0.1, brightness_fraction=0.1, erase_fraction=0.2
    )
    pixels = stripes(PICTURES, device=device)
    how = {"augmentation": moves, "seed": 7, "part": ranks.part}
    if shards is None:
        batches = Logged(pixels, normalise, batch_size=BATCH, **how)
    else:
        store = open_store(str(shards))
        stream = streamed(store, read_index(store), {}, seed=7).stream
        reader = StreamReader(stream, Preprocessing(8, 8, channels=1))
        batches = LoggedStream(reader, pixels, normalise, batch_size=STREAM_BATCH, **how)
    usual = {"optimiser": SGD, "average_half_life_epochs": 1.0, "clip_norm": 3.0, "precision": "float32"}
    return Trainer(
        network().to(device),
        ClassificationLearner(Classification(("0", "1"))),
        batches,
        EvaluationBatches(stripes(30, 1, device), normalise, batch_size=7, part=ranks.part),
        settings=TrainingSettings(**{**usual, "seed": 7, **settings}),
        horizon=StepHorizon(steps),
        saving=None if folder is None else Saving(CheckpointStore(folder)),
        ranks=ranks,
    )


def state(run: Trainer) -> dict[str, Any]:
    history = [{name: value for name, value in row.items() if name != "seconds"} for row in run.history]
    weights = {f"weights.{name}": one.cpu().numpy().copy() for name, one in run.module.state_dict().items()}
    return {**weights, "history": json.dumps(history), "log": json.dumps(run.batches.log)}


def learn(ranks: Ranks, folder: Path) -> Found:
    """Two hundred steps, with the outputs for the validation pictures by the average at the end."""
    run = trainer(ranks, 200)
    list(run.run())
    outputs = run._outputs(run.evaluated_module)
    return {**state(run), **({} if outputs is None else {"outputs": outputs.numpy()})}


def on_card(ranks: Ranks, folder: Path) -> Found:
    """The weights after twenty steps on a card."""
    run = trainer(ranks, 20, device="cuda")
    list(run.run())
    return {name: value for name, value in state(run).items() if name.startswith("weights")}


def last_batch(ranks: Ranks, folder: Path) -> Found:
    """The gradients of the first epoch's last batch, which is smaller than the others."""
    run = trainer(ranks, STEPS_AN_EPOCH, clip_norm=None)
    list(run.run())
    return {name: one.grad.numpy() for name, one in run.module.named_parameters()}


def stream(ranks: Ranks, folder: Path) -> Found:
    """Two epochs of pictures that are streamed from shards as there may be, without a break and with one."""
    found = {}
    for name, sizes in SHARDS.items():
        steps = 2 * -(-sum(sizes) // STREAM_BATCH)
        shards = folder.parent / name
        run = trainer(ranks, steps, shards=shards)
        list(run.run())
        parts = _stopped(ranks, folder / f"{name}-alike", steps, at=steps // 2 - 1, shards=shards)
        found |= {f"{name}.{key}": value for key, value in state(run).items()}
        found |= {f"{name}-parts.{key}": value for key, value in state(parts).items()}
    return found


def accumulated(ranks: Ranks, folder: Path) -> Found:
    """The gradients of a batch of eight computed in two parts, by a network without batch norms."""
    run = trainer(ranks, 1, clip_norm=None, accumulate=2, average_half_life_epochs=None)
    for name in ("1", "5"):
        run.module.set_submodule(name, nn.Identity())
    list(run.run())
    return {name: one.grad.numpy() for name, one in run.module.named_parameters() if one.grad is not None}


def tasks(ranks: Ranks, folder: Path) -> Found:
    """The gradients of one step of five pictures, for each kind of answer."""
    found = {}
    for kind, (learner, module, images, targets) in batches_of_tasks().items():
        settings = TrainingSettings(optimiser=SGD, precision="float32")
        step = Step(
            module, learner, make_optimiser(module, SGD), settings, half=False, recorder=None, ranks=ranks
        )
        first, last, shared = ranks.part.of(0, len(images))
        rows = slice(first, last)
        step(Batch(images[rows], {name: one[rows] for name, one in targets.items()}, shared=shared))
        found |= {
            f"{kind}.{name}": one.grad.numpy()
            for name, one in module.named_parameters()
            if one.grad is not None
        }
        found[f"{kind}.sums"] = step.sums.numpy()
    return found


def tuned(ranks: Ranks, folder: Path) -> Found:
    """The weights of a network that was fine-tuned in two rungs, and how it was judged."""
    run, settings = trainer(ranks, 1), TrainingSettings(optimiser=SGD, precision="float32", select="val_loss")
    horizon = horizons(2, len(run.batches), None)
    batches = TuningBatches(run.batches, run.validation)
    *_, last = fine_tune(run.module, run.learner, batches, horizon, settings=settings, ranks=ranks)
    weights = {f"weights.{name}": one.numpy().copy() for name, one in last.network.state_dict().items()}
    return {**weights, "judged": [last.kept, last.loss_before, last.loss_after]}


def batches_of_tasks() -> dict[str, tuple[Learner, nn.Module, torch.Tensor, dict[str, torch.Tensor]]]:
    """A learner, a network and five pictures with their answers, of which some say less than others."""
    random = torch.Generator().manual_seed(0)
    images = torch.randn(5, 3, 64, 64, generator=random)
    small = images[:, :, ::8, ::8].contiguous()
    masks = torch.randint(0, 3, (5, 8, 8), generator=random, dtype=torch.uint8)
    masks[0, 2:] = 255  # ignored
    masks[3][masks[3] == 1] = 0
    boxes, labels = torch.zeros(5, 2, 4), torch.full((5, 2), -1)
    boxes[1, 0], labels[1, 0] = torch.tensor([10.0, 10, 40, 40]), 0
    boxes[4], labels[4] = torch.tensor([[0.0, 0, 20, 30], [30, 20, 62, 60]]), torch.tensor([1, 0])
    words = torch.full((5, 1, 5), PADDING)
    for row, sentence in {0: [START, 4, 5, 6, END], 1: [START, 7, END], 4: [START, 8, 9, END]}.items():
        words[row, 0, : len(sentence)] = torch.tensor(sentence)
    weighted = ClassificationLearner(Classification(("a", "b")), label_smoothing=0.1, weights=(1.0, 5.0))
    return {
        "classes": (weighted, _scores(2), small, {"labels": torch.tensor([0, 1, 0, 0, 1])}),
        "several": (
            MultilabelLearner(Multilabel(("a", "b"))),
            _scores(2),
            small,
            {"present": torch.tensor([[0, 1], [1, 1], [0, 0], [1, 0], [0, 1]])},
        ),
        "numbers": (
            RegressionLearner(Regression(("a",), (2.0,), (3.0,))),
            _scores(1),
            small,
            {"values": torch.arange(5.0)[:, None]},
        ),
        "masks": (SegmentationLearner(Segmentation(("a", "b", "c"))), _maps(3), small, {"masks": masks}),
        "boxes": (
            DetectionLearner(Detection(("a", "b"))),
            _undrawn("centre_compact", num_classes=2),
            images,
            {"boxes": boxes, "labels": labels, "crowd": torch.zeros(5, 2, dtype=torch.bool)},
        ),
        "words": (
            CaptioningLearner(SimpleNamespace(name="captioning")),  # type: ignore[arg-type]
            _undrawn("show_attend_and_tell_compact", num_classes=11, longest=5, even=1.0),
            images,
            {"words": words},
        ),
    }


def _scores(count: int) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, count)
    )


def _maps(count: int) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, count, 1)
    )


def _undrawn(name: str, **options: Any) -> nn.Module:
    """A network by its name that draws no random numbers in training."""
    torch.manual_seed(0)
    made = (
        create_model(name, image_size=(64, 64), **options)
        if "show" in name
        else create_model(name, **options)
    )
    for module in made.modules():
        if hasattr(module, "p"):
            module.p = 0.0
    return made.train()


def resumed_alike(ranks: Ranks, folder: Path) -> Found:
    """A run that was stopped in the middle of an epoch and goes on, and one that never was."""
    whole = trainer(ranks, 11)
    list(whole.run())
    parts = _stopped(ranks, folder / "alike", 11, at=5)
    return {
        **{f"whole.{k}": v for k, v in state(whole).items()},
        **{f"parts.{k}": v for k, v in state(parts).items()},
    }


def _stopped(ranks: Ranks, folder: Path, steps: int, at: int, shards: Path | None = None) -> Trainer:
    first = trainer(ranks, steps, folder, shards=shards)
    _run_to(first, at)
    second = trainer(ranks, steps, folder, shards=shards)
    second.restore(CheckpointStore(folder).load_latest()[0])
    list(second.run())
    return second


def _run_to(run: Trainer, step: int) -> None:
    try:
        list(run.run(lambda: run.step >= step and run.ranks.first))  # one rank is asked to stop: all do
    except InterruptedRunError:
        return


def leg(ranks: Ranks, folder: Path) -> Found:
    """Some steps of a run of three epochs that changes its ranks: those of 4, then of 2, then one alone."""
    place = folder.parent / "legs"  # beside the folders of each number of ranks
    run = trainer(ranks, 3 * STEPS_AN_EPOCH, place)
    store = CheckpointStore(place)
    if not store.is_empty():
        run.restore(store.load_latest()[0])
    began = run.step
    _run_to(run, {4: 10, 2: 17, 1: 21}[ranks.count])
    return {"began": began, "ended": run.step, "log": json.dumps(run.batches.log)}


def refusals(ranks: Ranks, folder: Path) -> Found:
    """What each rank hears of others that differ, or fail."""
    heard = {}
    for name, tell in {
        "alike": lambda: ranks.check_alike("other pictures", "bring them", {"pictures": 7}),
        "differ": lambda: ranks.check_alike(
            "other pictures", "bring them", {"labels": 2, "pictures": 7 + ranks.number // 2}
        ),
        "version": lambda: _other_text(ranks),
        "fails": lambda: _failing(ranks, at=1),
        "all fail": lambda: _failing(ranks, at=None),
    }.items():
        try:
            tell()
            heard[name] = "nothing"
        except FoveateError as error:
            heard[name] = f"{error.exit_code} {error}"
        except SystemExit as ended:
            heard[name] = f"silent {ended.code}"
    return heard


def _other_text(ranks: Ranks) -> None:
    several._source_digest = lambda: "abbb"[ranks.number]
    several.check_program(ranks, TrainRequest())


def _failing(ranks: Ranks, at: int | None) -> None:
    with ranks.together():
        if at in {None, ranks.number}:
            raise InputError("There is no photos/.")


def main() -> None:
    folder, *names = sys.argv[1:]
    torch.set_num_threads(1)
    launched = Launched.here()
    with joined_ranks(launched, torch.device("cuda" if names == ["on_card"] else "cpu")) as ranks:
        assert ranks.part == Part(launched.rank, launched.world) != WHOLE
        for name in names:
            found = globals()[name](ranks, Path(folder))
            np.savez(Path(folder) / f"{name}-{launched.rank}.npz", **found)


if __name__ == "__main__":
    main()
