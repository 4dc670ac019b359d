"""``model.onnx`` for a fixed number of pictures: what engines build plans for that know no open sizes."""

from __future__ import annotations

import numpy as np

from foveate.errors import InputError, ParityError
from foveate.runtime.session import Session
from foveate.words import first_line

MOST_PICTURES = 1024


def fixed_batch(model: bytes, batch_size: int) -> bytes:
    """The same network that takes ``batch_size`` pictures at once, and no other number.

    model: the bytes of ``model.onnx``. Both are run on the same made-up pictures and must agree to the bit.

    Raises InputError for a network that cannot be fixed so; ParityError where it computes something else.
    """
    import onnx

    if not 1 <= batch_size <= MOST_PICTURES:
        raise InputError(f"a batch has 1 to {MOST_PICTURES:,} pictures, not {batch_size:,}.")
    found = onnx.load_model_from_string(model)
    for value in (*found.graph.input, *found.graph.output):
        first = value.type.tensor_type.shape.dim[0]
        first.Clear()
        first.dim_value = batch_size
    del found.graph.value_info[:]  # they name the open size
    try:
        found = onnx.shape_inference.infer_shapes(found, strict_mode=True)
        onnx.checker.check_model(found)
    except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError) as error:
        raise InputError(
            f"this network cannot be fixed to {batch_size} pictures: {first_line(error)}; export it without."
        ) from error
    fixed: bytes = found.SerializeToString()
    _check_same(model, fixed, batch_size)
    return fixed


def _check_same(model: bytes, fixed: bytes, batch_size: int) -> None:
    """Raises ParityError where the two give different answers."""
    sessions = Session(model, 1), Session(fixed, 1)
    rng = np.random.default_rng(0)
    feeds = {}
    for one in sessions[1].inputs:
        shape = [int(side) for side in one.shape]
        made = rng.integers(0, 256, shape, dtype=np.uint8)
        feeds[one.name] = made if "uint8" in one.type else np.sort(made.astype(np.float32), axis=-1)
    names = [one.name for one in sessions[0].outputs]
    answers = [session.run(names, feeds, 60.0 + batch_size) for session in sessions]
    for name, before, after in zip(names, *answers, strict=True):
        if not np.array_equal(before, after, equal_nan=True):
            raise ParityError(
                f"{name}: with {batch_size} pictures fixed it is not what it was; export it without."
            )
