"""Freed memory is kept: a step's buffers are taken again without asking the system."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource
import torch
from foveate.training.memory import keep_freed_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        a, b = torch.ones(2_000_000), torch.ones(2_000_000)
        del a, b
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults(), int(keep_freed_memory()), faults(), faults())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="this machine is no Linux, whose page faults are counted")
def test_blocks_are_taken_again_without_new_pages():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    before, kept, _, after = map(int, done.stdout.split())
    if not kept:
        pytest.skip("this machine's C library has no mallopt")
    assert after < before / 10
