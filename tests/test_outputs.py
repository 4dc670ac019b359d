"""What may be written where: nothing that is there is replaced unasked, and nothing of another kind ever."""

import pytest

from foveate.errors import InputError
from foveate.outputs import check_file, check_folder


def refusal(path, *, overwrite=False):
    with pytest.raises(InputError) as refused:
        check_file(path, (".png", ".jpg"), name="out", overwrite=overwrite)
    return str(refused.value)


def test_a_new_file_and_an_old_one_that_may_be_replaced_are_fine(tmp_path):
    path = tmp_path / "a.PNG"
    assert check_file(path, (".png", ".jpg"), name="out", overwrite=False) == path
    path.write_text("old")
    assert check_file(path, (".png", ".jpg"), name="out", overwrite=True) == path


def test_what_is_there_is_refused_with_what_can_be_done(tmp_path):
    (tmp_path / "a.png").write_text("old")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    assert "exists already; give another name, or overwrite=True" in refusal(tmp_path / "a.png")
    assert "exists already" in refusal(tmp_path / "gone.png")


@pytest.mark.parametrize("overwrite", [False, True])
def test_another_kind_of_thing_is_refused_in_any_case(tmp_path, overwrite):
    (tmp_path / "thesis.txt").write_text("mine")
    (tmp_path / "folder.png").mkdir()
    assert "out must end in .png or .jpg" in refusal(tmp_path / "thesis.txt", overwrite=overwrite)
    assert "found a folder" in refusal(tmp_path / "folder.png", overwrite=overwrite)
    assert "there is no folder" in refusal(tmp_path / "gone" / "a.png", overwrite=overwrite)


def folder(path, *, overwrite=False):
    return check_folder(path, "mark.json", what="results", name="out", overwrite=overwrite)


def test_a_folder_is_new_or_empty_or_of_the_same_kind(tmp_path):
    assert folder(tmp_path / "new") == tmp_path / "new"
    (tmp_path / "empty").mkdir()
    assert folder(tmp_path / "empty") == tmp_path / "empty"
    (tmp_path / "empty" / "mark.json").touch()
    with pytest.raises(InputError, match="holds results already; give another name, or overwrite=True"):
        folder(tmp_path / "empty")
    assert folder(tmp_path / "empty", overwrite=True) == tmp_path / "empty"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_other_things_is_refused_in_any_case(tmp_path, overwrite):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"found other files \(thesis.txt"):
        folder(tmp_path, overwrite=overwrite)
    with pytest.raises(InputError, match="found a file"):
        folder(tmp_path / "thesis.txt", overwrite=overwrite)
