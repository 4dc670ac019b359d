"""Why a network says what it says: pure functions of a module and a tensor, and their results as pictures.

    module, x = ...                                  # any network; normalised pictures (N, C, H, W)
    heat = upsampled(grad_cam(module, x, target), x.shape[2:])
    picture = overlay(pixels, heat[0])               # uint8, to save or to show
    hiding(module, x[:1], target, heat[0]).drop      # is it true? hide what it marks

Networks are run in evaluation mode and left as they were found.
"""

from foveate.explanation.exciting import (
    Excitations,
    most_exciting,
    receptive_crop,
    receptive_field,
    seen_box,
)
from foveate.explanation.faithfulness import Curves, Hiding, blurred, curves, hiding, marked
from foveate.explanation.grad_cam import grad_cam, upsampled
from foveate.explanation.gradients import (
    Integrated,
    heat_of_gradient,
    integrated_gradients,
    saliency,
    smooth_grad,
)
from foveate.explanation.hooks import activation_of, last_map, map_layers
from foveate.explanation.methods import METHODS, HeatMap, heat_map
from foveate.explanation.occlusion import occlusion
from foveate.explanation.render import (
    curve_picture,
    heat_picture,
    kernel_pictures,
    map_picture,
    overlay,
    sheet,
    signed_overlay,
    signed_picture,
)
from foveate.explanation.report import explain_for_report
from foveate.explanation.rollout import attention_layers, attention_of, rollout
from foveate.explanation.units import UnitHealth, unit_health
from foveate.graph.arithmetic import explain_value
from foveate.graph.recording import record
from foveate.operators.sums import Arithmetic, Recording

__all__ = [
    "METHODS",
    "Arithmetic",
    "Curves",
    "Excitations",
    "HeatMap",
    "Hiding",
    "Integrated",
    "Recording",
    "UnitHealth",
    "activation_of",
    "attention_layers",
    "attention_of",
    "blurred",
    "curve_picture",
    "curves",
    "explain_for_report",
    "explain_value",
    "grad_cam",
    "heat_map",
    "heat_of_gradient",
    "heat_picture",
    "hiding",
    "integrated_gradients",
    "kernel_pictures",
    "last_map",
    "map_layers",
    "map_picture",
    "marked",
    "most_exciting",
    "occlusion",
    "overlay",
    "receptive_crop",
    "receptive_field",
    "record",
    "rollout",
    "saliency",
    "seen_box",
    "sheet",
    "signed_overlay",
    "signed_picture",
    "smooth_grad",
    "unit_health",
    "upsampled",
]
