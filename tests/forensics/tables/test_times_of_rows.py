"""Times in `frames`, `coverage`, `sections` and `evidence` of random recordings, against the rules of docs/tables.md.

The rules are computed here frame by frame, in fractions; the program computes them in arrays of integers.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest

from forensics.custody.case_folder import CaseFolder
from forensics.footage.cameras import Camera
from forensics.footage.coverage import CoverageRange, State
from forensics.footage.evidence import Evidence, Footage, Medium, Readable, Reader, Timing, Verdict
from forensics.footage.pictures import PictureFacts
from forensics.footage.timeline import PacketIndex, Section
from forensics.tables import frame_rows
from forensics.tables.coverage_rows import coverage_table
from forensics.tables.evidence import save_index
from forensics.tables.evidence_rows import evidence_table, span_of
from forensics.tables.frame_rows import frame_tables
from forensics.tables.joined_evidence import JoinedEvidence
from forensics.tables.outcomes import EvidenceOutcome
from forensics.tables.section_rows import sections_table

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_START_US = 1_777_629_600_000_000
_N_RECORDINGS = 150


@dataclass(frozen=True)
class Recording:
    """A random recording, and what its camera's clock is stated to be."""

    index: PacketIndex
    camera: Camera
    evidence: Evidence
    section_starts: dict[int, int]

    @property
    def is_stills(self) -> bool:
        assert self.evidence.readable is not None
        return self.evidence.readable.footage.reader is Reader.STILLS

    def bounds(self) -> list[tuple[int, int]]:
        """First frame and end of each section."""
        starts = [section.start for section in self.index.sections] or [0]
        return list(zip(starts, [*starts[1:], self.index.n_frames], strict=True))

    def media_us(self, frame: int) -> int:
        shown = [n for n in range(self.index.n_frames) if not self.index.is_hidden[n]] or [0]
        ticks = int(self.index.ticks[frame]) - int(self.index.ticks[shown[0]])
        return math.floor(ticks * self.index.time_base * 1_000_000 + Fraction(1, 2))

    def end_us(self, frame: int) -> int:
        """Media time at which a frame ends."""
        media_us, (start, stop) = self.media_us(frame), next(b for b in self.bounds() if b[0] <= frame < b[1])
        if self.is_stills:
            return media_us
        if frame + 1 < stop:
            return self.media_us(frame + 1)
        return media_us + (media_us - self.media_us(frame - 1) if stop - start > 1 else 0)

    def is_timed(self, frame: int) -> bool:
        """Whether a time is recorded for a frame; media time of stills is only an order."""
        return self.index.pictures is None or self.index.pictures.timings[frame] is not Timing.ASSUMED

    def own_us(self, frame: int, media_us: int) -> int:
        """Time of a frame as recorded."""
        return media_us if self.index.pictures is None else int(self.index.pictures.taken_us[frame])

    def timed(self, start: int, stop: int) -> list[int]:
        """Frames with a time."""
        return [frame for frame in range(start, stop) if self.is_timed(frame)]

    def utc(self, frame: int, media_us: int) -> datetime | None:
        """UTC of a media time in the section of a frame."""
        number, bounds = next((n, b) for n, b in enumerate(self.bounds(), 1) if b[0] <= frame < b[1])
        began = self.evidence.start_utc_us if number == 1 else self.section_starts.get(number)
        if began is None or not self.is_timed(frame):
            return None
        first = self.timed(*bounds)[0]
        origin_us = 0 if number == 1 else self.own_us(first, self.media_us(first))
        return self.corrected(began + self.own_us(frame, media_us) - origin_us)

    def corrected(self, clock_us: int) -> datetime:
        """UTC of a reading of the camera's clock."""
        since = self.camera.drift_from_utc_us
        lost = 0 if since is None else math.floor(Fraction(clock_us - since) * self.camera.drift_ppm / 1_000_000)
        return _EPOCH + timedelta(microseconds=clock_us + self.camera.offset_ms * 1000 + lost)


def make_recording(folder: CaseFolder, rng: Random, number: int) -> Recording:
    n_frames, base = rng.choice((1, 2, 3, 9, 40)), Fraction(1, rng.choice((25, 90_000, 12_800, 1_000_000)))
    steps = [rng.choice((1, 2, 3600, 90_000 * 30)) for _ in range(n_frames)]
    ticks = np.cumsum(steps) + rng.choice((0, -5000, 10**9))
    starts = sorted(rng.sample(range(1, n_frames), min(rng.choice((0, 0, 1, 2)), n_frames - 1))) if n_frames > 1 else []
    sections = (
        tuple(Section(start, rng.randrange(10**6), "jump" if start else "") for start in [0, *starts]) if starts else ()
    )
    offsets = np.zeros(n_frames, dtype=np.int64)
    for section in sections:
        offsets[section.start :] = section.offset_ticks
    reader = rng.choice((Reader.PYAV, Reader.PYAV, Reader.STILLS))
    n_hidden = rng.choice((0, 0, 1, 2)) if n_frames > 3 and reader is Reader.PYAV else 0
    index = PacketIndex(
        pts=ticks.astype(np.int64) - offsets,
        is_key=np.arange(n_frames) % 4 == 0,
        size=np.array([rng.randrange(1, 9999) for _ in range(n_frames)], dtype=np.int64),
        is_hidden=np.arange(n_frames) < n_hidden,
        time_base=base,
        damaged=frozenset(rng.sample(range(n_frames), rng.randrange(n_frames))),
        sections=sections,
        pictures=make_pictures(rng, n_frames) if reader is Reader.STILLS else None,
    )
    evidence_id = f"{number:016x}"
    medium = Medium("mov", "h264", 64, 48, 0, None, None, None, Timing.CONTAINER, ())
    sha256 = save_index(folder, evidence_id, index)
    footage = Footage(Path("/footage/gate.mp4"), reader, 0, 0)
    readable = Readable(medium, footage, None, "", n_frames, base, sha256)
    evidence = Evidence(
        evidence_id=evidence_id,
        path=footage.path,
        sha256=evidence_id,
        size_bytes=1,
        camera_id="gate",
        start_utc_us=rng.choice((None, _START_US, _START_US)),
        clock_error_ms=rng.choice((None, 0, 700)),
        verdict=Verdict.OK,
        reason="",
        readable=readable,
    )
    drift = rng.choice((0, 37, -250_000))
    camera = Camera(
        "gate", rng.choice((0, -1_503_000, 7)), rng.choice((None, 2000)), drift, _START_US - 10**9 if drift else None
    )
    stated = {
        n: _START_US + rng.randrange(-(10**10), 10**10) for n in range(2, len(sections) + 1) if rng.random() < 0.7
    }
    return Recording(index, camera, evidence, stated)


def make_pictures(rng: Random, n_frames: int) -> PictureFacts:
    timings = rng.choices((Timing.EXIF, Timing.FILE_NAME, Timing.ASSUMED), (4, 1, rng.choice((0, 2, 20))), k=n_frames)
    sizes = np.array([(rng.choice((0, 64)), 48) for _ in range(n_frames)], dtype=np.int32)
    taken_us = np.array([rng.randrange(10**12) if timing is not Timing.ASSUMED else 0 for timing in timings])
    return PictureFacts(tuple(timings), taken_us, sizes)


def partition(rng: Random, n_frames: int) -> list[CoverageRange]:
    cuts = sorted(rng.sample(range(1, n_frames), rng.randrange(n_frames))) if n_frames > 1 else []
    edges = [0, *cuts, n_frames]
    return [CoverageRange(a, b, rng.choice(list(State))) for a, b in pairwise(edges)]


@pytest.mark.parametrize("seed", range(3))
def test_times_follow_the_rules_in_random_recordings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(frame_rows, "_N_ROWS", 7)  # so that recordings are divided
    rng, folder = Random(seed), CaseFolder(tmp_path)
    for number in range(_N_RECORDINGS):
        made = make_recording(folder, rng, number)
        outcome = EvidenceOutcome(made.evidence, made.camera, (), None, None, section_starts=made.section_starts)
        joined = JoinedEvidence.of(folder, outcome, "")
        error_ms = made.evidence.clock_error_ms if made.camera.error_ms is None else made.camera.error_ms
        n_frames = made.index.n_frames

        frames = [row for table in frame_tables(joined) for row in table.to_pylist()]
        assert [row["frame"] for row in frames] == list(range(n_frames))
        for frame, row in enumerate(frames):
            utc = made.utc(frame, made.media_us(frame))
            assert (row["pts"], row["media_us"], row["utc"]) == (made.index.pts[frame], made.media_us(frame), utc)
            assert row["clock_error_ms"] == (None if utc is None else error_ms)
            assert row["is_damaged"] == (frame in made.index.damaged)
            assert (row["is_key"], row["is_hidden"]) == (made.index.is_key[frame], made.index.is_hidden[frame])

        covered = coverage_table(joined, partition(rng, n_frames)).to_pylist()
        numbers = [frame for row in covered for frame in range(row["start_frame"], row["stop_frame"])]
        assert numbers == list(range(n_frames))
        for row in covered:
            first, last = row["start_frame"], row["stop_frame"] - 1
            assert sum(start <= first and last < stop for start, stop in made.bounds()) == 1, "in one section"
            known = {made.utc(frame, made.media_us(frame)) is not None for frame in range(first, last + 1)}
            assert len(known) == 1, "all with a time, or all without"
            assert (row["start_media_us"], row["stop_media_us"]) == (made.media_us(first), made.end_us(last))
            assert row["start_utc"] == made.utc(first, made.media_us(first))
            assert row["stop_utc"] == made.utc(last, made.end_us(last))
            inside = range(first, last)
            assert row["longest_step_us"] == max((made.media_us(n + 1) - made.media_us(n) for n in inside), default=0)

        timed = [made.timed(*bounds) or [bounds[0]] for bounds in made.bounds()]
        begins = [made.utc(frames[0], made.media_us(frames[0])) for frames in timed]
        assert [row["first_utc"] for row in sections_table(joined).to_pylist()] == begins
        spans = {made.evidence.evidence_id: span_of(joined)}
        (row,) = evidence_table(folder, [made.evidence], {"gate": made.camera}, spans).to_pylist()
        ends = [made.utc(frames[-1], made.end_us(frames[-1])) for frames in timed]
        is_known = None not in begins
        assert row["end_utc"] == (max(end for end in ends if end is not None) if is_known else None)
        assert row["duration_us"] == made.end_us(n_frames - 1) - made.media_us(0)
        if made.evidence.start_utc_us is None or begins[0] is None:
            assert row["start_utc"] is None
        else:
            zero = made.corrected(made.evidence.start_utc_us)
            later = [begin for begin in begins[1:] if begin is not None] if is_known else []
            assert row["start_utc"] == min([zero, *later])
