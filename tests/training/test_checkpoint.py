"""Checkpoints: whole or not there, whatever happens to the files."""

import pytest
import torch

from foveate.errors import CheckpointError
from foveate.training.checkpoint import CheckpointStore, Snapshot


def snapshot(value):
    return Snapshot({"module.w": torch.full((3,), float(value))}, {"step": value, "history": [{"loss": 0.1}]})


def test_the_newest_is_loaded_and_two_are_kept(tmp_path):
    store = CheckpointStore(tmp_path)
    for step in (1, 2, 30):
        store.save(step, snapshot(step))
    found, damage = store.load_latest()
    assert found.numbers == {"step": 30, "history": [{"loss": 0.1}]}
    assert torch.equal(found.tensors["module.w"], torch.full((3,), 30.0))
    assert damage == []
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "step-000000002.json",
        "step-000000002.safetensors",
        "step-000000030.json",
        "step-000000030.safetensors",
    ]


@pytest.mark.parametrize("name", ["step-000000002.json", "step-000000002.safetensors"])
def test_every_flipped_bit_and_every_truncation_is_noticed_and_the_one_before_is_used(tmp_path, name):
    store = CheckpointStore(tmp_path)
    store.save(1, snapshot(1))
    store.save(2, snapshot(2))
    path = tmp_path / name
    whole = path.read_bytes()
    damaged = [whole[:n] for n in range(len(whole))]
    damaged += [
        whole[:n] + bytes([whole[n] ^ (1 << bit)]) + whole[n + 1 :]
        for n in range(len(whole))
        for bit in (0, 7)
    ]
    for data in damaged:
        path.write_bytes(data)
        found, damage = store.load_latest()
        assert found.numbers["step"] == 1
        assert damage == ["The checkpoint step-000000002.json is damaged; the one before it is used."]


def test_tensors_without_their_numbers_are_no_checkpoint(tmp_path):
    store = CheckpointStore(tmp_path)
    store.save(1, snapshot(1))
    store.save(2, snapshot(2))
    (tmp_path / "step-000000002.json").unlink()  # killed between the two writes
    assert store.load_latest()[0].numbers["step"] == 1
    store.save(3, snapshot(3))
    assert not (tmp_path / "step-000000002.safetensors").exists()


def test_none_and_all_damaged_are_two_clear_errors(tmp_path):
    store = CheckpointStore(tmp_path / "none")
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        store.load_latest()
    store.save(1, snapshot(1))
    (tmp_path / "none" / "step-000000001.json").write_bytes(b"{}")
    with pytest.raises(CheckpointError, match="Every checkpoint"):
        store.load_latest()
