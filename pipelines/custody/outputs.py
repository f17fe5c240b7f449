"""Outputs of commands: files that leave a case, each on record with its recipient, reason, path and SHA-256.

They are never written inside the case, its evidence or the key folders, and never in the place of another file.
Evidence is protected under every name: a link to it, a hard link, or a file in a folder of stills.
"""

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from forensics.adapters.crypto.key_files import keys_folder
from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import LogLine, read_chain
from forensics.digests import sha256_of_bytes, sha256_of_file
from forensics.errors import NotAuthorised, UsageError
from forensics.json_object import JsonObject
from forensics.spelling import fault_in_statement
from forensics.tables.evidence import load_evidence, load_sources
from forensics.tables.files import write_bytes, write_new
from pipelines.custody.keys import reviewer_keys_folder
from pipelines.custody.session import Session
from pipelines.places import find_containing_place, identity_of

__all__ = ["Outputs", "check_output_place", "written_files"]

_NOTE: Final = "output"
_NEXT_STEP: Final = "give a path outside the case, its evidence and its keys"


@dataclass(frozen=True, slots=True)
class Outputs:
    """Files that a command on a case writes outside of it; the log gets their names, digests and recipient.

    No file is replaced, except one whose content a command on this case has written, and only on request.

    Attributes:
        session: the command on the case; a case that compares faces requires its reason.
        recipient: who receives the files; empty for the person who runs the command.
        replaces_own: whether former outputs of this case may be replaced.
    """

    session: Session
    recipient: str
    replaces_own: bool

    def check(self, target: Path) -> None:
        """Check that a file may be written, before the work for it begins.

        Raises:
            UsageError: the path is in the case, its evidence or keys, is not writable, or a file is there that must
                not be replaced; or reason or recipient state nothing.
            NotAuthorised: the case compares faces, and no reason is given.
        """
        self._require_account()
        check_output_place(self.session.folder, target)
        with _system_errors_explained(target):
            if target.exists() or target.is_symlink():
                self._require_own(target)

    def check_folder(self, target: Path, names: Iterable[str]) -> None:
        """Check that a path is or may become a folder with files of these names.

        Raises:
            UsageError: it or such a file must not be written, or reason or recipient state nothing.
            NotAuthorised: the case compares faces, and no reason is given.
        """
        self._require_account()
        with _system_errors_explained(target):
            _refuse_protected(self.session.folder, target)
            if target.exists() and not target.is_dir():
                raise UsageError("exists and is not a folder", "give the path of a new or empty folder", target)
            _refuse_without_parent(target)
            for name in names if target.exists() else ():
                self.check(target / name)

    def write(self, target: Path, data: bytes) -> None:
        """Write a file that `check` has accepted; a note in the log comes first, so a kill hides no file.

        Raises:
            UsageError: a file is there by now, or reason or recipient state nothing.
            NotAuthorised: the case compares faces, and no reason is given.
        """
        self._require_account()
        facts = {"file": str(target.absolute()), "sha256": sha256_of_bytes(data)}
        facts |= _recipient_facts(self.session, self.recipient)
        with _system_errors_explained(target):
            is_there = target.exists()
            if is_there:
                self._require_own(target)
            self.session.record.note(_NOTE, facts)
            if is_there:
                write_bytes(target, data)
            else:
                _write_new(target, data)
        self.session.record.outputs.setdefault("written", []).append(facts)

    def _require_account(self) -> None:
        """Check that reason and recipient are stated as far as this case requires it.

        Raises:
            UsageError: one of them is a placeholder.
            NotAuthorised: the case compares faces, and no reason is given.
        """
        reason = self.session.record.line.why
        if self.session.case.mandate.mode.compares_faces and not reason.strip():
            raise NotAuthorised(
                "what leaves a case that compares faces requires a reason", "give a reason with --reason TEXT"
            )
        for name, text in (("reason", reason), ("recipient", self.recipient)):
            fault = fault_in_statement(text) if text else ""
            if fault:
                raise UsageError(f"the {name} {text!r} {fault}", f"state the {name} in words")

    def _require_own(self, target: Path) -> None:
        if not self.replaces_own:
            raise UsageError(
                "exists already", "give another name, or replace a file that this case has written with --force", target
            )
        if target.is_symlink() or sha256_of_file(target) not in _written_digests(self.session.folder):
            raise UsageError(
                "exists, and no command on this case has written it as it is",
                "give another name, or move the file away",
                target,
            )


def _recipient_facts(session: Session, recipient: str) -> JsonObject:
    """Return who receives a file, and whether that is only the person who runs the command."""
    who = session.who
    return {"recipient": recipient or who.get("login", who["user"]), "is_own_use": not recipient}


def _write_new(target: Path, data: bytes) -> None:
    try:
        write_new(target, data)
    except FileExistsError as error:
        raise UsageError("exists already", "give another name", target) from error


def _written_digests(folder: CaseFolder) -> set[str]:
    """Return the digests of all files that commands on the case have written outside of it, from the log."""
    return {each["sha256"] for each in written_files(read_chain(folder.audit_file).lines)}


def written_files(lines: Iterable[LogLine]) -> list[JsonObject]:
    """Return every file that commands on a case have written outside of it, from the lines of its log, in their order.

    A file whose command was killed is among them, although it may not exist. Earlier versions recorded files only at
    the end of a command. The recipient is None where a line names none.
    """
    given = list(lines)
    noted = {line.of for line in given if (line.kind, line.command) == ("note", _NOTE)}
    commands = {line.number: line.command for line in given if line.kind == "begin"}
    return [
        {
            "at_utc": line.at_utc.isoformat(),
            "command": commands.get(-1 if line.of is None else line.of, line.command),
            **{name: file.get(name) for name in ("file", "sha256", "recipient", "is_own_use")},
            "reason": line.why,
            "by": line.who,
        }
        for line in given
        for file in _files_in(line, noted)
    ]


def _files_in(line: LogLine, noted: Collection[int | None]) -> Sequence[JsonObject]:
    """Return the files that a line records; the end of a command with notes repeats them."""
    if (line.kind, line.command) == ("note", _NOTE):
        return [line.facts]
    is_only_record = line.kind == "end" and line.of not in noted
    files: Sequence[JsonObject] = line.facts.get("outputs", {}).get("written", ()) if is_only_record else ()
    return files


def check_output_place(folder: CaseFolder, target: Path) -> Path:
    """Return the path unchanged if it is no folder and a file may be there.

    Raises:
        UsageError: the path is in the case, its evidence or keys, or is not writable.
    """
    with _system_errors_explained(target):
        _refuse_protected(folder, target)
        if target.exists() and not target.is_file():
            raise UsageError("exists and is not a file", "give the path of a new file", target)
        _refuse_without_parent(target)
    return target


@contextlib.contextmanager
def _system_errors_explained(target: Path) -> Iterator[None]:
    """Raise errors of the system about a path as `UsageError`, such as a name too long or a circle of links."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise UsageError(f"cannot be written ({error})", "give another path", target) from error


def _refuse_without_parent(target: Path) -> None:
    if not target.parent.is_dir():
        raise UsageError(
            f"its folder {target.parent} does not exist", "create the folder, or give another path", target
        )
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise UsageError(f"this user may not write to {target.parent}", "give a path in another folder", target)


def _refuse_protected(folder: CaseFolder, target: Path) -> None:
    protected = list(_protected_places(folder))
    place = find_containing_place(target, protected)
    if place is not None:
        raise UsageError(f"is inside {place}, which must not be written to", _NEXT_STEP, target)
    twin = _find_hard_link(target, protected)
    if twin is not None:
        raise UsageError(f"is the same file as {twin}, which must not be written to", _NEXT_STEP, target)


def _protected_places(folder: CaseFolder) -> Iterator[Path]:
    """Yield the case, its evidence under every path that was given, and the key folders."""
    yield folder.root
    yield from (item.path for item in load_evidence(folder) if isinstance(item.path, Path))
    sources = (source for source in load_sources(folder) if source.evidence_id is not None)
    yield from (source.path for source in sources if isinstance(source.path, Path))
    # the folder of reviewers' keys counts as a whole, although commands read single keys of it
    yield from (keys_folder(), reviewer_keys_folder())


def _find_hard_link(target: Path, protected: list[Path]) -> Path | None:
    """Return the file in these places that `target` is a hard link of; None if there is none."""
    if not target.is_file() or target.stat().st_nlink == 1:
        return None
    identity = identity_of(target)
    return next((file for place in protected for file in place.rglob("*") if identity_of(file) == identity), None)
