"""Withhold and destroy what says who somebody may be: templates, reference pictures, candidates, verdicts.

Destroying the key comes first: from that instant nothing sealed can be read, whatever copies exist. A
certificate names every file with its digest; it is written before the first file goes, so that a
destruction that was cut short is finished by the next command, and `verify` knows what is meant to be gone.
"""

import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from forensics.adapters.crypto.sealing import Key, seal, unseal
from forensics.custody.case_folder import CaseFolder
from forensics.digests import sha256_of_bytes, sha256_of_file
from forensics.errors import IntegrityBroken
from forensics.tables.files import encoded_json
from pipelines.custody.case_document import Case
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.keys import keyring_for

__all__ = [
    "certified",
    "described_certificate",
    "destroy",
    "destroy_files",
    "finish_destructions",
    "forget_reproduction",
    "has_unfinished",
    "holds_biometrics",
    "quarantine",
    "release",
    "withheld_as",
]

_SEALED = ".sealed"


_PATTERNS = (
    "watchlist/**/*",
    "runs/*/parts/recognise/*",
    ".reproduce/runs/*/parts/recognise/*",
    *(f"{place}/candidates/*" for place in ("runs/*/tables", "tables", ".tables.new", ".tables.old")),
    *(f".reproduce/{place}/candidates/*" for place in ("runs/*/tables", "tables", ".tables.new", ".tables.old")),
    *("reviews.jsonl", f"reviews.jsonl{_SEALED}", ".reviews.jsonl.*.tmp", "calibration.sealed"),
)


def biometric_files(folder: CaseFolder) -> list[Path]:
    """Everything that says who somebody may be, by path; a link is one too, wherever it leads."""
    found = {path for pattern in _PATTERNS for path in folder.root.glob(pattern)}
    own = {path for path in found if path.parent.resolve().is_relative_to(folder.root.resolve())}
    return sorted(path for path in own if path.is_symlink() or path.is_file())


def destroy(
    case: Case,
    files: DecidingFiles,
    *,
    reason: str,
    why: str,
    who: dict[str, str],
    now: datetime,
) -> Path:
    """The case's key and biometric data are gone; returns the certificate. Evidence is untouched.

    Args:
        case: whose lock the caller holds.
        files: writes what decides.
        reason: ``denied`` or ``expired``.
        why: in words.
        who: did it.
        now: when.
    """
    certificate = _begun(case, files, biometric_files(case.folder), reason=reason, why=why, who=who, now=now)
    keyring_for(case.folder, case.case_id).destroy()
    _finish(files, certificate, key_destroyed=True)
    return certificate


def destroy_files(
    case: Case, files: DecidingFiles, paths: list[Path], *, reason: str, why: str, who: dict[str, str], now: datetime
) -> Path:
    """Some files of a case are gone, such as those of one entry; returns the certificate."""
    certificate = _begun(case, files, paths, reason=reason, why=why, who=who, now=now)
    _finish(files, certificate, key_destroyed=False)
    return certificate


def _begun(
    case: Case, files: DecidingFiles, paths: list[Path], *, reason: str, why: str, who: dict[str, str], now: datetime
) -> Path:
    target = _free_name(case.folder.certificates, f"{now:%Y%m%dT%H%M%S}.{now.microsecond:06d}Z-{reason}")
    certificate = {
        "case_id": case.case_id,
        "reason": reason,
        "why": why,
        "who": who,
        "at_utc": now.isoformat(),
        "state": "begun",
        "key_destroyed": False,
        "files": [{"path": path.relative_to(case.folder.root).as_posix(), "sha256": _digest(path)} for path in paths],
    }
    files.write(target, encoded_json(certificate))
    return target


def _free_name(folder: Path, stem: str) -> Path:
    """A file that is not there yet: one command may destroy several times at one instant, each with a certificate."""
    names = (f"{stem}{'' if number == 1 else f'-{number}'}.json" for number in count(1))
    return next(folder / name for name in names if not (folder / name).exists())


def _digest(path: Path) -> str:
    return sha256_of_bytes(str(path.readlink()).encode()) if path.is_symlink() else sha256_of_file(path)


def _finish(files: DecidingFiles, certificate: Path, *, key_destroyed: bool) -> None:
    stored, folder = json.loads(certificate.read_text()), files.folder
    for file in stored["files"]:
        folder.inside(Path(file["path"]).parent.as_posix())  # what it names may be a link, which is removed itself
        files.remove(folder.root / file["path"])
    for path in sorted(folder.watchlist.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()
    done = {**stored, "state": "done", "key_destroyed": stored["key_destroyed"] or key_destroyed}
    files.write(certificate, encoded_json(done))


def forget_reproduction(folder: CaseFolder) -> None:
    """A run that was made again, to be compared, is gone; the caller holds the lock."""
    if folder.reproduction.is_symlink():
        folder.reproduction.unlink()
    elif folder.reproduction.exists():
        shutil.rmtree(folder.reproduction)


def holds_biometrics(case: Case) -> bool:
    """Whether there is anything left to destroy: the key, or a file."""
    return keyring_for(case.folder, case.case_id).exists or bool(biometric_files(case.folder))


def has_unfinished(folder: CaseFolder) -> bool:
    """Whether a command died in the middle of a destruction."""
    return any(stored["state"] == "begun" for _, stored in _certificates(folder))


def finish_destructions(case: Case, files: DecidingFiles) -> None:
    """End what was begun by a command that died in the middle; the caller holds the lock. On hold nothing goes."""
    for path, stored in [] if case.mandate.hold else list(_certificates(case.folder)):
        if stored["state"] == "begun":
            of_case = stored["reason"] in {"denied", "expired"}
            if of_case:
                keyring_for(case.folder, case.case_id).destroy()
            _finish(files, path, key_destroyed=of_case)


def described_certificate(certificate: Path) -> dict[str, Any]:
    """What the log keeps of a certificate: its name and digest."""
    return {"path": certificate.name, "sha256": sha256_of_file(certificate)}


def certified(folder: CaseFolder) -> dict[str, str]:
    """SHA-256 by path, relative to the case, of every file that was destroyed on record, withheld before or not."""
    gone = [file for _, stored in _certificates(folder) for file in stored["files"]]
    return {path: file["sha256"] for file in gone for path in {file["path"], file["path"].removesuffix(_SEALED)}}


def _certificates(folder: CaseFolder) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(folder.certificates.glob("*.json")):
        try:
            stored = json.loads(path.read_text())
            if not {"state", "reason", "files", "key_destroyed"} <= stored.keys():
                raise ValueError("not the names of a certificate")
        except (ValueError, TypeError, AttributeError) as error:
            raise IntegrityBroken(f"is no certificate ({error})", "restore it from a copy", path) from error
        yield path, stored


def quarantine(case: Case, files: DecidingFiles) -> int:
    """Withhold the key, and seal what is readable of the results; returns how many files. Again changes nothing."""
    keyring = keyring_for(case.folder, case.case_id)
    if not keyring.path.exists():
        return 0
    key = keyring.load()
    forget_reproduction(case.folder)
    for leftover in (case.folder.root / ".tables.new", case.folder.root / ".tables.old"):
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)  # a kill left it half placed; the run that is published lies elsewhere
    readable = [path for path in biometric_files(case.folder) if _is_readable(case.folder, path)]
    for path in readable:
        context = path.relative_to(case.folder.root).as_posix()
        files.write(path.with_name(path.name + _SEALED), seal(key, path.read_bytes(), context))
        files.remove(path)
    keyring.withhold()
    return len(readable)


def _is_readable(folder: CaseFolder, path: Path) -> bool:
    return path.suffix != _SEALED and not path.is_relative_to(folder.watchlist) and not path.is_symlink()


def release(case: Case, files: DecidingFiles) -> int:
    """Put back what was withheld, then hand out the key again; returns how many files.

    The key comes last, so that a command that dies in the middle is gone on with. What cannot be opened stays sealed.
    """
    keyring = keyring_for(case.folder, case.case_id)
    key = keyring.load_withheld()
    released = [path for path in _withheld(case.folder) if _is_put_back(files, key, path)]
    keyring.release()
    return len(released)


def _is_put_back(files: DecidingFiles, key: Key, path: Path) -> bool:
    target = path.with_name(path.name.removesuffix(_SEALED))
    try:
        data = unseal(key, path.read_bytes(), target.relative_to(files.folder.root).as_posix())
    except IntegrityBroken:
        return False
    files.write(target, data)
    files.remove(path)
    return True


def _withheld(folder: CaseFolder) -> list[Path]:
    """Sealed files that a quarantine made of readable ones."""
    apart = {folder.calibration_file}
    return [
        path
        for path in biometric_files(folder)
        if path.suffix == _SEALED and not path.is_relative_to(folder.watchlist) and path not in apart
    ]


def withheld_as(case: Case) -> frozenset[str]:
    """The paths, relative to the case, under which withheld files would be found; none while the key is handed out."""
    if not keyring_for(case.folder, case.case_id).withheld.exists():
        return frozenset()
    root = case.folder.root
    return frozenset(path.relative_to(root).as_posix().removesuffix(_SEALED) for path in _withheld(case.folder))
