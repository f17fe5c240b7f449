"""Contact sheets of sightings: what stands in the heading and below each picture."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from forensics.adapters.pictures.contact_sheet import Cell, Heading, contact_sheets, page_names
from forensics.adapters.pictures.thumbnails import box_in_thumbnail
from forensics.custody.case_document import Case
from forensics.custody.sealer import Sealer
from forensics.json_object import JsonObject
from forensics.tables.open import OpenCase
from forensics.tables.time_selection import POSSIBLY, WITHIN
from forensics.wording import counted, length_of_time
from pipelines.run.record import model_of_run

__all__ = ["cells_of", "draw_sheets", "heading_of"]

_ID_DIGITS: Final = 8


def draw_sheets(heading: Heading, cells: Sequence[Cell], target: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield the file of each page with its content."""
    yield from zip(page_names(target, len(cells)), contact_sheets(heading, cells, target), strict=True)


def heading_of(
    case: Case, opened: OpenCase, found: pl.DataFrame, asked: JsonObject, now: datetime, zone: str | None = None
) -> Heading:
    """Return the heading: what the pictures show, of which case, run and model.

    Args:
        case: the case.
        opened: its published tables.
        found: rows of `sightings`.
        asked: the filter, as facts for the log.
        now: when the sheet is made.
        zone: IANA name of the zone of the times; None for UTC.
    """
    n_pictures, n_people = int(found["thumbnail"].is_not_null().sum()), int((found["class_name"] == "person").sum())
    filters = ", ".join(_filter_text(name, value) for name, value in asked.items())
    counts = f"{counted(n_pictures, 'picture', 'pictures')} of {counted(len(found), 'row', 'rows')}"
    model = model_of_run(opened.folder, opened.run_id).get("name", "unknown")
    return Heading(
        title=case.mandate.title or opened.folder.root.name,
        lines=(
            f"case {case.case_id} · run {opened.run_id} · model {model}",
            f"sightings, {filters or 'all'} · {counts} · made {now:%Y-%m-%d %H:%M} UTC",
            f"times in {zone or 'UTC'} · ± error of the clock · the line marks what was found · score: the mean",
        ),
        warning="Nothing is covered: "
        + (
            f"{counted(n_people, 'sighting shows', 'sightings show')} people and their faces in clear."
            if n_people
            else "people in the background, if any, are shown in clear."
        ),
    )


def _filter_text(name: str, value: object) -> str:
    """Return one condition of a filter in words.

    >>> _filter_text("camera_id", "gate"), _filter_text("from", "2026-05-01T10:00:00+00:00")
    ('camera gate', 'from 2026-05-01T10:00:00Z')
    """
    return f"{name.removesuffix('_id').removesuffix('_name')} {value}".replace("+00:00", "Z")


def cells_of(opened: OpenCase, found: pl.DataFrame, key: Sealer | None, zone: str | None = None) -> list[Cell]:
    """Return a cell for every sighting with a thumbnail, in the order of the rows.

    Args:
        opened: the case.
        found: rows of `sightings`.
        key: opens sealed thumbnails; None in a case without a key.
        zone: IANA name of the zone of the times; None for UTC.
    """
    found = found.with_columns(pl.col("first_utc", "last_utc").dt.convert_time_zone(zone or "UTC"))
    columns = ("evidence_id", "width", "height", "path")
    evidence = {row["evidence_id"]: row for row in opened.evidence().select(columns).collect().iter_rows(named=True)}
    pictured = (row for row in found.iter_rows(named=True) if row["thumbnail"])
    return [_cell(row, opened.unseal_picture(row["thumbnail"], key), evidence[row["evidence_id"]]) for row in pictured]


def _cell(row: JsonObject, picture: bytes, evidence: JsonObject) -> Cell:
    picture_name = row.get("best_picture")
    # media time of stills is the time since the first one, which may be years
    where = picture_name if picture_name and row["first_utc"] is None else _span_text(row)
    file = picture_name or Path(evidence["path"]).name
    best = tuple(row[f"best_{name}"] for name in ("x1", "y1", "x2", "y2"))
    box = box_in_thumbnail(best, picture, frame_px=_frame_px(row, evidence))
    return Cell(
        picture=picture,
        box=box,
        title=row["camera_id"],
        kind=row["class_name"],
        lines=(
            (where, ""),
            (_clock_text(row), _length_text(row["last_media_us"] - row["first_media_us"])),
            ("" if file == where else file, f"score {row['mean_score']:.2f} · {row['sighting_id'][:_ID_DIGITS]}"),
        ),
        badge=_badge(row, is_marked=box is not None),
    )


def _frame_px(row: JsonObject, evidence: JsonObject) -> tuple[int, int]:
    """Return the size of the frame: its own, or that of most pictures of the evidence where it is not stored."""
    own, common = ((each["width"], each["height"]) for each in (row, evidence))
    return common if None in own else own


def _span_text(row: JsonObject) -> str:
    """Return first and last time, with their offsets if clocks are set in between; media time if the clock is unknown.

    >>> from datetime import timedelta
    >>> noon = datetime(2026, 5, 1, 12)
    >>> _span_text({"first_utc": noon, "last_utc": noon + timedelta(seconds=90)})
    '2026-05-01 12:00:00 to 12:01:30'
    >>> _span_text({"first_utc": None, "first_media_us": 61_500_000, "last_media_us": 3_600_000_000})
    '0:01:01.5 to 1:00:00.0 of recording'
    >>> from zoneinfo import ZoneInfo
    >>> night = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    >>> _span_text({"first_utc": night, "last_utc": night.replace(fold=1)})
    '2026-10-25 02:30:00+0200 to 02:30:00+0100'
    """
    first: datetime | None = row["first_utc"]
    if first is None:
        times = _join(*(_media_text(row[f"{end}_media_us"]) for end in ("first", "last")))
        return f"{times} of recording"
    last: datetime | None = row["last_utc"]
    if last is None:
        return f"{first:%Y-%m-%d %H:%M:%S} to unknown"
    later = "%H:%M:%S" if last.date() == first.date() else "%m-%d %H:%M:%S"
    offset = "" if last.utcoffset() == first.utcoffset() else "%z"
    return _join(f"{first:%Y-%m-%d %H:%M:%S{offset}}", f"{last:{later}{offset}}")


def _join(first: str, last: str) -> str:
    """Join two times, or return the only one."""
    return first if first.endswith(last) else f"{first} to {last}"


def _media_text(microseconds: int) -> str:
    tenths = round(microseconds / 100_000)
    minutes, tenths = divmod(tenths, 600)
    return f"{minutes // 60}:{minutes % 60:02}:{tenths / 10:04.1f}"


def _clock_text(row: JsonObject) -> str:
    """Return the error of the clock, or that no time is known.

    >>> _clock_text({"first_utc": None}), _clock_text({"first_utc": 1, "clock_error_ms": 500})
    ('time unknown', '± 0.5 s')
    """
    if row["first_utc"] is None:
        return "time unknown"
    error_ms = row["clock_error_ms"]
    return "± not stated" if error_ms is None else f"± {error_ms / 1000:g} s"


def _length_text(microseconds: int) -> str:
    """Return how long something was seen."""
    return length_of_time(microseconds / 1_000_000) if microseconds else "one frame"


def _badge(row: dict[str, Any], *, is_marked: bool = True) -> str:
    """Return the mark of a picture that may be wrong, whose time is uncertain, or that has no line around the object.

    Tables of older versions have no doubtful detections, and state no size of stills.

    >>> _badge({"n_doubtful": 3, "n_detections": 3}), _badge({"n_doubtful": 1, "n_detections": 3})
    ('DOUBTFUL', '1 of 3 doubtful')
    >>> _badge({"n_detections": 3}), _badge({"n_detections": 3, "within": "possibly"})
    ('', 'possibly within the times')
    >>> _badge({"n_detections": 3}, is_marked=False)
    'no line: size unknown'
    """
    n_doubtful = row.get("n_doubtful") or 0
    doubt = "DOUBTFUL" if n_doubtful == row["n_detections"] else f"{n_doubtful} of {row['n_detections']} doubtful"
    marks = [doubt] if n_doubtful else []
    marks += ["possibly within the times"] if row.get(WITHIN) == POSSIBLY else []
    marks += [] if is_marked else ["no line: size unknown"]
    return " · ".join(marks)
