"""Serves the review page on 127.0.0.1 until the reviewer finishes or is idle for half an hour."""

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
    """Print the address and serve the page; return when the reviewer finishes, is idle too long or presses Ctrl-C.

    Args:
        desk: review desk of the reviewer.
        port: port on 127.0.0.1; 0 for any free port.

    Raises:
        UsageError: the port is in use, or this user may not open it.
    """
    import uvicorn

    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(listener, port)
        listener.listen()  # listens before the address is printed, so that an early request waits and is not refused
        access = PageAccess(listener.getsockname()[1])
        last_request = [time.monotonic()]
        server: Any = None

        def finish() -> None:
            server.should_exit = True

        app = _RequestClock(application(desk, access, finish), last_request)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, server_header=False))
        print(f"open this address once, in a browser on this machine:\n  {access.address}", flush=True)
        threading.Thread(target=_stop_when_idle, args=(server, last_request), daemon=True).start()
        server.run(sockets=[listener])


def _bind(listener: socket.socket, port: int) -> None:
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        raise UsageError(
            f"port {port} of this machine cannot be opened ({error.strerror})",
            "give another port with --port, or omit --port to use any free port",
        ) from error


def _stop_when_idle(server: Any, last_request: list[float]) -> None:
    """Stop the server when there has been no request for too long."""
    while not server.should_exit:
        time.sleep(1)
        if time.monotonic() - last_request[0] > _IDLE_S:
            server.should_exit = True


class _RequestClock:
    """Middleware that stores the time of the last request."""

    def __init__(self, app: Any, last_request: list[float]) -> None:
        self._app, self._last_request = app, last_request

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._last_request[0] = time.monotonic()
        await self._app(scope, receive, send)
