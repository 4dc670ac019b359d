"""Known data sets, with no network but this machine's own: a server on 127.0.0.1 plays the publisher."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from foveate.dataset.sources import fetch, known
from foveate.dataset.sources.fetch import KnownFile, Sources, checked, find
from foveate.errors import DownloadError, StorageError, UnknownNameError
from foveate.kept import cache_folder

CONTENT = np.random.default_rng(0).bytes(300_000)
FILE = KnownFile("things.gz", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


class Publisher(SimpleHTTPRequestHandler):
    """Serves a folder; knows ranges; can be told to cut a reply short."""

    requests: list[str]
    cut_after: int | None
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        type(self).requests.append(f"{self.path} from {start}")
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        if start >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        data, type(self).cut_after = data[start:][: self.cut_after], None
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[tuple[str, Path, type[Publisher]]]:
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / FILE.name).write_bytes(gzip.compress(CONTENT))
    handler = type("Handler", (Publisher,), {"requests": [], "cut_after": None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=os.fspath(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", folder, handler
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FOVEATE_CACHE", os.fspath(tmp_path / "cache"))
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    return tmp_path / "cache" / "datasets" / "set"


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def get(address: str, **options) -> dict[str, bytes]:
    return find("set", [FILE], Sources(addresses=(address,)), **options)


def test_a_file_is_fetched_once_and_then_read_from_the_cache(publisher, cache):
    address, _, handler = publisher
    said: list[str] = []
    seen: list[tuple[int, int]] = []
    assert get(address, say=said.append, progress=lambda *p: seen.append(p)) == {FILE.name: CONTENT}
    assert said == [f"Getting {address}things.gz ..."]
    assert seen[-1][0] == seen[-1][1] == (cache / FILE.name).stat().st_size
    assert get(address) == {FILE.name: CONTENT}
    assert len(handler.requests) == 1
    assert names_in(cache) == [".lock", FILE.name]


def test_a_cut_connection_is_gone_on_with(publisher, cache):
    address, _, handler = publisher
    handler.cut_after = 1000
    with pytest.raises(DownloadError, match="the connection ended after 1,000 of"):
        get(address)
    assert get(address) == {FILE.name: CONTENT}
    assert handler.requests == ["/things.gz from 0", "/things.gz from 1000"]
    assert not (cache / "things.gz.part").exists()


def test_a_beginning_from_elsewhere_is_thrown_away_and_all_fetched_again(publisher, cache):
    address, _, handler = publisher
    cache.mkdir(parents=True)
    (cache / "things.gz.part").write_bytes(b"x" * 1000)
    assert get(address) == {FILE.name: CONTENT}
    assert handler.requests == ["/things.gz from 1000", "/things.gz from 0"]


def test_a_complete_part_needs_only_to_be_checked(publisher, cache):
    address, folder, _ = publisher
    cache.mkdir(parents=True)
    (cache / "things.gz.part").write_bytes((folder / FILE.name).read_bytes())
    assert get(address) == {FILE.name: CONTENT}


def test_wrong_content_is_refused_and_leaves_nothing(publisher, cache):
    address, folder, _ = publisher
    (folder / FILE.name).write_bytes(gzip.compress(CONTENT[::-1]))
    with pytest.raises(DownloadError, match="SHA-256 is wrong"):
        get(address)
    assert names_in(cache) == [".lock"]


def test_a_flood_is_cut_off(publisher, cache):
    address, folder, _ = publisher
    (folder / FILE.name).write_bytes(bytes(4 * len(CONTENT) + 2**21))
    with pytest.raises(DownloadError, match="far more than the file has"):
        get(address)
    assert names_in(cache) == [".lock"]


def test_every_address_is_tried_and_the_message_says_how_each_failed(publisher):
    address, folder, _ = publisher
    (folder / FILE.name).unlink()
    with pytest.raises(DownloadError) as raised:
        find(
            "set",
            [FILE],
            Sources(folders=("/nowhere",), addresses=("http://127.0.0.1:1/", address)),
        )
    message = str(raised.value)
    assert "/nowhere: not there" in message
    assert "http://127.0.0.1:1/things.gz: Connection refused" in message
    assert f"{address}things.gz: the server answered 404" in message
    assert "put them into" in message


def test_the_machines_own_copy_comes_before_the_network(publisher, tmp_path, cache):
    address, _, handler = publisher
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / FILE.name).write_bytes(gzip.compress(CONTENT, 1))  # packed differently
    sources = Sources(folders=(os.fspath(tmp_path / "own"),), addresses=(address,))
    assert find("set", [FILE], sources) == {FILE.name: CONTENT}
    assert handler.requests == []
    assert not cache.exists()


def test_a_damaged_copy_in_the_cache_is_replaced(publisher, cache):
    address, _, _ = publisher
    cache.mkdir(parents=True)
    (cache / FILE.name).write_bytes(b"damaged")
    assert get(address) == {FILE.name: CONTENT}
    assert checked(cache / FILE.name, FILE) == CONTENT


def test_two_programs_at_once_fetch_it_once(publisher):
    address, _, handler = publisher
    got: list[dict[str, bytes]] = []
    threads = [threading.Thread(target=lambda: got.append(get(address))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [{FILE.name: CONTENT}] * 4
    assert len(handler.requests) == 1


def test_an_unwritable_cache_is_named(publisher, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FOVEATE_CACHE", os.fspath(tmp_path / "file"))
    with pytest.raises(StorageError, match=r"Could not write the cache .*file.*FOVEATE_CACHE"):
        get(publisher[0])


def test_a_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(50_000_000)))
    with pytest.raises(fetch._WrongContentError):
        checked(path, KnownFile("bomb.gz", "0" * 64, 1000))


def test_where_the_cache_is(monkeypatch):
    monkeypatch.setenv("FOVEATE_CACHE", "/own")
    assert cache_folder() == Path("/own")
    monkeypatch.setenv("FOVEATE_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_folder() == Path("/xdg/foveate")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache_folder() == Path("/home/somebody/.cache/foveate")


# Debian's archive, played by two shell scripts


@pytest.fixture
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with an apt-get that 'downloads' and a dpkg-deb that 'unpacks' FILE."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (tmp_path / "packed.gz").write_bytes(gzip.compress(CONTENT))
    script(folder / "apt-get", 'touch "some-package_1_all.deb"')
    script(
        folder / "dpkg-deb",
        f'mkdir -p "$3/usr/share/deep" && cp {tmp_path}/packed.gz "$3/usr/share/deep/things.gz"',
    )
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


PACKAGE = Sources(debian_package="some-package")


def test_debians_package_fills_the_cache(debian, cache):
    assert find("set", [FILE], PACKAGE) == {FILE.name: CONTENT}
    assert names_in(cache) == [".lock", FILE.name]


@pytest.mark.parametrize(
    ("apt_get", "reason"),
    [
        ("echo 'E: Unable to locate package' >&2; exit 100", "apt-get failed: E: Unable to locate package"),
        ("true", "apt-get left no package"),
    ],
)
def test_debian_without_the_package_is_one_reason_more(debian, cache, apt_get, reason):
    script(debian / "apt-get", apt_get)
    with pytest.raises(DownloadError, match=f"Debian's package some-package: {reason}"):
        find("set", [FILE], PACKAGE)
    assert names_in(cache) == [".lock"]


def test_an_apt_that_hangs_is_stopped_with_its_children(debian, monkeypatch, tmp_path):
    script(debian / "apt-get", f"sleep 60 & echo $! > {tmp_path}/child; wait")
    monkeypatch.setattr(fetch, "_APT_TIMEOUT_SECONDS", 0.3)
    with pytest.raises(DownloadError, match=r"apt-get took more than 0 s"):
        find("set", [FILE], PACKAGE)
    child = int((tmp_path / "child").read_text())
    state = Path(f"/proc/{child}/stat")
    time.sleep(0.1)
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_what_a_killed_program_left_is_swept_up(debian, cache):
    (cache / ".debian-old" / "unpacked").mkdir(parents=True)
    find("set", [FILE], PACKAGE)
    assert names_in(cache) == [".lock", FILE.name]


def test_a_killed_download_goes_on_where_it_stopped(publisher, cache):
    """kill -9 in the middle: no damaged file under the final name, and the lock is free again."""
    address, _, _ = publisher
    program = (
        "import sys, time; from foveate.dataset.sources.fetch import *\n"
        f"file = KnownFile('things.gz', '{FILE.sha256}', {FILE.size})\n"
        "def pause(have, expected): print(have, flush=True); time.sleep(60)\n"
        f"find('set', [file], Sources(addresses=('{address}',)), progress=pause)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert names_in(cache) == [".lock", "things.gz.part"]
    assert get(address) == {FILE.name: CONTENT}


# The table


def test_the_embedded_set_is_stratified_and_complete():
    mini = known.load("fashion-mnist-mini")
    assert mini.task.labels[0] == "T-shirt/top"
    assert mini.task.labels[9] == "Ankle boot"
    assert mini.splits["train"].images.array.shape == (6000, 28, 28, 1)
    assert np.bincount(mini.splits["train"].targets.labels).tolist() == [600] * 10
    assert np.bincount(mini.splits["test"].targets.labels).tolist() == [100] * 10
    assert mini.splits["train"].images.name(3) == "train[3]"
    # The well-known first picture of Fashion-MNIST is an ankle boot; it has these 784 pixels and this label.
    assert mini.splits["train"].targets.labels[0] == 9
    assert int(mini.splits["train"].images.array[0].sum()) == 76247


def test_an_unknown_name_gets_a_suggestion():
    with pytest.raises(UnknownNameError, match="did you mean fashion-mnist"):
        known.load("fashion-minst")


def test_describe_is_plain_data():
    assert known.NAMES == ("fashion-mnist", "fashion-mnist-mini", "mnist", "cifar10")
    for name in known.NAMES:
        described = known.describe(name).to_dict()
        assert described["name"] == name
        assert described["embedded"] is (name == "fashion-mnist-mini")
        assert len(described["classes"]) == 10


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.tobytes()


def test_mnists_four_files_become_two_splits():
    rng = np.random.default_rng(0)
    images = {p: rng.integers(0, 256, (n, 28, 28), dtype=np.uint8) for p, n in (("train", 5), ("t10k", 3))}
    contents = {f"{p}-images-idx3-ubyte.gz": idx(a) for p, a in images.items()}
    contents |= {
        f"{p}-labels-idx1-ubyte.gz": idx(np.arange(len(a), dtype=np.uint8)) for p, a in images.items()
    }
    arrays = known._unpack_idx(contents)
    assert np.array_equal(arrays["train"][0][..., 0], images["train"])
    assert arrays["test"][1].tolist() == [0, 1, 2]


def test_cifars_archive_is_read_by_exact_names_and_sizes():
    rng = np.random.default_rng(0)
    records = np.zeros((6, 10_000, 3073), dtype=np.uint8)
    records[:, :20] = rng.integers(0, 10, (6, 20, 3073))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for name, data in zip(known._CIFAR_PARTS, records, strict=True):
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = data.size
            archive.addfile(member, io.BytesIO(data.tobytes()))
        evil = tarfile.TarInfo("../../evil")
        evil.size = 3
        archive.addfile(evil, io.BytesIO(b"bad"))
    arrays = known._unpack_cifar({"cifar-10-binary.tar.gz": buffer.getvalue()})
    pixels, labels = arrays["train"]
    assert pixels.shape == (50_000, 32, 32, 3)
    assert labels[10_007] == records[1, 7, 0]
    # Row-major red, then green, then blue: the page of the data set.
    assert pixels[10_007, 2, 5].tolist() == [records[1, 7, 1 + c * 1024 + 2 * 32 + 5] for c in range(3)]
    assert arrays["test"][0].shape == (10_000, 32, 32, 3)


@pytest.mark.skipif(
    not Path("/usr/share/datasets/fashion-mnist").is_dir(),
    reason="this machine has no dataset-fashion-mnist",
)
def test_the_real_fashion_mnist_passes_its_hashes():
    whole = known.load("fashion-mnist")
    mini = known.load("fashion-mnist-mini")
    assert {key: len(split) for key, split in whole.splits.items()} == {"train": 60_000, "test": 10_000}
    for key, split in mini.splits.items():
        of_boots = np.flatnonzero(whole.splits[key].targets.labels == 9)[: len(split) // 10]
        assert np.array_equal(
            whole.splits[key].images.array[of_boots], split.images.array[split.targets.labels == 9]
        )
