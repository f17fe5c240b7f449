"""Requesting side of decoding: start a child, request frames, and kill it if it hangs or uses too much memory."""

import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import numpy as np

from forensics.decoding.frame_slots import SlotMemory, create_shared_file
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
# The child's memory is checked at the first message of each answer, at every eighth after it, and during silence.
_MESSAGES_PER_MEMORY_CHECK = 8
_EXIT_TIMEOUT_S = 10
# The limits hold per this many frames to decode, or this many bytes to read, before the next message.
_FRAMES_PER_LIMIT = 100
_BYTES_PER_LIMIT = 16 << 20
# Skipping this many frames by a seek takes about as long as decoding one.
_SEEK_FRAMES_PER_DECODED_FRAME = 50
# glibc gives the memory of a freed frame back to the system at once. Decoders are replaced at each group of pictures:
# their frames would cost a quarter more time, for mapping fresh memory.
_KEEP_FREED_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(96 << 20)}
_MAX_FULL_FRAME_BYTES = 3 * 8192 * 8192


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits beyond which a decoding child is killed.

    The time limits hold per message and grow with the request: by their own length for every hundred frames to decode
    before the next wanted one, and for every 16 MiB to read.

    Attributes:
        stall_s: seconds without a message, busy or not.
        hang_s: seconds of processor time without a message; 0 for no limit.
        memory_bytes: resident memory, with the shared pixels.
        cache_bytes: footage from an object store that the child caches on its disk.
        n_slots: frames that the child may decode ahead.
    """

    stall_s: int = 60
    hang_s: int = 0
    memory_bytes: int = 4 << 30
    cache_bytes: int = 256 << 20
    n_slots: int = 16


class DecodingChild:
    """One child process, started at its first request and again after it was lost."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._descriptor = -1
        self._stderr: Any = None
        self._index: PacketIndex | None = None
        self._current_read: object | None = None
        self._patience = 1.0
        self._n_received = 0

    def __enter__(self) -> "DecodingChild":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Return the child's process id; None while there is no child."""
        return self._process.pid if self._process else None

    def call(
        self, path: Place, function: Callable[..., _Answer], /, *, patience: float = 1, **arguments: Any
    ) -> _Answer:
        """Run `function` in the child and return its result.

        Args:
            path: the footage that it opens, for messages.
            function: any function of this package.
            patience: factor on the time limits until it answers.
            arguments: keyword arguments of the function.

        Raises:
            DecoderLost: the child hung, died or used too much memory.
            ForensicsError: whatever `function` raised.
        """
        self._drop_unfinished_read()
        self._patience = patience
        self._request(path, "call", function, arguments)
        verb, *answer = self._receive(path)
        if verb == "error":
            raise answer[0]
        result: _Answer = answer[0]
        return result

    def read(
        self, footage: Footage, index: PacketIndex, view: View, wanted: Int64Array, gate: MotionGate | None = None
    ) -> Iterator[Item]:
        """Yield one item for every wanted frame, see `FrameReader.read`; the child decodes ahead meanwhile.

        Args:
            footage: what to open.
            index: its packet index; sent to the child only if it differs from the last one.
            view: size to scale to, and whether damaged frames are shown.
            wanted: (N,) int64 frame numbers, strictly increasing.
            gate: motion gate in its state before the first wanted frame; the child continues with its own copy.

        Raises:
            DecoderLost: the child hung, died, used too much memory, or received another request meanwhile.
        """
        self._drop_unfinished_read()
        self._patience = _patience_for(index, wanted)
        slots = self._slots_for(view)
        new_index = None if self._index is index and self._process else index
        self._request(footage.path, "read", footage, new_index, view, wanted, gate, slots)
        self._index = index
        memory = SlotMemory(self._descriptor, *slots)
        finished = False
        reading = self._current_read = object()
        try:
            while not finished:
                if self._current_read is not reading:
                    raise DecoderLost(footage.path, "abandoned", "the child was asked for something else meanwhile")
                verb, *facts = self._receive(footage.path)
                finished = verb == "done"
                if verb == "error":
                    raise facts[0]
                if verb == "other":
                    yield facts[0]
                if verb == "frame":
                    slot, size, (number, pts, width_px, height_px, *others) = facts
                    yield Frame(number, pts, memory.picture(slot, *size), width_px, height_px, *others)
                    if self._current_read is reading:
                        self._send(footage.path, slot)
        finally:
            if self._current_read is reading:
                self._current_read = None
                if not finished:
                    self.close()  # it still sends or waits for slots: a restart is cheaper than draining it

    def _drop_unfinished_read(self) -> None:
        """End the child if a read is unfinished, so that its frames never reach the next read."""
        if self._current_read is not None:
            self.close()

    def _slots_for(self, view: View) -> tuple[int, int]:
        """Return the number of frames that the shared memory holds and the bytes of each."""
        if view.width_px is None or view.height_px is None:
            return 2, _MAX_FULL_FRAME_BYTES
        return self._limits.n_slots, 3 * view.width_px * view.height_px

    def start(self) -> None:
        """Start the child now, so that it is ready for its first request."""
        if self._connection is None:
            self._start()

    def _start(self) -> None:
        """Start the process, with a socket, the shared memory and a file for its standard error."""
        ours, theirs = socket.socketpair()
        # without a timeout, sending a long message to a child that does not read would block forever
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", self._limits.stall_s, 0))
        self._descriptor = create_shared_file()
        self._stderr = os.fdopen(create_shared_file(), "w+b")
        arguments = (theirs.fileno(), self._descriptor, self._limits.cache_bytes)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "forensics.decoding.child_main", *map(str, arguments)],
                pass_fds=(theirs.fileno(), self._descriptor),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                env={**os.environ, **_KEEP_FREED_MEMORY},
                process_group=0,  # Ctrl-C must reach the requesting side only, even while the child starts
            )
        self._connection = Connection(ours.detach())
        self._index = None

    def _request(self, path: Place, *message: Any) -> None:
        """Send a request to the child; start it first if there is none."""
        self.start()
        self._n_received = 0
        self._send(path, message)

    def _send(self, path: Place, message: Any) -> None:
        """Send a message to the child.

        Raises:
            DecoderLost: the child does not read it in time, or has ended.
        """
        assert self._connection is not None
        try:
            self._connection.send(message)
        except BlockingIOError as error:
            raise self._give_up(path, "timeout", f"it did not listen for {self._limits.stall_s} s") from error
        except OSError as error:
            raise self._explain_end(path) from error

    def _receive(self, path: Place) -> tuple[Any, ...]:
        """Return the child's next message.

        Raises:
            DecoderLost: no message came in time, or the child has ended or uses too much memory.
        """
        assert self._connection is not None
        if not self._connection.poll(0):
            self._wait_for_message(path)
        if self._n_received % _MESSAGES_PER_MEMORY_CHECK == 0:
            self._check_memory(path)
        self._n_received += 1
        try:
            message: tuple[Any, ...] = self._connection.recv()
        except (EOFError, OSError) as error:
            raise self._explain_end(path) from error
        return message

    def _wait_for_message(self, path: Place) -> None:
        """Wait until the child sends a message, within the limits."""
        assert self._connection is not None
        assert self._process is not None
        stall_s, hang_s = self._limits.stall_s * self._patience, self._limits.hang_s * self._patience
        deadline, used_s = time.monotonic() + stall_s, processor_seconds(self._process.pid)
        while not self._connection.poll(_POLL_S):
            self._check_memory(path)
            if hang_s and processor_seconds(self._process.pid) - used_s > hang_s:
                raise self._give_up(path, "hung", f"busy for {hang_s:g} s without a word", blames_footage=True)
            if time.monotonic() > deadline:
                raise self._give_up(path, "timeout", f"no word for {stall_s:g} s")

    def _check_memory(self, path: Place) -> None:
        """Raise `DecoderLost` if the child uses too much memory."""
        assert self._process is not None
        held = resident_bytes(self._process.pid)
        if held > self._limits.memory_bytes:
            raise self._give_up(path, "memory", f"it held {held} bytes, allowed are {self._limits.memory_bytes}")

    def _give_up(self, path: Place, reason: str, detail: str, *, blames_footage: bool = False) -> DecoderLost:
        """End the child and return the error that says why."""
        self.close()
        return DecoderLost(path, reason, detail, blames_footage)

    def _explain_end(self, path: Place) -> DecoderLost:
        """Return the error for a child that closed its connection: exit status and last line of standard error."""
        assert self._process is not None
        try:
            status = self._process.wait(timeout=_EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return self._give_up(path, "died", "it closed the connection and did not end")
        self._stderr.seek(0)
        lines = self._stderr.read()[-2000:].decode(errors="replace").strip().splitlines()
        ended = ProcessEnd(status, lines[-1] if lines else "")
        return self._give_up(path, "died", str(ended), blames_footage=ended.is_crash)

    def close(self) -> None:
        """End the child, whatever it is doing; the next request starts it again."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        if self._connection is not None:
            self._connection.close()
        os.close(self._descriptor)
        self._stderr.close()
        self._process = self._connection = None
        self._index = self._current_read = None


def patience_for_bytes(n_bytes: int) -> float:
    """Return the factor on the time limits for a request that reads a file of this size."""
    return 1 + n_bytes / _BYTES_PER_LIMIT


def _patience_for(index: PacketIndex, wanted: Int64Array) -> float:
    """Return the factor on the time limits until the next wanted frame arrives, in the worst case."""
    if not len(wanted):
        return 1
    keyframe = index.decoding_starts[np.searchsorted(index.keyframes, wanted, side="right") - 1]
    decoded_from = np.maximum(keyframe, np.insert(wanted[:-1], 0, 0))
    n_silent = int(np.max(wanted - decoded_from)) + int(wanted[0]) // _SEEK_FRAMES_PER_DECODED_FRAME
    return 1 + n_silent / _FRAMES_PER_LIMIT
