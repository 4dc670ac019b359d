"""The inspector in a notebook: what the widget starts, and what its script puts into a page."""

import http.server
import json
import sys
import threading
import types
import urllib.request

import pytest

from foveate.errors import InputError

BLUEPRINT = "name: tiny\ninput: [1, 28, 28]\nclasses: 10\nlayers:\n  - flatten\n  - dense: classes\n"


class Trait:
    """traitlets' place in a class: what is kept is set by name."""

    def __init__(self, default=None):
        pass

    def tag(self, **facts):
        assert facts == {"sync": True}
        return self


class Widget:
    """anywidget's part: traits by keyword."""

    def __init__(self, **traits):
        vars(self).update(traits)

    def close(self):
        self.closed = True


@pytest.fixture
def inspect(monkeypatch, tmp_path):
    """The widget's class over stand-ins for anywidget and traitlets, which bring IPython with them."""
    monkeypatch.setitem(sys.modules, "anywidget", types.SimpleNamespace(AnyWidget=Widget))
    monkeypatch.setitem(sys.modules, "traitlets", types.SimpleNamespace(Unicode=Trait, Int=Trait))
    monkeypatch.delitem(sys.modules, "foveate.widget", raising=False)
    import foveate.widget

    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(BLUEPRINT)
    yield foveate.widget
    monkeypatch.delitem(sys.modules, "foveate.widget", raising=False)


class Page(http.server.BaseHTTPRequestHandler):
    """A page as a notebook is one: of this machine, of another port, with the widget's script."""

    def do_GET(self):
        content = self.server.content.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


def test_the_page_stands_in_a_frame_of_a_notebook(inspect, browse):
    widget = inspect.Inspect("net.yaml", height=500)
    script = inspect.RENDER.replace("export default { render };", "")
    state = json.dumps({"url": widget.url, "height": widget.height})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    call = 'render({model: {get: (name) => state[name]}, el: document.getElementById("cell")});'
    server.content = (
        '<!doctype html><title>notebook</title><link rel="icon" href="data:,"><div id="cell"></div>'
        f"<script>{script} const state = {state}; {call}</script>"
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with urllib.request.urlopen(widget.url, timeout=60) as answer:
            assert "x-frame-options" not in answer.headers
            assert (
                "frame-ancestors http://localhost:* http://127.0.0.1:*"
                in answer.headers["content-security-policy"]
            )
        page = browse(f"http://127.0.0.1:{server.server_port}/")
        page.frame_locator("iframe").get_by_text("tiny").first.wait_for()
        assert browse.problems == []
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        widget.close()
    widget.close()
    assert widget.closed and widget._process.poll() is not None


def test_what_does_not_begin_says_why(inspect):
    with pytest.raises(InputError, match=r"^Blueprint 'none.yaml' is not there"):
        inspect.Inspect("none.yaml")
