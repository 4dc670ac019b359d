"""Two processes on one NVIDIA card train what one does: they talk by gloo, for NCCL takes one a card."""

import numpy as np
import pytest
import torch

import rank_jobs
from foveate.training.ranks import ALONE
from launching import launch

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no NVIDIA card"),
]


def test_two_processes_share_a_card(tmp_path):
    ended = launch([rank_jobs.__file__, str(tmp_path), "on_card"], [tmp_path] * 2)
    assert all(one.code == 0 for one in ended), "\n".join(one.said for one in ended)
    alone = rank_jobs.on_card(ALONE, tmp_path)
    for rank in range(2):
        own = np.load(tmp_path / f"on_card-{rank}.npz")
        for name, value in alone.items():
            np.testing.assert_allclose(own[name], value, atol=1e-4, err_msg=name)
