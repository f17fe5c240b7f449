"""The asking side: start a decoding child, ask it for frames, and kill it when it hangs or grows."""

import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import numpy as np

from forensics.decoding.frame_slots import SlotMemory, shared_file
from forensics.decoding.process_usage import ProcessEnd, processor_seconds, resident_bytes
from forensics.errors import DecoderLost
from forensics.footage.evidence import Footage
from forensics.footage.frames import Frame, Item, View
from forensics.footage.motion_gate import MotionGate
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.place import Place

__all__ = ["DecodingChild", "Limits", "patience_for_bytes"]

_Answer = TypeVar("_Answer")
_POLL_S = 0.5
# Its memory is looked at with the first message of each answer, then with every eighth, and while it says nothing.
_MESSAGES_PER_LOOK = 8
_LAST_WORDS_S = 10
# Limits are for so many frames that are decoded, or so many bytes that are searched, without a word.
_FRAMES_A_LIMIT = 100
_BYTES_A_LIMIT = 16 << 20
# Finding a place in a file costs that much less than decoding up to it.
_SOUGHT_PER_DECODED = 50
_LARGEST_FULL_FRAME_BYTES = 3 * 8192 * 8192


@dataclass(frozen=True, slots=True)
class Limits:
    """When a decoding child is given up.

    What it may take without a word grows with what it is asked for: every hundred frames that it must decode before
    the next one is wanted, and every 16 MiB that it must search, allow the same again.

    Attributes:
        stall_s: seconds that it may say nothing, busy or not.
        hang_s: seconds of processor time that it may use up and say nothing; 0 for no limit.
        memory_bytes: resident memory, the shared pixels included.
        cache_bytes: of footage from an object store that it keeps on its disk.
        n_slots: frames it may decode ahead.
    """

    stall_s: int = 60
    hang_s: int = 0
    memory_bytes: int = 4 << 30
    cache_bytes: int = 256 << 20
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
        self._patience = 1.0
        self._n_heard = 0

    def __enter__(self) -> "DecodingChild":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        return self._process.pid if self._process else None

    def call(
        self, path: Place, function: Callable[..., _Answer], /, *, patience: float = 1, **arguments: Any
    ) -> _Answer:
        """What `function` returns when it runs in the child.

        Args:
            path: what it opens, for messages.
            function: any function of ours.
            patience: how many times the limits it may take until it answers.
            arguments: of the function.

        Raises:
            DecoderLost: the child hung, died or grew; a `ForensicsError` of `function` comes through.
        """
        self._drop_unfinished_read()
        self._patience = patience
        self._send(path, "call", function, arguments)
        verb, *answer = self._hear(path)
        if verb == "error":
            raise answer[0]
        result: _Answer = answer[0]
        return result

    def read(
        self, footage: Footage, index: PacketIndex, view: View, wanted: Int64Array, watch: MotionGate | None = None
    ) -> Iterator[Item]:
        """One item for every wanted number, see `FrameReader.read`; decoded ahead while the caller works.

        Args:
            footage: what to open.
            index: its addresses; sent to the child only when it differs from the last one.
            view: the size wanted.
            wanted: (N,) int64, strictly increasing.
            watch: where it stands before the first of them; the child's own copy of it goes on.

        Raises:
            DecoderLost: the child hung, died or grew, or was asked for something else meanwhile.
        """
        self._drop_unfinished_read()
        self._patience = _patience_for(index, wanted)
        slots = self._slots_for(view)
        new_index = None if self._index is index and self._process else index
        self._send(footage.path, "read", footage, new_index, view, wanted, watch, slots)
        self._index = index
        memory = SlotMemory(self._descriptor, *slots)
        finished = False
        reading = self._reading = object()
        try:
            while not finished:
                if self._reading is not reading:
                    raise DecoderLost(footage.path, "abandoned", "the child was asked for something else meanwhile")
                verb, *facts = self._hear(footage.path)
                finished = verb == "done"
                if verb == "error":
                    raise facts[0]
                if verb == "other":
                    yield facts[0]
                if verb == "frame":
                    slot, size, (number, pts, width_px, height_px, glimpse) = facts
                    yield Frame(number, pts, memory.picture(slot, *size), width_px, height_px, glimpse)
                    if self._reading is reading:
                        self._say(footage.path, slot)
        finally:
            if self._reading is reading:
                self._reading = None
                if not finished:
                    self.close()  # it still sends, or waits for slots; a fresh one is cheaper than settling that

    def _drop_unfinished_read(self) -> None:
        """Frames of a read that nobody finished must never reach the next one."""
        if self._reading is not None:
            self.close()

    def _slots_for(self, view: View) -> tuple[int, int]:
        """How many frames of which size the shared memory holds."""
        if view.width_px is None or view.height_px is None:
            return 2, _LARGEST_FULL_FRAME_BYTES
        return self._limits.n_slots, 3 * view.width_px * view.height_px

    def start(self) -> None:
        """Start the child now, so that it is ready when it is first asked."""
        if self._connection is None:
            self._start()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        # a child that does not listen must not hold us for ever, however long the message
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", self._limits.stall_s, 0))
        self._descriptor = shared_file()
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
        arguments = (theirs.fileno(), self._descriptor, self._limits.cache_bytes)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "forensics.decoding.child_main", *map(str, arguments)],
                pass_fds=(theirs.fileno(), self._descriptor),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._words,
                process_group=0,  # Ctrl-C is for the asking side, also while this one is only starting
            )
        self._connection = Connection(ours.detach())
        self._index = None

    def _send(self, path: Place, *message: Any) -> None:
        """Ask the child for something; it is started first if there is none."""
        self.start()
        self._n_heard = 0
        self._say(path, message)

    def _say(self, path: Place, message: Any) -> None:
        assert self._connection is not None
        try:
            self._connection.send(message)
        except BlockingIOError as error:
            raise self._lost(path, "timeout", f"it did not listen for {self._limits.stall_s} s") from error
        except OSError as error:
            raise self._dead(path) from error

    def _hear(self, path: Place) -> tuple[Any, ...]:
        """The child's next message, or `DecoderLost` when it says nothing for too long or has grown too large."""
        assert self._connection is not None
        if not self._connection.poll(0):
            self._wait(path)
        if self._n_heard % _MESSAGES_PER_LOOK == 0:
            self._limit_memory(path)
        self._n_heard += 1
        try:
            message: tuple[Any, ...] = self._connection.recv()
        except (EOFError, OSError) as error:
            raise self._dead(path) from error
        return message

    def _wait(self, path: Place) -> None:
        """Until the child says something."""
        assert self._connection is not None
        assert self._process is not None
        stall_s, hang_s = self._limits.stall_s * self._patience, self._limits.hang_s * self._patience
        deadline, used_s = time.monotonic() + stall_s, processor_seconds(self._process.pid)
        while not self._connection.poll(_POLL_S):
            self._limit_memory(path)
            if hang_s and processor_seconds(self._process.pid) - used_s > hang_s:
                raise self._lost(path, "hung", f"busy for {hang_s:g} s without a word", blames_footage=True)
            if time.monotonic() > deadline:
                raise self._lost(path, "timeout", f"no word for {stall_s:g} s")

    def _limit_memory(self, path: Place) -> None:
        assert self._process is not None
        held = resident_bytes(self._process.pid)
        if held > self._limits.memory_bytes:
            raise self._lost(path, "memory", f"it held {held} bytes, allowed are {self._limits.memory_bytes}")

    def _lost(self, path: Place, reason: str, detail: str, *, blames_footage: bool = False) -> DecoderLost:
        self.close()
        return DecoderLost(path, reason, detail, blames_footage)

    def _dead(self, path: Place) -> DecoderLost:
        """It closed the connection: how it ended."""
        assert self._process is not None
        try:
            status = self._process.wait(timeout=_LAST_WORDS_S)
        except subprocess.TimeoutExpired:
            return self._lost(path, "died", "it closed the connection and did not end")
        self._words.seek(0)
        lines = self._words.read()[-2000:].decode(errors="replace").strip().splitlines()
        ended = ProcessEnd(status, lines[-1] if lines else "")
        return self._lost(path, "died", str(ended), blames_footage=ended.is_crash)

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


def patience_for_bytes(n_bytes: int) -> float:
    """How many times the limits a child may take to go through a file of this size."""
    return 1 + n_bytes / _BYTES_A_LIMIT


def _patience_for(index: PacketIndex, wanted: Int64Array) -> float:
    """How many times the limits it may take until the next of the wanted frames comes, at worst."""
    if not len(wanted):
        return 1
    keyframe = index.keyframes[np.searchsorted(index.keyframes, wanted, side="right") - 1]
    decoded_from = np.maximum(keyframe, np.insert(wanted[:-1], 0, 0))
    n_silent = int(np.max(wanted - decoded_from)) + int(wanted[0]) // _SOUGHT_PER_DECODED
    return 1 + n_silent / _FRAMES_A_LIMIT
