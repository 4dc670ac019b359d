"""The measuring itself: turns are taken, missing rivals are named, results are written and joined."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from foveate.cli.main import main

FOLDER = Path(__file__).parent.parent / "benchmarks"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs a checkout")


@pytest.fixture
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import chart
    import harness
    import report
    import run

    class Modules:
        pass

    Modules.chart, Modules.harness, Modules.report, Modules.run = chart, harness, report, run
    return Modules


def test_contestants_take_turns_and_missing_ones_are_named(benchmarks):
    Contestant = benchmarks.harness.Contestant
    line = [sys.executable, "-c", "import time; time.sleep(0.05)"]
    race = benchmarks.harness.compete(
        [
            Contestant("sleeper", "start_up:command", {"line": line}, warm=False),
            Contestant("missing", "start_up:command", {"line": line, "needs": "no_such_module"}),
            Contestant("nowhere", "no_such_benchmark:work"),
        ],
        turns=3,
        seconds=0.0,
    )
    assert race.skipped == {
        "missing": "no_such_module is not installed",
        "nowhere": "no_such_benchmark is not installed",
    }
    timing = race.timings["sleeper"]
    assert 0.05 < timing.low <= timing.median <= timing.high < 10
    assert (timing.turns, race.answers) == (3, {"sleeper": [None] * 3})


def test_results_join_those_of_an_earlier_run(benchmarks, tmp_path):
    report, run = benchmarks.report, benchmarks.run
    machine = {"processor": "a", "cores": 2, "load": 0.1, "system": "Linux", "python": "3"}

    def section(title, seconds):
        table = report.Table("t", ("network", "ms"), [("resnet18", f"{seconds}")])
        charts = {
            "c.svg": benchmarks.chart.chart("c", [benchmarks.chart.Line("l", [(1, 2), (3, 4)])], x="x", y="y")
        }
        return report.Section(
            title, "text", [table], {"a": 1.5}, charts, {"rival": "it is missing"}, machine=machine
        )

    run.write(tmp_path, {"loop": section("Loop", 1), "start": section("Start", 1)})
    run.write(tmp_path, {"start": section("Start", 2)})
    page = (tmp_path / "benchmarks.md").read_text()
    assert page.index("## Loop") < page.index("## Start")
    assert "| resnet18 | 2 |" in page
    assert "![c](c.svg)" in page
    assert "Left out: rival, for it is missing." in page
    assert set(json.loads((tmp_path / "benchmarks.json").read_text())) == {"loop", "start"}


@pytest.mark.parametrize("log", [False, True])
def test_a_chart_is_whole_and_within_its_frame(benchmarks, log):
    chart = benchmarks.chart
    lines = [chart.Line("a < b", [(1, 90.0), (1000, 94.5)], [0.1, 0.2]), chart.Line("c", [(20, 88.0)])]
    root = ET.fromstring(chart.chart("title", lines, x="s", y="%", log_x=log, low_y=89))
    dots = [(float(c.get("cx")), float(c.get("cy"))) for c in root.iter("{http://www.w3.org/2000/svg}circle")]
    assert len(dots) == 2  # the point below the lowest line is cut off
    assert all(0 <= x <= chart.WIDTH and 0 <= y <= chart.HEIGHT for x, y in dots)
    assert dots[0][0] < dots[1][0]
    assert dots[0][1] > dots[1][1]  # upwards is better


def test_the_command_runs_them(capfd):
    with pytest.raises(SystemExit) as left:
        main(["bench", "--list"])
    assert left.value.code == 0
    assert "inference" in capfd.readouterr().out
    with pytest.raises(SystemExit) as left:
        main(["bench", "speed"])
    assert left.value.code == 2
    assert "no benchmark is called 'speed'; known: accuracy" in capfd.readouterr().err


def test_every_benchmark_is_there():
    done = subprocess.run(
        [sys.executable, "-c", "import run; [print(m) for m, *_ in run.BENCHMARKS.values()]"],
        cwd=FOLDER, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert all((FOLDER / f"{name}.py").is_file() for name in done.stdout.split())


def test_blocks_are_told_by_their_pixels(benchmarks):
    import caption_blocks

    picture = np.full((40, 120, 3), 211, np.uint8)
    picture[4:24, 4:24] = (255, 255, 0)  # a square
    rows, columns = np.mgrid[:20, :20]
    picture[4:24, 40:60][np.hypot(rows - 9.5, columns - 9.5) < 10] = (0, 153, 255)
    picture[4:24, 80:100][abs(columns - 9.5) <= rows / 2] = (0, 0, 0)
    assert caption_blocks.blocks_in(picture) == (
        {"yellow", "blue", "black"},
        {"square", "circle", "triangle"},
    )
    picture[:, 70:] = 211
    said = ["two blue circles and a black triangle", "nothing"]
    assert caption_blocks.named(said, [picture, picture]) == {
        "colours": {"there": 1, "named": 2},
        "shapes": {"there": 1, "named": 2},
    }
