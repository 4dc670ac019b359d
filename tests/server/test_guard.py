"""Who may ask: Host, Origin, key; and what every answer carries."""

import re

import pytest

from foveate.http.settings import ServeSettings
from foveate.words import flags_spoken

KEY = "0123456789abcdef0123"
HOSTS = {
    "127.0.0.1": 200,
    "127.0.0.1:1": 200,
    "localhost": 200,
    "LOCALHOST:8000": 200,
    "[::1]:8000": 200,
    "127.8.9.10": 200,
    "models.example.org": 200,
    "evil.example": 400,
    "evil.example:8000": 400,
    "localhost.evil.example": 400,
    "127.0.0.1.evil.example": 400,
    "10.0.0.1": 400,
    "0.0.0.0": 400,
    "2130706433": 400,
    "127.0.0.1:80:80": 400,
    "user@127.0.0.1": 400,
    "127.0.0.1/": 400,
    "": 400,
}
ORIGINS = {
    "none": ({}, 422),
    "its own": ({"Origin": "http://127.0.0.1:8000"}, 422),
    "its own, said to be": ({"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}, 422),
    "typed": ({"Sec-Fetch-Site": "none"}, 422),
    "another site": ({"Origin": "https://evil.example"}, 403),
    "another port": ({"Origin": "http://127.0.0.1:8001"}, 403),
    "another name": ({"Origin": "http://localhost:8000"}, 403),
    "a file": ({"Origin": "null"}, 403),
    "an extension": ({"Origin": "chrome-extension://abc"}, 403),
    "cross-site": ({"Sec-Fetch-Site": "cross-site"}, 403),
    "same-site": ({"Sec-Fetch-Site": "same-site"}, 403),
    "a lie": ({"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "cross-site"}, 403),
}


@pytest.fixture(scope="module")
def keyed(launch):
    running = launch(api_key=KEY, allowed_hosts=["models.example.org"])
    yield running
    assert running.stop()[0] == 0


@pytest.mark.parametrize(("host", "status"), HOSTS.items())
def test_the_host_must_be_this_server(keyed, host, status):
    assert keyed.ask("GET", "/health", headers={"Host": host})[0] == status


@pytest.mark.parametrize(("headers", "status"), ORIGINS.values(), ids=ORIGINS)
def test_pages_of_other_origins_are_refused(server, headers, status):
    headers = {"Host": "127.0.0.1:8000", **headers}
    assert server.ask("POST", "/predict", b"no picture", headers)[0] == status
    assert server.ask("GET", "/health", headers=headers)[0] == 200  # reading it is the browser's to refuse


def test_an_address_will_do_where_other_machines_may_ask(launch):
    running = launch(host="0.0.0.0", api_key=KEY)
    assert running.ask("GET", "/health", headers={"Host": "10.1.2.3:80"})[0] == 200
    assert running.ask("GET", "/health", headers={"Host": "evil.example"})[0] == 400
    assert running.stop()[0] == 0


def test_the_key_is_asked_for_where_something_is_told_or_computed(keyed):
    closed = [("POST", "/predict"), ("GET", "/metrics"), ("GET", "/v2"), ("GET", "/v2/models/colours")]
    closed += [("POST", "/v2/models/colours/infer"), ("GET", "/nothing"), ("POST", "/health")]
    for method, path in closed:
        status, headers, _ = keyed.ask(method, path)
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
    for path in ("/", "/docs", "/openapi.json", "/health", "/v2/health/ready", "/assets/page.css"):
        assert keyed.ask("GET", path)[0] == 200


def test_the_key_opens_and_others_do_not(keyed, colours, pictures):
    body = colours.png(pictures[0])
    for headers in (
        {"Authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer {KEY}"},
        {"X-API-Key": KEY},
    ):
        assert keyed.ask("POST", "/predict", body, headers)[0] == 200
    for given in (KEY[:-1], KEY + "0", KEY.upper(), "", "é" * 20):
        headers = {"Authorization": f"Bearer {given}".encode("latin-1")}
        assert keyed.ask("POST", "/predict", body, headers)[0] == 401
    assert keyed.ask("POST", "/predict", body, {"Authorization": KEY})[0] == 401


def test_every_answer_carries_the_headers_that_keep_browsers_safe(server):
    asked = [("GET", "/"), ("GET", "/docs"), ("GET", "/nothing"), ("POST", "/predict"), ("PUT", "/health")]
    asked += [("GET", "/metrics"), ("GET", "/assets/predict.js"), ("GET", "/openapi.json")]
    for method, path in asked:
        _, headers, _ = server.ask(method, path)
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["server"] is None


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_keep_to_their_policy_and_fetch_nothing_from_elsewhere(server, path):
    status, headers, content = server.ask("GET", path)
    page = content.decode()
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style|javascript:", page)
    for target in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert "//" not in target
        assert server.ask("GET", "/" + target.removeprefix("./"))[0] == 200
    for script in ("/assets/predict.js", "/assets/page.css"):
        assert not re.search(rb"https?://|innerHTML|eval\(", server.ask("GET", script)[2])


def test_class_names_are_text_whatever_they_hold(server):
    page = server.ask("GET", "/")[2].decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_request_costs_its_server_a_line_of_json(launch):
    import json

    running = launch()
    running.ask("GET", "/health?secret=1")
    running.ask("GET", "/%0a%1b[31mforged")
    code, log = running.stop()
    assert code == 0
    first, second = (json.loads(line) for line in log.splitlines())
    assert {key: first[key] for key in ("level", "method", "path", "status")} == {
        "level": "info",
        "method": "GET",
        "path": "/health",
        "status": 200,
    }
    assert second["path"] == "/\n\x1b[31mforged"  # escaped in the log itself: it had two lines


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"host": "0.0.0.0"}, "--host 0.0.0.0 opens the server to other machines: give --api-key"),
        ({"host": "models.example.org"}, "opens the server to other machines"),
        ({"host": "::"}, "opens the server to other machines"),
        ({"api_key": "short"}, "--api-key: expected at least 16 printable ASCII"),
        ({"api_key": "with spaces in between"}, "--api-key: expected at least 16"),
        ({"api_key": "é" * 20}, "--api-key: expected at least 16"),
        ({"allowed_hosts": ("a/b",)}, "--allow-host: expected a host name"),
        ({"queue_pictures": 0}, "queue_pictures: expected 32 to 65536, found 0"),
        ({"drain_seconds": float("nan")}, "drain_seconds: expected 0 to 3600, found nan"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with flags_spoken(), pytest.raises(ValueError, match=re.escape(message)):
        ServeSettings(**settings)


def test_loopback_needs_no_key():
    for host in ("127.0.0.1", "127.0.0.2", "::1", "localhost"):
        assert ServeSettings(host=host).loopback
