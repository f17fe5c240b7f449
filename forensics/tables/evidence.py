"""Evidence store of a case: `evidence/sources.parquet`, `evidence/evidence.parquet`, `evidence/index/`."""

import json
from collections.abc import Sequence
from dataclasses import astuple, replace
from fractions import Fraction
from typing import Any, Final

import numpy as np
import pyarrow as pa

from forensics.custody.case_folder import CaseFolder
from forensics.digests import sha256_of_file
from forensics.errors import IntegrityBroken
from forensics.footage.evidence import Evidence, Footage, Medium, Readable, Reader, Source, Timing, Verdict
from forensics.footage.timeline import PacketIndex, Section
from forensics.place import StoreObject, place_of
from forensics.tables import schemas
from forensics.tables.files import read_table, write_table
from forensics.tables.picture_columns import picture_columns, picture_facts

__all__ = [
    "load_evidence",
    "load_index",
    "load_picture_names",
    "load_sources",
    "save_index",
    "sources_table",
    "stored_columns",
    "stored_evidence_table",
]


# Keys in the metadata of a packet index, absent where there is nothing to say.
_BLOCKS: Final = b"forensics.blocks"
_SECTIONS: Final = b"forensics.sections"
_RECOVERY_FRAMES: Final = b"forensics.recovery_frames"
_NUMBERED: Final = b"forensics.is_numbered"
# In the metadata of the list of evidence, by evidence id: cameras that were stated before a correction, and starts as
# they were stated. Lists of older versions lack them.
_FIRST_CAMERAS: Final = b"forensics.first_cameras"
_STATED_STARTS: Final = b"forensics.stated_starts"


def sources_table(sources: Sequence[Source]) -> pa.Table:
    """Build the table `sources`: every path given to ingest, in the order given."""
    rows = [
        {
            "path": str(source.path),
            "evidence_id": source.evidence_id,
            "camera_id": source.camera_id,
            "verdict": source.verdict.value,
            "reason": source.reason,
        }
        for source in sources
    ]
    return pa.Table.from_pylist(rows, schema=schemas.SOURCES)


def load_sources(folder: CaseFolder) -> list[Source]:
    """Read every path given to ingest; empty before the first ingest.

    The camera of a path is that of its evidence: a correction that was killed may have changed only the evidence.
    """
    if not folder.sources_file.exists():
        return []
    cameras = _cameras(folder)
    return [
        Source(
            path=place_of(row["path"]),
            evidence_id=row["evidence_id"],
            camera_id=cameras.get(row["evidence_id"], row["camera_id"]),
            verdict=Verdict(row["verdict"]),
            reason=row["reason"],
        )
        for row in read_table(folder.sources_file, schemas.SOURCES).to_pylist()
    ]


def _cameras(folder: CaseFolder) -> dict[str, str]:
    """Return the camera of each evidence, by its id."""
    if not folder.evidence_file.exists():
        return {}
    table = read_table(folder.evidence_file, schemas.STORED_EVIDENCE)
    return dict(zip(table["evidence_id"].to_pylist(), table["camera_id"].to_pylist(), strict=True))


def stored_evidence_table(folder: CaseFolder, evidence: Sequence[Evidence]) -> pa.Table:
    """Build the list of evidence that the case keeps, ordered by id."""
    rows = [stored_columns(item, folder) for item in sorted(evidence, key=lambda item: item.evidence_id)]
    table = pa.Table.from_pylist(rows, schema=schemas.STORED_EVIDENCE)
    by_id = {
        _FIRST_CAMERAS: {item.evidence_id: item.first_camera_id for item in evidence if item.first_camera_id},
        _STATED_STARTS: {item.evidence_id: item.start_stated for item in evidence if item.start_stated},
    }
    named = {name: json.dumps(values, sort_keys=True).encode() for name, values in by_id.items() if values}
    return table.replace_schema_metadata({**(table.schema.metadata or {}), **named})


def load_evidence(folder: CaseFolder) -> list[Evidence]:
    """Read all evidence of the case, ordered by id; empty before the first ingest."""
    if not folder.evidence_file.exists():
        return []
    table = read_table(folder.evidence_file, schemas.STORED_EVIDENCE)
    start = table.schema.get_field_index("start_utc")
    table = table.set_column(start, "start_utc", table["start_utc"].cast(pa.int64()))
    metadata = table.schema.metadata or {}
    first_cameras, starts = (json.loads(metadata.get(name, b"{}")) for name in (_FIRST_CAMERAS, _STATED_STARTS))
    return [
        replace(
            _evidence(row, folder),
            first_camera_id=first_cameras.get(row["evidence_id"], ""),
            start_stated=starts.get(row["evidence_id"]),
        )
        for row in table.to_pylist()
    ]


def save_index(folder: CaseFolder, evidence_id: str, index: PacketIndex, picture_names: Sequence[str] = ()) -> str:
    """Write the packet index of one evidence and return its SHA-256.

    Args:
        folder: the case.
        evidence_id: names the file.
        index: the packet index.
        picture_names: file of each frame of stills; empty for video.
    """
    path = folder.index_file(evidence_id)
    names = pa.array(picture_names, pa.string()) if picture_names else pa.nulls(index.n_frames, pa.string())
    is_damaged = np.isin(np.arange(index.n_frames), list(index.damaged))
    columns = [index.pts, index.is_key, index.size, index.is_hidden, is_damaged, names]
    metadata = {**(schemas.INDEX.metadata or {}), b"forensics.time_base": str(index.time_base).encode()}
    if index.blocks:
        metadata |= {_BLOCKS: index.blocks.hex().encode()}
    if index.sections:
        metadata |= {_SECTIONS: json.dumps([astuple(section) for section in index.sections]).encode()}
    if index.recovery_frames is not None:
        metadata |= {_RECOVERY_FRAMES: json.dumps(index.recovery_frames.tolist()).encode()}
    if index.is_numbered:
        metadata |= {_NUMBERED: b"1"}
    schema = schemas.INDEX
    if (pictures := index.pictures) is not None:
        schema = schemas.STILLS_INDEX
        columns += picture_columns(pictures)
    table = pa.Table.from_arrays([pa.array(column) for column in columns], schema=schema)
    write_table(path, table.replace_schema_metadata(metadata))
    return sha256_of_file(path)


def load_index(folder: CaseFolder, evidence: Evidence) -> PacketIndex:
    """Read the packet index of one evidence.

    Raises:
        IntegrityBroken: there is no index, or it has changed since ingest wrote it.
    """
    table, time_base = _stored_index(folder, evidence)
    pts, is_key, size, is_hidden = (table[name].to_numpy() for name in ("pts", "is_key", "size", "is_hidden"))
    damaged = frozenset(np.flatnonzero(table["is_damaged"].to_numpy()).tolist())
    metadata = table.schema.metadata or {}
    recovery_frames = json.loads(metadata[_RECOVERY_FRAMES]) if _RECOVERY_FRAMES in metadata else None
    index = PacketIndex(
        pts=pts.astype(np.int64),
        is_key=is_key.astype(bool),
        size=size.astype(np.int64),
        is_hidden=is_hidden.astype(bool),
        time_base=time_base,
        damaged=damaged,
        blocks=bytes.fromhex(metadata.get(_BLOCKS, b"").decode()),
        sections=tuple(Section(*stored) for stored in json.loads(metadata.get(_SECTIONS, b"[]"))),
        recovery_frames=None if recovery_frames is None else np.array(recovery_frames, dtype=np.int64),
        is_numbered=_NUMBERED in metadata,
    )
    readable = evidence.readable
    if readable is None or readable.footage.reader is not Reader.STILLS:
        return index
    return replace(index, pictures=picture_facts(table, index.media_us, readable.medium.timing))


def load_picture_names(folder: CaseFolder, evidence: Evidence) -> pa.ChunkedArray:
    """Read the file name of each frame of stills, in the order of the index; nulls for video."""
    return _stored_index(folder, evidence)[0]["picture"]


def _stored_index(folder: CaseFolder, evidence: Evidence) -> tuple[pa.Table, Fraction]:
    path = folder.index_file(evidence.evidence_id)
    if evidence.readable is None:
        raise IntegrityBroken(
            "has no packet index, because ingest rejected it", "ingest the footage again", evidence.evidence_id
        )
    if not path.exists() or sha256_of_file(path) != evidence.readable.index_sha256:
        raise IntegrityBroken(
            "the packet index is missing or has changed since ingest wrote it", "ingest the footage again", path
        )
    return read_table(path, schemas.INDEX, schemas.STILLS_INDEX), evidence.readable.time_base


def stored_columns(item: Evidence, folder: CaseFolder) -> dict[str, Any]:
    """Return one row of the list of evidence that the case keeps; paths inside the case are stored relative to it."""
    row = {
        "evidence_id": item.evidence_id,
        "path": str(item.path),
        "sha256": item.sha256,
        "bytes": item.size_bytes,
        "camera_id": item.camera_id,
        "start_utc": item.start_utc_us,
        "clock_error_ms": item.clock_error_ms,
        "verdict": item.verdict.value,
        "reason": item.reason,
    }
    return row if item.readable is None else {**row, **_readable_columns(item.readable, folder)}


def _readable_columns(readable: Readable, folder: CaseFolder) -> dict[str, Any]:
    medium, footage = readable.medium, readable.footage
    copy = footage.path if readable.working_copy_sha256 is not None else None
    assert not isinstance(copy, StoreObject)  # a working copy is always a file inside the case
    return {
        "container": medium.container,
        "codec": medium.codec,
        "width": medium.width_px,
        "height": medium.height_px,
        "rotation": medium.rotation_degrees,
        "n_frames": readable.n_frames,
        "n_frames_from_header": medium.n_frames_from_header,
        "time_base": str(readable.time_base),
        "rate_stated": _text(medium.rate_stated),
        "rate_counted": _text(medium.rate_counted),
        "timing": medium.timing.value,
        "reader": footage.reader.value,
        "reader_reason": readable.reader_reason,
        "stream_index": footage.stream_index,
        "other_streams": list(medium.other_streams),
        "working_copy": copy.relative_to(folder.root).as_posix() if copy else None,
        "working_copy_sha256": readable.working_copy_sha256,
        "shift_ticks": footage.shift_ticks,
        "index_sha256": readable.index_sha256,
    }


def _text(rate: Fraction | None) -> str | None:
    return None if rate is None else str(rate)


def _fraction(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)


def _evidence(row: dict[str, Any], folder: CaseFolder) -> Evidence:
    return Evidence(
        evidence_id=row["evidence_id"],
        path=place_of(row["path"]),
        sha256=row["sha256"],
        size_bytes=row["bytes"],
        camera_id=row["camera_id"],
        start_utc_us=row["start_utc"],
        clock_error_ms=row["clock_error_ms"],
        verdict=Verdict(row["verdict"]),
        reason=row["reason"],
        readable=_readable(row, folder) if row["index_sha256"] else None,
    )


def _readable(row: dict[str, Any], folder: CaseFolder) -> Readable:
    read_path = folder.resolve_inside(row["working_copy"]) if row["working_copy"] else place_of(row["path"])
    medium = Medium(
        container=row["container"],
        codec=row["codec"],
        width_px=row["width"],
        height_px=row["height"],
        rotation_degrees=row["rotation"],
        rate_stated=_fraction(row["rate_stated"]),
        rate_counted=_fraction(row["rate_counted"]),
        n_frames_from_header=row["n_frames_from_header"],
        timing=Timing(row["timing"]),
        other_streams=tuple(row["other_streams"] or ()),
    )
    return Readable(
        medium=medium,
        footage=Footage(read_path, Reader(row["reader"]), row["stream_index"], row["shift_ticks"]),
        working_copy_sha256=row["working_copy_sha256"],
        reader_reason=row["reader_reason"],
        n_frames=row["n_frames"],
        time_base=Fraction(row["time_base"]),
        index_sha256=row["index_sha256"],
    )
