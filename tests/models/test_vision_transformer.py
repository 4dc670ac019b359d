"""ViT and DeiT: patches, tokens, other programs' names, pictures of other sizes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.errors import WeightsError
from foveate.explanation import activation_of, grad_cam, last_map, map_layers
from foveate.graph.arithmetic import explain_value
from foveate.graph.recording import record
from foveate.models import create_model
from foveate.models.pretrained import from_file, load_weights, lookalike
from foveate.models.vision_transformer import VisionTransformer, fitting_patch
from foveate.models.weightless import weightless

TINY = {"image_size": (32, 32), "patch_size": 8, "features": 24, "heads": 3, "depth": 2}
X = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(4))
# timm 1.0.31's names of vit_base_patch16_224's tensors, with their shapes there.
TIMM = {
    "cls_token": (1, 1, 768),
    "pos_embed": (1, 197, 768),
    "patch_embed.proj.weight": (768, 3, 16, 16),
    "patch_embed.proj.bias": (768,),
    "norm.weight": (768,),
    "norm.bias": (768,),
    "head.weight": (1000, 768),
    "head.bias": (1000,),
} | {
    f"blocks.{i}.{name}": shape
    for i in range(12)
    for name, shape in {
        "norm1.weight": (768,),
        "norm1.bias": (768,),
        "attn.qkv.weight": (2304, 768),
        "attn.qkv.bias": (2304,),
        "attn.proj.weight": (768, 768),
        "attn.proj.bias": (768,),
        "norm2.weight": (768,),
        "norm2.bias": (768,),
        "mlp.fc1.weight": (3072, 768),
        "mlp.fc1.bias": (3072,),
        "mlp.fc2.weight": (768, 3072),
        "mlp.fc2.bias": (768,),
    }.items()
}
DISTILLED = {"dist_token": (1, 1, 768), "head_dist.weight": (1000, 768), "head_dist.bias": (1000,)}


def tiny(name: str = "deit_tiny", **changes: object) -> VisionTransformer:
    torch.manual_seed(0)
    network = create_model(name, **({"num_classes": 5} | TINY | changes)).eval()
    assert isinstance(network, VisionTransformer)
    return network


def in_their_names(network: VisionTransformer, which: int) -> dict[str, Tensor]:
    ours = network.state_dict()
    return {theirs: ours[name].clone() for theirs, name in network.foreign_names()[which].items()}


@pytest.mark.parametrize("distilled", [False, True])
def test_timms_names_and_shapes(distilled: bool) -> None:
    with weightless():
        network = create_model("vit_b_16", distilled=distilled)
    found = {theirs: tuple(value.shape) for theirs, value in in_their_names(network, 0).items()}
    assert found == (TIMM | DISTILLED | {"pos_embed": (1, 198, 768)} if distilled else TIMM)


@pytest.mark.parametrize("name", ["deit_tiny", "deit_tiny_distilled"])
@pytest.mark.parametrize("which", [0, 1], ids=["timm", "torchvision before 2022"])
def test_other_programs_files_load(name: str, which: int, tmp_path: Path) -> None:
    network = tiny(name)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.3)
    torch.save({"model": in_their_names(network, which)}, tmp_path / "deit.pth")
    other = tiny(name)
    assert not torch.equal(other(X), network(X))
    load_weights(other, tmp_path / "deit.pth")
    assert torch.equal(other(X), network(X))


def test_old_torchvision_called_the_dense_layers_linear() -> None:
    names = in_their_names(tiny(), 1)
    assert "encoder.layers.encoder_layer_1.mlp.linear_2.bias" in names and "class_token" in names


def test_a_file_says_which_transformer_it_is() -> None:
    with weightless():
        weights = create_model("deit_small_distilled").state_dict()
    assert lookalike(weights) == "deit_small_distilled"


def test_a_patch_sees_its_own_pixels_and_tokens_lie_as_their_patches() -> None:
    network = tiny(depth=1)
    torch.nn.init.zeros_(network.encoder.layers[0].self_attention.out_proj.weight)  # no token asks another
    other = X.clone()
    other[:, :, 8:16, 24:32] += 1  # the patch in row 1, column 3
    with torch.no_grad():
        tokens = network.forward_features(torch.cat([X, other]))
        maps = network.token_map(tokens)
        levels = network.forward_levels(X)
    assert maps.shape == (4, 24, 4, 4)
    changed = (maps[:2] - maps[2:]).abs().amax((0, 1)) > 1e-6
    assert changed.nonzero().tolist() == [[1, 3]]
    assert torch.equal(tokens[:2, 0], tokens[2:, 0])
    assert torch.equal(levels[8], maps[:2])


def test_scores_by_hand() -> None:
    """The paper's equations 1 to 4, with torch's own functions."""
    network = tiny("vit_b_16", heads=4).double()
    state, x = network.state_dict(), X.double()
    patches = F.unfold(x, 8, stride=8).mT @ state["conv_proj.weight"].flatten(1).T + state["conv_proj.bias"]
    z = torch.cat([state["class_token"].expand(2, -1, -1), patches], 1) + state["encoder.pos_embedding"]
    for i in range(2):
        key = f"encoder.layers.encoder_layer_{i}."
        part = {name.removeprefix(key): value for name, value in state.items() if name.startswith(key)}
        y = F.layer_norm(z, (24,), part["ln_1.weight"], part["ln_1.bias"], 1e-6)
        attention = nn.MultiheadAttention(24, 4, batch_first=True).double()
        of_attention = {n.removeprefix("self_attention."): v for n, v in part.items() if "attention" in n}
        attention.load_state_dict(of_attention)
        z = z + attention(y, y, y)[0]
        y = F.layer_norm(z, (24,), part["ln_2.weight"], part["ln_2.bias"], 1e-6)
        y = F.gelu(F.linear(y, part["mlp.0.weight"], part["mlp.0.bias"]))
        z = z + F.linear(y, part["mlp.3.weight"], part["mlp.3.bias"])
    y = F.layer_norm(z[:, 0], (24,), state["encoder.ln.weight"], state["encoder.ln.bias"], 1e-6)
    expected = F.linear(y, state["heads.head.weight"], state["heads.head.bias"])
    torch.testing.assert_close(network(x), expected, rtol=1e-10, atol=1e-12)


def test_a_distilled_network_answers_with_the_mean_of_both_heads() -> None:
    network = tiny("deit_tiny_distilled")
    with torch.no_grad():
        tokens = network.forward_features(X)
        heads = network.heads
        expected = (heads["head"](tokens[:, 0]) + heads["head_dist"](tokens[:, 1])) / 2
    assert tokens.shape == (2, 18, 24)
    torch.testing.assert_close(network(X), expected)
    assert not torch.allclose(heads["head"](tokens[:, 0]), heads["head_dist"](tokens[:, 1]))


@pytest.mark.parametrize(
    ("size", "patch", "grid"),
    [((224, 224), 16, (14, 14)), ((32, 32), 4, (8, 8)), ((28, 28), 4, (7, 7)), ((64, 96), 8, (8, 12))],
)
def test_small_pictures_get_small_patches(size: tuple[int, int], patch: int, grid: tuple[int, int]) -> None:
    assert fitting_patch(16, size) == patch
    with weightless():
        network = create_model("deit_tiny", image_size=size)
    assert network.grid == grid and network.encoder.pos_embedding.shape[1] == 1 + grid[0] * grid[1]


def test_position_embeddings_are_resized_to_other_pictures(tmp_path: Path) -> None:
    """A ramp stays one of half its slope (its ends aside), and the class token's place is kept as it is."""
    network = tiny(image_size=(64, 64))
    ramp = torch.linspace(0, 1, 8)[:, None].expand(8, 8).reshape(1, 64, 1).expand(1, 64, 24)
    with torch.no_grad():
        network.encoder.pos_embedding[:, :1] = 7
        network.encoder.pos_embedding[:, 1:] = ramp
    torch.save(network.state_dict(), tmp_path / "64.pth")
    larger = from_file("deit_tiny", tmp_path / "64.pth", options=TINY | {"image_size": (128, 96)})
    assert larger.grid == (16, 12)
    places = larger.encoder.pos_embedding[0, 1:].reshape(16, 12, 24)
    assert torch.equal(larger.encoder.pos_embedding[:, 0], torch.full((1, 24), 7.0))
    steps = places[4:13:2].diff(dim=0)  # two places lie where one was
    torch.testing.assert_close(steps, torch.full_like(steps, 1 / 7))
    assert places.diff(dim=0)[2:12].min() > 0
    assert places.var(dim=1).max() < 1e-12


def test_another_patch_is_refused_with_what_to_do(tmp_path: Path) -> None:
    torch.save(tiny(image_size=(64, 64), patch_size=16).state_dict(), tmp_path / "16.pth")
    message = (
        "The file's patches are 16 pixels a side, and this network's, made for pictures of 32x32, are 4: "
        "take pictures of at least 112 pixels, or make the network with patch_size=16."
    )
    with pytest.raises(WeightsError, match=re.escape(message)):
        load_weights(tiny(patch_size=None), tmp_path / "16.pth")


def test_grad_cam_looks_at_the_patches_tokens() -> None:
    network = tiny()
    layer = last_map(network, X)
    assert layer == "encoder.layers.encoder_layer_1.ln_1"
    heat = grad_cam(network, X, 3, relu=False)
    assert heat.shape == (2, 4, 4) and heat.abs().max() > 0
    # By hand: the tokens at that layer, and how the score grows with them.
    block, found = network.encoder.layers[1], []
    handle = block.ln_1.register_forward_hook(lambda module, given, out: found.append(out))
    scores = network(X)
    handle.remove()
    (gradient,) = torch.autograd.grad(scores[:, 3].sum(), found[0])
    weights = gradient[:, 1:].mean(1, keepdim=True)
    expected = (weights * found[0][:, 1:]).sum(2).reshape(2, 4, 4)
    torch.testing.assert_close(heat, expected.detach())


def test_what_a_layer_gives_to_tokens_is_drawn_as_maps() -> None:
    network = tiny()
    maps = activation_of(network, X, "encoder.layers.encoder_layer_0.mlp.0")
    assert maps.shape == (2, 96, 4, 4)
    with torch.no_grad():
        tokens = network.encoder.ln(network.encoder.layers(network.encoder.ln(torch.randn(2, 17, 24))))
    assert torch.equal(network.token_map(tokens)[1, :, 2, 3], tokens[1, 1 + 2 * 4 + 3])


def test_a_token_has_seen_its_patch_and_behind_attention_the_picture() -> None:
    """Of a number of each token, where the picture changes it: gradients."""
    network, x = tiny().double(), X[:1].double()
    recording = record(network, x)
    block = network.encoder.layers[0]
    for layer, name in ((block.ln_1, "ln_1"), (block.ln_2, "ln_2")):
        module = f"encoder.layers.encoder_layer_0.{name}"
        number = next(i for i, step in enumerate(recording.steps) if step.module == module)
        for token in (0, 1, 7, 16):
            picture, found = x.clone().requires_grad_(), []
            handle = layer.register_forward_hook(lambda module, given, out, found=found: found.append(out))
            network(picture)
            handle.remove()
            found[0][0, token, 5].backward()
            rows, columns = picture.grad[0].abs().sum(0).nonzero().T if picture.grad is not None else ([], [])
            hull = (rows.min(), rows.max(), columns.min(), columns.max()) if len(rows) else (0, -1, 0, -1)
            told = explain_value(recording, number, 0, token, 5).field
            assert told == tuple(int(side) for side in hull), (name, token)


def test_attention_weights_are_no_maps_of_the_picture() -> None:
    assert list(map_layers(tiny(), X)) == ["conv_proj"]
