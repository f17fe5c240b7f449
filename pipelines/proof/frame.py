"""Opens one frame again: check the digest of the recording, decode the frame, compute the digest of its pixels.

A frame is named by its address, ``EVIDENCE:PTS``, or by its number in presentation order, ``EVIDENCE#NUMBER``. The
first digits of the evidence id are enough if they are unique.
"""

import re
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

import numpy as np
import polars as pl

import forensics
from forensics.custody.case_document import Case
from forensics.custody.log import read_chain
from forensics.decoding.child import DecodingChild, Limits
from forensics.digests import sha256_of_bytes
from forensics.errors import NotAuthorised, UsageError
from forensics.footage.coverage import State
from forensics.footage.evidence import Evidence, Readable
from forensics.footage.frame_clock import frame_clock
from forensics.footage.frames import Frame, Gap, Item, RgbArray, View
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.json_object import JsonObject
from forensics.spelling import in_shell
from forensics.tables.evidence import load_evidence, load_index, load_picture_names
from forensics.tables.manifest import PublishedState, published_state
from pipelines.custody.deciding_files import RECORDS, find_altered_files
from pipelines.run.footage_integrity import find_loss, footage_checks
from pipelines.run.footage_scope import compute_evidence_scope

__all__ = ["Address", "OpenedFrame", "open_frame", "parse_address"]

_ADDRESS: Final = re.compile(r"([0-9a-f]+)(?::(-?\d{1,18})|#(\d{1,18}))")
_BOX_SCHEMA: Final = {
    "class_name": pl.String,
    **dict.fromkeys(("score", "x1", "y1", "x2", "y2"), pl.Float32),
    "track_id": pl.String,
}


@dataclass(frozen=True, slots=True)
class Address:
    """Address of one frame.

    Attributes:
        evidence: the evidence id or its first digits.
        pts: presentation time stamp in ticks; None if the number is given.
        number: number in presentation order, from 0; None if the pts is given.
    """

    evidence: str
    pts: int | None
    number: int | None


@dataclass(frozen=True, slots=True, eq=False)
class OpenedFrame:
    """A decoded frame with its facts.

    Attributes:
        facts: recording, frame, time, and the digest of the pixels or the reason of the gap.
        rgb: (h, w, 3) uint8, upright, full size; None if the frame is a gap.
        detections: published detections of the frame, one row per box.
    """

    facts: JsonObject
    rgb: RgbArray | None
    detections: pl.DataFrame


def parse_address(text: str) -> Address:
    """Parse the address of a frame.

    Raises:
        UsageError: the text is no address.

    >>> parse_address("3f2a:90000"), parse_address("3f2a#25")
    (Address(evidence='3f2a', pts=90000, number=None), Address(evidence='3f2a', pts=None, number=25))
    """
    address = _ADDRESS.fullmatch(text)
    if address is None:
        raise UsageError(
            f"{text!a} is no address of a frame", "give EVIDENCE:PTS or EVIDENCE#NUMBER, with the values of the tables"
        )
    evidence, pts, number = address.groups()
    return Address(evidence, None if pts is None else int(pts), None if number is None else int(number))


def open_frame(case: Case, address: Address) -> OpenedFrame:
    """Check the recording against its digest, and decode the frame at an address.

    A damaged frame is shown only if the published run detected in it.

    Raises:
        UsageError: there is no such evidence or frame.
        NotAuthorised: the frame is outside the scope of the case.
        IntegrityBroken: the recording, its working copy or its index has changed since ingest.
        DecoderLost: the decoding child died, hung or used too much memory.
    """
    altered = find_altered_files(case.folder, lambda: read_chain(case.folder.audit_file).lines, RECORDS)
    if altered:
        raise altered[0].to_error("run `forensics verify` to list all changed files")
    item, readable = _find_evidence(load_evidence(case.folder), address.evidence)
    for path, expected in footage_checks(item):
        loss = find_loss(path, expected)
        if loss is not None:
            moved = f"; if it was moved, `forensics evidence relocate {in_shell(case.folder.root)} FOLDER` finds it"
            raise loss.fault.to_error(f"restore the recording as it was ingested{moved}")
    index = load_index(case.folder, item)
    number = _find_frame_number(index, address)
    scope = compute_evidence_scope(case, item, index)
    wanted: Int64Array = np.array([number], dtype=np.int64)
    for is_excluded, _, detail in scope.exclusions(wanted):
        if is_excluded.any():
            raise NotAuthorised(
                f"frame {number} is outside the scope of the case: {detail}",
                "`forensics case show` displays the scope; choose a frame inside it",
            )
    coverage = _coverage_facts(case, item, number)
    view = View(shows_damaged=coverage.get("looked_at") == State.DOUBTFUL)
    with DecodingChild(Limits()) as child:
        (answer,) = [_copy_pixels(each) for each in child.read(readable.footage, index, view, wanted)]
    facts = {**_address_facts(case, item, index, number), **_pixel_facts(answer), **coverage}
    return OpenedFrame(facts, answer.rgb if isinstance(answer, Frame) else None, _detections(case, item, number))


def _copy_pixels(answer: Item) -> Item:
    """Copy the pixels of a frame, because the child reuses its memory."""
    if not isinstance(answer, Frame):
        return answer
    return Frame(answer.number, answer.pts, answer.rgb.copy(), answer.width_px, answer.height_px, doubt=answer.doubt)


def _find_evidence(evidence: list[Evidence], prefix: str) -> tuple[Evidence, Readable]:
    """Return the only readable evidence whose id starts with these digits.

    Raises:
        UsageError: none or several start so, or the evidence is rejected.
    """
    found = [item for item in evidence if item.evidence_id.startswith(prefix)]
    if len(found) != 1:
        ids = ", ".join(item.evidence_id for item in found) or "none"
        raise UsageError(
            f"{prefix} must be the start of exactly one evidence id, found {ids}",
            "give more digits; `forensics query CASE evidence` lists all ids",
        )
    (item,) = found
    if item.readable is None:
        raise UsageError(f"evidence {item.evidence_id} cannot be read: {item.reason}", "choose another evidence")
    return item, item.readable


def _find_frame_number(index: PacketIndex, address: Address) -> int:
    """Return the number of the addressed frame.

    Raises:
        UsageError: there is no such frame.
    """
    if address.number is not None:
        if address.number >= index.n_frames:
            raise UsageError(
                f"there is no frame {address.number}, the last one is {index.n_frames - 1}", "give a smaller number"
            )
        return address.number
    pts = np.array([address.pts], dtype=np.int64)
    same = np.flatnonzero(index.pts == pts[0]) if index.is_numbered else np.zeros(0, dtype=np.int64)
    if len(same) == 1:
        return int(same[0])
    if len(same):
        numbers = ", ".join(map(str, same.tolist()))
        raise UsageError(
            f"the clock of this recording jumps, so pts {address.pts} is no address: frames {numbers} have it",
            "give the number of the frame: " + " or ".join(f"{address.evidence}#{number}" for number in same),
        )
    number = int(index.frames_of(pts)[0])
    if number < 0:
        nearest = int(np.abs(index.pts - pts[0]).argmin())
        raise UsageError(
            f"no frame can be found by pts {address.pts}; the nearest is frame {nearest} with pts {index.pts[nearest]}",
            f"to open that frame, give its number: {address.evidence}#{nearest}",
        )
    return number


def _address_facts(case: Case, item: Evidence, index: PacketIndex, number: int) -> JsonObject:
    camera = case.camera(item.camera_id)
    picture = load_picture_names(case.folder, item)[number].as_py()
    clock = frame_clock(index, item.start_utc_us, case.section_starts.get(item.evidence_id, {}))
    utc_us = int(camera.utc_us(clock.us[number : number + 1])[0]) if clock.is_known[number] else None
    return {
        "evidence": item.evidence_id,
        "path": str(item.path),
        "sha256": item.sha256,
        "camera": item.camera_id,
        "frame": number,
        **({"picture": picture} if picture else {}),
        "pts": int(index.pts[number]),
        "time_base": str(index.time_base),
        "section": index.section_of(number),
        "media_us": int(index.media_us[number]),
        "utc_us": utc_us,
        "clock_error_ms": None if utc_us is None else camera.clock_error_ms(item.clock_error_ms),
    }


def _pixel_facts(answer: Item) -> JsonObject:
    if isinstance(answer, Gap):
        return {"gap": answer.reason, "detail": answer.detail}
    assert isinstance(answer, Frame)
    height, width = answer.rgb.shape[:2]
    return {
        "width": width,
        "height": height,
        "rgb_sha256": sha256_of_bytes(np.ascontiguousarray(answer.rgb).tobytes()),
        "decoder": f"av {version('av')}",
        **({"doubt": f"{answer.doubt.reason}: the picture may be wrong"} if answer.doubt else {}),
    }


def _is_published(case: Case) -> bool:
    are_absent = published_state(case.folder) in {PublishedState.NEVER, PublishedState.REMOVED}
    return case.folder.manifest.exists() or not are_absent


def _coverage_facts(case: Case, item: Evidence, number: int) -> JsonObject:
    """Return the published state of the frame with its reason, and the tracks whose interval covers it."""
    if not _is_published(case):
        return {}
    opened, is_evidence = forensics.open_case(case.folder.root), pl.col("evidence_id") == item.evidence_id
    coverage = opened.coverage().filter(is_evidence, pl.col("start_frame") <= number, pl.col("stop_frame") > number)
    tracks = opened.sightings().filter(is_evidence, pl.col("first_frame") <= number, pl.col("last_frame") >= number)
    rows = coverage.select(looked_at="state", why="reason", why_detail="detail").collect().to_dicts()
    covering = tracks.select("track_id").sort("track_id").collect()["track_id"].to_list()
    return {**(rows[0] if rows else {}), "covered_by_tracks": covering}


def _detections(case: Case, item: Evidence, number: int) -> pl.DataFrame:
    """Return the published boxes of one frame; empty before the first publication."""
    if not _is_published(case):
        return pl.DataFrame(schema=_BOX_SCHEMA)
    rows = forensics.open_case(case.folder.root).detections()
    is_frame = (pl.col("evidence_id") == item.evidence_id) & (pl.col("frame") == number)
    return rows.filter(is_frame).select(list(_BOX_SCHEMA)).collect()
