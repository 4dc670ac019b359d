"""The operator table: what an entry says of a layer or of a function of torch, and where entries are kept.

The entries themselves stand beside the layers, in `foveate.layers`; a file of one's own adds one with
`foveate.register_layer`, made of the parts below. The tracer, the summary, the sums, the exporter and the
blueprints ask the table and know no layer by name. Importing any of it needs no torch.
"""

from foveate.operators.blueprint import Argument, BlueprintLayer, Choice, Count, Flag, Pair, Real, Whole
from foveate.operators.reading import Reading, window_reader, windowed
from foveate.operators.sums import Arithmetic, Formula, Place, Term, pointwise, shown
from foveate.operators.windows import pooled_patch, summed

__all__ = [
    "Argument",
    "Arithmetic",
    "BlueprintLayer",
    "Choice",
    "Count",
    "Flag",
    "Formula",
    "Pair",
    "Place",
    "Reading",
    "Real",
    "Term",
    "Whole",
    "pointwise",
    "pooled_patch",
    "shown",
    "summed",
    "window_reader",
    "windowed",
]
