"""The vision transformer, and DeiT: the same network, trained on fewer pictures.

Dosovitskiy et al.: An image is worth 16x16 words, 2020, arXiv:2010.11929 (ViT). Touvron et al.: Training
data-efficient image transformers & distillation through attention, 2020, arXiv:2012.12877 (DeiT).

Key names and order are torchvision's, of DeiT as well, which torchvision has not; weights of timm and of
DeiT's authors are taken under their own names (`foreign_names`). Deviations from the papers:

- the class token's features go straight to the scores, as in both papers' fine-tuning;
- pictures need not be a whole number of patches: what is left over at the right and below is not seen;
- small pictures get small patches, or there would be next to nothing to attend to (`fitting_patch`);
- a distilled network learns with both heads from the labels; no teacher is asked here.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from foveate.errors import InputError
from foveate.layers.attention import MultiHeadAttention
from foveate.layers.stochastic_depth import StochasticDepth
from foveate.models.anatomy import Level, Network, Window
from foveate.models.registry import register
from foveate.models.weights_file import foreign_table

# What our names of tensors are in timm's files and in those of DeiT's authors.
TIMM = (
    (r"^class_token", "cls_token"),
    (r"^encoder.pos_embedding", "pos_embed"),
    (r"^conv_proj", "patch_embed.proj"),
    (r"^encoder.layers.encoder_layer_(\d+)", r"blocks.\1"),
    (r"^encoder.ln", "norm"),
    (r"\.ln_", ".norm"),
    (r"self_attention.in_proj_", "attn.qkv."),
    (r"self_attention.out_proj", "attn.proj"),
    (r"mlp.0", "mlp.fc1"),
    (r"mlp.3", "mlp.fc2"),
    (r"^heads.", ""),
)
OLD_TORCHVISION = ((r"mlp.0", "mlp.linear_1"), (r"mlp.3", "mlp.linear_2"))  # of files from before 2022

LEAST_PATCHES = 7  # along a side: as many as ViT-B/32 has of 224 pixels
NORM_EPS = 1e-6
POSITIONS = "encoder.pos_embedding"


def fitting_patch(patch: int, image_size: tuple[int, int]) -> int:
    """The patch's side, halved until at least 7 patches fit along the picture's shorter side.

    >>> fitting_patch(16, (224, 224)), fitting_patch(16, (64, 96)), fitting_patch(16, (32, 32))
    (16, 8, 4)
    """
    while patch > 1 and min(image_size) // patch < LEAST_PATCHES:
        patch //= 2
    return patch


class EncoderBlock(nn.Module):
    """Attention among the tokens, then two dense layers for each by itself; both are added to what came.

    (N, T, features) to the same; layer norm stands before each (figure 1 of the paper).
    """

    def __init__(
        self, features: int, heads: int, dropout: float, attention_dropout: float, stochastic_depth: float
    ) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(features, eps=NORM_EPS)
        self.self_attention = MultiHeadAttention(features, heads, attention_dropout)
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = nn.LayerNorm(features, eps=NORM_EPS)
        self.mlp = nn.Sequential(
            nn.Linear(features, 4 * features),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(4 * features, features),
            nn.Dropout(dropout),
        )
        self.stochastic_depth = StochasticDepth(stochastic_depth)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.stochastic_depth(self.dropout(self.self_attention(self.ln_1(x))))
        return x + self.stochastic_depth(self.mlp(self.ln_2(x)))


@dataclass(frozen=True)
class EncoderSettings:
    """The width, number and heads of the blocks, and what is dropped in training.

    ``stochastic_depth`` is the probability that the last block is skipped in training; it grows from 0.
    """

    features: int = 768
    depth: int = 12
    heads: int = 12
    dropout: float = 0.0
    attention_dropout: float = 0.0
    stochastic_depth: float = 0.0

    def blocks(self) -> list[EncoderBlock]:
        last = max(self.depth - 1, 1)
        skipped = (self.stochastic_depth * i / last for i in range(self.depth))
        return [
            EncoderBlock(self.features, self.heads, self.dropout, self.attention_dropout, share)
            for share in skipped
        ]


BASE = EncoderSettings()


class Encoder(nn.Module):
    """Where each token lies is learnt and added; the blocks; a layer norm. (N, T, features) to the same."""

    def __init__(self, tokens: int, settings: EncoderSettings) -> None:
        super().__init__()
        blocks = settings.blocks()
        self.pos_embedding = nn.Parameter(torch.empty(1, tokens, settings.features).normal_(std=0.02))
        self.dropout = nn.Dropout(settings.dropout)
        self.layers = nn.Sequential(
            OrderedDict((f"encoder_layer_{i}", block) for i, block in enumerate(blocks))
        )
        self.ln = nn.LayerNorm(settings.features, eps=NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        return self.ln(self.layers(self.dropout(x + self.pos_embedding)))


@register("vit_b_16", patch=16)
@register("vit_b_32", patch=32)
@register("deit_tiny", features=192, heads=3, stochastic_depth=0.1)
@register("deit_small", features=384, heads=6, stochastic_depth=0.1)
@register("deit_tiny_distilled", features=192, heads=3, stochastic_depth=0.1, distilled=True)
@register("deit_small_distilled", features=384, heads=6, stochastic_depth=0.1, distilled=True)
class VisionTransformer(Network):
    """Patches as tokens, a class token before them, blocks of attention; scores of the class token.

    The picture is cut into patches of ``patch_size`` pixels a side. Where that is not given it is ``patch``
    for large pictures, and less for small ones (`fitting_patch`). ``image_size`` fixes the number of tokens.
    ``distilled`` adds DeiT's second token with scores of its own; the answer is the mean of both.
    """

    classifier_name = "heads.head"

    def __init__(
        self,
        encoder: EncoderSettings = BASE,
        *,
        patch: int = 16,
        patch_size: int | None = None,
        image_size: tuple[int, int] = (224, 224),
        distilled: bool = False,
        num_classes: int = 1000,
        in_channels: int = 3,
    ) -> None:
        features = encoder.features
        super().__init__(
            num_features=features, num_classes=num_classes, in_channels=in_channels, image_size=image_size
        )
        size = fitting_patch(patch, image_size) if patch_size is None else patch_size
        if size < 1:
            raise InputError(f"patch_size must be at least 1 pixel, and is {size}.")
        self.windows = (Window("conv_proj", size, size),)
        self.levels = (Level("encoder.ln", features, size),)
        self.grid = self.map_size(*image_size)
        self.patch_size = size
        self.conv_proj = nn.Conv2d(in_channels, features, size, size)
        self.class_token = nn.Parameter(torch.zeros(1, 1, features))
        self.dist_token = nn.Parameter(torch.zeros(1, 1, features)) if distilled else None
        self.own_tokens = 2 if distilled else 1
        tokens = self.own_tokens + self.grid[0] * self.grid[1]
        self.encoder = Encoder(tokens, encoder)
        names = ("head", "head_dist") if distilled else ("head",)
        self.heads = nn.ModuleDict({name: nn.Linear(features, num_classes) for name in names})
        # Where the patches' tokens are asked for the last time; behind it nothing but the class token counts.
        self.map_layer = f"encoder.layers.encoder_layer_{encoder.depth - 1}.ln_1"
        self.apply(_initialise)

    def forward_features(self, x: Tensor) -> Tensor:
        """Pictures (N, in_channels, H, W) to tokens (N, T, num_features), the class token first."""
        self.check_input(x)
        patches = self.conv_proj(x).flatten(2).transpose(1, 2)  # (N, 196, 768) from 224x224
        own = [self.class_token] if self.dist_token is None else [self.class_token, self.dist_token]
        tokens = torch.cat([*(token.expand(x.shape[0], -1, -1) for token in own), patches], dim=1)
        return self.encoder(tokens)  # (N, 197, 768)

    def forward_head(self, features: Tensor) -> Tensor:
        scores = [layer(features[:, i]) for i, layer in enumerate(self.heads.values())]
        return scores[0] if len(scores) == 1 else (scores[0] + scores[1]) / 2

    def forward_levels(self, x: Tensor) -> dict[int, Tensor]:
        return {self.levels[0].stride: self.token_map(self.forward_features(x))}

    def token_map(self, tokens: Tensor) -> Tensor:
        patches = tokens[:, self.own_tokens :]
        return patches.transpose(1, 2).unflatten(2, self.grid)

    def foreign_names(self) -> tuple[Mapping[str, str], ...]:
        return tuple(foreign_table(self.state_dict(), rules) for rules in (TIMM, OLD_TORCHVISION))

    def fitted(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Position embeddings of pictures of another size are resized, as DeiT's authors do to fine-tune."""
        old = weights.get(POSITIONS)
        if old is None or old.ndim != 3 or old.shape == self.encoder.pos_embedding.shape:
            return weights
        side = math.isqrt(old.shape[1] - self.own_tokens)
        if side < 1 or self.own_tokens + side**2 != old.shape[1]:
            return weights
        own, places = old.float()[:, : self.own_tokens], old.float()[:, self.own_tokens :]
        places = places.transpose(1, 2).unflatten(2, (side, side))
        places = F.interpolate(places, self.grid, mode="bicubic")
        resized = torch.cat([own, places.flatten(2).transpose(1, 2)], dim=1)
        return weights | {POSITIONS: resized.to(old.dtype)}

    def misfit(self, weights: Mapping[str, Tensor]) -> str:
        kernel, ours = weights.get("conv_proj.weight"), self.patch_size
        if kernel is None or kernel.ndim != 4 or kernel.shape[2] == ours:
            return ""
        theirs, size = kernel.shape[2], "x".join(map(str, self.image_size or ()))
        return (
            f"The file's patches are {theirs} pixels a side, and this network's, made for pictures of "
            f"{size}, are {ours}: take pictures of at least {theirs * LEAST_PATCHES} pixels, or make the "
            f"network with patch_size={theirs}."
        )

    def classifier_layers(self) -> tuple[str, ...]:
        return tuple(f"heads.{name}" for name in self.heads)


def _initialise(module: nn.Module) -> None:
    """DeiT's: normal distributions of deviation 0.02, cut off at two units."""
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.trunc_normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear | nn.Conv2d) and module.bias is not None:
        nn.init.zeros_(module.bias)
    elif isinstance(module, MultiHeadAttention):
        nn.init.trunc_normal_(module.in_proj_weight, std=0.02)
