"""Lp pooling, (sum of |x|^p under a window)^(1/p), as a layer of one's own: this file is all of it."""

from dataclasses import replace

import numpy as np
from torch import nn
from torch.nn import functional as F

from foveate import register_layer
from foveate.layers.pooling import window_pooling
from foveate.operators import Argument, Formula, Whole, pooled_patch, shown, summed, window_reader


class LpPool2d(nn.Module):
    def __init__(self, kernel_size, stride, padding=(0, 0), p=3):
        super().__init__()
        self.kernel_size, self.stride, self.padding, self.p = kernel_size, stride, padding, p

    def forward(self, x):
        powers = x.abs().clamp(min=1e-6) ** self.p  # the root has no gradient at 0
        sums = F.avg_pool2d(powers, self.kernel_size, self.stride, self.padding, divisor_override=1)
        return sums ** (1 / self.p)


def lp_sum(place):
    (window, patch), p = pooled_patch(place), place.step.settings["p"]
    powers = summed(place, window, np.abs(patch) ** p, what="powers")
    root = Formula(f"root of order {p}", shown(powers.total ** (1 / p)))
    return replace(powers, total=powers.total ** (1 / p), steps=(*powers.steps, root))


def onnx(g, pool, x):
    window = {"kernel_shape": pool.kernel_size, "strides": pool.stride, "pads": pool.padding * 2}
    return g.op("LpPool", x, p=pool.p, **window)


in_blueprints = window_pooling(LpPool2d, "The p-th root of a sum.", p=Argument(Whole(1, 9), 3))
reader = window_reader("lp_pool", "Lp pool", "p")
register_layer("lp_pool", LpPool2d, read=reader, sum=lp_sum, onnx=onnx, blueprint=in_blueprints)
