"""The notebooks run from top to bottom, and what ends a cell shows itself as a notebook would show it."""

import ast
import json
import re

import pytest

from documents import ROOT

NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))


def shown(source, names):
    """A cell's last expression, after the rest of it was run; None where it ends in none."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)  # noqa: S102 -- our own notebooks
    return None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_its_results(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    document = json.loads(path.read_text("utf-8"))
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    names = {"__name__": "__main__"}
    tables = 0
    for cell in document["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
            value = shown("".join(cell["source"]), names)
            if hasattr(value, "_repr_html_"):
                assert re.match(r"<(table|div)", value._repr_html_())
                tables += 1
    assert tables >= (0 if path.stem == "scikit-learn" else 2)
    # Networks that have learnt nothing would teach nothing.
    if path.stem == "first-model":
        assert names["done"].evaluation.to_dict()["accuracy"] >= 0.9
    if path.stem == "scikit-learn":
        assert names["search"].best_score_ >= 0.9
        assert value > 0.5  # the regression's R2, which ends the notebook
