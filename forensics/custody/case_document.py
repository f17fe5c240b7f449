"""Strict reader and encoder of `case.toml`. No other module parses this file."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import tomli_w
from pydantic import AwareDatetime, Field, ValidationError

from forensics.custody.case_folder import CaseFolder
from forensics.custody.mandate import Mandate, Mode
from forensics.custody.result_retention import LONGEST_DAYS, ResultRetention
from forensics.custody.stored_records import Instant, StoredAuthority, StoredReport, Strict, table_of_text
from forensics.digests import sha256_of_bytes
from forensics.errors import IntegrityBroken, NotAuthorised, UsageError
from forensics.footage.cameras import Camera
from forensics.json_object import JsonObject, refuse_deep_keys, require_shallow

__all__ = ["WATCHLIST_LIMIT", "Case", "check_clock", "decode_case", "digest_scope", "encode_case", "read_case"]

# A hundred years: larger than any real clock error, and sums stay far inside 64 bits.
_LONGEST_MS = 100 * 366 * 86_400_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

WATCHLIST_LIMIT = 5
_LARGEST_WATCHLIST = 50


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its folder, mandate, camera clocks and limits.

    Attributes:
        folder: the case on disk.
        case_id: permanent id, also after the folder is moved; the file of the case's key has the same name.
        mandate: what the case may do, on which footage and until when.
        created_utc: when the case was created.
        cameras: camera clocks by camera id; the clock of a camera that is not listed has no correction.
        watchlist_limit: largest number of watch-list entries over the life of the case.
        allows_one_account: whether both reviewers may work under one account of the system.
        acknowledged_denials: ids of the denied cases with something in common that this case acknowledges on record.
        acknowledged_lapses: the same of cases whose authority stayed pending for 48 hours.
        section_starts: instants at which later sections of recordings begin, in microseconds since 1970 by the camera's
            clock, by evidence id and number of the section.
        retention: how long results are kept; None without limit, as in cases of versions before 0.3.
    """

    folder: CaseFolder
    case_id: str
    mandate: Mandate
    created_utc: datetime
    cameras: dict[str, Camera]
    watchlist_limit: int = WATCHLIST_LIMIT
    allows_one_account: bool = False
    acknowledged_denials: tuple[str, ...] = ()
    acknowledged_lapses: tuple[str, ...] = ()
    section_starts: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    retention: ResultRetention | None = None

    def camera(self, camera_id: str) -> Camera:
        """Return the clock of a camera."""
        return self.cameras.get(camera_id, Camera(camera_id))


class _StoredClock(Strict):
    """One camera clock in case.toml; see `Camera`."""

    offset_ms: Annotated[int, Field(ge=-_LONGEST_MS, le=_LONGEST_MS)] = 0
    error_ms: Annotated[int, Field(ge=0, le=_LONGEST_MS)] | None = None
    drift_ppm: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    drift_from_utc_us: Annotated[int, Field(ge=-_LONGEST_MS * 1000, le=_LONGEST_MS * 1000)] | None = None


class _StoredScope(Strict):
    """Cameras and time span that a case is limited to; see `Mandate`."""

    cameras: list[str] = Field(default_factory=list)
    from_utc: Instant | None = None
    to_utc: Instant | None = None


class _StoredRetention(Strict):
    """How long results are kept: days after the last publication, or until the mandate and its grace end."""

    results_days: Annotated[int, Field(ge=1, le=LONGEST_DAYS)] | None = None
    results_until: Literal["mandate"] | None = None


class _StoredCase(Strict):
    """All fields of case.toml."""

    case_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    mode: Annotated[Mode, Field(strict=False)]
    title: str = ""
    purpose: str
    operator: str
    created_utc: Instant
    legal_basis: str = ""
    reference: str = ""
    authority: StoredAuthority | None = None
    report: StoredReport | None = None
    expires_utc: Instant | None = None
    first_run_utc: Instant | None = None
    hold: str = ""
    denied_utc: AwareDatetime | None = None
    erased_utc: AwareDatetime | None = None
    watchlist_limit: Annotated[int, Field(ge=1, le=_LARGEST_WATCHLIST)] = WATCHLIST_LIMIT
    allows_one_account: bool = False
    retention: _StoredRetention = _StoredRetention()
    acknowledged_denials: list[Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]] = Field(default_factory=list)
    acknowledged_lapses: list[Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]] = Field(default_factory=list)
    scope: _StoredScope = _StoredScope()
    cameras: dict[str, _StoredClock] = Field(default_factory=dict)
    sections: dict[
        Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")], dict[Annotated[str, Field(pattern=r"^[1-9]\d*$")], Instant]
    ] = Field(default_factory=dict)


_MANDATE_FIELDS = (
    *("title", "purpose", "operator", "legal_basis", "reference"),
    *("expires_utc", "first_run_utc", "hold", "denied_utc", "erased_utc"),
)


def read_case(folder: CaseFolder) -> Case:
    """Read the case in a folder.

    Raises:
        UsageError: its case.toml is not readable.
        IntegrityBroken: it contains what no command and no editor writes.
        NotAuthorised: a required field is missing.
    """
    return decode_case(folder, folder.case_file.read_bytes())


def decode_case(folder: CaseFolder, data: bytes) -> Case:
    """Decode the bytes of a case.toml; raises what `read_case` raises."""
    stored = _parse(folder, data)
    _require(
        folder, [name for name in ("case_id", "mode", "purpose", "operator", "created_utc") if not stored.get(name)]
    )
    try:
        read = _StoredCase.model_validate({**stored, "authority": table_of_text(stored.get("authority"))})
    except ValidationError as error:
        raise _invalid_value(folder, error) from error
    mandate = Mandate(
        mode=read.mode,
        **{name: getattr(read, name) for name in _MANDATE_FIELDS},
        cameras=tuple(read.scope.cameras),
        from_utc=read.scope.from_utc,
        to_utc=read.scope.to_utc,
        authority=None if read.authority is None else read.authority.decode(),
        report=None if read.report is None else read.report.decode(),
    )
    _require(folder, list(mandate.missing_fields))
    cameras = {name: Camera(name, **clock.model_dump()) for name, clock in read.cameras.items()}
    section_starts = {
        evidence_id: {int(number): _to_microseconds(at) for number, at in starts.items()}
        for evidence_id, starts in read.sections.items()
    }
    return Case(
        folder=folder,
        case_id=read.case_id,
        mandate=mandate,
        created_utc=read.created_utc,
        cameras=cameras,
        watchlist_limit=read.watchlist_limit,
        allows_one_account=read.allows_one_account,
        acknowledged_denials=tuple(read.acknowledged_denials),
        acknowledged_lapses=tuple(read.acknowledged_lapses),
        section_starts=section_starts,
        retention=_decode_retention(read.retention),
    )


def _decode_retention(stored: _StoredRetention) -> ResultRetention | None:
    is_limited = stored.results_days is not None or stored.results_until is not None
    return ResultRetention(stored.results_days) if is_limited else None


def _encode_retention(retention: ResultRetention | None) -> JsonObject:
    if retention is None:
        return {}
    return {"results_until": "mandate"} if retention.days is None else {"results_days": retention.days}


def digest_scope(folder: CaseFolder) -> str:
    """Return the SHA-256 of cameras, time span and clocks as written, which decide the frames in scope."""
    stored = _parse(folder, folder.case_file.read_bytes())
    clocks = [sorted(stored.get("cameras", {}).items())]
    if stored.get("sections"):
        clocks.append(sorted(stored["sections"].items()))
    return sha256_of_bytes(repr([stored.get("scope"), *clocks]).encode())


def _to_microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _parse(folder: CaseFolder, data: bytes) -> JsonObject:
    try:
        refuse_deep_keys(data)
        stored: JsonObject = tomllib.loads(data.decode())
        require_shallow(stored)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"not a TOML file ({error})", "restore the file from a backup", folder.case_file) from error
    except (ValueError, RecursionError) as error:  # no command and no editor writes that
        problem = str(error) if isinstance(error, ValueError) else "values are nested too deep"
        raise IntegrityBroken(problem, "restore the file from a backup", folder.case_file) from error
    return stored


def _require(folder: CaseFolder, missing: list[str]) -> None:
    if missing:
        raise NotAuthorised(
            f"required fields are missing: {', '.join(missing)}", "restore the file from a backup", folder.case_file
        )


def _invalid_value(folder: CaseFolder, error: ValidationError) -> UsageError:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    return UsageError(
        f"{name}: {first['msg'].lower()}, got {first['input']!r}",
        "correct the line, or restore the file from a backup",
        folder.case_file,
    )


def encode_case(case: Case) -> bytes:
    """Return a case as the content of case.toml.

    Raises:
        UsageError: a value is out of range.
    """
    mandate = case.mandate
    stored: JsonObject = {
        "case_id": case.case_id,
        "mode": mandate.mode.value,
        "created_utc": case.created_utc,
        **{name: getattr(mandate, name) for name in _MANDATE_FIELDS},
        "authority": {} if mandate.authority is None else StoredAuthority.encode(mandate.authority),
        "report": {} if mandate.report is None else asdict(mandate.report),
        "watchlist_limit": case.watchlist_limit,
        "allows_one_account": case.allows_one_account or None,
        "retention": _encode_retention(case.retention),
        "acknowledged_denials": list(case.acknowledged_denials),
        "acknowledged_lapses": list(case.acknowledged_lapses),
        "scope": {"cameras": list(mandate.cameras), "from_utc": mandate.from_utc, "to_utc": mandate.to_utc},
        "cameras": {name: _encode_clock(camera) for name, camera in sorted(case.cameras.items())},
        "sections": {
            evidence_id: {str(number): _EPOCH + timedelta(microseconds=at) for number, at in sorted(starts.items())}
            for evidence_id, starts in sorted(case.section_starts.items())
        },
    }
    stored = {"cameras": {}, **_remove_empty(stored)}
    try:
        _StoredCase.model_validate(stored)
    except ValidationError as error:
        raise _invalid_value(case.folder, error) from error
    return tomli_w.dumps(stored).encode()


def _remove_empty(stored: JsonObject) -> JsonObject:
    """Return the fields that have a value, instants in UTC, because TOML has no null."""
    filled: JsonObject = {}
    for name, value in stored.items():
        if isinstance(value, dict) and (inner := _remove_empty(value)):
            filled[name] = inner
        elif isinstance(value, datetime):
            filled[name] = value.astimezone(UTC)
        elif not isinstance(value, dict) and value not in (None, "", []):
            filled[name] = value
    return filled


def check_clock(camera: Camera) -> Camera:
    """Return the camera unchanged if its clock correction is in range.

    Raises:
        UsageError: the correction is a hundred years or more.
    """
    try:
        _StoredClock.model_validate(_encode_clock(camera))
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"camera {camera.camera_id}: {first['loc'][0]}: {first['msg'].lower()}, got {first['input']}",
            "give a correction of less than a hundred years",
        ) from error
    return camera


def _encode_clock(camera: Camera) -> dict[str, int]:
    fields = ("offset_ms", "error_ms", "drift_ppm", "drift_from_utc_us")
    return {name: getattr(camera, name) for name in fields if getattr(camera, name) is not None}
