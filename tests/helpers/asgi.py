"""An ASGI application asked in this very process: no socket, as a browser would send it."""

from types import SimpleNamespace


async def ask(application, method, path, body=b"", headers=()):
    """An object with status, headers (a dictionary) and content (bytes)."""
    path, _, query = path.partition("?")
    sent = []
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive():
        return next(messages, {"type": "http.disconnect"})

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"127.0.0.1:8001"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8001),
    }
    await application(scope, receive, send)
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return SimpleNamespace(status=sent[0]["status"], headers=found, content=content)
