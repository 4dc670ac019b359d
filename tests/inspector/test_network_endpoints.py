"""What the network page asks for, against torch."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from foveate.resolve import registered

NODES = ["input", "conv2d", "batch_norm", "relu", "max_pool", "conv2d", "add", "relu", "concat"]
NODES += ["adaptive_avg_pool", "flatten", "linear", "softmax"]


def pixels_of(answer):
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def first_run(client, **more):
    """The kept run behind a new one."""
    name = client.run(**more)
    return name, client.session.runs.get(name)


def test_the_network_is_told_node_by_node(client):
    found = client.get("/api/network")
    nodes = {node["id"]: node for node in found["nodes"]}
    assert [node["op"] for node in found["nodes"]] == NODES
    assert list(nodes) == [f"n{i}" for i in range(13)]
    assert (found["net"], found["name"], found["weights"]) == ("main", "small", "trained")
    assert found["classes"] == ["ant", "<b>bee</b>", "cat ?", "dog"]
    assert found["input"] == {"channels": 3, "height": 12, "width": 10}
    assert found["parameters"] == 4 * 27 + 4 + 8 + 4 * 18 + 4 + 32 * 4 + 4
    conv = nodes["n1"]
    assert (conv["kernel"], conv["stride"], conv["padding"]) == ([3, 3], [1, 1], [[1, 1], [1, 1]])
    assert (conv["shape"], conv["receptive_field"], conv["jump"]) == ([4, 12, 10], [3, 3], [1, 1])
    assert conv["macs"] == 4 * 12 * 10 * 27
    assert conv["editable"]
    assert conv["formula"].startswith("rows floor((12 + 1 + 1 − 1·(3−1) − 1)/1) + 1 = 12")
    assert (nodes["n5"]["groups"], nodes["n5"]["module"], nodes["n6"]["module"]) == (2, "4.conv", "4")
    assert nodes["n6"]["inputs"] == ["n5", "n4"]
    assert nodes["n8"]["inputs"] == ["n4", "n7"]
    assert nodes["n11"]["receptive_field"] is None


def test_pictures_are_kept_and_shown_as_the_network_sees_them(client):
    upload = np.zeros((24, 20, 3), np.uint8)
    upload[:, 10:] = (200, 100, 50)
    file = io.BytesIO()
    Image.fromarray(upload).save(file, "PNG")
    made = json.loads(client.ask("POST", "/api/pictures?name=mine", file.getvalue()).content)
    assert (made["width"], made["height"], made["name"]) == (20, 24, "mine")
    seen = pixels_of(client.ask("GET", made["url"]))
    assert seen.shape == (12, 10, 3)
    assert seen[5, 9].tolist() == [200, 100, 50]
    given = client.ask("GET", f"/api/pictures/{made['id']}.png?original=1")
    assert np.array_equal(pixels_of(given), upload)
    assert made in client.get("/api/pictures")["pictures"]


def test_a_large_photograph_is_seen_here_as_by_predict(client):
    """Which decodes it smaller: the pictures on the page must be the same to the bit."""
    rough = np.random.default_rng(0).integers(0, 256, (150, 200, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(rough).resize((3000, 2250), Image.Resampling.NEAREST).save(file, "JPEG")
    made = json.loads(client.ask("POST", "/api/pictures", file.getvalue()).content)
    assert (made["width"], made["height"]) == (3000, 2250)
    net = client.session.net("main")
    less, _ = net.preprocessing.decode(file.getvalue())
    assert less.shape == (282, 375, 3)
    wanted = net.preprocessing.read(file.getvalue())
    assert np.array_equal(pixels_of(client.ask("GET", made["url"])), wanted)
    run = client.session.runs.get(client.post("/api/runs", {"picture": made["id"]})["run"])
    assert np.array_equal(run.pixels, wanted)


def test_deep_grey_is_taken_as_bright_as_the_network_sees_it(client):
    """32-bit samples that no picture alone could be judged by."""
    main = client.session.net(None)
    known = replace(main.preprocessing, sample_range=(-1000.0, 131_071.0))
    net = client.session.add_net(replace(main, preprocessing=known))
    samples = np.linspace(-1000, 131_071, 60 * 40).reshape(40, 60).astype(np.int32)
    file = io.BytesIO()
    Image.fromarray(samples).save(file, "TIFF")
    made = json.loads(client.ask("POST", f"/api/pictures?net={net}", file.getvalue()).content)
    shown = pixels_of(client.ask("GET", f"/api/pictures/{made['id']}.png?net={net}&original=1"))
    level = np.floor((samples + 1000.0) * (255 / 132_071) + 0.5)
    np.testing.assert_array_equal(shown, np.repeat(level[..., None], 3, axis=2))


def test_a_run_gives_the_networks_own_answer(client):
    name, run = first_run(client)
    with torch.no_grad():
        logits = run.net.module(run.x)[0]
    chances = torch.softmax(logits / 2.0, dim=0)
    top = client.post("/api/runs", {"picture": "p1"})["top"]
    assert [row["class"] for row in top] == chances.argsort(descending=True).tolist()
    assert [row["probability"] for row in top] == pytest.approx(sorted(chances.tolist(), reverse=True))
    assert top[0]["logit"] == logits.max().item()
    assert {row["label"] for row in top} == {"ant", "<b>bee</b>", "cat ?", "dog"}
    last = client.get(f"/api/runs/{name}/nodes/n12/sum?channel=1")
    assert last["value"] == pytest.approx(chances[1].item(), rel=1e-6)
    assert last["logits"] == pytest.approx(logits.tolist())


@pytest.mark.parametrize("network", ["small", "convnet1", "lenet5", "compact_s"])
def test_every_sum_adds_up_to_the_networks_own_value(make, network):
    client = make(None if network == "small" else registered(network, untrained=True))
    random = np.random.default_rng(0)
    for norm in client.session.net(None).module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean += torch.from_numpy(random.normal(0, 0.3, len(norm.running_mean)))
            norm.running_var *= torch.from_numpy(random.uniform(0.5, 1.5, len(norm.running_var)))
    name, run = first_run(client)
    for number, value in enumerate(run.recording.values):
        for _ in range(4):
            place = [int(random.integers(side)) for side in value.shape]
            query = "&".join(f"{n}={p}" for n, p in zip(("channel", "row", "column"), place, strict=False))
            found = client.get(f"/api/runs/{name}/nodes/n{number}/sum?{query}")
            assert found["value"] == value[tuple(place)].item()
            assert found["total"] == pytest.approx(found["value"], rel=1e-4, abs=1e-7)
            if found["op"] in ("conv2d", "linear"):
                made = sum(
                    w * x
                    for term in found["terms"]
                    for w, x in zip(np.ravel(term["weight"]), np.ravel(term["input"]), strict=True)
                    if x is not None
                )
                assert made + (found["bias"] or 0) == pytest.approx(found["value"], rel=1e-4, abs=1e-6)


def test_a_sum_tells_where_its_numbers_lie(client):
    name, run = first_run(client)
    corner = client.get(f"/api/runs/{name}/nodes/n1/sum?channel=2&row=0&column=9")
    assert corner["window"]["rows"] == [-1, 0, 1]
    assert corner["terms"][1]["input"][0] == [None, None, None]
    assert [row[2] for row in corner["terms"][1]["input"]] == [None, None, None]
    assert corner["terms"][1]["input"][1][:2] == pytest.approx(run.x[0, 1, 0, 8:].tolist())
    assert corner["field"] == {"top": 0, "left": 8, "bottom": 1, "right": 9}
    grouped = client.get(f"/api/runs/{name}/nodes/n5/sum?channel=3&row=1&column=1")
    assert [(term["node"], term["channel"]) for term in grouped["terms"]] == [("n4", 2), ("n4", 3)]
    norm = client.get(f"/api/runs/{name}/nodes/n2/sum?channel=3&row=4&column=4")
    module = run.net.module[1]
    expected = [getattr(module, at)[3].item() for at in ("running_mean", "running_var", "weight", "bias")]
    assert [norm[key] for key in ("mean", "variance", "gamma", "beta")] == expected
    pixel = client.get(f"/api/runs/{name}/nodes/n0/sum?channel=1&row=2&column=3")
    assert pixel["pixel"] == run.pixels[2, 3, 1]
    assert pixel["pixel"] * pixel["scale"] + pixel["shift"] == pytest.approx(pixel["value"], abs=1e-6)
    (step,) = pixel["steps"]
    assert step["text"].startswith(f"pixel {pixel['pixel']} · ")
    assert float(step["result"].replace("−", "-")) == pytest.approx(pixel["value"], rel=1e-5)
    dense = client.get(f"/api/runs/{name}/nodes/n11/sum?channel=0")
    assert dense["map_shape"] == [8, 2, 2]
    assert len(dense["terms"][0]["weight"]) == 32


def test_maps_are_the_numbers_themselves(client):
    name, run = first_run(client)
    answer = client.ask("GET", f"/api/runs/{name}/nodes/n8/maps/5")
    assert (answer.headers["x-height"], answer.headers["x-width"]) == ("6", "5")
    assert answer.content == run.recording.values[8][5].numpy().astype("<f4").tobytes()
    answer = client.ask("GET", f"/api/runs/{name}/nodes/n11/maps/0")
    assert (answer.headers["x-height"], answer.headers["x-width"]) == ("1", "4")


def test_a_sheet_has_all_maps_on_one_scale(client):
    name, run = first_run(client)
    answer = client.ask("GET", f"/api/runs/{name}/nodes/n2/sheet.png?from=1&count=3&size=24&columns=2")
    sheet, values = pixels_of(answer), run.recording.values[2].numpy()
    assert sheet.shape == (48, 48, 4)
    assert (answer.headers["x-columns"], answer.headers["x-count"]) == ("2", "3")
    assert float(answer.headers["x-low"]) == pytest.approx(values.min())
    assert float(answer.headers["x-high"]) == pytest.approx(values.max())
    assert (sheet[:24, 2:22, 3] == 255).all()  # 12x10, twice enlarged, in the middle of its cell
    assert not sheet[:24, :2, 3].any()
    assert not sheet[24:, 24:, 3].any()
    cell = sheet[:24, 2:22, :3].reshape(12, 2, 10, 2, 3)
    assert (cell == cell[:, :1, :, :1]).all()
    warm = cell[:, 0, :, 0, 0].astype(int) - cell[:, 0, :, 0, 2]  # red above blue where positive
    clear = np.abs(values[1]) > 0.1 * np.abs(values).max()
    assert np.array_equal(warm[clear] > 0, values[1][clear] > 0)


def test_one_picture_has_a_thumbnail_of_every_node(client):
    name, run = first_run(client)
    answer = client.ask("GET", f"/api/runs/{name}/sprites?height=24")
    grid = pixels_of(answer)
    assert grid.shape == (24, 16 * 24, 4)
    assert (answer.headers["x-columns"], answer.headers["x-cell"]) == ("16", "24")
    shown = [bool(grid[:, 24 * i : 24 * (i + 1), 3].any()) for i in range(16)]
    assert shown == [True] * 13 + [False] * 3
    picture = grid[::2, 2:22:2, :3]
    assert np.array_equal(picture, run.pixels)
    some = pixels_of(client.ask("GET", f"/api/runs/{name}/sprites?height=24&nodes=n8,n0"))
    assert np.array_equal(some[:, :24], grid[:, 8 * 24 : 9 * 24])
    assert np.array_equal(some[:, 24:48], grid[:, :24])
    assert not some[:, 48:, 3].any()


def test_covering_changes_what_lies_under_it_and_nothing_else(client):
    _, plain = first_run(client)
    _, run = first_run(client, cover=[{"top": -3, "left": 4, "height": 5, "width": 100}])
    changed = (run.pixels != plain.pixels).any(axis=2)
    assert changed[:2, 4:].mean() > 0.9
    assert not changed[2:].any()
    assert not changed[:, :4].any()
    assert (run.pixels[:2, 4:] == [102, 128, 153]).all()  # the mean colour
    assert run.x[0, :, 0, 6].abs().max() < 0.01
    assert not torch.equal(run.recording.values[-1], plain.recording.values[-1])


def test_edited_kernels_and_biases_are_used_for_that_run_alone(client):
    edits = [
        {"node": "n5", "output_channel": 3, "input_channel": 2, "kernel": [[1, 2, 3], [4, 5, 6], [7, 8, 9]]},
        {"node": "n11", "bias": {"channel": 2, "value": 7}},
    ]
    name, run = first_run(client, edits=edits)
    module = run.net.module
    before = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    weight = module[4].conv.weight.detach().clone()
    weight[3, 0] = torch.arange(1.0, 10).reshape(3, 3)
    with torch.no_grad():
        pooled = module[:4](run.x)
        expected = nn.functional.conv2d(pooled, weight, module[4].conv.bias, padding=1, groups=2)
    assert torch.allclose(run.recording.values[5], expected[0], atol=1e-5)
    found = client.get(f"/api/runs/{name}/nodes/n5/sum?channel=3&row=2&column=2")
    assert found["terms"][0]["weight"] == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert client.get(f"/api/runs/{name}/nodes/n11/sum?channel=2")["bias"] == 7
    _, again = first_run(client)
    assert all(torch.equal(before[key], tensor) for key, tensor in module.state_dict().items())
    assert not torch.equal(again.recording.values[5], run.recording.values[5])
    found = client.get(f"/api/runs/{name}/nodes/n5/sum?channel=3&row=2&column=2")
    assert found["terms"][0]["weight"] == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]  # the run keeps its own


def test_kernels_and_known_filters_are_told(client):
    found = client.get("/api/nets/main/nodes/n5/kernels/3")
    conv = client.session.net(None).module[4].conv
    assert np.allclose(found["kernel"], conv.weight[3].detach().numpy())
    assert found["bias"] == conv.bias[3].item()
    assert found["channels"] == [2, 3]
    filters = {one["name"]: one["kernel"] for one in client.get("/api/filters")["filters"]}
    assert filters["sobel_x"] == [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]


@pytest.mark.parametrize(
    "method", ["grad-cam", "saliency", "smooth-grad", "integrated-gradients", "occlusion"]
)
def test_heat_maps_lie_over_the_picture(client, method):
    name = client.run()
    found = client.post("/api/explain", {"run": name, "method": method, "class": 0})
    picture = pixels_of(client.ask("GET", found["url"]))
    assert picture.shape == (12, 10, 4)
    assert picture[..., 3].min() < picture[..., 3].max()
    assert (found["class"], found["label"]) == (0, "ant")
    untested = client.post("/api/explain", {"run": name, "method": method, "class": 0, "hiding": False})
    assert (untested["hiding"], untested["probability"]) == (None, found["probability"])
    assert found["drop_hiding"] == pytest.approx(found["probability"] - found["hiding"]["marked"], abs=1e-6)


def test_a_heat_map_is_of_the_edited_network(client):
    bias = {"node": "n11", "bias": {"channel": 3, "value": 50}}
    found = client.post("/api/explain", {"run": client.run(edits=[bias]), "node": "n5"})
    assert (found["class"], found["facts"]["layer"]) == (3, "4.conv")
    assert found["probability"] > 0.99
    assert found["hiding"]["before"] > 0.99


def test_other_networks_can_be_opened(client):
    made = client.post("/api/nets", {"name": "lenet5"})
    network = client.get(f"/api/network?net={made['net']}")
    assert (network["name"], network["weights"], network["classes"]) == ("lenet5", "random", None)
    yaml = "name: mine\ninput: [1, 9, 9]\nclasses: 3\nlayers:\n- conv: {filters: 2, kernel: 3}\n"
    made = client.post("/api/nets", {"yaml": yaml + "- flatten\n- dense: classes\n"})
    picture = client.get("/api/pictures")["pictures"][0]["id"]
    run = client.post("/api/runs", {"net": made["net"], "picture": picture})
    assert len(run["top"]) == 3
    told = client.get("/api/nets")
    assert made["net"] in {one["net"] for one in told["nets"]}
    assert {"resnet18", "fcn8s_resnet18"} <= set(told["known"])
    seen = pixels_of(client.ask("GET", f"/api/pictures/{picture}.png?net={made['net']}"))
    assert seen.shape == (9, 9)
