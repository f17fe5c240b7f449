"""Quarantine and erasure of biometric data: templates, reference pictures, candidates, verdicts.

All of it is encrypted with the key of the case. To withhold it, the key is moved to where no command loads it. To erase
it, the key is destroyed: from that instant no copy can be read, also none that somebody brings back from the disk. The
files are removed as well. A certificate names every destroyed file with its digest. It is written before the first file
is removed, so that the next command can finish an interrupted destruction, and `verify` knows which files are missing
on purpose.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from forensics.custody.case_document import Case
from forensics.custody.case_folder import SEALED_SUFFIX, CaseFolder
from forensics.custody.result_retention import REMOVAL
from forensics.digests import sha256_of_bytes, sha256_of_file
from forensics.errors import IntegrityBroken
from forensics.json_object import JsonObject, decode_json
from forensics.tables.files import encode_json
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.keys import destroy_reviewer_keys, keyring_for

__all__ = [
    "Destruction",
    "certificate_facts",
    "certified_digests",
    "certified_paths",
    "destroy",
    "destroy_files",
    "destroyed_digests",
    "finish_destructions",
    "has_unfinished_destruction",
    "holds_biometrics",
    "list_destructions",
    "quarantine",
    "release",
    "remove_reproduction",
]


def destroy(
    case: Case,
    files: DecidingFiles,
    *,
    reason: str,
    why: str,
    who: dict[str, str],
    now: datetime,
) -> Path:
    """Destroy the key and the biometric data of a case, but no evidence; return the certificate.

    Args:
        case: the case; the caller holds its lock.
        files: removes the files and writes the certificate.
        reason: ``denied`` or ``expired``.
        why: the reason in words.
        who: facts about the user.
        now: time of the destruction.
    """
    certificate = _write_certificate(
        case, files, case.folder.biometric_files(), reason=reason, why=why, who=who, now=now
    )
    _destroy_keys(case)
    _finish(files, certificate, key_destroyed=True)
    return certificate


def _destroy_keys(case: Case) -> None:
    keyring_for(case.folder, case.case_id).destroy()
    destroy_reviewer_keys(case.case_id)


def destroy_files(
    case: Case, files: DecidingFiles, paths: list[Path], *, reason: str, why: str, who: dict[str, str], now: datetime
) -> Path:
    """Destroy some files of a case, such as those of one entry; return the certificate."""
    certificate = _write_certificate(case, files, paths, reason=reason, why=why, who=who, now=now)
    _finish(files, certificate, key_destroyed=False)
    return certificate


def _write_certificate(
    case: Case, files: DecidingFiles, paths: list[Path], *, reason: str, why: str, who: dict[str, str], now: datetime
) -> Path:
    """Write the certificate that starts a destruction."""
    target = _choose_free_path(case.folder.certificates, f"{now:%Y%m%dT%H%M%S}.{now.microsecond:06d}Z-{reason}")
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
    files.write(target, encode_json(certificate))
    return target


def _choose_free_path(folder: Path, stem: str) -> Path:
    """Return the path of a new file, because one command may write several certificates at one instant."""
    names = (f"{stem}{'' if number == 1 else f'-{number}'}.json" for number in count(1))
    return next(folder / name for name in names if not (folder / name).exists())


def _digest(path: Path) -> str:
    return sha256_of_bytes(str(path.readlink()).encode()) if path.is_symlink() else sha256_of_file(path)


def _finish(files: DecidingFiles, certificate: Path, *, key_destroyed: bool) -> None:
    """Remove the files that a certificate names, then mark it as done."""
    stored, folder = decode_json(certificate.read_text()), files.folder
    for file in stored["files"]:
        folder.resolve_inside(
            Path(file["path"]).parent.as_posix()
        )  # the named file may be a link, which is removed and not followed
        files.remove(folder.root / file["path"])
    entries = sorted(folder.watchlist.rglob("*"), reverse=True)
    for path in (*entries, *(folder.result_folders() if stored["reason"] == REMOVAL else ())):
        if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()
    done = {**stored, "state": "done", "key_destroyed": stored["key_destroyed"] or key_destroyed}
    files.write(certificate, encode_json(done))


def remove_reproduction(folder: CaseFolder) -> None:
    """Remove the scratch folder of `reproduce`. The caller holds the lock."""
    if folder.reproduction.is_symlink():
        folder.reproduction.unlink()
    elif folder.reproduction.exists():
        shutil.rmtree(folder.reproduction)


def holds_biometrics(case: Case) -> bool:
    """Whether anything is left to destroy: the key or a file."""
    return keyring_for(case.folder, case.case_id).exists or bool(case.folder.biometric_files())


def has_unfinished_destruction(folder: CaseFolder) -> bool:
    """Whether a destruction was interrupted, because its command was killed."""
    return any(stored["state"] == "begun" for _, stored in _load_certificates(folder))


def finish_destructions(case: Case, files: DecidingFiles) -> None:
    """Finish interrupted destructions, unless the case is on hold. The caller holds the lock."""
    for path, stored in [] if case.mandate.hold else list(_load_certificates(case.folder)):
        if stored["state"] == "begun":
            is_whole_case = stored["reason"] in {"denied", "expired"}
            if is_whole_case:
                _destroy_keys(case)
            _finish(files, path, key_destroyed=is_whole_case)


def certificate_facts(certificate: Path) -> JsonObject:
    """Return the facts about a certificate for the log: name and digest."""
    return {"path": certificate.name, "sha256": sha256_of_file(certificate)}


def certified_digests(folder: CaseFolder, *, since: datetime | None = None) -> dict[str, str]:
    """Return the SHA-256 of every file that a certificate names, by path relative to the case, sealed or not.

    A removal of results takes the manifest too. So it excuses no file that a present manifest names, and is left out.

    Args:
        folder: the case.
        since: leave out older certificates: a later run made the files again that they name.
    """
    certificates = [
        stored
        for _, stored in _load_certificates(folder)
        if stored["reason"] != REMOVAL and (since is None or stored.get("at_utc", "") >= since.isoformat())
    ]
    destroyed = [file for stored in certificates for file in stored["files"]]
    return {
        path: file["sha256"] for file in destroyed for path in {file["path"], file["path"].removesuffix(SEALED_SUFFIX)}
    }


def certified_paths(folder: CaseFolder) -> set[tuple[str, str]]:
    """Return path and SHA-256 of every file that was ever destroyed, and its path with an empty digest too."""
    named = [file for _, stored in _load_certificates(folder) for file in stored["files"]]
    return {(file["path"], sha256) for file in named for sha256 in (file["sha256"], "")}


def destroyed_digests(folder: CaseFolder) -> set[str]:
    """Return the SHA-256 of every file that was ever destroyed."""
    return {file["sha256"] for _, stored in _load_certificates(folder) for file in stored["files"]}


@dataclass(frozen=True, slots=True)
class Destruction:
    """What a certificate says, and which of its files are missing now.

    Attributes:
        certificate: path relative to the case.
        reason: ``denied``, ``expired``, ``entry``, ``superseded`` or ``results``.
        why: the reason in words.
        at_utc: time of the destruction.
        missing: its files that were not made again, by path relative to the case.
    """

    certificate: str
    reason: str
    why: str
    at_utc: str
    missing: tuple[str, ...]


def list_destructions(folder: CaseFolder) -> list[Destruction]:
    """Return every destruction with the files that are missing on purpose, in the order of time."""
    return [
        Destruction(
            path.relative_to(folder.root).as_posix(),
            reason=stored["reason"],
            why=str(stored.get("why", "")),
            at_utc=str(stored.get("at_utc", "")),
            missing=tuple(file["path"] for file in stored["files"] if not (folder.root / file["path"]).exists()),
        )
        for path, stored in _load_certificates(folder)
    ]


def _load_certificates(folder: CaseFolder) -> Iterator[tuple[Path, JsonObject]]:
    """Yield path and content of every certificate."""
    for path in sorted(folder.certificates.glob("*.json")):
        try:
            stored = decode_json(path.read_text())
            if not {"state", "reason", "files", "key_destroyed"} <= stored.keys():
                raise ValueError("not the fields of a certificate")
        except (ValueError, TypeError, AttributeError) as error:
            raise IntegrityBroken(f"not a certificate ({error})", "restore the file from a backup", path) from error
        yield path, stored


def quarantine(case: Case) -> None:
    """Withhold the results: without the key nothing of them can be read. A second call changes nothing."""
    keyring = keyring_for(case.folder, case.case_id)
    if keyring.path.exists():
        remove_reproduction(case.folder)
        keyring.withhold()


def release(case: Case) -> None:
    """Make withheld results readable again."""
    keyring_for(case.folder, case.case_id).release()
