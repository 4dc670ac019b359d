"""What is wrong is answered with one sentence; what is held is bounded; nobody else may ask."""

import asyncio
import json
import threading

import pytest

from foveate.errors import InputError, RequestError
from foveate.images.preprocess import Preprocessing
from foveate.inspector import requests as asked
from foveate.inspector.newest import Shelf
from foveate.inspector.server import inspector_settings
from foveate.inspector.session import MOST_HEAT_BYTES, MOST_NETS, MOST_RUNS
from foveate.inspector.worker import Desk

RUN = {"picture": "p1"}
KERNEL = {"node": "n1", "output_channel": 0, "input_channel": 0, "kernel": [[0] * 3] * 3}


def edit(**changes):
    return {**RUN, "edits": [{**KERNEL, **changes}]}


WRONG = {
    "no JSON": ("POST", "/api/runs", b"{", 400, "JSON object"),
    "a list": ("POST", "/api/runs", [], 400, "JSON object"),
    "no picture": ("POST", "/api/runs", {}, 422, "picture: is missing"),
    "an unknown picture": ("POST", "/api/runs", {"picture": "p99"}, 404, "no picture 'p99'"),
    "an unknown network": ("POST", "/api/runs", {**RUN, "net": "n9"}, 404, "no network 'n9'"),
    "a cover of text": ("POST", "/api/runs", {**RUN, "cover": "all"}, 422, "cover: expected a list"),
    "a cover without height": (
        "POST",
        "/api/runs",
        {**RUN, "cover": [{"top": 1, "left": 1, "width": 2}]},
        422,
        "height: expected a whole number",
    ),
    "too many covers": ("POST", "/api/runs", {**RUN, "cover": [{}] * 257}, 422, "at most 256"),
    "an edit of nothing": ("POST", "/api/runs", edit(node="n2"), 422, "n2 (batch norm) has no kernels"),
    "an edit nowhere": ("POST", "/api/runs", edit(node="n99"), 422, "no node n99"),
    "an edit of another size": ("POST", "/api/runs", edit(kernel=[[1]]), 422, "must be 3x3"),
    "an edit of no matrix": ("POST", "/api/runs", edit(kernel=[[1], [2, 3]]), 422, "rows of equal length"),
    "an edit of no number": ("POST", "/api/runs", edit(kernel=[["1"]]), 422, "expected a number"),
    "an edit of a huge number": (
        "POST", "/api/runs", edit(kernel=[[10**400] * 3] * 3), 422, "at most a billion"
    ),
    "an edit of infinity": ("POST", "/api/runs", b'{"picture":"p1","edits":[{"node":"n1","output_channel":0,'
                            b'"input_channel":0,"kernel":[[1e999]]}]}', 422, "at most a billion"),
    "an input of another group": (
        "POST",
        "/api/runs",
        edit(node="n5", output_channel=3, input_channel=1),
        422,
        "input_channel must be 2 to 3",
    ),
    "a bias of nothing": (
        "POST",
        "/api/runs",
        {**RUN, "edits": [{"node": "n3", "bias": {"channel": 0, "value": 1}}]},
        422,
        "no bias",
    ),
    "no picture's bytes": ("POST", "/api/pictures", b"GIF, perhaps", 422, "not a picture"),
    "an empty picture": ("POST", "/api/pictures", b"", 400, "Expected a picture"),
    "a run that is gone": ("GET", "/api/runs/r77/nodes/n1/sum", b"", 404, "or no longer"),
    "a node that is not there": ("GET", "/api/runs/{run}/nodes/n40/sum", b"", 404, "nodes n0 to n12"),
    "no node's name": ("GET", "/api/runs/{run}/nodes/x/sum", b"", 404, "Nodes are named"),
    "a channel outside": ("GET", "/api/runs/{run}/nodes/n1/sum?channel=4", b"", 422, "must be 0 to 3"),
    "a row of text": ("GET", "/api/runs/{run}/nodes/n1/sum?row=top", b"", 400, "row: expected"),
    "a map outside": ("GET", "/api/runs/{run}/nodes/n1/maps/4", b"", 404, "maps 0 to 3"),
    "a sheet of a vector": ("GET", "/api/runs/{run}/nodes/n11/sheet.png", b"", 404, "no map 0"),
    "a sheet too large": (
        "GET",
        "/api/runs/{run}/nodes/n1/sheet.png?size=1024&columns=5",
        b"",
        422,
        "at most 4096 px",
    ),
    "a kernel of a pooling": ("GET", "/api/nets/main/nodes/n4/kernels/0", b"", 404, "no kernel 0 at n4"),
    "an unknown method": ("POST", "/api/explain", {"run": "{run}", "method": "magic"}, 422, "Unknown method"),
    "an unknown class": ("POST", "/api/explain", {"run": "{run}", "class": 4}, 422, "from 0 to 3"),
    "Grad-CAM of a vector": ("POST", "/api/explain", {"run": "{run}", "node": "n11"}, 422, "with maps"),
    "a thumbnail of no node": ("GET", "/api/runs/{run}/sprites?nodes=n0,n13", b"", 404, "nodes n0 to n12"),
    "a test perhaps": ("POST", "/api/explain", {"run": "{run}", "hiding": "no"}, 422, "true or false"),
    "an unknown zoo name": ("POST", "/api/nets", {"name": "resnet51"}, 422, "did you mean"),
    "two kinds of network": ("POST", "/api/nets", {"name": "lenet5", "yaml": "x"}, 422, "either"),
    "a broken blueprint": ("POST", "/api/nets", {"yaml": "layers: []"}, 422, "blueprint"),
    "a huge blueprint": (
        "POST",
        "/api/nets",
        {"yaml": "input: [1, 64, 64]\nlayers:\n- flatten\n- dense: 300000\n- dense: classes\n"},
        422,
        "up to 1,000,000,000",
    ),
    "an unknown training": ("GET", "/api/trainings/t4", b"", 404, "no training"),
    "nothing to train on": ("POST", "/api/trainings", {"yaml": "x", "data": "y"}, 422, "blueprint"),
    "another method": ("POST", "/api/network", b"", 405, "takes"),
    "another path": ("GET", "/api/secrets", b"", 404, "nothing at this path"),
    "climbing out": ("GET", "/assets/..%2fpages.py", b"", 404, "nothing at this path"),
    "a template": ("GET", "/assets/index.html.j2", b"", 404, "nothing at this path"),
}  # fmt: skip


@pytest.fixture(scope="module")
def run(client):
    return client.run()


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_wrong_gets_a_sentence(client, run, wrong):
    method, path, body, status, message = wrong
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = client.ask(method, path.replace("{run}", run), content.replace(b"{run}", run.encode()))
    sentence = json.loads(answer.content)["error"]
    assert (answer.status, message in sentence) == (status, True), sentence
    assert sentence.endswith((".", "?"))


def test_answers_carry_the_guards_headers_and_pages_run_no_script_of_others(client):
    for path in ("/", "/assets/base.css", "/assets/inspect/base.css", "/assets/icon.svg", "/api/network"):
        answer = client.ask("GET", path)
        assert answer.status == 200
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert "camera=(self)" in client.ask("GET", "/").headers["permissions-policy"]
    assert "camera=()" in client.ask("GET", "/api/network").headers["permissions-policy"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(b"origin", b"http://evil.example")], 403),
        ([(b"origin", b"http://127.0.0.1:8000")], 403),  # another port is another origin
        ([(b"sec-fetch-site", b"cross-site")], 403),
        ([(b"origin", b"http://127.0.0.1:8001")], 201),
    ],
)
def test_pages_of_other_origins_cannot_ask(client, headers, status):
    assert client.ask("POST", "/api/runs", json.dumps(RUN).encode(), headers).status == status


def test_the_inspector_is_for_this_machine():
    assert inspector_settings("127.0.0.1", 0).loopback
    assert inspector_settings("localhost", 0).max_body_bytes == 32 << 20
    with pytest.raises(InputError, match="for this machine only"):
        inspector_settings("0.0.0.0", 8001)


def test_a_body_over_32_mib_is_refused(client):
    answer = client.ask("POST", "/api/pictures", b"", [(b"content-length", str((32 << 20) + 1).encode())])
    assert answer.status == 413


def test_old_runs_and_networks_make_room_and_the_commands_own_stays(make):
    client = make()
    first = client.run()
    for _ in range(MOST_RUNS):
        client.run()
    assert client.ask("GET", f"/api/runs/{first}/nodes/n0/maps/0").status == 404
    nets = [client.post("/api/nets", {"name": "convnet1"})["net"] for _ in range(MOST_NETS)]
    known = [one["net"] for one in client.get("/api/nets")["nets"]]
    assert known == ["main", *nets[1:]]


def test_a_shelf_forgets_what_was_not_used_for_longest():
    shelf = Shelf("thing", 3, most_bytes=10, size=len)
    names = [shelf.put(thing) for thing in ("a", "bb", "ccc")]
    assert shelf.get(names[0]) == "a"
    shelf.put("dddd")
    assert [thing for _, thing in shelf.items()] == ["a", "ccc", "dddd"]
    shelf.put("e" * 8)  # 10 bytes in all: what is left of the older ones
    assert [thing for _, thing in shelf.items()] == ["e" * 8]
    shelf.put("a")
    shelf.make_room(3)
    assert [thing for _, thing in shelf.items()] == ["a"]
    shelf.make_room(10)
    assert shelf.items() == []
    huge = shelf.put("f" * 99)
    assert [thing for _, thing in shelf.items()] == ["f" * 99]
    assert shelf.get(huge)
    with pytest.raises(RequestError, match="no thing 't1' here, or no longer"):
        shelf.get("t1")


def test_a_busy_desk_says_so_and_works_in_order():
    desk, gate, done = Desk(most_waiting=2), threading.Event(), []

    async def crowd():
        first = asyncio.create_task(desk.run(lambda: (gate.wait(5), done.append(1))))
        second = asyncio.create_task(desk.run(done.append, 2))
        await asyncio.sleep(0)
        with pytest.raises(RequestError, match="busy") as refused:
            await desk.run(done.append, 3)
        gate.set()
        await asyncio.gather(first, second)
        return refused.value.status

    assert asyncio.run(crowd()) == 503
    assert done == [1, 2]
    with pytest.raises(RequestError, match="no good") as told:
        asyncio.run(desk.run(lambda: refuse("no good")))
    assert told.value.status == 422
    desk.close()


def refuse(message):
    raise InputError(message)


@pytest.mark.parametrize("value", [True, "1", None, float("nan"), float("inf"), 2e9])
def test_numbers_are_finite_and_of_reason(value):
    with pytest.raises(RequestError, match="x: expected a number"):
        asked.number(value, "x")


def test_what_is_computed_of_pictures_counts_against_what_is_kept(client):
    """Heat maps, and a picture as each network sees it: a client can ask for more of them without end."""
    heats = client.session.heats
    names = [heats.put(bytes(MOST_HEAT_BYTES // 4)) for _ in range(8)]
    assert len(heats.items()) == 4
    assert heats.get(names[-1])
    picture = client.session.pictures.get("p1")
    before = picture.nbytes
    seen = picture.seen_by(Preprocessing(300, 200))
    assert picture.nbytes - before == seen.nbytes
