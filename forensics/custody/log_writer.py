"""Writer of the log of a case: chains each line to the line before, and syncs it to disk."""

import contextlib
import errno
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from forensics.custody.case_folder import CaseFolder
from forensics.custody.line_file import LineFile, open_line_file
from forensics.custody.log import (
    EMPTY_HEAD,
    INTERRUPTED,
    Chain,
    LogLine,
    find_chain_break,
    find_open_begins,
    parse_line,
    read_chain,
)
from forensics.digests import sha256_of_bytes
from forensics.errors import ForensicsError, IntegrityBroken, NotAuthorised
from forensics.json_object import JsonObject

__all__ = ["Anchor", "CommandRecord", "LogWriter"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_MESSAGE: Final = 500
_INTERRUPTED_EXIT_CODE: Final = 130


class Anchor(Protocol):
    """Log anchor: keeps length and head of the log outside the case."""

    def is_up_to_date(self, n_lines: int, head: str) -> bool:
        """Whether a log with this length and head is exactly the anchored one."""
        ...

    def find_problem(self, lines: Sequence[LogLine]) -> str:
        """Return why a log cannot be the anchored one; empty if it can."""
        ...

    def update(self, n_lines: int, head: str, following: str) -> None:
        """Store length and head of the log, and the digest of the line that is about to be appended."""
        ...


@dataclass(slots=True)
class CommandRecord:
    """The log record of one running command.

    Attributes:
        line: begin of the command.
        log: writer of the log.
        outputs: facts that the end will record as outputs.
        exit_code: exit code that the end will record, unless an error sets another.
        end: end of the command, once it is on disk; None while the command runs.
    """

    line: LogLine
    log: "LogWriter"
    outputs: JsonObject = field(default_factory=dict)
    exit_code: int = 0
    end: LogLine | None = None

    def note(self, name: str, facts: JsonObject) -> None:
        """Append a note about an event during the command. It is on disk when this returns."""
        self.log.append("note", name, who=self.line.who, why=self.line.why, of=self.line.number, facts=facts)


@dataclass(frozen=True, slots=True)
class LogWriter:
    """Appends to the log of one case.

    Attributes:
        folder: folder of the case.
        now: clock.
        anchor: log anchor, updated with every line; None if this user's key folder has none for the case.
        protect: returns facts that may say who somebody is as the log may hold them.
    """

    folder: CaseFolder
    now: Callable[[], datetime]
    anchor: Anchor | None = None
    protect: Callable[[JsonObject], JsonObject] = dict

    @contextlib.contextmanager
    def record_command(
        self, command: str, *, who: dict[str, str], why: str, facts: JsonObject
    ) -> Iterator[CommandRecord]:
        """Append a begin before the block and an end after it, also if the block raises.

        Raises:
            NotAuthorised: the log cannot be written, or the clock is earlier than the last line.
        """
        self._end_interrupted(who)
        begin_facts = {**facts, "process": _describe_process()}
        line = self.append("begin", command, who=who, why=why, of=None, facts=begin_facts)
        record = CommandRecord(line, self)
        try:
            yield record
        except BaseException as error:
            self._append_end(record, {**_failure_facts(error), **self.protect({"message": _message(error)})})
            raise
        self._append_end(record, {"exit_code": record.exit_code})

    def _append_end(self, record: CommandRecord, outcome: JsonObject) -> None:
        begin = record.line
        facts = {"outputs": record.outputs, **outcome}
        record.end = self.append("end", begin.command, who=begin.who, why=begin.why, of=begin.number, facts=facts)

    def append(
        self, kind: str, command: str, *, who: dict[str, str], why: str, of: int | None, facts: JsonObject
    ) -> LogLine:
        """Append one line. It is on disk when this returns.

        Raises:
            NotAuthorised: the log cannot be written, or the clock is earlier than the last line.
            IntegrityBroken: the last line cannot be read, or contradicts the log anchor.
        """
        with self._opened() as file:
            return self._append(file, kind, command, who=who, why=why, of=of, facts=facts)

    def _append(
        self,
        file: LineFile,
        kind: str,
        command: str,
        *,
        who: dict[str, str],
        why: str,
        of: int | None,
        facts: JsonObject,
    ) -> LogLine:
        torn = self._move_torn_end(file)
        last = self._last_line(file)
        line = LogLine(
            number=0 if last is None else last.number + 1,
            at_utc_us=self._time_after(last),
            kind=kind,
            command=command,
            who=who,
            why=why,
            of=of,
            previous=EMPTY_HEAD if last is None else last.sha256,
            facts={**facts, **torn},
        )
        self._update_anchor(line)
        file.append(line.encoded())
        return line

    def check(self) -> tuple[Chain, str]:
        """Return the log and its first fault, empty if there is none, while the log is locked."""
        with self._opened():
            chain = read_chain(self.folder.audit_file)
            problem = find_chain_break(chain)
            if not problem and self.anchor is not None:
                problem = self.anchor.find_problem(chain.lines)
        return chain, problem

    def _update_anchor(self, line: LogLine) -> None:
        """Store the line in the anchor before it is written, so that a kill between the two leaves a valid pair."""
        if self.anchor is None:
            return
        is_known = self.anchor.is_up_to_date(line.number, line.previous)
        problem = "" if is_known else self.anchor.find_problem(read_chain(self.folder.audit_file).lines)
        if problem:
            raise IntegrityBroken(
                problem, "use the newest copy of the case, or restore the log from a backup", self.folder.audit_file
            )
        self.anchor.update(line.number, line.previous, line.sha256)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[LineFile]:
        """Open the log and lock it within the block."""
        path = self.folder.audit_file
        with contextlib.ExitStack() as stack:
            try:
                file = stack.enter_context(open_line_file(path))
            except OSError as error:
                if error.errno == errno.ELOOP:
                    raise IntegrityBroken("the log is a link", "restore the log from a backup", path) from error
                if error.errno not in {errno.EACCES, errno.EROFS, errno.EPERM}:
                    raise
                raise NotAuthorised(
                    f"the log cannot be written ({error.strerror}), and every command must be recorded",
                    "run it as a user who may write to the case; forensics.open_case reads tables without writing",
                    path,
                ) from error
            if file.n_names > 1:
                raise IntegrityBroken("the log has a hard link", "restore the log from a backup", path)
            yield file

    def _move_torn_end(self, file: LineFile) -> JsonObject:
        """Move the torn end to a file of its own; return facts about it, none if there is no torn end."""
        torn = file.read_torn_end()
        if not torn:
            return {}
        with open_line_file(self.folder.torn_audit_file) as apart:
            apart.append(torn)
        file.remove_torn_end(torn)
        return {"torn": {"bytes": len(torn), "sha256": sha256_of_bytes(torn)}}

    def _last_line(self, file: LineFile) -> LogLine | None:
        last = file.read_last_line()
        if last is None:
            return None
        try:
            return parse_line(last)
        except (ValueError, TypeError) as error:
            raise IntegrityBroken(
                f"the last line of the log cannot be read ({error})",
                "restore the log from a backup",
                self.folder.audit_file,
            ) from error

    def _time_after(self, last: LogLine | None) -> int:
        now_us = _microseconds(self.now())
        if last is not None and now_us < last.at_utc_us:
            raise NotAuthorised(
                f"the machine's clock is at {_text(now_us)}, but the log was last written at {_text(last.at_utc_us)}",
                "set the machine's clock to the correct time",
            )
        return now_us

    def _end_interrupted(self, who: dict[str, str]) -> None:
        """Append an end for each command whose process on this machine is dead; others stay open."""
        with self._opened() as file:
            for begin in find_open_begins(read_chain(self.folder.audit_file).lines):
                if _is_dead(begin.facts.get("process", {})):
                    facts = {"exit_code": None, "error": INTERRUPTED}
                    why = "its process is gone"
                    self._append(file, "end", begin.command, who=who, why=why, of=begin.number, facts=facts)


def _failure_facts(error: BaseException) -> JsonObject:
    return {"exit_code": _exit_code(error), "error": type(error).__name__}


def _message(error: BaseException) -> str:
    return " ".join(str(error).split())[:_LONGEST_MESSAGE]


def _exit_code(error: BaseException) -> int:
    if isinstance(error, KeyboardInterrupt):
        return _INTERRUPTED_EXIT_CODE
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    code = getattr(error, "exit_code", ForensicsError.exit_code)
    return code if isinstance(code, int) else ForensicsError.exit_code


def _describe_process() -> JsonObject:
    pid = os.getpid()
    return {
        "host": socket.gethostname(),
        "boot": _boot_id(),
        "namespace": _pid_namespace(),
        "pid": pid,
        "started": _start_time(pid),
    }


def _is_dead(process: JsonObject) -> bool:
    """Whether a recorded process of this machine is dead. Its pid may belong to another process by now."""
    if process.get("host") != socket.gethostname() or process.get("namespace") != _pid_namespace():
        return False
    return bool(process.get("boot") != _boot_id() or process.get("started") != _start_time(process.get("pid", -1)))


def _pid_namespace() -> str:
    """Return the pid namespace. Processes of another one, such as another container, cannot be seen."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _boot_id() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""


def _start_time(pid: int) -> str:
    """Return when a process started, in clock ticks since boot; empty if it does not exist."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _microseconds(instant: datetime) -> int:
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _text(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1e6, tz=UTC).isoformat(timespec="seconds")
