"""A heat map of one's own: what each pixel adds, to first order (Shrikumar et al., 2016). All of it."""

import torch

import foveate


@foveate.register_heatmap("gradient-times-input")
def gradient_times_input(question):
    x = question.x.clone().requires_grad_()
    score = question.module.eval()(x)[0, question.target]
    (gradient,) = torch.autograd.grad(score, x)
    heat = (gradient * x).sum(dim=1)[0].detach()  # (H, W)
    return foveate.HeatMap("gradient-times-input", heat.numpy(), signed=True)
