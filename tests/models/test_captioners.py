"""Networks that write: what they see and learn, held to torch's own layers and to hand-made sentences."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.errors import InputError, ShapeError
from foveate.graph.summary import summarize
from foveate.layers.greedy import END, PADDING, START
from foveate.layers.teacher_forcing import TEMPERATURES
from foveate.models import create_model, list_models, model_info
from foveate.models.captioner import Captioner
from foveate.models.registry import create_trunk
from foveate.models.weightless import weightless

NAMES = list_models("show*")
WORDS, SIDE = 11, 64
TRUE = torch.tensor(
    [
        [[START, 4, 5, 6, END], [START, 7, END, PADDING, PADDING]],
        [[START, 8, 9, END, PADDING], [PADDING] * 5],
        [[START, 10, END, PADDING, PADDING], [START, 5, 4, END, PADDING]],
    ]
)  # (N, S, L)


def make(name: str, **options: object) -> Captioner:
    torch.manual_seed(0)
    made = create_model(name, num_classes=WORDS, image_size=(SIDE, SIDE), longest=5, **options)
    assert isinstance(made, Captioner)
    return made.eval()


def said(network: Captioner, word: Tensor, state: Tensor, memory: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The scores of all words, also of what is never written, and the new state."""
    state, outputs, _ = network.step.advance(network.step.embedding(word)[:, 0], state, *memory)
    return network.step.scores(outputs), state


@pytest.mark.parametrize("name", NAMES)
def test_the_catalogue_counts_them_to_the_unit(name: str) -> None:
    info = model_info(name)
    with weightless():
        network = create_model(name, image_size=info.input_size[1:])
    found = summarize(network.eval(), info.input_size)
    assert (found.parameters, found.macs) == (info.parameters, info.macs)
    assert sum(row.parameters for row in found.rows) == info.parameters
    layers = [key for key, module in network.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert len([key for key in layers if "downsample" not in key]) == info.depth


@pytest.mark.parametrize("name", ["show_and_tell_compact", "show_attend_and_tell_compact"])
def test_packed_sentences_are_taught_as_each_would_be_alone(name: str) -> None:
    """Scores, loss and gradients of all sentences together, and of one after the other, word by word."""
    network, pictures = make(name, dropout=0.0), torch.randn(3, 3, SIDE, SIDE)
    (together, _), alone = network.forward_to_learn(pictures), copy.deepcopy(network)
    parts, taught = together.losses(TRUE)
    parts["words"].backward()
    state, memory = alone.encode(pictures)
    losses = []
    for row in range(3):
        for words in TRUE[row]:
            now, own = state[row : row + 1], [part[row : row + 1] for part in memory]
            for before, word in zip(words.tolist(), words.tolist()[1:], strict=False):
                if word == PADDING:
                    break
                scores, now = said(alone, torch.tensor([[before]]), now, own)
                losses.append(F.cross_entropy(scores, torch.tensor([word])))
    torch.stack(losses).mean().backward()
    assert len(losses) == len(taught.words) == 4 + 2 + 3 + 2 + 3
    assert parts["words"].item() == pytest.approx(torch.stack(losses).mean().item(), abs=1e-5)
    for (key, one), (_, other) in zip(network.named_parameters(), alone.named_parameters(), strict=True):
        if one.grad is not None:
            assert torch.allclose(one.grad, other.grad, atol=1e-5), key


def test_show_and_tell_is_torchs_lstm_that_reads_the_picture_first() -> None:
    network = make("show_and_tell_compact", dropout=0.0)
    step, theirs = network.step, nn.LSTM(256, 256, batch_first=True)
    theirs.load_state_dict({f"{key}_l0": value for key, value in step.cell.state_dict().items()})
    seen = torch.randn(2, network.num_features)
    words = torch.tensor([[START, 4, 5], [START, 9, 6]])
    with torch.no_grad():
        inputs = torch.cat([network.picture(seen)[:, None], step.embedding(words)], dim=1)
        expected = step.score(theirs(inputs)[0][:, 1:])
        state, _ = network.memories(seen)
        found = []
        for t in range(3):
            scores, state = said(network, words[:, t : t + 1], state, [])
            found.append(scores)
    assert torch.allclose(torch.stack(found, dim=1), expected, atol=1e-4)


def test_attention_sums_to_one_and_overlooking_places_costs() -> None:
    network = make("show_attend_and_tell_compact", dropout=0.0, even=1.0)
    pictures = torch.randn(3, 3, SIDE, SIDE)
    rows, columns = network.grid(SIDE, SIDE)
    with torch.no_grad():
        said = network(pictures)
        seen, _ = network.forward_to_learn(pictures)
        parts, taught = seen.losses(TRUE)
    assert said.shape == (3, 5, 2 + rows * columns)
    going = said[..., 1] > 0
    assert torch.allclose(said[..., 2:].sum(dim=2)[going], torch.ones(int(going.sum())), atol=1e-5)
    # In all a sentence looks as often as it has words, its end among them.
    assert taught.looked.sum(dim=1).tolist() == pytest.approx([4, 3, 3, 2, 2], abs=1e-4)
    assert parts["overlooked"].item() == pytest.approx((1 - taught.looked).square().mean().item(), abs=1e-6)


@pytest.mark.parametrize("name", ["show_and_tell_compact", "show_attend_and_tell_compact"])
def test_what_the_trunk_saw_stands_for_the_pictures(name: str) -> None:
    network, pictures = make(name), torch.randn(2, 3, SIDE, SIDE)
    with torch.no_grad():
        seen = network.seen(pictures)
        assert seen.shape == (2, network.seen_width(SIDE, SIDE))
        assert torch.equal(network(seen), network(pictures))
    network.train()
    network.freeze_trunk(True)
    learning = {key.split(".")[0] for key, value in network.named_parameters() if value.requires_grad}
    assert "trunk" not in learning and "greedy" in learning


@pytest.mark.parametrize(
    "name", ["show_and_tell_efficientnet_lite0", "show_attend_and_tell_efficientnet_lite0"]
)
def test_the_trunk_takes_a_classifiers_weights(name: str) -> None:
    network = make(name)
    torch.manual_seed(1)
    classifier = create_trunk("efficientnet_lite0", None, image_size=(SIDE, SIDE), in_channels=3)
    network.load_trunk(classifier)
    pictures = torch.randn(1, 3, SIDE, SIDE)
    with torch.no_grad():
        expected = classifier.eval().forward_levels(pictures)[16]
        assert torch.equal(network.forward_levels(pictures)[16], expected)


def test_pictures_of_another_size_and_words_anew_are_refused() -> None:
    network = make("show_attend_and_tell_compact")
    with pytest.raises(ShapeError, match="made for pictures of 64x64"):
        network(torch.zeros(1, 3, 32, 32))
    with pytest.raises(InputError, match="knows its words"):
        network.reset_classifier(3)


@pytest.mark.parametrize("name", ["show_and_tell_compact", "show_attend_and_tell_compact"])
def test_losses_are_told_for_several_temperatures_and_one_is_taken(name: str) -> None:
    network, pictures = make(name, dropout=0.0), torch.randn(3, 3, SIDE, SIDE)
    with torch.no_grad():
        network.step.score.weight *= 8  # too sure
        measured = network.forward_to_measure(pictures, {"words": TRUE})
        before = network(pictures)
        for number, temperature in enumerate(TEMPERATURES):
            changed = copy.deepcopy(network)
            changed.calibrate(temperature)
            alone = [
                changed.forward_to_learn(one[None])[0].losses(own[None])
                for one, own in zip(pictures, TRUE, strict=True)
            ]
            expected = torch.stack([parts["words"] for parts, _ in alone])
            assert torch.allclose(measured[:, 0, -len(TEMPERATURES) + number or None], expected, atol=1e-5), (
                temperature
            )
            said = changed(pictures)
            assert torch.equal(said[..., 0], before[..., 0])  # the same words
            assert (temperature > 1) == bool((said[..., 1] < before[..., 1]).any())
