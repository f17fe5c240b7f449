"""Random folders of one camera: which times pictures state is drawn at random, the instants are known by a formula.

The camera numbers its pictures. It writes summer time (+02:00) until 2026-10-25T01:00Z, then +01:00. Most pictures
state an EXIF time; the others state less, or nothing.
"""

import random
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from forensics.adapters.stills.stills_reader import index_stills
from forensics.footage.evidence import Timing
from testing.painted.stills import Tag, brightest, folder_of, frames, milliseconds, set_file_time, stamp, still

CLOCK_CHANGE_UTC = datetime(2026, 10, 25, 1)
FIELDS = {
    Tag.ORIGINAL: (Tag.SUBSECOND_ORIGINAL, Tag.OFFSET_ORIGINAL),
    Tag.DIGITIZED: (Tag.SUBSECOND_DIGITIZED, Tag.OFFSET_DIGITIZED),
    Tag.CHANGED: (Tag.SUBSECOND, Tag.OFFSET),
}
SEEDS = range(120)


@dataclass
class Shot:
    """One picture, with its true instant."""

    utc: datetime
    tags: dict[int, str] = field(default_factory=dict)
    name: str = ""
    kind: str = "JPEG"

    @property
    def offset_min(self) -> int:
        return 120 if self.utc < CLOCK_CHANGE_UTC else 60

    @property
    def wall(self) -> datetime:
        return self.utc + timedelta(minutes=self.offset_min)

    def state(self, tag: int, with_offset: bool) -> None:
        subsecond, offset = FIELDS[tag]
        self.tags[tag] = stamp(self.wall)
        self.tags[subsecond] = f"{self.utc.microsecond // 1000:03}"
        if with_offset:
            self.tags[offset] = f"+0{self.offset_min // 60}:00"


@dataclass
class Drawn:
    """A folder as it was drawn, and what is known of it."""

    folder: Path
    shots: list[Shot]
    are_file_times_kept: bool

    @property
    def utc_ms(self) -> list[int]:
        return [milliseconds(shot.utc) for shot in self.shots]


def draw_shots(chance: random.Random) -> list[Shot]:
    """Shots at least 20 s apart, some of them around the hour that the wall clock shows twice."""
    utc = CLOCK_CHANGE_UTC - timedelta(minutes=chance.randint(0, 90), days=chance.choice([0, 0, 0, 100, -30]))
    shots = []
    for _ in range(chance.randint(3, 25)):
        utc += timedelta(seconds=chance.choice([20, 61, 300, 900, 2000]), milliseconds=chance.choice([0, 0, 250]))
        shots.append(Shot(utc))
    return shots


def draw_folder(tmp_path: Path, chance: random.Random, *, offsets: str) -> Drawn:
    """Draw a folder; at least three of five pictures state an EXIF time, the first one always.

    Args:
        tmp_path: where.
        chance: decides.
        offsets: `all` EXIF times state an offset, or `none`.
    """
    shots = draw_shots(chance)
    n_without = chance.randint(0, len(shots) * 2 // 5)
    without = set(chance.sample(range(1, len(shots)), min(n_without, len(shots) - 1)))
    for number, shot in enumerate(shots):
        if number not in without:
            for tag in chance.sample(list(FIELDS), chance.randint(1, 3)):
                shot.state(tag, offsets == "all")
        shot.kind = chance.choice(["JPEG", "PNG", "TIFF", "WEBP"])
        has_calendar = number in without and chance.random() < 0.3
        named = f"{shot.wall:_%Y-%m-%d at %I.%M.%S %p}" if has_calendar else ""
        shot.name = f"IMG_{number:04}{named}.{shot.kind[:4].lower().replace('jpeg', 'jpg')}"
    folder = folder_of(tmp_path / "in", {one.name: still(5 * n, one.tags, one.kind) for n, one in enumerate(shots)})
    is_kept = chance.random() < 0.4
    for number, shot in enumerate(shots):
        copied_ms = 1_790_000_000_000 + chance.randint(0, 3) * 86_400_000 * (len(shots) - number)
        set_file_time(
            folder / shot.name, milliseconds(shot.utc) + chance.randint(0, 2) * 1000 if is_kept else copied_ms
        )
    return Drawn(folder, shots, is_kept)


@pytest.mark.parametrize("seed", SEEDS)
def test_with_offsets_every_picture_has_its_place(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    drawn = draw_folder(tmp_path, chance, offsets="all")
    indexed = index_stills(drawn.folder)
    assert indexed.picture_names == tuple(shot.name for shot in drawn.shots), seed
    assert brightest(frames(indexed)) == pytest.approx([5 * n for n in range(len(drawn.shots))], abs=3), seed
    assert indexed.medium.timing is Timing.EXIF
    assert " UTC, by the offsets in EXIF" in indexed.reader_reason
    for shot, utc_ms, pts in zip(drawn.shots, drawn.utc_ms, indexed.index.pts.tolist(), strict=True):
        if FIELDS.keys() & shot.tags.keys():
            assert pts == utc_ms - drawn.utc_ms[0], f"seed {seed}, {shot.name}"


@pytest.mark.parametrize("seed", SEEDS)
def test_every_picture_that_states_less_is_counted(tmp_path: Path, seed: int) -> None:
    drawn = draw_folder(tmp_path, random.Random(seed), offsets="all")
    indexed = index_stills(drawn.folder)
    n_exif = sum(bool(FIELDS.keys() & shot.tags.keys()) for shot in drawn.shots)
    n_named = sum(" at " in shot.name for shot in drawn.shots)
    n_bare = len(drawn.shots) - n_exif - n_named
    counts = {source: int(n) for n, source in re.findall(r"(\d+) (from [A-Za-z ]+|beside)", indexed.reader_reason)}
    if len(counts) > 1:
        assert sum(count for source, count in counts.items() if "EXIF" in source) == n_exif, seed
        assert counts.get("from file names", 0) == n_named, seed
    else:
        assert n_exif == len(drawn.shots), seed
    n_beside, n_by_file = counts.get("beside", 0), counts.get("from file times", 0)
    assert n_beside + n_by_file == n_bare, seed
    assert n_by_file == 0 or drawn.are_file_times_kept, seed
    remark = re.search(r"(\d+) of \d+ pictures have no time by the clock of", indexed.remark)
    assert int(remark[1] if remark else 0) == n_beside, seed


@pytest.mark.parametrize("seed", SEEDS)
def test_with_some_offsets_the_others_are_those_of_neighbours(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    shots = draw_shots(chance)
    for number, shot in enumerate(shots):
        shot.state(Tag.ORIGINAL, with_offset=True)
        shot.name = f"IMG_{number:04}.jpg"
    # A picture between two of the same offset can only have this one.
    inner = [n for n in range(1, len(shots) - 1) if shots[n - 1].offset_min == shots[n + 1].offset_min]
    bare = set(chance.sample(inner, chance.randint(0, len(inner)))) if inner else set()
    bare -= {n for n in bare if shots[n].offset_min != shots[n - 1].offset_min or n - 1 in bare}
    for number in bare:
        del shots[number].tags[Tag.OFFSET_ORIGINAL]
    folder = folder_of(tmp_path, {one.name: still(9, one.tags) for one in shots})
    indexed = index_stills(folder)
    truth = [milliseconds(one.utc) - milliseconds(shots[0].utc) for one in shots]
    assert indexed.index.pts.tolist() == truth, seed
    words = f"{len(bare)} of {len(shots)} pictures state no offset"
    assert (words in indexed.remark) is bool(bare), f"seed {seed}: {indexed.remark}"


@pytest.mark.parametrize("seed", SEEDS)
def test_without_offsets_the_wall_clock_orders_all(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    shots = draw_shots(chance)
    for number, shot in enumerate(shots):
        shot.state(chance.choice(list(FIELDS)), with_offset=False)
        shot.name = f"IMG_{number:04}.jpg"
    indexed = index_stills(folder_of(tmp_path, {one.name: still(9, one.tags) for one in shots}))
    walls = sorted(milliseconds(one.wall) for one in shots)
    assert indexed.index.pts.tolist() == [at - walls[0] for at in walls] or len(set(walls)) < len(walls), seed
    falls = [b.wall - a.wall for a, b in pairwise(shots) if b.wall < a.wall]
    assert ("jumps back" in indexed.remark) is any(fall < timedelta(minutes=-1) for fall in falls), seed


@pytest.mark.parametrize("seed", SEEDS)
def test_names_do_not_matter_where_every_instant_is_stated(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    shots = draw_shots(chance)
    names = [f"{chance.getrandbits(64):016x}" for _ in shots]
    for shot, name in zip(shots, names, strict=True):
        shot.state(chance.choice(list(FIELDS)), with_offset=True)
        shot.name = f"{chance.choice(['', 'a/', 'b/c/'])}{name}.jpg"
    indexed = index_stills(folder_of(tmp_path, {one.name: still(9, one.tags) for one in shots}))
    assert indexed.picture_names == tuple(shot.name for shot in shots), seed
    assert indexed.index.pts.tolist() == [milliseconds(s.utc) - milliseconds(shots[0].utc) for s in shots], seed
