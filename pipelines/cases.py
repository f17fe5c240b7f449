"""Make, read and correct a case: `case.toml`, its cameras and the lock that one command at a time holds."""

import contextlib
import fcntl
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from forensics.cameras import Camera
from forensics.case import CaseFolder
from forensics.errors import CannotStart, NotAuthorised, UsageError
from forensics.tables.files import write_bytes

__all__ = ["Case", "is_held", "load_case", "locked", "make_case", "set_clock"]

# A hundred years: no clock is further off, and sums stay far inside 64 bits.
_LONGEST_MS = 100 * 366 * 86_400_000


@dataclass(frozen=True, slots=True)
class Case:
    """Who may do what with which footage.

    Attributes:
        folder: where it lies.
        mode: what may be asked; only ``scene`` for now: people and things as boxes, no faces.
        title, purpose, operator: who and why, in words.
        created_utc: when it was made.
        cameras: clocks by camera id; a camera that is not listed has a clock without correction.
    """

    folder: CaseFolder
    mode: str
    title: str
    purpose: str
    operator: str
    created_utc: datetime
    cameras: dict[str, Camera]

    def camera(self, camera_id: str) -> Camera:
        """The clock of a camera."""
        return self.cameras.get(camera_id, Camera(camera_id))


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _StoredClock(_Strict):
    """One camera in case.toml; see `Camera`."""

    offset_ms: Annotated[int, Field(ge=-_LONGEST_MS, le=_LONGEST_MS)] = 0
    error_ms: Annotated[int, Field(ge=0, le=_LONGEST_MS)] | None = None
    drift_ppm: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    drift_from_utc_us: Annotated[int, Field(ge=-_LONGEST_MS * 1000, le=_LONGEST_MS * 1000)] | None = None


class _Stored(_Strict):
    """What case.toml holds."""

    mode: Literal["scene"]
    title: str = ""
    purpose: str
    operator: str
    created_utc: AwareDatetime
    cameras: dict[str, _StoredClock] = {}


def make_case(root: Path, *, mode: str, title: str, purpose: str, operator: str, now: datetime) -> Case:
    """A new case at `root`, a folder that is new or empty, readable by its owner only.

    Raises:
        UsageError: there is a case already, or other files.
    """
    folder = CaseFolder(root.absolute())
    if folder.case_file.exists():
        raise UsageError(f"{root}: there is a case already", "use it, or choose another folder")
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UsageError(f"{root}: not an empty folder", "choose a new or empty folder for the case")
    for name, text in (("purpose", purpose), ("operator", operator)):
        if not text.strip():
            raise UsageError(f"the case's {name} is empty", f"say it with --{name}")
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    case = Case(folder, mode, title, purpose, operator, now, cameras={})
    _save(case)
    return case


def load_case(root: Path) -> Case:
    """The case at `root`.

    Raises:
        UsageError: there is none, or its case.toml is not readable.
        NotAuthorised: a field is missing without which nothing may run.
    """
    folder = CaseFolder.at(root)
    try:
        stored = tomllib.loads(folder.case_file.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{folder.case_file}: not a TOML file ({error})", "restore it from a copy") from error
    missing = [name for name in ("mode", "purpose", "operator", "created_utc") if not stored.get(name)]
    if missing:
        raise NotAuthorised(f"{folder.case_file}: lacks {', '.join(missing)}", "a case without them may not run")
    try:
        case = _Stored.model_validate(stored)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{folder.case_file}: {name}: {first['msg'].lower()}, got {first['input']!r}",
            "mend the line or restore the file from a copy",
        ) from error
    return Case(
        folder,
        mode=case.mode,
        title=case.title,
        purpose=case.purpose,
        operator=case.operator,
        created_utc=case.created_utc,
        cameras={name: Camera(name, **clock.model_dump()) for name, clock in case.cameras.items()},
    )


def set_clock(case: Case, camera: Camera) -> Case:
    """The case with this camera's clock corrected, also on disk; tables follow at the next publishing.

    Raises:
        UsageError: the correction is out of any clock's range.
    """
    try:
        _StoredClock.model_validate(_clock(camera))
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"camera {camera.camera_id}: {first['loc'][0]}: {first['msg'].lower()}, got {first['input']}",
            "state a correction of less than a hundred years",
        ) from error
    corrected = replace(case, cameras={**case.cameras, camera.camera_id: camera})
    _save(corrected)
    return corrected


def _save(case: Case) -> None:
    stored: dict[str, Any] = {
        "mode": case.mode,
        "title": case.title,
        "purpose": case.purpose,
        "operator": case.operator,
        "created_utc": case.created_utc.astimezone(UTC),
        "cameras": {name: _clock(camera) for name, camera in sorted(case.cameras.items())},
    }
    write_bytes(case.folder.case_file, tomli_w.dumps(stored).encode())


def _clock(camera: Camera) -> dict[str, int]:
    fields = ("offset_ms", "error_ms", "drift_ppm", "drift_from_utc_us")
    return {name: getattr(camera, name) for name in fields if getattr(camera, name) is not None}


def is_held(folder: CaseFolder) -> bool:
    """Whether some command is changing the case right now."""
    try:
        with locked(folder):
            return False
    except CannotStart:
        return True


@contextlib.contextmanager
def locked(folder: CaseFolder) -> Iterator[None]:
    """Hold the case against every other command that changes it.

    Raises:
        CannotStart: another process holds it, with its number.
    """
    descriptor = os.open(folder.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = folder.lock_file.read_text().strip() or "another process"
            raise CannotStart(f"{folder.root}: {holder} is working on this case", "wait for it to end") from error
        os.truncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()}".encode())
        yield
    finally:
        os.close(descriptor)
