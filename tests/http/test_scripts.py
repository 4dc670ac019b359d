"""The pages' scripts are JavaScript: node reads each and runs their own tests, before any browser does."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import foveate

NODE = shutil.which("node") or shutil.which("nodejs")
SCRIPTS = sorted(Path(foveate.__file__).parent.rglob("*.js"))
SHARED = [Path(foveate.__file__).parent / room / "web" for room in ("http", "inspector", "webpage")]
ROOM_TESTS = Path(__file__).parents[1]
SCRIPT_TESTS = sorted(ROOM_TESTS.rglob("*.test.js"))
LONGEST_LINE = 120
needs_node = pytest.mark.skipif(NODE is None, reason="needs node")


def read(text):
    """What node says of a module's text; nothing where all is well."""
    done = subprocess.run(
        [NODE, "--input-type=module", "--check"], input=text, capture_output=True, text=True, check=False
    )
    return done.stderr if done.returncode else ""


def exported(script):
    """The names that a module exports."""
    text = script.read_text("utf-8")
    names = set(re.findall(r"^export (?:async )?(?:function\*?|const|let|class) (\w+)", text, re.MULTILINE))
    for group in re.findall(r"^export \{([^}]*)\}", text, re.MULTILINE):
        names |= {name.split(" as ")[-1].strip() for name in group.split(",") if name.strip()}
    return names


@needs_node
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_can_be_read(script):
    assert read(script.read_text("utf-8")) == ""


@needs_node
@pytest.mark.parametrize("tests", SCRIPT_TESTS, ids=lambda path: path.name)
def test_a_scripts_own_tests_pass(tests):
    command = [NODE, "--test", "--test-reporter=tap", tests]
    done = subprocess.run(command, cwd=ROOM_TESTS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)[1]) > 0


@pytest.mark.parametrize("script", [*SCRIPTS, *SCRIPT_TESTS], ids=lambda path: path.name)
def test_no_line_is_too_long(script):  # the formatter leaves long texts as they are
    assert max(map(len, script.read_text("utf-8").splitlines())) <= LONGEST_LINE


@needs_node
def test_a_slip_is_found():
    assert "SyntaxError" in read("export const a = ;\n")


def test_what_a_module_imports_is_exported_where_it_is_looked_for():
    taken = 0
    for script in SCRIPTS:
        text = script.read_text("utf-8")
        for names, place in re.findall(r'^import \{([^}]*)\} from "(\.[^"]+)"', text, re.MULTILINE):
            wanted = {name.split(" as ")[0].strip() for name in names.split(",") if name.strip()}
            beside = script.parent / place
            # Pages take those of the room that all share as their own, the guide also others.
            homes = (beside, *(room / beside.name for room in SHARED))
            found = next(home for home in homes if home.is_file())
            assert wanted <= exported(found), (script.name, place)
            taken += len(wanted)
    assert taken > 50
