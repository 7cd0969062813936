"""A stand-in for the Hugging Face Hub, as far as networks are fetched and uploaded.

Answers the calls of huggingface_hub's `snapshot_download`, `create_repo` and
`upload_folder` without Xet, and fails where it is told to.
"""

import base64
import hashlib
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote, urlsplit

from .server import listening


@dataclass
class Hub:
    """Repositories: by name and revision, the files of a commit."""

    url: str
    revisions: dict[str, dict[str, str]] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    private: set[str] = field(default_factory=set)
    token: str | None = None  # that may read what is private, and write
    cut: int | None = None  # the connection ends before this byte of weights
    status: int | None = None  # of every answer

    def add(self, name, files, revision="main"):
        """Commit files to a revision of a repository; return the commit."""
        told = json.dumps([name, sorted((n, len(d)) for n, d in files.items())])
        number = f"{told} {len(self.commits)}".encode()
        commit = hashlib.sha1(number).hexdigest()
        self.commits[commit] = dict(files)
        self.revisions.setdefault(name, {})[revision] = commit
        return commit

    def files(self, name, revision="main"):
        return self.commits[self.revisions[name][revision]]

    def asked(self, method):
        return [path for called, path in self.requests if called == method]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status=200, body=b"", headers=None, send=True):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": len(body), **(headers or {})}.items():
            self.send_header(name, str(value))
        self.end_headers()
        if send:
            self.wfile.write(body)

    def refuse(self, status, code, told=""):
        headers = {"X-Error-Code": code, "X-Error-Message": told or code}
        self.answer(status, {"error": told or code}, headers, self.command != "HEAD")

    def handle_call(self):
        hub = self.server.told
        path = unquote(urlsplit(self.path).path)
        hub.requests.append((self.command, path))
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        known = hub.token and self.headers.get("Authorization") == f"Bearer {hub.token}"
        if hub.status is not None:
            return self.refuse(hub.status, "Broken", "This server is broken")
        if self.command in ("GET", "HEAD"):
            return self.get(hub, path, known)
        if path == "/api/validate-yaml":
            return self.answer(body={"errors": [], "warnings": []})
        if path.startswith("/upload/"):
            hub.uploads[path.removeprefix("/upload/")] = data
            return self.answer()
        if not known:
            return self.refuse(401, "Unauthorized", "Invalid username or password.")
        return self.post(hub, path, data)

    do_GET = do_HEAD = do_POST = do_PUT = handle_call

    def get(self, hub, path, known):
        patterns = (
            r"/api/models/(?P<name>[^/]+/[^/]+)(/revision/(?P<revision>.+))?",
            r"/api/models/(?P<name>[^/]+/[^/]+)/tree/(?P<tree>[^/]+)",
            r"/(?P<name>[^/]+/[^/]+)/resolve/(?P<at>[^/]+)/(?P<file>.+)",
        )
        found = next(filter(None, (re.fullmatch(p, path) for p in patterns)), None)
        if found is None:
            return self.refuse(404, "EntryNotFound")
        told = found.groupdict()
        name = told["name"]
        if name not in hub.revisions or (name in hub.private and not known):
            code = "RepoNotFound" if known else "Unauthorized"
            return self.refuse(404 if known else 401, code, "Repository not found")
        wanted = told.get("revision") or told.get("tree") or told.get("at") or "main"
        commit = hub.revisions[name].get(wanted, wanted)
        if commit not in hub.commits:
            return self.refuse(404, "RevisionNotFound", f"Invalid rev id: {wanted}")
        files = hub.commits[commit]
        if told.get("tree"):
            return self.answer(body=[_entry(*each) for each in files.items()])
        if told.get("file") is None:
            siblings = [{"rfilename": file} for file in files]
            return self.answer(body={"id": name, "sha": commit, "siblings": siblings})
        return self.send(hub, commit, files, told["file"])

    def send(self, hub, commit, files, file):
        if file not in files:
            return self.refuse(404, "EntryNotFound")
        data = files[file]
        etag = _entry(file, data)["lfs"]["oid"]
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": commit}
        if self.command == "HEAD":
            return self.answer(body=data, headers=headers, send=False)
        if hub.cut is None or not file.endswith(".safetensors"):
            return self.answer(body=data, headers=headers)
        self.answer(body=data, headers=headers, send=False)
        self.wfile.write(data[: hub.cut])
        self.close_connection = True
        return None

    def post(self, hub, path, data):
        if path == "/api/repos/create":
            asked = json.loads(data)
            name = f"{asked['organization']}/{asked['name']}"
            address = {"url": f"{hub.url}/{name}", "name": name}
            if name in hub.revisions:
                return self.answer(409, {"error": "You already created it", **address})
            hub.add(name, {".gitattributes": b"*.safetensors filter=lfs"})
            if asked.get("private") or asked.get("visibility") == "private":
                hub.private.add(name)
            return self.answer(body=address)
        if "/preupload/" in path:
            modes = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if "safetensors" in file["path"] else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(data)["files"]
            ]
            return self.answer(body={"files": modes})
        if path.endswith(".git/info/lfs/objects/batch"):
            objects = [
                {
                    **wanted,
                    "actions": {
                        "upload": {"href": f"{hub.url}/upload/{wanted['oid']}"}
                    },
                }
                for wanted in json.loads(data)["objects"]
            ]
            return self.answer(body={"transfer": "basic", "objects": objects})
        name, revision = re.fullmatch(
            r"/api/models/([^/]+/[^/]+)/commit/(.+)", path
        ).groups()
        files = dict(hub.files(name, revision))
        for line in data.splitlines():
            called, value = (item := json.loads(line))["key"], item["value"]
            if called == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif called == "lfsFile":
                files[value["path"]] = hub.uploads[value["oid"]]
            elif called == "deletedFile":
                del files[value["path"]]
        commit = hub.add(name, files, revision)
        url = f"{hub.url}/{name}/commit/{commit}"
        return self.answer(body={"commitUrl": url, "commitOid": commit})


def _entry(path, data):
    git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    sha = hashlib.sha256(data).hexdigest()
    lfs = {"oid": sha, "size": len(data), "pointerSize": 134}
    return {"type": "file", "path": path, "size": len(data), "oid": git, "lfs": lfs}


@contextmanager
def serving_hub():
    """Serve a hub on a free port of this machine."""
    with listening(_Handler, Hub) as hub:
        yield hub
