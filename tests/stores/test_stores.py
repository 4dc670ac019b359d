"""One set of verbs, whatever is behind them."""

import os
import pickle
import signal
import subprocess
import sys
import threading

import pytest

from foveate.errors import ChangedObjectError, InputError, MissingObjectError, StoreError
from foveate.stores import open_store
from foveate.stores.base import Patience
from foveate.stores.cloud import CloudStore
from foveate.stores.local import LocalStore
from foveate.stores.other import FsspecStore

QUICK = Patience(tries=3, first_seconds=0.01)


@pytest.fixture(params=["folder", "s3", "fsspec"])
def store(request, tmp_path):
    if request.param == "folder":
        return LocalStore(tmp_path / "new")
    if request.param == "fsspec":
        return FsspecStore(f"memory://{request.node.name}", QUICK)
    request.getfixturevalue("objects")
    return CloudStore("s3://bucket/some/place", QUICK)


def test_what_is_written_is_read(store):
    assert list(store.names()) == [] and store.fact("a") is None
    assert store.write("a", b"0123456789").size == 10
    store.write("a", b"abcdefghij")  # replaced
    assert store.read("a") == b"abcdefghij" and store.fact("a").size == 10
    assert store.read_range("a", 2, 5) == b"cde"
    assert list(store.names()) == ["a"]


@pytest.mark.parametrize("store", ["folder", "s3"], indirect=True)
def test_only_one_creates(store):
    """Eight at once: one of them did, and it is its bytes that stay."""
    said, wait = {}, threading.Barrier(8)

    def create(number):
        wait.wait()
        said[number] = store.create("one", bytes([number]) * 1000)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said.values()) == [False] * 7 + [True]
    (who,) = [number for number, created in said.items() if created]
    assert store.read("one") == bytes([who]) * 1000


def test_what_is_there_is_not_created_again(store):
    assert store.create("x", b"first") and not store.create("x", b"second")
    assert store.read("x") == b"first"


def test_what_is_missing_is_named(store):
    for ask in (lambda: store.read("gone"), lambda: store.read_range("gone", 0, 1)):
        with pytest.raises(MissingObjectError, match=r"gone: there is no such (object|file)\.$"):
            ask()


def test_an_object_that_became_shorter_is_named(store):
    store.write("a", b"0123")
    with pytest.raises(ChangedObjectError, match=r"changed while it was in use: it ends before byte 9;"):
        store.read_range("a", 2, 9)


def test_a_store_travels_to_other_processes(store):
    store.write("a", b"1")
    again = pickle.loads(pickle.dumps(store))  # noqa: S301 -- our own
    assert again.place == store.place and again.read("a") == b"1"


def test_another_etag_is_a_changed_object(objects):
    store = CloudStore("s3://bucket", QUICK)
    tag = store.write("a", b"0123").tag
    assert store.read_range("a", 0, 4, tag) == b"0123"
    objects.kept["bucket/a"] = b"9876"  # as long as before
    with pytest.raises(ChangedObjectError, match=r"s3://bucket/a changed .*: its ETag is another; write the"):
        store.read_range("a", 0, 4, tag)


@pytest.mark.parametrize("what", ["503", "slow", "short"])
def test_faults_that_pass_are_waited_for(objects, what):
    """Each of the first requests fails, and the next of its kind does not."""
    store = CloudStore("s3://bucket", QUICK)
    failed = set()

    def fault(method, key):
        first = (method, key) not in failed
        failed.add((method, key))
        return what if first and not (what == "short" and method == "PUT") else None

    objects.fault = fault
    store.write("a", bytes(range(256)) * 64)
    assert store.read_range("a", 100, 9_000) == (bytes(range(256)) * 64)[100:9_000]
    failed.clear()
    assert store.read("a") == bytes(range(256)) * 64
    assert len(failed) >= 1


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("503", r"s3://bucket/a: the store does not answer as it should: .*\.$"),
        ("short", r"s3://bucket/a: .*\.$"),
        ("expired", r"s3://bucket/a: the credentials have expired; renew them and run again"),
        ("denied", r"s3://bucket/a: the store refuses these credentials"),
    ],
)
def test_faults_that_last_are_one_sentence(objects, what, said):
    store = CloudStore("s3://bucket", QUICK)
    store.write("a", b"0123456789")
    objects.fault = lambda method, key: what
    with pytest.raises(StoreError, match=said) as error:
        store.read_range("a", 0, 8)
    assert "\n" not in str(error.value)


def test_places(tmp_path, monkeypatch):
    assert isinstance(open_store(tmp_path), LocalStore)
    assert open_store(f"file://{tmp_path}").place == str(tmp_path)
    assert isinstance(open_store("memory://a/b"), FsspecStore)
    for place in ("s3://", "https://example.org/photos"):
        with pytest.raises(InputError, match="expected a"):
            open_store(place)


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="this machine is not Linux")
def test_a_process_that_is_killed_while_it_creates_leaves_nothing(tmp_path):
    program = (
        "import os, signal, sys\n"
        "from foveate.stores.local import LocalStore\n"
        "os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)\n"
        "LocalStore(sys.argv[1]).create('answers', b'some')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path / "out")], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert os.listdir(tmp_path / "out") == []  # noqa: PTH208
