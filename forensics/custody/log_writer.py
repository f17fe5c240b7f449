"""Writes the log of a case: each append takes a lock, chains to the last line, and is on disk before it returns."""

import contextlib
import errno
import fcntl
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import FIRST, INTERRUPTED, Chain, LogLine, break_in, decoded, open_begins, read_chain
from forensics.digests import sha256_of_bytes
from forensics.errors import ForensicsError, IntegrityBroken, NotAuthorised

__all__ = ["Anchor", "CommandRecord", "LogWriter"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_MESSAGE: Final = 500
_INTERRUPTED: Final = 130


class Anchor(Protocol):
    """Remembers outside the case how far its log goes."""

    def is_up_to_date(self, n_lines: int, head: str) -> bool:
        """Whether a log of so many lines, the last with this digest, is just what is witnessed."""
        ...

    def problem(self, lines: Sequence[LogLine]) -> str:
        """Why a log cannot be the one that is witnessed; empty if it can."""
        ...

    def tell(self, n_lines: int, head: str, following: str) -> None:
        """The log has so many lines, the last with digest `head`; the line of digest `following` is about to follow."""
        ...


@dataclass(slots=True)
class CommandRecord:
    """A command while it runs.

    Attributes:
        line: its begin.
        outputs: what its end will say came out.
        exit_code: what its end will say, unless an error says otherwise.
        end: its end, once it is on disk; None while it works.
    """

    line: LogLine
    log: "LogWriter"
    outputs: dict[str, Any] = field(default_factory=dict)
    exit_code: int = 0
    end: LogLine | None = None

    def note(self, name: str, facts: dict[str, Any]) -> None:
        """Something happened meanwhile; it is on disk now."""
        self.log.append("note", name, who=self.line.who, why=self.line.why, of=self.line.number, facts=facts)


@dataclass(frozen=True, slots=True)
class LogWriter:
    """The log of one case.

    Attributes:
        folder: of the case.
        now: the clock.
        witness: told of every line; None where this user's key folder does not know the case.
    """

    folder: CaseFolder
    now: Callable[[], datetime]
    witness: Anchor | None = None

    @contextlib.contextmanager
    def recorded(
        self, command: str, *, who: dict[str, str], why: str, facts: dict[str, Any]
    ) -> Iterator[CommandRecord]:
        """A begin before the block and an end after it, whatever happens in it but the death of the process.

        Raises:
            NotAuthorised: it cannot be recorded, or the clock is earlier than the last line.
        """
        self._close_interrupted(who)
        begun = {**facts, "process": _process()}
        line = self.append("begin", command, who=who, why=why, of=None, facts=begun)
        recorded = CommandRecord(line, self)
        try:
            yield recorded
        except BaseException as error:
            self._end(recorded, _failure(error))
            raise
        self._end(recorded, {"exit_code": recorded.exit_code})

    def _end(self, recorded: CommandRecord, how: dict[str, Any]) -> None:
        begin = recorded.line
        facts = {"outputs": recorded.outputs, **how}
        recorded.end = self.append("end", begin.command, who=begin.who, why=begin.why, of=begin.number, facts=facts)

    def append(
        self, kind: str, command: str, *, who: dict[str, str], why: str, of: int | None, facts: dict[str, Any]
    ) -> LogLine:
        """One more line is on disk.

        Raises:
            NotAuthorised: it cannot be written, or the clock is earlier than the last line.
            IntegrityBroken: the last line is none, or not the one that the witness knows.
        """
        with self._opened() as descriptor:
            return self._written(descriptor, kind, command, who=who, why=why, of=of, facts=facts)

    def _written(
        self,
        descriptor: int,
        kind: str,
        command: str,
        *,
        who: dict[str, str],
        why: str,
        of: int | None,
        facts: dict[str, Any],
    ) -> LogLine:
        torn = self._torn_moved(descriptor)
        last = self._last_line(descriptor)
        line = LogLine(
            number=0 if last is None else last.number + 1,
            at_utc_us=self._time_after(last),
            kind=kind,
            command=command,
            who=who,
            why=why,
            of=of,
            previous=FIRST if last is None else last.sha256,
            facts={**facts, **torn},
        )
        self._told_witness(line)
        _write_all(descriptor, line.encoded() + b"\n")
        os.fsync(descriptor)
        return line

    def checked(self) -> tuple[Chain, str]:
        """The log, and the first thing that is wrong with it or unknown to its witness; nobody writes it meanwhile."""
        with self._opened():
            chain = read_chain(self.folder.audit_file)
            problem = break_in(chain)
            if not problem and self.witness is not None:
                problem = self.witness.problem(chain.lines)
        return chain, problem

    def _told_witness(self, line: LogLine) -> None:
        """The witness knows of the line before it is written, so that no kill parts them."""
        if self.witness is None:
            return
        is_known = self.witness.is_up_to_date(line.number, line.previous)
        problem = "" if is_known else self.witness.problem(read_chain(self.folder.audit_file).lines)
        if problem:
            raise IntegrityBroken(f"{problem}", "work on the newest copy of the case", self.folder.audit_file)
        self.witness.tell(line.number, line.previous, line.sha256)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        """The file, held against every other append."""
        try:
            descriptor = os.open(self.folder.audit_file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise IntegrityBroken("is a link", "put the log itself there", self.folder.audit_file) from error
            if error.errno not in {errno.EACCES, errno.EROFS, errno.EPERM}:
                raise
            raise NotAuthorised(
                f"cannot be written ({error.strerror}), and what cannot be recorded may not be done",
                "work as a user who may write to the case; tables alone are read with forensics.open_case",
                self.folder.audit_file,
            ) from error
        try:
            if os.fstat(descriptor).st_nlink > 1:
                raise IntegrityBroken("has a second name", "put the log itself there", self.folder.audit_file)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    def _torn_moved(self, descriptor: int) -> dict[str, Any]:
        """What a dying command left after the last whole line lies apart; returns what the next line says of it."""
        size = os.fstat(descriptor).st_size
        torn = _tail(descriptor, size).rpartition(b"\n")[2]
        if not torn:
            return {}
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        with os.fdopen(os.open(self.folder.torn_audit_file, flags, 0o600), "ab") as file:
            file.write(torn + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.ftruncate(descriptor, size - len(torn))
        return {"torn": {"bytes": len(torn), "sha256": sha256_of_bytes(torn)}}

    def _last_line(self, descriptor: int) -> LogLine | None:
        whole = _tail(descriptor, os.fstat(descriptor).st_size).removesuffix(b"\n")
        if not whole:
            return None
        try:
            return decoded(whole.rpartition(b"\n")[2])
        except (ValueError, TypeError) as error:
            raise IntegrityBroken(
                f"its last line is not what was written ({error})", "restore it from a copy", self.folder.audit_file
            ) from error

    def _time_after(self, last: LogLine | None) -> int:
        now_us = _microseconds(self.now())
        if last is not None and now_us < last.at_utc_us:
            raise NotAuthorised(
                f"the clock says {_text(now_us)}, the case's log was last written at {_text(last.at_utc_us)}",
                "set the machine's clock right",
            )
        return now_us

    def _close_interrupted(self, who: dict[str, str]) -> None:
        """End what a dead process began; what another machine began stays open, for nobody here can tell."""
        with self._opened() as descriptor:
            for begin in open_begins(read_chain(self.folder.audit_file).lines):
                if _is_dead(begin.facts.get("process", {})):
                    facts = {"exit_code": None, "error": INTERRUPTED}
                    why = "its process is gone"
                    self._written(descriptor, "end", begin.command, who=who, why=why, of=begin.number, facts=facts)


def _write_all(descriptor: int, data: bytes) -> None:
    """Every byte, also where the system takes only some at a time, as a disk does that is about to be full."""
    while data:
        data = data[os.write(descriptor, data) :]


_BLOCK_BYTES: Final = 1 << 16


def _tail(descriptor: int, size: int) -> bytes:
    """The end of the file, with at least one whole line if there is one."""
    start = size
    while True:
        start = max(0, start - _BLOCK_BYTES)
        tail = os.pread(descriptor, size - start, start)
        if start == 0 or tail.count(b"\n") >= 2:
            return tail


def _failure(error: BaseException) -> dict[str, Any]:
    said = " ".join(str(error).split())[:_LONGEST_MESSAGE]
    return {"exit_code": _exit_code(error), "error": type(error).__name__, "message": said}


def _exit_code(error: BaseException) -> int:
    if isinstance(error, KeyboardInterrupt):
        return _INTERRUPTED
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    code = getattr(error, "exit_code", ForensicsError.exit_code)
    return code if isinstance(code, int) else ForensicsError.exit_code


def _process() -> dict[str, Any]:
    pid = os.getpid()
    seen_from = {"boot": _boot(), "namespace": _namespace()}
    return {"host": socket.gethostname(), **seen_from, "pid": pid, "started": _started(pid)}


def _is_dead(process: dict[str, Any]) -> bool:
    """Whether a recorded process of this machine is gone; its number may be another's by now."""
    if process.get("host") != socket.gethostname() or process.get("namespace") != _namespace():
        return False
    return bool(process.get("boot") != _boot() or process.get("started") != _started(process.get("pid", -1)))


def _namespace() -> str:
    """Which processes can be seen from here; a container sees its own only."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _boot() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""


def _started(pid: int) -> str:
    """When a process started, by the kernel's count; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _microseconds(instant: datetime) -> int:
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _text(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1e6, tz=UTC).isoformat(timespec="seconds")
