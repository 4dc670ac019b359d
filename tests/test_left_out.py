"""What a run says of tests that were left out, and that a strict one fails for them."""

from pathlib import Path

import pytest

import left_out

pytest_plugins = ("pytester",)

TESTS = """
import pytest

def test_a():
    pytest.skip("needs Chromium (Debian: apt install chromium)")

@pytest.fixture
def browser():
    pytest.skip("needs Chromium (Debian: apt install chromium)")

def test_b(browser):
    pass

@pytest.mark.skipif(True, reason="this machine lets us mount nothing")
def test_c():
    pass

@pytest.mark.xfail
def test_d():
    raise ValueError

def test_e():
    pass
"""


@pytest.fixture
def run(pytester, monkeypatch):
    def once(strict, **files):
        monkeypatch.setenv("PYTHONPATH", str(Path(left_out.__file__).parent))
        monkeypatch.setenv("FOVEATE_TESTS_STRICT", strict)
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # they take a second each time
        pytester.makepyfile(**files)
        return pytester.runpytest_subprocess("-p", "left_out")

    return once


def test_the_last_lines_tell_what_was_left_out_and_how_to_have_it(run):
    done = run("", test_some=TESTS)
    done.assert_outcomes(passed=1, skipped=3, xfailed=1)
    assert done.ret == 0
    done.stdout.fnmatch_lines(
        [
            "*tests left out: 3*",
            "2 left out: needs Chromium (Debian: apt install chromium) -> apt install chromium",
            "1 left out: this machine lets us mount nothing",
        ]
    )


def test_a_strict_run_fails_for_what_can_be_installed(run):
    done = run("1", test_some=TESTS)
    done.assert_outcomes(passed=1, failed=1, errors=1, skipped=1, xfailed=1)
    done.stdout.fnmatch_lines(["*left out, and nothing may be*needs Chromium*"])


def test_a_file_that_wants_a_missing_package_counts_too(run):
    files = {"test_whole": "import pytest\npytest.importorskip('no_such_package')\n\ndef test(): pass\n"}
    done = run("", **files)
    done.stdout.fnmatch_lines(
        [
            "*tests left out: 1, 1 of them whole files*",
            "1 left out: could not import 'no_such_package'* -> pip install *",
        ]
    )
    assert run("1", **files).ret == pytest.ExitCode.INTERRUPTED
