"""Blueprints: equal to the Python networks, refused where wrong, and never anything but an InputError."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import foveate.models
from foveate.errors import BlueprintError, InputError, ShapeError
from foveate.layers.known import BLUEPRINT_LAYERS as KINDS
from foveate.models import create_model
from foveate.models.blueprint import build, load_blueprint

SHIPPED = sorted(Path(foveate.models.__file__).parent.glob("blueprints/*.yaml"))
SMALL_SIDE = {"alexnet": 63, "vgg16": 32, "googlenet": 64, "resnet18": 64, "resnet50": 64}


def network(*layers, size=(1, 28, 28), **more):
    return load_blueprint({"input": list(size), "layers": list(layers), **more})


def refused(*layers, size=(1, 28, 28), **more):
    with pytest.raises(BlueprintError) as caught:
        network(*layers, size=size, **more)
    return str(caught.value)


def weights_like(state):
    """Numbers for every tensor, each with a start of its own in one row of random ones, and of sane size."""
    row = torch.rand(1 << 18, generator=torch.Generator().manual_seed(0))

    def numbers(i, tensor):
        values = row.roll(-97 * i).repeat(-(-tensor.numel() // len(row)))[: tensor.numel()].view(tensor.shape)
        if tensor.ndim < 2:  # biases, scales and variances
            return values + 0.5
        return (values - 0.5) * (12 / tensor[0].numel()) ** 0.5

    return {
        key: numbers(i, tensor) if tensor.is_floating_point() else torch.zeros((), dtype=tensor.dtype)
        for i, (key, tensor) in enumerate(state.items())
    }


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_blueprints_equal_the_python_networks(path):
    """The same parameters in the same order, and, with the weights copied over, the same scores."""
    blueprint = load_blueprint(path)
    options = {"aux_logits": False} if path.stem == "googlenet" else {}
    with torch.device("meta"):  # weights are given below, so none need be drawn
        python = create_model(path.stem, **options).eval()
        written = build(blueprint).eval()
    python.load_state_dict(weights_like(python.state_dict()), assign=True)
    assert blueprint.parameters == sum(p.numel() for p in python.parameters())
    tensors = list(python.state_dict().values())
    keys = list(written.state_dict())
    assert len(keys) == len(tensors) and all(key.startswith("layers.") for key in keys)
    written.load_state_dict(dict(zip(keys, tensors, strict=True)), assign=True)
    channels, side, _ = blueprint.input
    side = SMALL_SIDE.get(path.stem, side)
    x = torch.randn(1, channels, side, side)
    with torch.no_grad():
        torch.testing.assert_close(written(x), python(x), rtol=0, atol=0)


def test_the_guides_networks_are_shipped():
    names = {path.stem for path in SHIPPED}
    assert names >= {"convnet1", "convnet1_k3", "lesson32", "lesson_cnn", "tinyvgg", "lenet5", "alexnet"}
    assert names >= {"vgg16", "googlenet", "resnet18", "resnet50"}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_arithmetic_is_what_torch_does(path):
    blueprint = load_blueprint(path)
    with torch.device("meta"):
        written = build(blueprint).eval()
        x = torch.zeros(2, *blueprint.input)
        for layer, module in zip(blueprint.layers, written.layers, strict=True):
            x = module(x)
            assert tuple(x.shape[1:]) == layer.output_shape, layer.number
            assert sum(p.numel() for p in module.parameters()) == layer.parameters, layer.number


EVERY_KIND = [
    {"conv": {"filters": 8, "kernel": [3, 5], "stride": [1, 2], "padding": [[0, 1], [2, 1]]}},
    {
        "conv": {
            "filters": 8,
            "kernel": 3,
            "padding": "same",
            "stride": 2,
            "groups": 4,
            "padding_mode": "reflect",
        }
    },
    {"conv": {"filters": 8, "kernel": 3, "padding": "valid", "dilation": 2, "bias": False}},
    {"batch_norm": {"eps": 0.01}},
    *["relu", {"leaky_relu": 0.2}, "relu6", "silu", "sigmoid", "tanh", "hardswish", "hardsigmoid"],
    *["gelu", {"gelu": "tanh"}, "layer_norm", {"attention": 2}],
    {"dropout": 0.1},
    {"depthwise_conv": {"kernel": 3, "padding": 1, "multiplier": 2}},
    {"separable_conv": {"filters": 12, "kernel": 3, "padding": 1}},
    {"squeeze_excite": 4},
    {"max_pool": {"size": 2, "stride": 1, "ceil_mode": True}},
    {"avg_pool": {"size": [1, 2], "stride": 1}},
    *[{pool: {"size": 3, "stride": 1, "padding": 1}} for pool in ("min_pool", "sum_pool", "l2_pool")],
    {"gaussian_pool": {"size": 2, "stride": 1}},
    {"upsample": [1, 2]},
    {"upsample": {"factor": 2, "mode": "nearest"}},
    {"transposed_conv": {"filters": 6, "kernel": [3, 2], "stride": 2, "padding": [1, 0], "groups": 2}},
    {
        "transposed_conv": {
            "filters": 8,
            "kernel": 3,
            "stride": [1, 3],
            "dilation": 2,
            "output_padding": [0, 2],
            "bias": False,
        }
    },
    {"parallel": {"branches": [["relu"], [{"conv": {"filters": 3, "kernel": 1}}], []]}},
    {
        "residual": {
            "layers": [{"conv": {"filters": 5, "kernel": 1}}],
            "shortcut": [{"conv": {"filters": 5, "kernel": 1}}],
        }
    },
    {"repeat": {"times": 2, "layers": [{"conv": {"filters": 6, "kernel": 1}}, "relu"]}},
    {"unpool": {"size": [2, 3], "layers": ["relu", {"conv": {"filters": 6, "kernel": 1}}]}},
    {"adaptive_avg_pool": [2, 3]},
    "flatten",
    {"dense": 7},
    "batch_norm",
    "layer_norm",
    {"dense": "classes"},
]


def test_every_kind_of_layer_leaves_the_shape_and_the_parameters_that_were_reckoned():
    blueprint = network(*EVERY_KIND, size=(3, 24, 31), classes=4)
    used = {kind for _, kind, _ in blueprint.shapes()}
    assert used >= set(KINDS) - {"global_avg_pool", "global_max_pool"}
    written = build(blueprint).eval()
    x = torch.rand(2, 3, 24, 31)
    for layer, module in zip(blueprint.layers, written.layers, strict=True):
        x = module(x)
        assert tuple(x.shape[1:]) == layer.output_shape, layer.kind
        assert sum(p.numel() for p in module.parameters()) == layer.parameters, layer.kind
    assert x.shape == (2, 4) and x.isfinite().all()


def test_it_survives_its_own_json():
    blueprint = network(*EVERY_KIND, size=(3, 24, 31), name="all of them")
    text = json.dumps(blueprint.to_dict(), allow_nan=False)
    assert load_blueprint(text) == blueprint
    assert load_blueprint(yaml.safe_dump(blueprint.to_dict())) == blueprint


@pytest.mark.parametrize("pool", ["global_avg_pool", "global_max_pool"])
def test_a_convolution_may_make_the_scores(pool):
    blueprint = network({"conv": {"filters": "classes", "kernel": 3}}, pool, classes=5)
    written = build(blueprint)
    assert written(torch.rand(2, 1, 9, 9)).shape == (2, 5)  # any size: nothing counts on the map's
    written.reset_classifier(3)
    assert written(torch.rand(2, 1, 9, 9)).shape == (2, 3)
    assert written.classifier_layers() == ("layers.0",)


def test_the_anatomy_of_all_networks():
    written = build(load_blueprint(SHIPPED[0].parent / "convnet1.yaml"), num_classes=7, in_channels=3)
    x = torch.rand(2, 3, 28, 28)
    features = written.forward_features(x)
    assert features.shape == (2, 32, 7, 7) and written.num_features == 32
    assert written.forward_head(features).shape == (2, 7) == (2, written.num_classes)
    torch.testing.assert_close(written.eval()(x), written.forward_head(written.forward_features(x)))
    kept = written.layers[0].weight.clone()
    written.reset_classifier(4)
    assert written(x).shape == (2, 4) and torch.equal(written.layers[0].weight, kept)
    assert written.blueprint.classes == 4
    assert build(load_blueprint(written.blueprint.to_dict())).num_classes == 4


def pixels(*layers, **more):
    """A network that scores pixels: these layers, and a score a class behind them."""
    return network(*layers, {"conv": {"filters": "classes", "kernel": 1}}, size=(3, 12, 8), **more)


def test_a_network_may_score_every_pixel():
    """An empty branch is a skip connection; any other size that comes back to itself is taken too."""
    up = [{"max_pool": 2}, {"conv": {"filters": 5, "kernel": 3, "padding": 1}}, {"upsample": 2}]
    blueprint = pixels({"parallel": {"branches": [[], up]}}, classes=4)
    assert blueprint.scores_pixels and blueprint.any_size and blueprint.output_index == blueprint.split == 1
    written = build(blueprint).eval()
    assert (written.num_features, written.num_classes, written.image_size) == (3 + 5, 4, None)
    x = torch.rand(2, 3, 12, 8)
    assert written(x).shape == (2, 4, 12, 8) and written.forward_features(x).shape == (2, 8, 12, 8)
    own = [torch.nn.functional.max_pool2d(x, 2), *written.layers[0].branches[1][1:]]
    for layer in own[1:]:
        own[0] = layer(own[0])
    assert torch.equal(written(x), written.layers[1](torch.cat([x, own[0]], 1)))
    assert written(x[..., :10, :4]).shape == (2, 4, 10, 4)
    with pytest.raises(InputError, match="branches leave 3×11×8, 5×10×8"):
        written(x[..., :11, :])
    written.reset_classifier(7)
    assert written(x).shape == (2, 7, 12, 8) and written.classifier_layers() == ("layers.1",)
    assert blueprint.adapted(classes=2, size=(4, 6)).shapes()[-1][2] == (2, 4, 6)


def test_layers_of_an_unpool_see_the_greatest_and_leave_them_in_their_places():
    written = build(pixels({"unpool": {"size": 2, "layers": []}}, classes=3)).eval()
    x = torch.randn(1, 3, 12, 8)
    kept = written.layers[0](x)
    greatest = torch.nn.functional.max_pool2d(x, 2).repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.equal(kept, torch.where(x == greatest, x, 0.0))


def test_a_map_without_a_score_for_every_pixel_is_refused():
    message = refused({"conv": {"filters": "classes", "kernel": 3}}, classes=10)
    assert "a map of 10×26×26" in message and "and a map of 28×28" in message
    assert "a map of 10×28×28" in refused({"conv": {"filters": 10, "kernel": 1}})  # a map by mistake
    twice = {"parallel": {"branches": [[], []]}}
    assert "a map of 4×28×28" in refused({"conv": {"filters": "classes", "kernel": 1}}, twice, classes=2)


def test_classes_are_settled_at_training():
    left_open = network("flatten", {"dense": "classes"})
    assert left_open.classes is None and build(left_open).num_classes == 1000
    assert build(left_open, num_classes=6).num_classes == 6
    literal = network("flatten", {"dense": 12})
    assert literal.classes == 12 and build(literal, num_classes=6).num_classes == 6


def test_pictures_of_another_size():
    free = build(load_blueprint(SHIPPED[0].parent / "lesson_cnn.yaml"))
    assert free(torch.rand(1, 3, 50, 41)).shape == (1, 10)
    with pytest.raises(InputError, match=r"Layer 12 \(max_pool\): A window of 2 does not fit"):
        free(torch.rand(1, 3, 7, 7))
    fixed = build(load_blueprint(SHIPPED[0].parent / "convnet1.yaml"))
    with pytest.raises(ShapeError, match=r"pictures of 28x28 .* input is 32x32; .* `input: \[1, 32, 32\]`"):
        fixed(torch.rand(1, 1, 32, 32))
    with pytest.raises(ShapeError, match="takes pictures"):
        fixed(torch.rand(1, 3, 28, 28))


def test_a_window_that_does_not_fit_is_refused_with_the_formula_and_what_would_fit():
    message = refused({"max_pool": 16}, {"conv": {"filters": 4, "kernel": 3}}, "flatten", {"dense": 10})
    assert message == (
        "Layer 2 (conv): A window of 3 does not fit into a padded height of 1: "
        "floor((n + p_before + p_after − d·(k−1) − 1)/s) + 1 = floor((1 + 0 + 0 − 1·(3−1) − 1)/1) + 1 = −1, "
        "and an output needs at least 1; what would fit: a kernel of at most 1, padding of at least 2 in "
        "total, or an input height of at least 3."
    )


def test_nested_layers_are_numbered_block_part_layer():
    bad = {"conv": {"filters": 2, "kernel": 40}}
    branches = {"parallel": {"branches": [["relu"], ["relu", bad]]}}
    assert refused("relu", branches).startswith("Layer 2.2.2 (conv): A window of 40")
    shrinking = {"repeat": {"times": 9, "layers": ["relu", {"max_pool": 2}]}}
    assert refused(shrinking).startswith("Layer 1.5.2 (max_pool): A window of 2")
    shortcut = {"residual": {"layers": [], "shortcut": [bad]}}
    assert refused(shortcut).startswith("Layer 1.2.1 (conv): A window of 40")


def test_a_sum_of_unlike_shapes_is_refused_with_the_shortcut_that_would_fit():
    body = [{"conv": {"filters": 8, "kernel": 3, "stride": 2, "padding": 1}}]
    message = refused({"residual": {"layers": body}})
    assert message == (
        "Layer 1 (residual): its layers leave 8×14×14 and its shortcut 1×28×28, and a sum needs the same; "
        "`shortcut: [conv: {filters: 8, kernel: 1, stride: 2}]` would fit."
    )
    network({"residual": {"layers": body, "shortcut": [{"conv": {"filters": 8, "kernel": 1, "stride": 2}}]}},
            "flatten", {"dense": 2})  # fmt: skip


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (["convolution"], r"Layer 1: Unknown layer 'convolution'; did you mean "),
        (["relU"], "did you mean relu"),
        (["softmax"], r"Layer 1 \(softmax\): leave it out"),
        ([{"conv": {"kernel": 3}}], r"Layer 1 \(conv\): `filters:` is missing"),
        ([{"conv": {"filters": 3, "kernel": 3, "pad": 1}}], "'pad' is no argument of it; its arguments"),
        ([{"conv": 16}], "it takes filters, kernel, .* by name, and is given 16"),
        ([{"relu": 1}], "it takes no arguments, and is given 1"),
        ([{"conv": {"filters": True, "kernel": 3}}], "filters must be a whole number .* and is True"),
        ([{"conv": {"filters": 3, "kernel": 3.0}}], r"kernel must be .* and is 3\.0"),
        ([{"conv": {"filters": 3, "kernel": 3, "padding": [1, 2, 3]}}], r"padding must be .* or 'valid'"),
        ([{"conv": {"filters": 4, "kernel": 3, "groups": 3}}], "multiple of 3; groups: 1 would fit"),
        ([{"conv": {"filters": 4, "kernel": 3, "padding": 30, "padding_mode": "reflect"}}], "at most 27"),
        ([{"max_pool": {"size": 2, "padding": 2}}], "at most half its window, 1 in height"),
        ([{"dropout": 1}], "p must be a number from 0 to 0.999, and is 1"),
        ([{"dense": 10}], r"takes flat values, and what arrives is a map of 1×28×28; put `flatten` or"),
        (["flatten", {"max_pool": 2}], r"Layer 2 \(max_pool\): it takes a map .* flat, 784 values"),
        (["relu"], "must end in one score a class, and this one leaves a map of 1×28×28"),
        (["flatten"], "made by a `dense` or `conv` layer outside blocks; this one leaves 784 values"),
        ([{"parallel": {"branches": [["relu"], [{"max_pool": 2}]]}}], "leave 1×28×28, 1×14×14; only"),
        ([{"parallel": {"branches": {}}}], "branches must be a list of lists of layers"),
        ([{"residual": {"layer": []}}], "it holds layers, shortcut, and 'layer' is none of them"),
        ([{"repeat": {"layers": []}}], "`times:` is missing"),
        ([{"repeat": {"times": 0, "layers": ["relu"]}}], "of 1 to 5,000, and is 0"),
        ([{"repeat": {"times": 2, "layers": []}}], "layers must not be empty"),
        ([{"unpool": {"layers": []}}], "`size:` is missing"),
        ([{"unpool": {"size": 0, "layers": []}}], r"Layer 1 \(unpool\): size must be a whole number of 1"),
        ([{"unpool": {"size": 29, "layers": []}}], "A window of 29 does not fit"),
        ([{"unpool": {"size": 2, "layers": [{"max_pool": 2}]}}], "given 1×14×14 and leave 1×7×7"),
        (["flatten", {"unpool": {"size": 2, "layers": []}}], r"Layer 2 \(unpool\): it takes a map"),
        ([{"upsample": 0}], "factor must be a whole number of 1"),
        ([{"upsample": 200}, {"upsample": 200}], "more than 2,147,483,648 values"),
        ([{"transposed_conv": {"filters": 4, "kernel": 3, "groups": 2}}], "1 is not a multiple of 2"),
        ([{"transposed_conv": {"filters": 4, "kernel": 1, "padding": 14}}], r"− 2·14 .* = 0; make"),
        ([{"transposed_conv": {"filters": 4, "kernel": 1, "output_padding": 1}}], "less than the stride, 1"),
        ([{"a": 1, "b": 2}], "Layer 1 must be a name such as `relu`"),
        ("relu", "must hold a list of layers, and holds 'relu'"),
    ],
)  # fmt: skip
def test_wrong_layers_are_refused_by_number(layers, message):
    with pytest.raises(BlueprintError, match=message):
        load_blueprint({"input": [1, 28, 28], "layers": layers})


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "must be a mapping with `input:"),
        ([1], "must be a mapping with `input:"),
        ({"input": [1, 28], "layers": []}, r"input must be \[channels, height, width\]"),
        ({"input": [1, 28, 20_000], "layers": []}, "whole numbers of 1 to 16,384"),
        ({"input": [16_000] * 3, "layers": []}, "product of at most"),
        ({"input": [1, 2, 2], "layers": [], "extra": 1}, "'extra' is none of them"),
        ({"input": [1, 2, 2], "layers": [], "classes": 0}, "classes must be a whole number"),
        ({"input": [1, 2, 2], "layers": [], "name": 3}, "name must be a text"),
        ({"input": [1, 2, 2], "layers": ["flatten", {"dense": 4}], "classes": 5}, "makes 4 .* is 5"),
    ],
)  # fmt: skip
def test_wrong_documents_are_refused(document, message):
    with pytest.raises(BlueprintError, match=message):
        load_blueprint(json.dumps({"a": document}) if isinstance(document, list) else document)


def test_the_lessons_dense_layer_of_480_thousand_million_weights_is_refused():
    message = refused("flatten", {"dense": 1_000_000}, size=(3, 224, 224))
    assert message.startswith(
        "Layer 2 (dense): it has 150,529,000,000 parameters, and a blueprint may have 2,000,"
    )


def test_growth_is_bounded():
    huge = {"repeat": {"times": 5_000, "layers": [{"repeat": {"times": 5_000, "layers": ["relu"]}}]}}
    assert "at most 5,000 layers" in refused(huge)
    deep = ["relu"]
    for _ in range(9):
        deep = [{"repeat": {"times": 1, "layers": deep}}]
    assert "at most 8 deep" in refused(*deep)
    assert "more than 2,147,483,648 values" in refused(
        {"conv": {"filters": 1_000_000, "kernel": 1}}, size=(1, 999, 999)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("input: [1, 2, 2\nlayers: []\n", "This is no YAML in line 2"),
        ("layers: []\nlayers: []\n", "the key 'layers' stands twice"),
        ('{"layers": [], "layers": []}', "The key 'layers' stands twice"),
        (
            "a: !!python/object/apply:os.system ['true']\n",
            "os.system' in line 1 is not taken",
        ),
        ("[" * 5000 + "\n", "nested too deeply"),
        ("a: &a [*a]\ninput: *a\nlayers: *a\n", "'a' is none of them"),
        ("input: [1, 9, 9]\nlayers: &a [repeat: {times: 1, layers: *a}]\n", "at most 8 deep"),
        ("input: [1, 9, 9]\nlayers: [dense: 0x" + "f" * 9999 + "]\n", "units must be"),
        ("a: 2001-99-99\n", "neither YAML nor JSON"),
        ("\x00\n", "neither YAML nor JSON"),
        ("{]", "This is no JSON in line 1"),
        ("x\n" * 600_000, "at most 1,048,576"),
    ],
)
def test_hostile_texts_are_refused(text, message):
    with pytest.raises(BlueprintError, match=message):
        load_blueprint(text)


def test_a_billion_laughs_end_at_once():
    lines = ["a0: &a0 [relu]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    with pytest.raises(BlueprintError, match="is none of them"):
        load_blueprint("\n".join([*lines, "input: [1, 4, 4]", "layers: *a11"]))
    nested = "\n".join(lines)
    with pytest.raises(BlueprintError):
        load_blueprint({"input": [1, 4, 4], "layers": yaml.safe_load(nested)["a11"]})


def test_files(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text("input: [1, 9, 9]\nlayers: [flatten, dense: 3]\n")
    assert load_blueprint(path) == load_blueprint(str(path)) == load_blueprint(path.read_text())
    path.write_text("input: [1, 9, 9]\nlayers: [dense: 3]\n")
    with pytest.raises(BlueprintError, match=r"net\.yaml: Layer 1 \(dense\)"):
        load_blueprint(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BlueprintError, match="must be UTF-8"):
        load_blueprint(path)
    path.write_bytes(b"#" * (1 << 20) + b"#")
    with pytest.raises(BlueprintError, match="at most 1,048,576 bytes"):
        load_blueprint(path)
    for missing in (tmp_path, tmp_path / "none.yaml", "none\0.yaml", "x" * 5000):
        with pytest.raises(InputError, match=r"is not a file|is not there|cannot be read"):
            load_blueprint(missing)


def test_checking_needs_no_torch():
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from foveate.errors import MissingExtraError\n"
        "from foveate.models.blueprint import build, load_blueprint\n"
        f"blueprint = load_blueprint({str(SHIPPED[0])!r})\n"
        "try:\n    build(blueprint)\n"
        "except MissingExtraError as error:\n    print(len(blueprint.shapes()), error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "install it with" in done.stdout


WORDS = st.sampled_from(
    [*KINDS, "residual", "parallel", "repeat", "unpool", "classes", "same", "filters", "kernel", "size"]
)
KEYS = st.sampled_from(
    [
        "filters",
        "kernel",
        "padding",
        "stride",
        "size",
        "units",
        "layers",
        "branches",
        "shortcut",
        "times",
        "factor",
        "p",
    ]
)
ATOMS = st.one_of(
    st.integers(-2, 9), st.integers(), st.floats(), st.booleans(), st.none(), WORDS, st.text(max_size=5)
)
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(KEYS, WORDS, st.text(max_size=3)), inner, max_size=4),
    ),
    max_leaves=12,
)
LIKELY = st.one_of(
    WORDS,
    st.builds(lambda name, args: {name: args}, WORDS, VALUES),
    st.builds(lambda f, k, p: {"conv": {"filters": f, "kernel": k, "padding": p}}, ATOMS, ATOMS, VALUES),
    st.builds(lambda inner: {"residual": {"layers": inner}}, VALUES),
    st.builds(lambda times, inner: {"repeat": {"times": times, "layers": inner}}, ATOMS, VALUES),
    VALUES,
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    layers=st.lists(LIKELY, max_size=5),
    size=st.one_of(st.just([2, 9, 9]), VALUES),
    tail=st.sampled_from([[], ["flatten", {"dense": "classes"}], ["global_avg_pool", {"dense": 3}]]),
)
def test_any_data_is_a_network_or_an_input_error(layers, size, tail):
    try:
        blueprint = load_blueprint({"input": size, "layers": [*layers, *tail]})
    except InputError as error:
        assert len(str(error)) < 2_000
        return
    assert load_blueprint(json.dumps(blueprint.to_dict(), allow_nan=False)) == blueprint
    if blueprint.parameters < 1_000_000 and max(blueprint.layers[-1].output_shape) <= 1000:
        with torch.device("meta"):
            written = build(blueprint).eval()
            assert written(torch.zeros(2, *blueprint.input)).shape[1:] == blueprint.layers[-1].output_shape
        assert sum(p.numel() for p in written.parameters()) == blueprint.parameters


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.text(alphabet="[]{}:,-&*!?|>'\"%@ \n\tlayers0"), VALUES.map(yaml.safe_dump)))
def test_any_text_is_a_network_or_an_input_error(text):
    with pytest.raises(InputError):
        load_blueprint(text + "\n")
