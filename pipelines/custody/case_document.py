"""`case.toml`: what it holds, read strictly and written whole."""

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import tomli_w
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from forensics.custody.case_folder import CaseFolder
from forensics.custody.mandate import Mandate, Mode
from forensics.errors import NotAuthorised, UsageError
from forensics.footage.cameras import Camera

__all__ = ["WATCHLIST_LIMIT", "Case", "checked_clock", "encoded_case", "read_case"]

# A hundred years: no clock is further off, and sums stay far inside 64 bits.
_LONGEST_MS = 100 * 366 * 86_400_000

# The grace after an end is added to it, and the calendar ends with the year 9999.
_BeforeTheEnd = Annotated[AwareDatetime, Field(lt=datetime(9001, 1, 2, tzinfo=UTC))]

WATCHLIST_LIMIT = 5
_LARGEST_WATCHLIST = 50


@dataclass(frozen=True, slots=True)
class Case:
    """Who may do what with which footage.

    Attributes:
        folder: where it lies.
        case_id: its name for ever, wherever the folder lies; the case's key has the same name.
        mandate: what it may do, where and until when.
        created_utc: when it was made.
        cameras: clocks by camera id; a camera that is not listed has a clock without correction.
        watchlist_limit: how many entries its watch-list may have.
    """

    folder: CaseFolder
    case_id: str
    mandate: Mandate
    created_utc: datetime
    cameras: dict[str, Camera]
    watchlist_limit: int = WATCHLIST_LIMIT

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


class _StoredScope(_Strict):
    """What a case is limited to; see `Mandate`."""

    cameras: list[str] = []
    from_utc: _BeforeTheEnd | None = None
    to_utc: _BeforeTheEnd | None = None


class _Stored(_Strict):
    """What case.toml holds."""

    case_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    mode: Annotated[Mode, Field(strict=False)]
    title: str = ""
    purpose: str
    operator: str
    created_utc: _BeforeTheEnd
    legal_basis: str = ""
    reference: str = ""
    authority: str = ""
    expires_utc: _BeforeTheEnd | None = None
    first_run_utc: _BeforeTheEnd | None = None
    hold: str = ""
    denied_utc: AwareDatetime | None = None
    erased_utc: AwareDatetime | None = None
    watchlist_limit: Annotated[int, Field(ge=1, le=_LARGEST_WATCHLIST)] = WATCHLIST_LIMIT
    scope: _StoredScope = _StoredScope()
    cameras: dict[str, _StoredClock] = {}


_OF_THE_MANDATE = (
    *("title", "purpose", "operator", "legal_basis", "reference", "authority"),
    *("expires_utc", "first_run_utc", "hold", "denied_utc", "erased_utc"),
)


def read_case(folder: CaseFolder) -> Case:
    """The case in a folder.

    Raises:
        UsageError: its case.toml is not readable.
        NotAuthorised: a field is missing without which nothing may run.
    """
    try:
        stored = tomllib.loads(folder.case_file.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"not a TOML file ({error})", "restore it from a copy", folder.case_file) from error
    _require(
        folder, [name for name in ("case_id", "mode", "purpose", "operator", "created_utc") if not stored.get(name)]
    )
    try:
        read = _Stored.model_validate(stored)
    except ValidationError as error:
        raise _explained(folder, error) from error
    mandate = Mandate(
        mode=read.mode,
        **{name: getattr(read, name) for name in _OF_THE_MANDATE},
        cameras=tuple(read.scope.cameras),
        from_utc=read.scope.from_utc,
        to_utc=read.scope.to_utc,
    )
    _require(folder, list(mandate.missing_fields))
    cameras = {name: Camera(name, **clock.model_dump()) for name, clock in read.cameras.items()}
    return Case(folder, read.case_id, mandate, read.created_utc, cameras, read.watchlist_limit)


def _require(folder: CaseFolder, missing: list[str]) -> None:
    if missing:
        raise NotAuthorised(f"lacks {', '.join(missing)}", "a case without them may not run", folder.case_file)


def _explained(folder: CaseFolder, error: ValidationError) -> UsageError:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    return UsageError(
        f"{name}: {first['msg'].lower()}, got {first['input']!r}",
        "mend the line or restore the file from a copy",
        folder.case_file,
    )


def encoded_case(case: Case) -> bytes:
    """What case.toml says of a case.

    Raises:
        UsageError: a value is out of range.
    """
    mandate = case.mandate
    stored: dict[str, Any] = {
        "case_id": case.case_id,
        "mode": mandate.mode.value,
        "created_utc": case.created_utc,
        **{name: getattr(mandate, name) for name in _OF_THE_MANDATE},
        "watchlist_limit": case.watchlist_limit,
        "scope": {"cameras": list(mandate.cameras), "from_utc": mandate.from_utc, "to_utc": mandate.to_utc},
        "cameras": {name: _clock(camera) for name, camera in sorted(case.cameras.items())},
    }
    stored = {"cameras": {}, **_without_nothing(stored)}
    try:
        _Stored.model_validate(stored)
    except ValidationError as error:
        raise _explained(case.folder, error) from error
    return tomli_w.dumps(stored).encode()


def _without_nothing(stored: dict[str, Any]) -> dict[str, Any]:
    """The same without what is not said, instants in UTC; TOML knows no null."""
    kept: dict[str, Any] = {}
    for name, value in stored.items():
        if isinstance(value, dict) and (inner := _without_nothing(value)):
            kept[name] = inner
        elif isinstance(value, datetime):
            kept[name] = value.astimezone(UTC)
        elif not isinstance(value, dict) and value not in (None, "", []):
            kept[name] = value
    return kept


def checked_clock(camera: Camera) -> Camera:
    """The same camera, its correction within any clock's range.

    Raises:
        UsageError: it is not.
    """
    try:
        _StoredClock.model_validate(_clock(camera))
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"camera {camera.camera_id}: {first['loc'][0]}: {first['msg'].lower()}, got {first['input']}",
            "state a correction of less than a hundred years",
        ) from error
    return camera


def _clock(camera: Camera) -> dict[str, int]:
    fields = ("offset_ms", "error_ms", "drift_ppm", "drift_from_utc_us")
    return {name: getattr(camera, name) for name in fields if getattr(camera, name) is not None}
