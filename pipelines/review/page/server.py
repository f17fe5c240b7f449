"""Serves the page on loopback until the reviewer is through, or has been away for half an hour."""

import socket
import threading
import time
from typing import Any, Final

from forensics.errors import UsageError
from pipelines.review.desk import ReviewDesk
from pipelines.review.page.access import PageAccess
from pipelines.review.page.pages import application

__all__ = ["serve"]

_IDLE_S: Final = 1800.0


def serve(desk: ReviewDesk, *, port: int) -> None:
    """Print the address and serve it; returns when the reviewer finishes, is idle too long, or presses Ctrl-C.

    Args:
        desk: what is shown and decided.
        port: on 127.0.0.1; 0 for any that is free.

    Raises:
        UsageError: the port is taken, or this user may not open it.
    """
    import uvicorn

    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(listener, port)
        listener.listen()  # before the address is printed: whoever opens it at once waits and is not refused
        gate = PageAccess(listener.getsockname()[1])
        seen = [time.monotonic()]
        server: Any = None

        def finish() -> None:
            server.should_exit = True

        app = _Watched(application(desk, gate, finish), seen)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, server_header=False))
        print(f"open once, in a browser on this machine:\n  {gate.address}", flush=True)
        threading.Thread(target=_end_when_idle, args=(server, seen), daemon=True).start()
        server.run(sockets=[listener])


def _bind(listener: socket.socket, port: int) -> None:
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        raise UsageError(
            f"port {port} of this machine cannot be opened ({error.strerror})",
            "name another with --port, or leave it out: any that is free is taken",
        ) from error


def _end_when_idle(server: Any, seen: list[float]) -> None:
    while not server.should_exit:
        time.sleep(1)
        if time.monotonic() - seen[0] > _IDLE_S:
            server.should_exit = True


class _Watched:
    """Notes when the last request came."""

    def __init__(self, app: Any, seen: list[float]) -> None:
        self._app, self._seen = app, seen

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._seen[0] = time.monotonic()
        await self._app(scope, receive, send)
