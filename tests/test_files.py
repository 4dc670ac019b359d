"""A file is the old one or the new one, and nothing else is left behind."""

import errno
import os
import stat

import pytest

from foveate.errors import StorageError
from foveate.files import replacing, write_durably


def test_a_file_takes_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old")
    with pytest.raises(StorageError, match="No space left"), replacing(path) as part:
        part.write_text("ne")
        raise OSError(28, os.strerror(28))
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["page.html"]
    with replacing(path) as part:
        part.write_text("new")
    assert path.read_text() == "new" and stat.S_ISREG(path.stat().st_mode)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_one_error_and_leaves_the_old_file(tmp_path, monkeypatch, call):
    path = tmp_path / "file"
    write_durably(path, b"old")

    def refuse(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if call == "fsync":
        monkeypatch.setattr(os, "fsync", refuse)
    else:
        monkeypatch.setattr("pathlib.Path.replace", refuse)
    with pytest.raises(
        StorageError, match=r"Could not write .*file: No space left on device\. The old file is intact"
    ):
        write_durably(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
