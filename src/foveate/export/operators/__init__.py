"""torch functions as ONNX operators: the table of `foveate.export.emitter`, one entry a function.

Each entry takes the arguments that torch's function takes (all spellings: ``F.relu``, ``torch.relu``,
``Tensor.relu_``) and returns the name of the ONNX value. ``g.out`` is what torch returned, for its shape.
Meanings: https://onnx.ai/onnx/operators/ (operator set 20).
"""

from foveate.export.operators import elementwise, layers, shapes
from foveate.export.operators.table import TABLE

__all__ = ["TABLE", "elementwise", "layers", "shapes"]
