"""The recipe, the image and the release ask for what pyproject.toml says."""

import re
import tomllib

import pytest
import yaml

from documents import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_conda_recipe_has_the_dependencies_of_the_project():
    recipe = yaml.safe_load((ROOT / "deploy" / "conda" / "recipe.yaml").read_text())
    run = {line.replace(" ", "") for line in recipe["requirements"]["run"]} - {"python>=${{python_min}}"}
    assert run == {line.partition("#")[0].strip() for line in PROJECT["dependencies"]}
    assert recipe["context"]["version"] == PROJECT["version"]
    (torch,) = recipe["requirements"]["run_constraints"]
    assert torch.split() == ["pytorch", re.sub("^torch", "", PROJECT["optional-dependencies"]["train"][0])]
    (command,) = recipe["build"]["python"]["entry_points"]
    assert dict([command.split(" = ")]) == PROJECT["scripts"]


def test_the_image_is_of_extras_and_files_that_there_are():
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    for extras in re.findall(r"EXTRAS=([\w,]+)", text):
        assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    copied = [name for line in re.findall(r"^COPY (.*) \S+$", text, re.MULTILINE) for name in line.split()]
    assert copied and all((ROOT / name).exists() for name in copied)
    assert "USER 1000" in text and "torch" not in re.search(r"ARG EXTRAS=(.*)", text)[1]


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name
)
def test_a_workflow_may_do_only_what_each_job_says(path):
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert "permissions" in job
        assert set(job["permissions"].values()) <= {"read", "write"}
        writes = {name for name, level in job["permissions"].items() if level == "write"}
        assert writes <= {"id-token", "attestations"}
    assert "password:" not in path.read_text() and "secrets." not in path.read_text()
