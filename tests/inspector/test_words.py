"""A network that writes, in the inspector: its words, where it looked, and the sums behind a word's score."""

import numpy as np
import pytest
import torch

from foveate.images.preprocess import Preprocessing
from foveate.models.model import Model
from foveate.models.registry import create_model
from foveate.tasks.captioning.task import Captioning
from foveate.tasks.captioning.vocabulary import Vocabulary

SIDE, LONGEST = 32, 5


@pytest.fixture(scope="module", params=["show_and_tell_compact", "show_attend_and_tell_compact"])
def net(request):
    torch.manual_seed(0)
    vocabulary = Vocabulary(("a", "dog", "runs", "fast"))
    module = create_model(
        request.param, num_classes=len(vocabulary), image_size=(SIDE, SIDE), longest=LONGEST
    ).eval()
    with torch.no_grad():
        module.greedy.step.score.weight.mul_(5)
    grid = module.grid(SIDE, SIDE)
    return Model(
        "writer",
        module,
        Preprocessing(SIDE, SIDE),
        Captioning(vocabulary, "", LONGEST, grid),
        {"name": request.param, "options": {}},
    )


def test_the_words_are_those_that_the_network_writes(make, net):
    client = make(net)
    run = client.run()
    found = client.get(f"/api/runs/{run}/words")
    assert 1 <= len(found["words"]) <= LONGEST
    for word in found["words"]:
        shares = [one["probability"] for one in word["top"]]
        assert shares == sorted(shares, reverse=True)
        assert word["label"] == word["top"][0]["label"] == net.labels[word["class"]]
        if found["grid"] is None:
            assert word["attention"] is None
        else:
            assert np.sum(word["attention"]) == pytest.approx(1, abs=1e-4)
    said = {word["label"] for word in found["words"]} - {"<end>"}
    told = {one["label"] for one in client.session.runs.get(run).top() if one["probability"] > 0}
    assert said == told


def test_the_sums_behind_a_word_lead_to_the_gates(make, net):
    client = make(net)
    run = client.run()
    for word in (None, 6):
        more = "" if word is None else f"?class={word}"
        found = client.get(f"/api/runs/{run}/words/0{more}")
        assert word is None or found["class"] == word
        for one in found["sums"]:
            assert one["total"] is None or one["total"] == pytest.approx(one["value"], abs=1e-4)
        assert found["sums"][0]["channel"] == found["class"]
        assert any(one["op"] == "linear" for one in found["sums"])


def test_a_network_that_sorts_writes_no_sentence(client):
    answer = client.ask("GET", f"/api/runs/{client.run()}/words")
    assert answer.status == 404
    assert b"writes no sentence" in answer.content
