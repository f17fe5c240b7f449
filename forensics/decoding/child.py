"""The asking side: start a decoding child, ask it for frames, and kill it when it hangs or grows."""

import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from forensics.decoding.memory import SlotMemory, shared_file
from forensics.errors import DecoderLost
from forensics.evidence import Footage
from forensics.frames import Frame, Gap, View
from forensics.timeline import Int64Array, PacketIndex

__all__ = ["DecodingChild", "Limits"]

_Answer = TypeVar("_Answer")
_POLL_S = 0.5
_LARGEST_FULL_FRAME_BYTES = 3 * 8192 * 8192


@dataclass(frozen=True, slots=True)
class Limits:
    """When a decoding child is given up.

    Attributes:
        stall_s: seconds without a word while it is waited for.
        memory_bytes: resident memory, the shared pixels included.
        n_slots: frames it may decode ahead.
    """

    stall_s: int = 60
    memory_bytes: int = 4 << 30
    n_slots: int = 16


class DecodingChild:
    """One child process, started when it is first asked and again after it was lost."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._descriptor = -1
        self._words: Any = None
        self._index: PacketIndex | None = None
        self._reading: object | None = None

    def __enter__(self) -> "DecodingChild":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        return self._process.pid if self._process else None

    def call(self, path: Path, function: Callable[..., _Answer], /, **arguments: Any) -> _Answer:
        """What `function` returns when it runs in the child; `path` is what it opens, for messages.

        Raises:
            DecoderLost: the child hung, died or grew; a `ForensicsError` of `function` comes through.
        """
        self._drop_unfinished_read()
        self._send(path, "call", function, arguments)
        verb, *answer = self._hear(path)
        if verb == "error":
            raise answer[0]
        result: _Answer = answer[0]
        return result

    def read(self, footage: Footage, index: PacketIndex, view: View, wanted: Int64Array) -> Iterator[Frame | Gap]:
        """One `Frame` or `Gap` for every wanted number, decoded ahead while the caller works.

        Args:
            footage: what to open.
            index: its addresses; sent to the child only when it differs from the last one.
            view: the size wanted.
            wanted: (N,) int64, strictly increasing.

        Raises:
            DecoderLost: the child hung, died or grew, or was asked for something else meanwhile.
        """
        self._drop_unfinished_read()
        n_slots, slot_bytes = self._slots_for(view)
        new_index = None if self._index is index and self._process else index
        self._send(footage.path, "read", footage, new_index, view, wanted, n_slots, slot_bytes)
        self._index = index
        memory = SlotMemory(self._descriptor, n_slots, slot_bytes)
        finished = False
        reading = self._reading = object()
        try:
            while not finished:
                if self._reading is not reading:
                    raise DecoderLost(footage.path, "abandoned", "the child was asked for something else meanwhile")
                verb, *facts = self._hear(footage.path)
                finished = verb in {"done", "error"}
                if verb == "error":
                    raise facts[0]
                if verb == "gap":
                    yield facts[0]
                if verb == "frame":
                    slot, height, width, number, pts, width_px, height_px = facts
                    yield Frame(number, pts, memory.picture(slot, height, width), width_px, height_px)
                    if self._reading is reading:
                        self._say(footage.path, slot)
        finally:
            if self._reading is reading:
                self._reading = None
                if not finished:
                    self.close()  # the child is still sending; a fresh one is cheaper than draining it

    def _drop_unfinished_read(self) -> None:
        """Frames of a read that nobody finished must never reach the next one."""
        if self._reading is not None:
            self.close()

    def _slots_for(self, view: View) -> tuple[int, int]:
        """How many frames of which size the shared memory holds."""
        if view.width_px is None or view.height_px is None:
            return 2, _LARGEST_FULL_FRAME_BYTES
        return self._limits.n_slots, 3 * view.width_px * view.height_px

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        # a child that does not listen must not hold us for ever, however long the message
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", self._limits.stall_s, 0))
        self._descriptor = shared_file()
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "forensics.decoding.served", str(theirs.fileno()), str(self._descriptor)],
                pass_fds=(theirs.fileno(), self._descriptor),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._words,
            )
        self._connection = Connection(ours.detach())
        self._index = None

    def _send(self, path: Path, *message: Any) -> None:
        """Ask the child for something; it is started first if there is none."""
        if self._connection is None:
            self._start()
        self._say(path, message)

    def _say(self, path: Path, message: Any) -> None:
        assert self._connection is not None
        try:
            self._connection.send(message)
        except BlockingIOError as error:
            raise self._lost(path, "timeout", f"it did not listen for {self._limits.stall_s} s") from error
        except OSError as error:
            raise self._lost(path, "died", self._last_words()) from error

    def _hear(self, path: Path) -> tuple[Any, ...]:
        """The child's next message, or `DecoderLost` when it says nothing for too long or has grown too large."""
        assert self._connection is not None
        deadline = time.monotonic() + self._limits.stall_s
        while not self._is_heard(path):
            if time.monotonic() > deadline:
                raise self._lost(path, "timeout", f"no word for {self._limits.stall_s} s")
        try:
            message: tuple[Any, ...] = self._connection.recv()
        except (EOFError, OSError) as error:
            raise self._lost(path, "died", self._last_words()) from error
        return message

    def _is_heard(self, path: Path) -> bool:
        """Whether the child said something within a moment; its memory is looked at either way."""
        assert self._connection is not None
        is_heard = self._connection.poll(_POLL_S)
        held = _resident_bytes(self.pid)
        if held > self._limits.memory_bytes:
            raise self._lost(path, "memory", f"it held {held} bytes, allowed are {self._limits.memory_bytes}")
        return is_heard

    def _lost(self, path: Path, reason: str, detail: str) -> DecoderLost:
        self.close()
        return DecoderLost(path, reason, detail)

    def _last_words(self) -> str:
        """The exit status and the last line the child wrote to its standard error."""
        try:
            status = self._process.wait(timeout=_POLL_S * 20) if self._process else 0
        except subprocess.TimeoutExpired:
            return "it closed the connection and did not end"
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        self._words.seek(0)
        lines = self._words.read()[-2000:].decode(errors="replace").strip().splitlines()
        return f"{how}: {lines[-1]}" if lines else how

    def close(self) -> None:
        """End the child, whatever it is doing; it is started again when it is next asked."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        if self._connection is not None:
            self._connection.close()
        os.close(self._descriptor)
        self._words.close()
        self._process = self._connection = None
        self._index = self._reading = None


def _resident_bytes(pid: int | None) -> int:
    """Resident memory of a process; 0 where the machine does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
