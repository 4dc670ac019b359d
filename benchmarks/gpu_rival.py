"""CIFAR-10 by the method of airbench94 (Jordan 2024, arXiv 2404.00498), written anew from its description.

A frozen 2x2 convolution that whitens patches, three groups of two 3x3 convolutions (64, 256, 256 channels),
filters that begin as identities, batch norms whose scale is fixed and whose biases learn 64 times as fast,
GELU, scores scaled down by 9; Nesterov momentum on summed, smoothed cross-entropy over batches of 1,024; one
triangle of learning rate over 9.9 epochs; a look-ahead average every fifth step; pictures seen from alternate
sides and shifted by up to 2 px; and at the end six views of each test picture. float16, channels last.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.batches.recording import Repeated, recorder_for

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)  # of CIFAR-10, as the paper has them


@dataclass(frozen=True)
class Method:
    """The paper's numbers; ``rate`` and ``decay`` are per 1,024 pictures of a summed loss."""

    epochs: float = 9.9
    batch: int = 1024
    rate: float = 11.5
    momentum: float = 0.85
    decay: float = 0.0153
    bias_factor: float = 64.0
    smoothing: float = 0.2
    whitening_bias_epochs: int = 3
    shift_px: int = 2
    widths: tuple[int, int, int] = (64, 256, 256)


class Norm(nn.BatchNorm2d):
    """Batch norm with its scale fixed at 1; its sums are single precision."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-12, momentum=0.4)  # of the newest batch; the paper calls it 0.6
        self.weight.requires_grad_(False)


class Group(nn.Module):
    """Two convolutions, the first one pooled."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norms = nn.ModuleList([Norm(outputs), Norm(outputs)])
        for convolution in (self.first, self.second):
            nn.init.dirac_(convolution.weight[: convolution.in_channels].data)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.norms[0](F.max_pool2d(self.first(x), 2)))
        return F.gelu(self.norms[1](self.second(x)))


class Net(nn.Module):
    def __init__(self, widths: tuple[int, int, int]) -> None:
        super().__init__()
        self.whiten = nn.Conv2d(3, 24, 2)
        self.groups = nn.Sequential(*(Group(a, b) for a, b in zip((24, *widths[:-1]), widths, strict=True)))
        self.head = nn.Linear(widths[-1], 10, bias=False)
        nn.init.zeros_(self.whiten.bias)
        self.whiten.weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.groups(F.gelu(self.whiten(x)))
        return self.head(F.max_pool2d(x, 3).flatten(1)) / 9

    @torch.no_grad()
    def whiten_by(self, images: Tensor) -> None:
        """Set the first filters from patches of the pictures (N, 3, H, W), both signs of each direction."""
        patches = F.unfold(images.float(), 2).transpose(1, 2).reshape(-1, 12)
        covariance = (patches - patches.mean(dim=0)).T @ (patches - patches.mean(dim=0)) / (len(patches) - 1)
        power, directions = torch.linalg.eigh(covariance.double().cpu())
        filters = (directions / (power + 5e-4).sqrt()).T.flip(0).reshape(12, 3, 2, 2)
        self.whiten.weight.copy_(torch.cat([filters, -filters]))


class Training:
    """One training; ``recorded`` starts its steps as one CUDA graph, which the published program does not."""

    def __init__(self, images: Tensor, labels: Tensor, method: Method, seed: int, *, recorded: bool) -> None:
        """images: (N, H, W, 3) uint8 on the device; labels: (N,)."""
        torch.manual_seed(seed)
        self.method, self.device = method, images.device
        self.half = torch.float16 if self.device.type == "cuda" else torch.float32
        scale = torch.tensor(STD, device=self.device), torch.tensor(MEAN, device=self.device)
        self.images = normalised(images, *scale, self.half)
        self.labels = labels
        net = Net(method.widths).to(self.device, memory_format=torch.channels_last)
        net.whiten_by(self.images[:5000])
        self.net = net.to(self.half)
        for module in net.modules():
            if isinstance(module, Norm):
                module.float()
        self.optimiser = self._optimiser()
        self.average = [value.detach().clone() for value in self._state()]
        recorder = recorder_for(self.device) if recorded else None
        self.step = Repeated(self._step, recorder)

    def _state(self) -> list[Tensor]:
        return [value for value in self.net.state_dict().values() if value.is_floating_point()]

    def _optimiser(self) -> torch.optim.SGD:
        m = self.method
        scale = 1024 * (1 + 1 / (1 - m.momentum))
        self.rate, decay = m.rate / scale, m.decay * 1024 / scale
        norms = {id(p) for one in self.net.modules() if isinstance(one, Norm) for p in one.parameters()}
        trained = [p for p in self.net.parameters() if p.requires_grad]
        biases = [p for p in trained if id(p) in norms]
        others = [p for p in trained if id(p) not in norms]
        groups = [
            {
                "params": ps,
                "weight_decay": decay / (self.rate * factor),
                "factor": factor,
                "lr": torch.tensor(self.rate * factor, device=self.device),
            }
            for ps, factor in ((biases, m.bias_factor), (others, 1.0))
        ]
        return torch.optim.SGD(groups, lr=self.rate, momentum=m.momentum, nesterov=True, fused=True)

    def _step(self, images: Tensor, labels: Tensor) -> tuple[Tensor, ...]:
        scores = self.net(images.contiguous(memory_format=torch.channels_last)).float()
        smoothing = self.method.smoothing
        loss = F.cross_entropy(scores, labels, label_smoothing=smoothing, reduction="sum")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return ()

    def run(self) -> None:
        m = self.method
        batches = len(self.images) // m.batch
        total, done = math.ceil(m.epochs * batches), 0
        self.net.train()
        sides = torch.rand(len(self.images), device=self.device) < 0.5
        for epoch in range(math.ceil(m.epochs)):
            if epoch == m.whitening_bias_epochs:
                self.net.whiten.bias.requires_grad_(False)
                self.step.forget()
            pictures = shifted(
                torch.where(sides[:, None, None, None], self.images.flip(-1), self.images), m.shift_px
            )
            sides = ~sides
            order = torch.randperm(len(pictures), device=self.device)
            for which in order[: batches * m.batch].split(m.batch):
                if done == total:
                    break
                self._rate_at(done / total)
                self.step(pictures[which], self.labels[which])
                done += 1
                if done % 5 == 0:
                    self._look_ahead(0.95**5 * (done / total) ** 3)
        self._look_ahead(1.0)

    def _rate_at(self, progress: float) -> None:
        """A triangle from 0.2 over 1 at 23 % to 0.07."""
        peak = 0.23
        factor = 0.2 + 0.8 * progress / peak if progress < peak else 1 - 0.93 * (progress - peak) / (1 - peak)
        for group in self.optimiser.param_groups:
            group["lr"].fill_(self.rate * group["factor"] * factor)

    @torch.no_grad()
    def _look_ahead(self, decay: float) -> None:
        """The average goes on by what is new, and the weights go on from the average."""
        state = self._state()
        torch._foreach_lerp_(self.average, state, 1 - decay)
        torch._foreach_copy_(state, self.average)

    @torch.no_grad()
    def accuracy(self, images: Tensor, labels: Tensor, *, views: int) -> float:
        """Percent right of (N, H, W, 3) uint8; views: 1, 2 (mirrored too) or 6 (and shifted by a pixel)."""
        scale = torch.tensor(STD, device=self.device), torch.tensor(MEAN, device=self.device)
        self.net.eval()
        right = 0
        for part, wanted in zip(images.split(2000), labels.split(2000), strict=True):
            right += int((self._seen(normalised(part, *scale, self.half), views).argmax(1) == wanted).sum())
        return 100 * right / len(images)

    def _seen(self, x: Tensor, views: int) -> Tensor:
        if views == 1:
            return self.net(x)

        def both(pictures: Tensor) -> Tensor:
            return 0.5 * self.net(pictures) + 0.5 * self.net(pictures.flip(-1))

        if views == 2:
            return both(x)
        side = x.shape[-1]
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
        corners = [padded[:, :, :side, :side], padded[:, :, 2:, 2:]]
        return 0.5 * both(x) + 0.25 * both(corners[0]) + 0.25 * both(corners[1])


def normalised(images: Tensor, std: Tensor, mean: Tensor, dtype: torch.dtype) -> Tensor:
    """(N, H, W, 3) uint8 -> (N, 3, H, W), channels last."""
    return ((images.float() / 255 - mean) / std).to(dtype).permute(0, 3, 1, 2)


def shifted(images: Tensor, limit: int) -> Tensor:
    """Each picture moved by up to ``limit`` pixels along each axis, reflected at the border."""
    size = images.shape[-1]
    padded = F.pad(images, (limit,) * 4, mode="reflect")
    result = torch.empty_like(images)
    down, right = torch.randint(0, 2 * limit + 1, (2, len(images)), device=images.device)
    for y in range(2 * limit + 1):
        for x in range(2 * limit + 1):
            here = (down == y) & (right == x)
            result[here] = padded[here, :, y : y + size, x : x + size]
    return result


def train_once(
    train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], seed: int, method: Method, *, recorded: bool
) -> dict[str, Any]:
    """Seconds of setting up and training, and the accuracy with one, two and six views."""
    wait = torch.cuda.synchronize if train[0].device.type == "cuda" else (lambda: None)
    wait()
    began = time.perf_counter()
    training = Training(*train, method, seed, recorded=recorded)
    training.run()
    wait()
    seconds = time.perf_counter() - began
    found = {f"accuracy_{views}": training.accuracy(*test, views=views) for views in (1, 2, 6)}
    return {"seed": seed, "seconds": seconds, **found, "refused": training.step.refused}
