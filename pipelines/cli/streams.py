"""Standard streams of the process: closed ones, a reader that went away, and an encoding that lacks characters.

None of these may end a command that is at work on a case, or leave a traceback.
"""

import codecs
import io
import locale
import os
import sys
from typing import Any, Final

__all__ = ["finish_streams", "prepare_streams", "use_utf8"]

_REPLACE: Final = "replace-and-note"
_STANDARD: Final = (0, 1, 2)
_replaced: Final = set[str]()


class _Unbroken(io.FileIO):
    """Writes to a descriptor; what no reader wants any more is dropped."""

    def write(self, data: Any, /) -> int:
        """Write as much as the descriptor takes."""
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes


def use_utf8() -> None:
    """Start this process again in UTF-8 mode if the locale has another encoding: paths and files are UTF-8 everywhere.

    What is printed keeps the encoding of the terminal.
    """
    if sys.getfilesystemencoding() == "utf-8" or "utf8" in sys._xoptions:
        return
    os.environ.setdefault("PYTHONIOENCODING", locale.getencoding())
    os.environ["PYTHONUTF8"] = "1"  # for the programs that this one starts
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def prepare_streams() -> None:
    """Make the standard streams safe to write to, whatever they are."""
    _open_closed()
    codecs.register_error(_REPLACE, _replace)
    sys.stdout = _safe_writer(1, getattr(sys.stdout, "encoding", "utf-8"), _REPLACE)
    sys.stderr = _safe_writer(2, getattr(sys.stderr, "encoding", "utf-8"), "backslashreplace")


def _open_closed() -> None:
    """Open closed descriptors 0 to 2 to nothing; otherwise the next file of the case would become standard output."""
    while True:
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor not in _STANDARD:
            os.close(descriptor)
            return


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Return a question mark for each character that the encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    _replaced.add(error.encoding)
    return "?" * (error.end - error.start), error.end


def _safe_writer(descriptor: int, encoding: str, errors: str) -> io.TextIOWrapper:
    raw = _Unbroken(descriptor, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors=errors, line_buffering=descriptor == 2 or raw.isatty()
    )


def finish_streams() -> str:
    """Write what is left in standard output; return a remark about replaced characters, empty if there are none.

    Raises:
        OSError: standard output cannot be written.
    """
    try:
        sys.stdout.flush()
    except OSError:
        # the interpreter writes the rest as it ends, and would report the error again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
    if not _replaced:
        return ""
    return f"characters that {', '.join(sorted(_replaced))} lacks were printed as '?'; set PYTHONIOENCODING=utf-8"
