"""A folder in which someone has drawn shapes and trained on them."""

import shutil

import pytest

import foveate
from shapes import BLUEPRINT, draw_shapes


@pytest.fixture(scope="package")
def trained(tmp_path_factory):
    """The folder: shapes/, net.yaml and the model folder runs/shapes."""
    place = tmp_path_factory.mktemp("desk")
    draw_shapes(place / "shapes")
    (place / "net.yaml").write_text(BLUEPRINT)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(place)
        foveate.train("shapes", model="net.yaml", epochs=20, batch_size=8, lr=0.03)
    return place


@pytest.fixture
def desk(trained, tmp_path, monkeypatch):
    """A copy of it, where the test is."""
    shutil.copytree(trained, tmp_path / "desk")
    monkeypatch.chdir(tmp_path / "desk")
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "desk"
