"""The examples in the docstrings of the functions say what is so, in a folder of drawn shapes."""

import doctest
import importlib
import pkgutil

import pytest

import foveate
import foveate.api

MODULES = [f"api.{module.name}" for module in pkgutil.iter_modules(foveate.api.__path__)]
MODULES.remove("api.common")


@pytest.mark.parametrize("module", [*MODULES, "sklearn.estimators", "sklearn.features"])
def test_the_examples_of_a_function_run(module, desk):
    found = importlib.import_module(f"foveate.{module}")
    result = doctest.testmod(found, extraglobs={"foveate": foveate}, optionflags=doctest.ELLIPSIS)
    assert result.attempted > (0 if module != "api.serve" else -1)  # it would not return
    assert result.failed == 0
