"""Columns of the published tables, as described in docs/tables.md, and of the files that runs and ingest store.

Every file's metadata holds the version of its schema. Published tables have a version of their own, because stored
files stay as they are when analysts get another column.
"""

from typing import Final

import pyarrow as pa

from forensics.footage.shot_cuts import LUMA_GRID_SIDE

__all__ = [
    "AUDIT_PART",
    "CANDIDATES",
    "CANDIDATES_TABLE",
    "DETECT_PART",
    "INDEX",
    "PUBLISHED",
    "RECOGNISE_PART",
    "RUN_COLUMNS",
    "SCHEMA_VERSION",
    "SIGHT_PART",
    "STILLS_INDEX",
    "TABLES",
    "TRACK_PART",
    "VERSION_KEY",
]

SCHEMA_VERSION: Final = "2"
"""Version of the published tables."""
_STORED_VERSION: Final = "1"
VERSION_KEY: Final = b"forensics.schema_version"

_UTC: Final = pa.timestamp("us", tz="UTC")
# Without a zone: the reading of a camera's own clock cannot be compared with UTC by mistake.
_CAMERA_CLOCK: Final = pa.timestamp("us")


def _schema(**columns: pa.DataType) -> pa.Schema:
    fields = [pa.field(name, kind) for name, kind in columns.items()]
    return pa.schema(fields, metadata={VERSION_KEY: _STORED_VERSION.encode()})


INDEX: Final = _schema(
    pts=pa.int64(),
    is_key=pa.bool_(),
    size=pa.int64(),
    is_hidden=pa.bool_(),
    is_damaged=pa.bool_(),
    picture=pa.string(),
)

STILLS_INDEX: Final = pa.schema(
    [
        *INDEX,
        pa.field("timing", pa.string()),
        pa.field("taken_us", pa.int64()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
    ],
    metadata=INDEX.metadata,
)
"""Packet index of stills. Those of earlier versions have the columns of `INDEX`."""

_BOX: Final = pa.struct(
    [
        pa.field("class_name", pa.string()),
        pa.field("score", pa.float32()),
        *(pa.field(name, pa.float32()) for name in ("x1", "y1", "x2", "y2")),
    ]
)

DETECT_PART: Final = _schema(
    frame=pa.int64(),
    state=pa.string(),
    reason=pa.string(),
    detail=pa.string(),
    change=pa.float32(),
    glance=pa.binary(LUMA_GRID_SIDE**2),
    boxes=pa.list_(_BOX),
)

AUDIT_PART: Final = _schema(frame=pa.int64(), state=pa.string(), boxes=pa.list_(_BOX))

TRACK_PART: Final = _schema(track_number=pa.int64())

SIGHT_PART: Final = _schema(
    track_number=pa.int64(),
    class_name=pa.string(),
    first_frame=pa.int64(),
    last_frame=pa.int64(),
    n_detections=pa.int64(),
    n_doubtful=pa.int64(),
    mean_score=pa.float32(),
    first_x1=pa.float32(),
    first_y1=pa.float32(),
    first_x2=pa.float32(),
    first_y2=pa.float32(),
    best_frame=pa.int64(),
    best_x1=pa.float32(),
    best_y1=pa.float32(),
    best_x2=pa.float32(),
    best_y2=pa.float32(),
    jpeg=pa.binary(),
)

RECOGNISE_PART: Final = _schema(
    sighting_id=pa.string(),
    entry_id=pa.string(),
    rank=pa.int64(),
    similarity=pa.float64(),
    margin=pa.float64(),
    quality=pa.float64(),
    n_faces=pa.int64(),
    n_people=pa.int64(),
    span_ms=pa.int64(),
    decision=pa.string(),
    reason=pa.string(),
    frames=pa.list_(pa.int64()),
    faces=pa.list_(pa.binary()),
)

SOURCES: Final = _schema(
    path=pa.string(),
    evidence_id=pa.string(),
    camera_id=pa.string(),
    verdict=pa.string(),
    reason=pa.string(),
)

# What is known of a file besides its place and its camera, both in the case and in the published table.
_MEDIUM: Final = {
    "container": pa.string(),
    "codec": pa.string(),
    "width": pa.int32(),
    "height": pa.int32(),
    "rotation": pa.int32(),
    "n_frames": pa.int64(),
    "n_frames_from_header": pa.int64(),
}
_TIMING: Final = {
    "time_base": pa.string(),
    "rate_stated": pa.string(),
    "rate_counted": pa.string(),
    "timing": pa.string(),
}
_READING: Final = {
    "reader": pa.string(),
    "reader_reason": pa.string(),
    "stream_index": pa.int32(),
    "other_streams": pa.list_(pa.int32()),
    "working_copy": pa.string(),
    "working_copy_sha256": pa.string(),
    "shift_ticks": pa.int64(),
    "index_sha256": pa.string(),
    "verdict": pa.string(),
    "reason": pa.string(),
}

STORED_EVIDENCE: Final = _schema(
    evidence_id=pa.string(),
    path=pa.string(),
    sha256=pa.string(),
    bytes=pa.int64(),
    **_MEDIUM,
    **_TIMING,
    camera_id=pa.string(),
    start_utc=_UTC,
    clock_error_ms=pa.int64(),
    **_READING,
)

EVIDENCE: Final = _schema(
    evidence_id=pa.string(),
    camera_id=pa.string(),
    file_name=pa.string(),
    path=pa.string(),
    sha256=pa.string(),
    bytes=pa.int64(),
    start_utc=_UTC,
    end_utc=_UTC,
    duration_us=pa.int64(),
    start_stated=pa.string(),
    start_camera_clock=_CAMERA_CLOCK,
    clock_offset_ms=pa.int64(),
    clock_drift_ppm=pa.int64(),
    clock_drift_from=_CAMERA_CLOCK,
    clock_error_ms=pa.int64(),
    **_MEDIUM,
    fps=pa.float64(),
    **_TIMING,
    **_READING,
)

FRAMES: Final = _schema(
    evidence_id=pa.string(),
    camera_id=pa.string(),
    frame=pa.int64(),
    pts=pa.int64(),
    media_us=pa.int64(),
    utc=_UTC,
    clock_error_ms=pa.int64(),
    is_key=pa.bool_(),
    is_hidden=pa.bool_(),
    is_damaged=pa.bool_(),
    packet_bytes=pa.int64(),
    picture=pa.string(),
)

SECTIONS: Final = _schema(
    evidence_id=pa.string(),
    camera_id=pa.string(),
    section=pa.int64(),
    start_frame=pa.int64(),
    stop_frame=pa.int64(),
    first_pts=pa.int64(),
    last_pts=pa.int64(),
    first_media_us=pa.int64(),
    last_media_us=pa.int64(),
    first_utc=_UTC,
    last_utc=_UTC,
    clock_error_ms=pa.int64(),
    reason=pa.string(),
)

DETECTIONS: Final = _schema(
    evidence_id=pa.string(),
    camera_id=pa.string(),
    frame=pa.int64(),
    pts=pa.int64(),
    media_us=pa.int64(),
    utc=_UTC,
    clock_error_ms=pa.int64(),
    class_name=pa.string(),
    score=pa.float32(),
    x1=pa.float32(),
    y1=pa.float32(),
    x2=pa.float32(),
    y2=pa.float32(),
    track_id=pa.string(),
    sighting_id=pa.string(),
    carried=pa.bool_(),
    doubtful=pa.bool_(),
    picture=pa.string(),
)

SIGHTINGS: Final = _schema(
    sighting_id=pa.string(),
    track_id=pa.string(),
    evidence_id=pa.string(),
    camera_id=pa.string(),
    class_name=pa.string(),
    first_utc=_UTC,
    last_utc=_UTC,
    clock_error_ms=pa.int64(),
    first_media_us=pa.int64(),
    last_media_us=pa.int64(),
    duration_us=pa.int64(),
    first_frame=pa.int64(),
    last_frame=pa.int64(),
    n_detections=pa.int64(),
    n_doubtful=pa.int64(),
    mean_score=pa.float32(),
    max_score=pa.float32(),
    best_frame=pa.int64(),
    best_pts=pa.int64(),
    best_media_us=pa.int64(),
    best_utc=_UTC,
    best_x1=pa.float32(),
    best_y1=pa.float32(),
    best_x2=pa.float32(),
    best_y2=pa.float32(),
    width=pa.int32(),
    height=pa.int32(),
    timing=pa.string(),
    thumbnail=pa.string(),
    best_picture=pa.string(),
)

CANDIDATES: Final = _schema(
    sighting_id=pa.string(),
    entry_id=pa.string(),
    rank=pa.int64(),
    similarity=pa.float64(),
    margin=pa.float64(),
    quality=pa.float64(),
    n_faces=pa.int64(),
    n_people=pa.int64(),
    span_ms=pa.int64(),
    model_id=pa.string(),
    threshold=pa.float64(),
    decision=pa.string(),
    reason=pa.string(),
    expected_false_candidates=pa.float64(),
    log10_likelihood_ratio=pa.float64(),
    frames=pa.list_(pa.int64()),
)

COVERAGE: Final = _schema(
    evidence_id=pa.string(),
    camera_id=pa.string(),
    start_frame=pa.int64(),
    stop_frame=pa.int64(),
    start_media_us=pa.int64(),
    stop_media_us=pa.int64(),
    start_utc=_UTC,
    stop_utc=_UTC,
    clock_error_ms=pa.int64(),
    longest_step_us=pa.int64(),
    state=pa.string(),
    reason=pa.string(),
    settled=pa.bool_(),
    detail=pa.string(),
    change=pa.float32(),
)

FAILURES: Final = _schema(
    evidence_id=pa.string(),
    stage=pa.string(),
    unit=pa.string(),
    attempts=pa.int64(),
    error=pa.string(),
    detail=pa.string(),
)

_RUN: Final = (pa.field("case_id", pa.string()), pa.field("run_id", pa.string()), pa.field("model", pa.string()))


def _with_run(schema: pa.Schema) -> pa.Schema:
    return pa.schema([*schema, *_RUN], metadata={VERSION_KEY: SCHEMA_VERSION.encode()})


RUN_COLUMNS: Final = tuple(field.name for field in _RUN)
"""Last columns of every published table: they say which case, run and model a row is from."""

PUBLISHED: Final[dict[str, pa.Schema]] = {
    "sources": _with_run(SOURCES),
    "evidence": _with_run(EVIDENCE),
    "sections": _with_run(SECTIONS),
    "frames": _with_run(FRAMES),
    "detections": _with_run(DETECTIONS),
    "sightings": _with_run(SIGHTINGS),
    "coverage": _with_run(COVERAGE),
    "failures": _with_run(FAILURES),
}

# Published only by runs that compare faces, and read only for a stated reason.
CANDIDATES_TABLE: Final = "candidates"
TABLES: Final[dict[str, pa.Schema]] = {**PUBLISHED, CANDIDATES_TABLE: CANDIDATES}
