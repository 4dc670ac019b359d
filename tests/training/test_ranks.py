"""Several processes that train together, held to one that does so alone."""

import json

import numpy as np
import pytest
import torch

import rank_jobs
from foveate.training.ranks import ALONE
from launching import launch
from uneven import write_uneven

JOBS = {
    4: ("learn", "stream", "last_batch", "tasks", "resumed_alike", "refusals", "leg"),
    2: ("learn", "stream", "last_batch", "tasks", "tuned", "accumulated", "resumed_alike", "leg"),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """By the number of ranks and the job's name what each rank found; 1: alone, in this process."""
    root, results = tmp_path_factory.mktemp("ranks"), {}
    for name, sizes in rank_jobs.SHARDS.items():
        write_uneven(root / name, {"train": sizes})
    for count, names in JOBS.items():
        folder = root / str(count)
        folder.mkdir()
        ended = launch([rank_jobs.__file__, str(folder), *names], [folder] * count)
        assert all(one.code == 0 for one in ended), "\n".join(one.said for one in ended)
        for name in names:
            results[count, name] = [dict(np.load(folder / f"{name}-{rank}.npz")) for rank in range(count)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for name in ("learn", "stream", "last_batch", "tasks", "tuned", "accumulated", "leg"):
        results[1, name] = [dict(rank_jobs.__dict__[name](ALONE, root / "1"))]
    torch.set_num_threads(threads)
    return results


def assert_close(one, other, tolerance):
    assert one.keys() == other.keys()
    for name, value in one.items():
        apart = np.abs(np.asarray(value, np.float64) - other[name]).max()
        assert apart <= tolerance * max(1, np.abs(value).max()), (name, apart)


def weights(of):
    return {name: value for name, value in of.items() if name.startswith("weights.")}


@pytest.mark.parametrize("count", [2, 4])
def test_the_gradients_of_a_small_last_batch_are_those_of_one_process(found, count):
    for own in found[count, "last_batch"]:
        assert_close(found[1, "last_batch"][0], own, 1e-6)


@pytest.mark.parametrize("count", [2, 4])
def test_every_kind_of_answer_has_the_gradients_and_sums_of_one_process(found, count):
    kinds = {name.partition(".")[0] for name in found[1, "tasks"][0]}
    assert kinds == {"classes", "several", "numbers", "masks", "boxes", "words"}
    for own in found[count, "tasks"]:
        assert_close(
            {name: value for name, value in found[1, "tasks"][0].items() if not _told_by_part(name)},
            {name: value for name, value in own.items() if not _told_by_part(name)},
            1e-6,
        )


def _told_by_part(name):
    """Boxes' and words' running metrics are means of parts, for the eye alone."""
    return name in {"boxes.sums", "words.sums"}


@pytest.mark.parametrize("count", [2, 4])
def test_after_two_hundred_steps_the_weights_are_those_of_one_process(found, count):
    alone = found[1, "learn"][0]
    for own in found[count, "learn"]:
        assert_close(weights(alone), weights(own), 1e-5)
    first = found[count, "learn"][0]
    np.testing.assert_allclose(first["outputs"], alone["outputs"], atol=1e-4)  # in order, each picture once
    rows, same = (json.loads(str(each["history"])) for each in (first, alone))
    assert [row["val_accuracy"] for row in rows] == [row["val_accuracy"] for row in same]
    assert [row["step"] for row in rows] == [row["step"] for row in same]
    np.testing.assert_allclose(
        [row["train_loss"] for row in rows], [row["train_loss"] for row in same], rtol=1e-4
    )


@pytest.mark.parametrize("count", [2, 4])
def test_all_ranks_hold_the_same_bytes(found, count):
    first, *others = found[count, "learn"]
    for other in others:
        assert all(value.tobytes() == other[name].tobytes() for name, value in weights(first).items())
        assert str(first["history"]) == str(other["history"])


@pytest.mark.parametrize("count", [2, 4])
def test_a_run_that_goes_on_with_as_many_ranks_repeats_to_the_byte(found, count):
    for own in found[count, "resumed_alike"]:
        whole, parts = (
            {name.removeprefix(f"{kind}."): value for name, value in own.items() if name.startswith(kind)}
            for kind in ("whole", "parts")
        )
        assert weights(whole) and all(
            value.tobytes() == parts[name].tobytes() for name, value in weights(whole).items()
        )
        assert str(whole["history"]) == str(parts["history"])


def test_from_four_ranks_to_two_to_one_each_picture_comes_once_an_epoch(found):
    legs = [found[count, "leg"] for count in (4, 2, 1)]
    assert [(int(leg[0]["began"]), int(leg[0]["ended"])) for leg in legs] == [(0, 10), (10, 17), (17, 21)]
    seen = {0: [], 1: [], 2: []}
    for leg in legs:
        steps = [json.loads(str(own["log"])) for own in leg]
        for batch in zip(*steps, strict=True):  # what each rank had of a batch
            epoch, parts = batch[0][0], [rows for _, rows in batch]
            shared = any(part != parts[0] for part in parts)  # else each has the whole of a small batch
            seen[epoch] += [row for part in (parts if shared else parts[:1]) for row in part]
    assert [sorted(rows) for rows in seen.values()] == [list(range(rank_jobs.PICTURES))] * 3


@pytest.mark.parametrize("name", list(rank_jobs.SHARDS))
@pytest.mark.parametrize("count", [2, 4])
def test_streamed_shards_of_any_size_are_learnt_from_as_by_one_process(found, count, name):
    """Shards of one picture, of none and of 997, and fewer shards than processes."""
    alone = _of(found[1, "stream"][0], name)
    own = [_of(one, name) for one in found[count, "stream"]]
    for each in own:
        assert_close(weights(alone), weights(each), 1e-5)
    seen = {0: [], 1: []}
    for batch in zip(*(json.loads(str(each["log"])) for each in own), strict=True):
        assert sorted(row for _, rows in batch for row in rows) == sorted(set().union(*(r for _, r in batch)))
        for epoch, rows in batch:
            seen[epoch] += rows
    pictures = list(range(sum(rank_jobs.SHARDS[name])))
    assert [sorted(rows) for rows in seen.values()] == [pictures] * 2


@pytest.mark.parametrize("name", list(rank_jobs.SHARDS))
@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_streamed_run_that_was_stopped_repeats_to_the_byte(found, count, name):
    for own in found[count, "stream"]:
        whole, parts = _of(own, name), _of(own, f"{name}-parts")
        assert all(value.tobytes() == parts[key].tobytes() for key, value in weights(whole).items())
        assert str(whole["history"]) == str(parts["history"])


def _of(found, name):
    return {key.removeprefix(f"{name}."): one for key, one in found.items() if key.startswith(f"{name}.")}


def test_a_learnt_network_is_fine_tuned_as_by_one_process(found):
    alone = found[1, "tuned"][0]
    for own in found[2, "tuned"]:
        assert_close(weights(alone), weights(own), 1e-5)
        np.testing.assert_allclose(own["judged"], alone["judged"], atol=1e-5)


def test_gradients_are_added_up_over_the_parts_of_a_batch(found):
    for own in found[2, "accumulated"]:
        assert_close(found[1, "accumulated"][0], own, 1e-6)


def test_ranks_that_differ_or_fail_are_told_of_once(found):
    first, *others = [{name: str(value) for name, value in own.items()} for own in found[4, "refusals"]]
    assert first == {
        "alike": "nothing",
        "differ": "2 Rank 2 has other pictures than rank 0 (pictures 8 instead of 7): bring them.",
        "version": "2 Rank 1 has another version of the program than rank 0 (source text b instead of a): "
        "install the same one everywhere.",
        "fails": "2 Rank 1: There is no photos/.",
        "all fail": "2 There is no photos/.",
    }
    assert others == [{name: "nothing" if name == "alike" else "silent 2" for name in first}] * 3
