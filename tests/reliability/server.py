"""A small web server that can fail in the ways of large ones."""

import re
import socket
import struct
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """How one address answers. `times` limits what goes wrong to the first answers."""

    data: bytes = b""
    status: int = 200
    kind: str = "application/x-tar"
    ranges: bool = True  # whether `Range` is understood
    claimed_range: str | None = None  # instead of the true `Content-Range`
    length: bool = True  # whether `Content-Length` is sent
    cut: int | None = None  # the connection ends before this byte of the file ...
    reset: bool = False  # ... rudely
    hang: int | None = None  # silence before this byte; before the headers: -1
    times: int = 1_000_000
    location: str | None = None
    raw: bytes | None = None  # instead of HTTP


@dataclass
class Server:
    """The addresses, and what was asked and sent."""

    url: str
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)  # bytes of each body
    over: threading.Event = field(default_factory=threading.Event)
    came: threading.Event = field(default_factory=threading.Event)

    def add(self, name, *arguments, **options):
        self.answers[f"/{name}"] = Answer(*arguments, **options)
        return f"{self.url}/{name}"

    def watch(self, done, total):
        """Be told of the progress: a rude end waits until all came before it."""
        if any(answer.reset and done >= answer.cut for answer in self.answers.values()):
            self.came.set()


class _Handler(BaseHTTPRequestHandler):
    server: "_HTTPServer"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        server = self.server.told
        asked = self.headers.get("Range")
        server.asked.append((self.path, asked))
        server.sent.append(0)
        number = len(server.sent) - 1
        answer = server.answers[self.path]
        answer.times -= 1
        fails = answer.times >= 0
        if answer.raw is not None:
            self.wfile.write(answer.raw)
            return
        if fails and answer.hang == -1:
            server.over.wait()
            return
        start, status = 0, answer.status
        if answer.ranges and asked and status == 200:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            status = 206 if start < len(answer.data) else 416
        self.send_response(status)
        if status == 206:
            size = len(answer.data)
            true = f"bytes {start}-{size - 1}/{size}"
            self.send_header("Content-Range", answer.claimed_range or true)
        if answer.location:
            self.send_header("Location", answer.location)
        body = b"" if status == 416 else answer.data[start:]
        self.send_header("Content-Type", answer.kind)
        if answer.length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for stop in (answer.hang, answer.cut):
            if fails and stop is not None:
                body = body[: max(stop - start, 0)]
        server.sent[number] = len(body)
        self.wfile.write(body)
        if fails and answer.hang is not None:
            server.over.wait()
        if fails and answer.reset:
            # What has not been read yet would be lost with the connection.
            server.came.wait(5)
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.wfile.close()
            self.rfile.close()
            self.connection.close()


class _HTTPServer(ThreadingHTTPServer):
    told: object  # what the handlers answer by

    def handle_error(self, request, client_address):
        pass  # the client may hang up

    def shutdown_request(self, request):
        if request.fileno() != -1:
            super().shutdown_request(request)


@contextmanager
def listening(handler, told):
    """Serve on a free port of this machine, with `told` of its address for handlers."""
    with _HTTPServer(("127.0.0.1", 0), handler) as http:
        http.told = told(f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield http.told
        finally:
            http.shutdown()
            thread.join()


@contextmanager
def serving():
    """Serve what is told on a free port of this machine."""
    with listening(_Handler, Server) as server:
        try:
            yield server
        finally:
            server.over.set()


def closed_port():
    """Return an address where nobody answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"
