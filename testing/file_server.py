"""A server on loopback that hands out files, with the faults of real servers and of what lies before them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from forensics.digests import sha256_of_bytes
from forensics.models.catalogue import Entry, RemoteFile

__all__ = ["FileServer", "serve_file"]


@dataclass
class FileServer:
    """One file at any address, and the faults of its server.

    Attributes:
        content: bytes of the file.
        breaks_after: bytes of an answer after which the connection ends; None sends all.
        knows_ranges: whether a part of the file can be requested.
        states_length: whether the answer states its length.
        page: web page that is sent instead of the file; None sends the file.
        page_type: content type of the page.
        status: answer instead of the file; None answers 200 or 206.
        ranges_asked: header `Range` of each request.
        address: of the server.
    """

    content: bytes = bytes(range(256)) * 4096
    breaks_after: int | None = None
    knows_ranges: bool = True
    states_length: bool = True
    page: bytes | None = None
    page_type: str = "text/html; charset=utf-8"
    status: int | None = None
    ranges_asked: list[str | None] = field(default_factory=list)
    address: str = ""

    def file(self, name: str = "net.onnx", **changes: object) -> RemoteFile:
        """Return the file as a catalogue registers it."""
        facts = {"sha256": sha256_of_bytes(self.content), "size_bytes": len(self.content)} | changes
        return RemoteFile(name, f"{self.address}/{name}", **facts)  # type: ignore[arg-type]

    def entry(self, **changes: object) -> Entry:
        """Return a model of this one file."""
        return Entry("net", "detect", "onnx", "coco80", "MIT", "none", (self.file(**changes),))  # type: ignore[arg-type]


def _handler(served: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            served.ranges_asked.append(asked)
            if served.status is not None:
                self.send_error(served.status)
                return
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and served.knows_ranges else 0
            if start >= len(served.content):
                self.send_error(416)
                return
            self._send(start)

        def _send(self, start: int) -> None:
            body = served.content[start:] if served.page is None else served.page
            self.send_response(206 if start and served.page is None else 200)
            if served.page is not None:
                self.send_header("Content-Type", served.page_type)
            elif start:
                total = len(served.content)
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            if served.states_length:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if served.breaks_after is None else body[: served.breaks_after])

        def log_message(self, *_: object) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Print nothing: a client that has enough closes the connection."""


@contextmanager
def serve_file() -> Iterator[FileServer]:
    """Run a server while the block lasts."""
    served = FileServer()
    server = _Server(("127.0.0.1", 0), _handler(served))
    thread = Thread(target=server.serve_forever)
    thread.start()
    served.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
