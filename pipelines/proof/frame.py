"""One frame opened again: the recording is digested, the frame decoded, and its pixels named by their digest.

A frame is asked for by its address, ``EVIDENCE:PTS``, or by its place in presentation order, ``EVIDENCE#NUMBER``. The
evidence may be named by the begin of its id, if no other begins so.
"""

import re
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import polars as pl

from forensics.custody.log import read_chain
from forensics.decoding.child import DecodingChild, Limits
from forensics.digests import sha256_of_bytes
from forensics.errors import IntegrityBroken, NotAuthorised, UsageError
from forensics.footage.evidence import Evidence, Readable
from forensics.footage.frames import Frame, Gap, Item, RgbArray, View
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.spelling import in_shell
from forensics.tables.evidence import load_evidence, load_index
from forensics.tables.manifest import Published, published_state
from forensics.tables.open import OpenCase
from pipelines.custody.case_document import Case
from pipelines.custody.deciding_files import RECORDS, alterations
from pipelines.run.footage_integrity import difference, footage_checks
from pipelines.run.footage_scope import scope_in

__all__ = ["Address", "OpenedFrame", "open_frame", "parse_address"]

_SPELT: Final = re.compile(r"([0-9a-f]+)(?::(-?\d{1,18})|#(\d{1,18}))")
_SHOWN: Final = {
    "class_name": pl.String,
    **dict.fromkeys(("score", "x1", "y1", "x2", "y2"), pl.Float32),
    "track_id": pl.String,
}


@dataclass(frozen=True, slots=True)
class Address:
    """Which frame is asked for.

    Attributes:
        evidence: the begin of its id.
        pts: ticks; None where the number is given.
        number: in presentation order, from 0; None where the pts is given.
    """

    evidence: str
    pts: int | None
    number: int | None


@dataclass(frozen=True, slots=True, eq=False)
class OpenedFrame:
    """What was found at an address.

    Attributes:
        facts: which frame of which recording, when, and the digest of its pixels or why there are none.
        rgb: (h, w, 3) uint8, upright, at its own size; None where the frame is a gap.
        detections: what the published tables say there, a row for each box.
    """

    facts: dict[str, Any]
    rgb: RgbArray | None
    detections: pl.DataFrame


def parse_address(text: str) -> Address:
    """The address that is spelt so.

    Raises:
        UsageError: it is none.

    >>> parse_address("3f2a:90000"), parse_address("3f2a#25")
    (Address(evidence='3f2a', pts=90000, number=None), Address(evidence='3f2a', pts=None, number=25))
    """
    spelt = _SPELT.fullmatch(text)
    if spelt is None:
        raise UsageError(
            f"{text!a} is no address of a frame", "say EVIDENCE:PTS, or EVIDENCE#NUMBER, as the tables name them"
        )
    evidence, pts, number = spelt.groups()
    return Address(evidence, None if pts is None else int(pts), None if number is None else int(number))


def open_frame(case: Case, address: Address) -> OpenedFrame:
    """The frame at an address, decoded now from a recording that still is what was ingested.

    Raises:
        UsageError: there is no such evidence or frame.
        NotAuthorised: the case may not look at it.
        IntegrityBroken: the recording, its working copy or its index is not what was ingested.
        DecoderLost: the decoding child died, hung or grew.
    """
    altered = alterations(case.folder, lambda: read_chain(case.folder.audit_file).lines, RECORDS)
    if altered:
        raise IntegrityBroken(altered[0], "see `forensics verify`")
    item, readable = _named(load_evidence(case.folder), address.evidence)
    for path, expected in footage_checks(item):
        loss = difference(path, expected)
        if loss is not None:
            moved = f"; if it was moved, `forensics evidence relocate {in_shell(case.folder.root)} FOLDER` finds it"
            raise IntegrityBroken(loss.detail, f"restore the recording as it was ingested{moved}")
    index = load_index(case.folder, item)
    number = _number(index, address)
    scope = scope_in(case, item, index)
    if not scope.start <= number < scope.stop:
        raise NotAuthorised(
            f"frame {number} lies outside the case's scope: {scope.detail}", "see `forensics case show`"
        )
    wanted: Int64Array = np.array([number], dtype=np.int64)
    with DecodingChild(Limits()) as child:
        (answer,) = [_kept(each) for each in child.read(readable.footage, index, View(), wanted)]
    facts = {**_place(case, item, index, number), **_seen(answer), **_looked_at(case, item, number)}
    return OpenedFrame(facts, answer.rgb if isinstance(answer, Frame) else None, _detections(case, item, number))


def _kept(answer: Item) -> Item:
    """The answer with pixels of its own: the child's memory is used again."""
    if not isinstance(answer, Frame):
        return answer
    return Frame(answer.number, answer.pts, answer.rgb.copy(), answer.width_px, answer.height_px)


def _named(evidence: list[Evidence], begin: str) -> tuple[Evidence, Readable]:
    """The one readable evidence whose id begins so."""
    named = [item for item in evidence if item.evidence_id.startswith(begin)]
    if len(named) != 1:
        found = ", ".join(item.evidence_id for item in named) or "none"
        raise UsageError(f"evidence {begin} names {found}", "`forensics query CASE evidence` lists all ids")
    (item,) = named
    if item.readable is None:
        raise UsageError(f"evidence {item.evidence_id} cannot be read: {item.reason}", "name another")
    return item, item.readable


def _number(index: PacketIndex, address: Address) -> int:
    if address.number is not None:
        if address.number >= index.n_frames:
            raise UsageError(f"there is no frame {address.number}, the last is {index.n_frames - 1}", "name another")
        return address.number
    pts = np.array([address.pts], dtype=np.int64)
    number = int(index.frames_of(pts)[0])
    if number < 0:
        place = int(np.abs(index.pts - pts[0]).argmin())
        raise UsageError(
            f"no frame has pts {address.pts} as its own; near it is frame {place} with pts {index.pts[place]}",
            f"name it by its number: {address.evidence}#{place}",
        )
    return number


def _place(case: Case, item: Evidence, index: PacketIndex, number: int) -> dict[str, Any]:
    camera, media_us = case.camera(item.camera_id), index.media_us[number : number + 1]
    utc_us = None if item.start_utc_us is None else int(camera.utc_us(item.start_utc_us + media_us)[0])
    return {
        "evidence": item.evidence_id,
        "path": str(item.path),
        "sha256": item.sha256,
        "camera": item.camera_id,
        "frame": number,
        "pts": int(index.pts[number]),
        "time_base": str(index.time_base),
        "media_us": int(media_us[0]),
        "utc_us": utc_us,
        "clock_error_ms": None if utc_us is None else camera.clock_error_ms(item.clock_error_ms),
    }


def _seen(answer: Item) -> dict[str, Any]:
    if isinstance(answer, Gap):
        return {"gap": answer.reason, "detail": answer.detail}
    assert isinstance(answer, Frame)
    height, width = answer.rgb.shape[:2]
    return {
        "width": width,
        "height": height,
        "rgb_sha256": sha256_of_bytes(np.ascontiguousarray(answer.rgb).tobytes()),
        "decoder": f"av {version('av')}",
    }


def _is_published(case: Case) -> bool:
    return case.folder.manifest.exists() or published_state(case.folder) is not Published.NEVER


def _looked_at(case: Case, item: Evidence, number: int) -> dict[str, Any]:
    """Whether a detector looked at the frame, if not why, and the tracks whose interval covers it; as published."""
    if not _is_published(case):
        return {}
    opened, of_it = OpenCase.at(case.folder.root), pl.col("evidence_id") == item.evidence_id
    coverage = opened.coverage().filter(of_it, pl.col("start_frame") <= number, pl.col("stop_frame") > number)
    tracks = opened.tracks().filter(of_it, pl.col("first_frame") <= number, pl.col("last_frame") >= number)
    rows = coverage.select(looked_at="state", why="reason", why_detail="detail").collect().to_dicts()
    covering = tracks.select("track_id").sort("track_id").collect()["track_id"].to_list()
    return {**(rows[0] if rows else {}), "covered_by_tracks": covering}


def _detections(case: Case, item: Evidence, number: int) -> pl.DataFrame:
    """The published boxes of one frame; none before anything was published."""
    if not _is_published(case):
        return pl.DataFrame(schema=_SHOWN)
    rows = OpenCase.at(case.folder.root).detections()
    is_there = (pl.col("evidence_id") == item.evidence_id) & (pl.col("frame") == number)
    return rows.filter(is_there).select(list(_SHOWN)).collect()
