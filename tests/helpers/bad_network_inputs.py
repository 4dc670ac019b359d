"""Networks written as data and files of weights that cannot be used, and what foveate says of them."""

from __future__ import annotations

from bad_input_makers import (
    Case,
    bare_pickle,
    both,
    file,
    lying_weights,
    other_weights,
    photos,
    pickle_with_code,
    pngs,
    truncated_weights,
)

BLUEPRINT = "input: [3, 16, 16]\nlayers:\n"
DEEP = "{repeat: {times: 2, layers: [" * 60 + "relu" + "]}}" * 60
LAUGHS = ", ".join(["&a0 [relu]", *(f"&a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12))])
BLUEPRINTS = [
    Case("no such blueprint", "summary net.yaml", 2, "Blueprint 'net.yaml' is not there; give a .yaml, .yml"),
    Case(
        "an unknown layer",
        "summary net.yaml",
        2,
        "net.yaml: Layer 1: Unknown layer 'cnv'; did you mean",
        file("net.yaml", BLUEPRINT + "  - cnv: 8\n  - flatten\n  - dense: 2\n"),
    ),
    Case(
        "a kernel larger than the picture",
        "summary net.yaml",
        2,
        "net.yaml: Layer 1 (conv): A window of 17 does not fit",
        file("net.yaml", BLUEPRINT + "  - conv: {filters: 8, kernel: 17}\n  - flatten\n  - dense: 2\n"),
    ),
    Case(
        "dense before flatten",
        "train photos --model net.yaml",
        2,
        "net.yaml: Layer 1 (dense): it takes flat values, and",
        both(photos, file("net.yaml", BLUEPRINT + "  - dense: 2\n")),
    ),
    Case(
        "a YAML tag that would run code",
        "summary net.yaml",
        2,
        "in line 1 is not taken: a blueprint holds plain lists",
        file("net.yaml", "!!python/object/apply:os.mkdir [code-was-run]\n"),
    ),
    Case(
        "broken YAML",
        "train photos --model net.yaml",
        2,
        "net.yaml: This is no YAML in line 2: expected ',' or",
        both(photos, file("net.yaml", "input: [3, 16\nlayers: }\n")),
    ),
    Case(
        "layers 60 deep",
        "summary net.yaml",
        2,
        "net.yaml: Layer 1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1",
        file("net.yaml", f"{BLUEPRINT}  - {DEEP}\n  - flatten\n  - dense: 2\n"),
    ),
    Case(
        "a billion laughs",
        "summary net.yaml",
        2,
        "net.yaml: A blueprint's name must be a text of 1 to 200",
        file("net.yaml", f"name: [{LAUGHS}]\ninput: [3, 16, 16]\nlayers: [relu]\n"),
    ),
    Case(
        "a network of 10^15 parameters",
        "summary net.yaml",
        2,
        "net.yaml: Layer 2 (dense): units must be a whole number",
        file("net.yaml", BLUEPRINT + "  - flatten\n  - dense: 1000000000000\n  - dense: 2\n"),
    ),
    Case(
        "a file that is no network",
        "summary red.png",
        2,
        "red.png is neither a network's name, nor a blueprint",
        pngs("red.png"),
    ),
]
WEIGHTS = [
    Case(
        "no such weights file",
        "train photos --model tinyvgg --image-size 16 --weights gone.pth",
        2,
        "There is no weights file gone.pth.",
        photos,
    ),
    Case(
        "a .pth with code in it",
        "train photos --model tinyvgg --image-size 16 --weights weights.pth",
        2,
        "weights.pth asks for posix.mkdir and is not unpickled",
        pickle_with_code,
        process=True,
    ),
    Case(
        "a bare pickle with code in it",
        "train photos --model tinyvgg --image-size 16 --weights weights.pth",
        2,
        "weights.pth holds more than tensors, or is damaged, and",
        bare_pickle,
    ),
    Case(
        "weights of another network",
        "train photos --model tinyvgg --image-size 16 --weights weights.safetensors",
        2,
        "weights.safetensors does not fit TinyVGG: of its 8",
        other_weights,
    ),
    Case(
        "truncated weights",
        "train photos --model tinyvgg --image-size 16 --weights weights.safetensors",
        2,
        "weights.safetensors is damaged or no weights file",
        truncated_weights,
    ),
    Case(
        "a header of 2^63 bytes",
        "train photos --model tinyvgg --image-size 16 --weights weights.safetensors",
        2,
        "weights.safetensors is damaged or no weights file",
        lying_weights,
    ),
    Case(
        "weights, and no network named",
        "train photos --weights weights.safetensors",
        2,
        "--weights belong to one network: name it with --model",
        other_weights,
    ),
]
