"""Files of recorders with random damage: no error but a verdict, and each frame is the same however it is read.

MUTATION_SEEDS="17 18" chooses other seeds; `scripts/bad-inputs --only "mutated recordings" --mutations 100` tries many
more through the commands.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest

from forensics.adapters.footage_index import index_footage
from forensics.adapters.video.reading.pyav_reader import open_reader
from forensics.errors import UnreadableFootage
from forensics.footage.evidence import Indexed
from forensics.footage.frames import Frame, Gap, Item, View
from forensics.footage.motion_gate import GateRules, MotionGate
from forensics.footage.timeline import Int64Array
from scripts.measure.bad_inputs.mutations import mutate
from scripts.measure.bad_inputs.repeated_reads import differing_reads
from testing.painted.recorders import RECORDED, Recorded

_SEEDS = [int(seed) for seed in os.environ.get("MUTATION_SEEDS", "0 1 2 3").split()]
_N_REQUESTS = 12
_RULES = GateRules(window_us=10_000_000, step_us=200_000, follow_score=0.25, start_score=0.4)
# Nothing shows that a file lost its start, or its end at the edge of a picture.
_END_BYTES = 256
# If the end of one JPEG and the start of the next are missing, the rest is one JPEG.
_LOSES_IN_SILENCE = {"JPEGs end to end"}


def index(path: Path, recorded: Recorded) -> Indexed | None:
    """The index; None if the file is refused with a reason."""
    copy = path.with_name(f"{path.name}-copy")
    try:
        return index_footage(path, working_copy=copy, stream_index=None, assumed_rate=recorded.assumed_rate)
    except UnreadableFootage:
        return None


def _ends(content: bytes) -> bytes:
    return content[:_END_BYTES] + content[-_END_BYTES:]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded.name)
def test_each_frame_of_a_damaged_recording_is_the_same_however_it_is_read(recorded: Recorded, tmp_path: Path) -> None:
    whole = recorded.build(tmp_path)
    content, n_frames = whole.read_bytes(), len(recorded.numbers)
    for seed in _SEEDS:
        mutation = mutate(content, f"{seed}-{recorded.name}")
        path = tmp_path / f"{seed}-{whole.name}"
        path.write_bytes(mutation.content)
        if indexed := index(path, recorded):
            for view in (View(), View(shows_damaged=True)):
                read = open_reader(indexed.footage, indexed.index, view).read
                faults = differing_reads(read, indexed.index.n_frames, seed=str(seed), n_requests=_N_REQUESTS)
                assert faults == [], f"seed {seed}: {mutation.done}"
            is_short = indexed.index.n_frames < n_frames and not indexed.shortfall
            has_ends = _ends(mutation.content) == _ends(content)
            if is_short and has_ends and recorded.name not in _LOSES_IN_SILENCE:
                read = open_reader(indexed.footage, indexed.index, View(32, 32)).read
                items = read(np.arange(indexed.index.n_frames))
                assert any(isinstance(item, Gap) for item in items), f"seed {seed}: lost in silence by {mutation.done}"


def test_colours_that_cannot_be_converted_are_gaps_with_a_gate_too(tmp_path: Path) -> None:
    recorded = next(each for each in RECORDED if each.name == "AVI of 8/1 frames/s, its codec says 25, mpeg4")
    path = recorded.build(tmp_path)
    path.write_bytes(mutate(path.read_bytes(), f"5000-{recorded.name}-13").content)
    indexed = index(path, recorded)
    assert indexed is not None
    numbers = np.arange(indexed.index.n_frames)
    plain = list(open_reader(indexed.footage, indexed.index, View()).read(numbers))
    assert isinstance(plain[0], Gap)
    assert plain[0].detail.startswith("its colours cannot be converted")
    for start in (0, 1):
        gate = MotionGate(_RULES, np.array([0]))
        gated = list(open_reader(indexed.footage, indexed.index, View()).read(numbers[start:], gate))
        assert [isinstance(item, Gap) for item in gated] == [isinstance(item, Gap) for item in plain[start:]]
        others = [item for item in gated if not isinstance(item, Gap)]
        seen = [item.gate_result if isinstance(item, Frame) else item for item in others]
        assert [bool(np.isnan(result.change)) for result in seen] == [number == 0 for number in range(len(seen))]


# ---- that the check can fail


def one_gap_each(wanted: Int64Array) -> list[Item]:
    return [Gap(number, "lost", "as in order") for number in wanted.tolist()]


def test_frames_that_are_the_same_in_every_read_are_no_fault() -> None:
    assert differing_reads(one_gap_each, 20, seed="1", n_requests=20) == []


def test_lost_and_double_and_foreign_frames_are_faults() -> None:
    for read in (lambda wanted: one_gap_each(wanted)[1:], lambda wanted: one_gap_each(np.repeat(wanted, 2))):
        assert "are read as" in differing_reads(read, 20, seed="1", n_requests=1)[0]


def test_a_frame_that_depends_on_the_first_of_its_read_is_a_fault() -> None:
    def read(wanted: Int64Array) -> list[Item]:
        return [Gap(number, "lost", f"read from {int(wanted[0]) // 7}") for number in wanted.tolist()]

    assert "if frames [" in differing_reads(read, 20, seed="1", n_requests=20)[0]


def test_any_error_of_a_read_is_a_fault() -> None:
    def read(wanted: Int64Array) -> Iterator[Item]:
        if len(wanted) < 20:
            raise ZeroDivisionError("by a header")
        yield from one_gap_each(wanted)

    assert "ZeroDivisionError" in differing_reads(read, 20, seed="1", n_requests=1)[0]


# ---- the damage


def test_a_seed_makes_the_same_damage_again_and_another_one_other_damage() -> None:
    content = Random(1).randbytes(30_000)
    made = [mutate(content, str(seed)) for seed in range(200)]
    assert made == [mutate(content, str(seed)) for seed in range(200)]
    assert len({mutation.content for mutation in made}) > 190
    assert content not in {mutation.content for mutation in made}


@pytest.mark.parametrize("n_bytes", [2, 40, 20_000])
def test_all_kinds_of_damage_occur_in_files_of_any_size(n_bytes: int) -> None:
    content = bytes(range(1, 201)) * (n_bytes // 200) or bytes(range(1, n_bytes + 1))
    done = " ".join(what for seed in range(300) for what in mutate(content, str(seed)).done)
    for kind in ("kept", "cut", "flipped", "zeroed", "overwrote", "removed", "again"):
        assert kind in done
