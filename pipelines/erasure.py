"""Withhold and destroy what says who somebody may be: templates, reference pictures, candidates, verdicts.

Destroying the key comes first: from that instant nothing sealed can be read, whatever copies exist. A
certificate names every file with its digest; it is written before the first file goes, so that a
destruction that was cut short is finished by the next command, and `verify` knows what is meant to be gone.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from forensics.adapters.sealing import seal, unseal
from forensics.case import CaseFolder
from forensics.digests import sha256_of_file
from forensics.tables.files import write_bytes, write_json
from pipelines.case_file import Case
from pipelines.keys import keyring_for

__all__ = [
    "certified",
    "described_certificate",
    "destroy",
    "destroy_files",
    "finish_destructions",
    "has_unfinished",
    "holds_biometrics",
    "quarantine",
    "release",
    "withheld_as",
]

_SEALED = ".sealed"


def biometric_files(folder: CaseFolder) -> list[Path]:
    """Everything that says who somebody may be, by path."""
    patterns = ("watchlist/**/*", "runs/*/parts/recognise/*", "runs/*/tables/candidates/*", "tables/candidates/*")
    found = {path for pattern in patterns for path in folder.root.glob(pattern) if path.is_file()}
    return sorted(found | {path for path in (folder.reviews_file,) if path.exists()})


def destroy(
    case: Case, *, reason: str, why: str, who: dict[str, str], now: datetime, key_destroyed: bool = False
) -> Path:
    """The case's key and biometric data are gone; returns the certificate. Evidence is untouched.

    Args:
        case: whose lock the caller holds.
        reason: ``denied`` or ``expired``.
        why: in words.
        who: did it.
        now: when.
        key_destroyed: whether the caller did that already.
    """
    certificate = _begun(case, biometric_files(case.folder), reason=reason, why=why, who=who, now=now)
    had_key = keyring_for(case.folder, case.case_id).destroy()
    _finish(case.folder, certificate, key_destroyed=had_key or key_destroyed)
    return certificate


def destroy_files(case: Case, files: list[Path], *, reason: str, why: str, who: dict[str, str], now: datetime) -> Path:
    """Some files of a case are gone, such as those of one entry; returns the certificate."""
    certificate = _begun(case, files, reason=reason, why=why, who=who, now=now)
    _finish(case.folder, certificate, key_destroyed=False)
    return certificate


def _begun(case: Case, files: list[Path], *, reason: str, why: str, who: dict[str, str], now: datetime) -> Path:
    target = case.folder.certificates / f"{now:%Y%m%dT%H%M%S}.{now.microsecond:06d}Z-{reason}.json"
    certificate = {
        "case_id": case.case_id,
        "reason": reason,
        "why": why,
        "who": who,
        "at_utc": now.isoformat(),
        "state": "begun",
        "key_destroyed": False,
        "files": [
            {"path": path.relative_to(case.folder.root).as_posix(), "sha256": sha256_of_file(path)} for path in files
        ],
    }
    write_json(target, certificate)
    return target


def _finish(folder: CaseFolder, certificate: Path, *, key_destroyed: bool) -> None:
    stored = json.loads(certificate.read_text())
    for file in stored["files"]:
        (folder.root / file["path"]).unlink(missing_ok=True)
    for path in sorted(folder.watchlist.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    write_json(certificate, {**stored, "state": "done", "key_destroyed": stored["key_destroyed"] or key_destroyed})


def holds_biometrics(case: Case) -> bool:
    """Whether there is anything left to destroy: the key, or a file."""
    return keyring_for(case.folder, case.case_id).exists or bool(biometric_files(case.folder))


def has_unfinished(folder: CaseFolder) -> bool:
    """Whether a command died in the middle of a destruction."""
    return any(stored["state"] == "begun" for _, stored in _certificates(folder))


def finish_destructions(case: Case) -> None:
    """End what was begun by a command that died in the middle; the caller holds the case's lock."""
    for path, stored in _certificates(case.folder):
        if stored["state"] == "begun":
            of_case = stored["reason"] in {"denied", "expired"}
            had_key = keyring_for(case.folder, case.case_id).destroy() if of_case else False
            _finish(case.folder, path, key_destroyed=had_key)


def described_certificate(certificate: Path) -> dict[str, Any]:
    """What the log keeps of a certificate: its name and digest."""
    return {"path": certificate.name, "sha256": sha256_of_file(certificate)}


def certified(folder: CaseFolder) -> dict[str, str]:
    """SHA-256 by path, relative to the case, of every file that was destroyed on record."""
    return {file["path"]: file["sha256"] for _, stored in _certificates(folder) for file in stored["files"]}


def _certificates(folder: CaseFolder) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(folder.certificates.glob("*.json")):
        yield path, json.loads(path.read_text())


def quarantine(case: Case) -> int:
    """Withhold the key, and seal what is readable of the results; returns how many files. Again changes nothing."""
    keyring = keyring_for(case.folder, case.case_id)
    if not keyring.path.exists():
        return 0
    key = keyring.load()
    readable = [path for path in biometric_files(case.folder) if _is_readable(case.folder, path)]
    for path in readable:
        context = path.relative_to(case.folder.root).as_posix()
        write_bytes(path.with_name(path.name + _SEALED), seal(key, path.read_bytes(), context))
        path.unlink()
    keyring.withhold()
    return len(readable)


def _is_readable(folder: CaseFolder, path: Path) -> bool:
    return path.suffix != _SEALED and not path.is_relative_to(folder.watchlist)


def release(case: Case) -> int:
    """Put back what was withheld; returns how many files. The key must be handed out already."""
    key = keyring_for(case.folder, case.case_id).load()
    sealed = _withheld(case.folder)
    for path in sealed:
        target = path.with_name(path.name.removesuffix(_SEALED))
        write_bytes(target, unseal(key, path.read_bytes(), target.relative_to(case.folder.root).as_posix()))
        path.unlink()
    return len(sealed)


def _withheld(folder: CaseFolder) -> list[Path]:
    """Sealed files that a quarantine made of readable ones."""
    return [
        path for path in biometric_files(folder) if path.suffix == _SEALED and not path.is_relative_to(folder.watchlist)
    ]


def withheld_as(folder: CaseFolder) -> frozenset[str]:
    """The paths, relative to the case, under which withheld files would be found."""
    return frozenset(path.relative_to(folder.root).as_posix().removesuffix(_SEALED) for path in _withheld(folder))
