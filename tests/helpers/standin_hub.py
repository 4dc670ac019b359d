"""A hub on this machine, as far as huggingface_hub asks it for pushing and fetching models.

Repositories are made, committed to in huggingface_hub's own form (NDJSON), listed and read; git's large files
and branches are not there. https://huggingface.co/docs/hub/api
"""

import base64
import contextlib
import hashlib
import http.server
import json
import threading
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.fetch(body=False)

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        if path.startswith("/api/models/") and "/tree/" in path:
            files = self.server.files.get(path.removeprefix("/api/models/").partition("/tree/")[0], {})
            listed = [
                {"type": "file", "path": name, "size": len(content), "oid": COMMIT}
                for name, content in files.items()
            ]
            self.reply(listed)
        else:
            self.fetch(body=True)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = unquote(urlsplit(self.path).path)
        if self.server.refuses:
            self.reply({"error": "Invalid credentials"}, 401)
        elif path == "/api/repos/create":
            asked = json.loads(body)
            repo = "/".join(part for part in (asked.get("organization"), asked["name"]) if part)
            self.server.visibility.setdefault(repo, asked.get("visibility"))
            self.reply({"url": f"{self.server.url}/{repo}"}, 409 if repo in self.server.files else 200)
            self.server.files.setdefault(repo, {})
        elif path == "/api/validate-yaml":
            self.reply({"errors": [], "warnings": []})
        elif "/preupload/" in path:
            asked = json.loads(body)["files"]
            told = [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in asked]
            self.reply({"files": told})
        elif "/commit/" in path:
            repo = path.removeprefix("/api/models/").partition("/commit/")[0]
            self.commit(self.server.files[repo], [json.loads(line) for line in body.splitlines()])
            url = f"{self.server.url}/{repo}/commit/{COMMIT}"
            self.reply({"success": True, "commitOid": COMMIT, "commitUrl": url, "hookOutput": ""})
        else:
            self.reply({"error": f"unknown: {path}"}, 404)

    def commit(self, files, lines):
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        self.server.commits += 1

    def fetch(self, *, body):
        repo, _, rest = unquote(urlsplit(self.path).path).lstrip("/").partition("/resolve/")
        file = rest.partition("/")[2]
        there = self.server.files.get(repo)
        content = None if there is None else there.get(file)
        self.send_response(404 if content is None else 200)
        self.send_header("X-Repo-Commit", COMMIT)
        if content is None:
            self.send_header("X-Error-Code", "RepoNotFound" if there is None else "EntryNotFound")
        content = content or b""
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def reply(self, document, status=200):
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def standin_hub():
    """The server; ``files`` are its repositories, ``url`` is for HF_ENDPOINT."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.files, server.visibility, server.commits, server.refuses = {}, {}, 0, False
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
