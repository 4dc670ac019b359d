"""A double of a card's recorder for the processor: a tape of torch's operators.

It has a recording's two traits: numbers that came from Python stay what they were, and tensors stay where
they were. What a card refuses, it refuses: to tell a value, a shape that depends on values, numbers from the
host.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

REFUSED = ("_local_scalar_dense", "nonzero", "masked_select", "_linalg_check_errors", "lift_fresh", "unique")


class Tape(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.played = []

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = operator.overloadpacket.__name__
        masks = name.startswith("index") and any(
            isinstance(one, torch.Tensor) and one.dtype == torch.bool for one in tree_leaves(args[1:2])
        )
        if masks or any(name.startswith(refused) for refused in REFUSED):
            raise RuntimeError(f"operation not permitted when stream is capturing: {name}")
        out = operator(*args, **kwargs)
        self.played.append((operator, args, kwargs, out))
        return out

    @torch.no_grad()
    def again(self):
        for operator, args, kwargs, out in self.played:
            new = operator(*args, **kwargs)
            for old, one in zip(tree_leaves(out), tree_leaves(new), strict=True):
                if isinstance(old, torch.Tensor) and old.data_ptr() != one.data_ptr():
                    old.copy_(one)


class TapeRecorder:
    """As `foveate.batches.recording.CudaRecorder`; ``tapes`` are those that it made."""

    def __init__(self):
        self.tapes = []

    def record(self, work, generator):
        tape = Tape()
        with tape:
            outputs = work()
        self.tapes.append(tape)
        return outputs, tape.again


class Unrecorded:
    """Runs the work from Python each time, in the places where a recording would."""

    def record(self, work, generator):
        return work(), work
