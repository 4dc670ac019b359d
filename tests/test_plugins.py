"""Installed packages add to what there is; one that is broken is named and stops nobody."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = "import foveate; print(foveate.list_models('two_paths'), 'lenet5' in foveate.list_models())"
OWN = Path(__file__).parent / "extending" / "two_paths.py"


@pytest.fixture
def installed(tmp_path):
    """A folder with the packages `good` and `broken` in it, as pip leaves them."""
    for name, code in (("good", OWN.read_text()), ("broken", "raise RuntimeError('no such thing')")):
        (tmp_path / f"{name}.py").write_text(code)
        about = tmp_path / f"{name}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[foveate.plugins]\n{name} = {name}\n")
    return tmp_path


def ran(program, installed, *arguments):
    code = f"import sys; sys.path.insert(0, {str(installed)!r})\n{program}"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )


def test_a_plugin_is_found_when_what_there_is_is_listed(installed):
    done = ran(PROGRAM, installed)
    assert done.stdout == "['two_paths'] True\n"
    assert done.stderr == "The plugin broken (broken) is left out: no such thing.\n"


def test_a_plugin_is_found_when_a_name_is_not(installed):
    done = ran("import foveate; print(foveate.create_model('two_paths').num_classes)", installed)
    assert done.stdout == "10\n"


def test_plugins_are_not_imported_before(installed):
    program = """
import foveate, sys
from foveate.tasks import read_task, written_task
from foveate.tasks.classification.task import Classification
foveate.model_info('lenet5')
read_task(written_task(Classification(('a', 'b'))))
print('good' in sys.modules)
"""
    assert ran(program, installed).stdout == "False\n"


def test_commands_know_plugins(installed):
    done = ran("from foveate.cli.main import main; main(sys.argv[1:])", installed, "summary", "two_paths")
    assert "parameters: 1,578" in done.stdout


def test_predicting_goes_on_without_what_a_plugin_needs(installed):
    program = "sys.modules['torch'] = None\n" + PROGRAM
    done = ran(program, installed)
    assert done.stdout == "[] True\n"
    assert "The plugin good (good) is left out: " in done.stderr
