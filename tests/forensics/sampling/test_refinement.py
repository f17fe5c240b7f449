"""Refinement behind the gate: first and last frames of people are exact, and few frames are detected."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from forensics.adapters.trackers.bytetrack import ByteTrack
from forensics.detection.detections import NO_BOXES, Boxes, Detections, FloatArray
from forensics.footage.coverage import State
from forensics.footage.frames import Frame, Gap
from forensics.footage.motion_gate import GateDecision, GateResult, GateRules
from forensics.footage.timeline import Int64Array
from forensics.sampling.refinement import SAMPLED, STATIC, FrameOutcome, refine
from forensics.tracking.association import DEFAULT_TRACK_PARAMETERS, associate

FPS = 10
NO_GLANCE = np.zeros(64, dtype=np.uint8)
PIXEL = np.zeros((1, 1, 3), dtype=np.uint8)
RULES = GateRules(window_us=10_000_000, step_us=500_000, follow_score=0.25, start_score=0.4)


@dataclass
class World:
    """People with their boxes in each frame, and the frames that were detected.

    Attributes:
        people: for each, the frame of the first box, and (x, score) from there on, 40 by 100 pixels.
        looks: in the order in which they were asked for.
    """

    people: list[tuple[int, list[tuple[float, float]]]]
    looks: list[int] = field(default_factory=list)

    def look(self, frame: Frame) -> Boxes:
        self.looks.append(frame.number)
        return self.boxes(frame.number)

    def boxes(self, number: int) -> Boxes:
        there = [path[number - first] for first, path in self.people if first <= number < first + len(path)]
        if not there:
            return NO_BOXES
        x, score = np.array(there, dtype=np.float32).T
        xyxy = np.stack([x, np.full_like(x, 50), x + 40, np.full_like(x, 150)], axis=1)
        return Boxes(xyxy, score, np.zeros(len(x), dtype=np.int64))


def items(sights: str, gaps: Sequence[int] = ()) -> list[Frame | GateResult | Gap]:
    """Return what a reader yields, one letter each: W starts a window, L is detected, m moved, . is still."""
    return [Gap(n, "decode_error", "") if n in gaps else item(n, letter) for n, letter in enumerate(sights)]


def item(number: int, letter: str) -> Frame | GateResult:
    sight = {"W": GateDecision.DETECT, "L": GateDecision.DETECT, "m": GateDecision.MOVED, ".": GateDecision.STILL}[
        letter
    ]
    gate_result = GateResult(number, sight, np.nan if letter == "W" else 0.5 if letter == "." else 2.0, NO_GLANCE)
    return gate_result if letter == "." else Frame(number, number, PIXEL, 640, 360, gate_result)


def found(world: World, sights: str, gaps: Sequence[int] = ()) -> dict[int, FrameOutcome | Gap]:
    media_us = np.arange(len(sights), dtype=np.int64) * 1_000_000 // FPS
    told = list(refine(items(sights, gaps), world.look, media_us=media_us, rules=RULES))
    by_number = {each.number if isinstance(each, Gap) else each.gate_result.number: each for each in told}
    assert len(by_number) == len(told) == len(sights)
    return by_number


def states(told: dict[int, FrameOutcome | Gap]) -> str:
    letters = {State.DETECTED: "D", State.CARRIED: "c", State.SKIPPED: "-"}
    return "".join("x" if isinstance(each, Gap) else letters[each.state] for _, each in sorted(told.items()))


def walk(n_frames: int, x: float = 100, step: float = 8, score: float = 0.9) -> list[tuple[float, float]]:
    return [(x + step * n, score) for n in range(n_frames)]


def test_still_frames_are_skipped_without_people_and_carried_with_people() -> None:
    told = found(World([(5, walk(10, step=0))]), "W....L....")
    assert states(told) == "D----Dcccc"
    carried = told[7]
    assert isinstance(carried, FrameOutcome)
    assert (carried.reason, carried.boxes) == (STATIC, told[5].boxes)  # type: ignore[union-attr]


def test_no_frame_is_detected_between_two_of_a_steady_walk() -> None:
    world = World([(0, walk(16))])
    told = found(world, "W" + "mmmmL" * 3)
    assert states(told) == "D" + "----D" * 3
    passed = told[3]
    assert isinstance(passed, FrameOutcome)
    assert passed.reason == SAMPLED
    assert passed.detail.startswith("between 0 and 5: 1 followed, least overlap 0.")


@pytest.mark.parametrize("first", range(1, 6))
@pytest.mark.parametrize("last", range(16, 21))
def test_the_first_and_last_frame_of_a_person_are_exact(first: int, last: int) -> None:
    told = found(World([(first, walk(last - first + 1))]), "W" + "mmmmL" * 5)
    seen = [
        n for n, each in told.items() if isinstance(each, FrameOutcome) and each.boxes is not None and len(each.boxes)
    ]
    assert (min(seen), max(seen)) == (first, last)
    for edge in {first - 1, first, last, last + 1} - {26}:
        assert states(told)[edge] == "D"


def test_a_score_that_varies_around_the_threshold_starts_at_the_first_frame_that_starts_a_track() -> None:
    scores = [0.3, 0.2, 0.9, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]
    path = [(100 + 8 * n, score) for n, score in enumerate(scores)]
    told = found(World([(4, path)]), "W" + "mmmmL" * 2)
    assert states(told)[6] == "D"
    assert states(told)[5] == "D"


def test_every_frame_is_detected_until_a_track_starts() -> None:
    path = [(100.0 + 8 * n, 0.3) for n in range(8)] + walk(13, x=164)
    told = found(World([(0, path)]), "W" + "mmmmL" * 4)
    assert states(told) == "D" * 11 + "----D" * 2


def test_a_person_without_a_track_is_detected_until_the_picture_is_as_before() -> None:
    faint = [(100.0, 0.3)] * 3 + [(100.0, 0.9)] * 3 + [(100.0, 0.3)] * 10
    told = found(World([(0, faint)]), "Wmmmmmm.........")
    assert states(told).startswith("DDDDDDD")


@pytest.mark.parametrize(("mean", "deviation"), [(0.35, 0.06), (0.5, 0.1), (0.6, 0.15)])
@pytest.mark.parametrize("memory", [0.5, 0.9])
def test_scores_around_the_threshold_give_the_same_first_and_last_frame_as_without_a_gate(
    mean: float, deviation: float, memory: float
) -> None:
    sights = ("W" + "mmmmL" * 12)[:60] * 2
    media_us = np.arange(len(sights), dtype=np.int64) * 1_000_000 // FPS
    n_looks = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        score = mean + deviation * wavering(rng, 70, memory)
        path = [(100.0 + 8 * n, float(each)) for n, each in enumerate(np.clip(score, 0.11, 0.99))]
        world = World([(int(rng.integers(5, 40)), path)])
        every = ends([(n, world.boxes(n)) for n in range(len(sights))], media_us)
        told = found(world, sights)
        assert ends(looked_at(told), media_us) == every
        n_looks += len(world.looks)
    assert n_looks < 20 * 0.9 * len(sights)


def wavering(rng: np.random.Generator, n_frames: int, memory: float) -> FloatArray:
    """(F,) noise of deviation 1, of which each frame keeps a share of the one before."""
    noise = rng.normal(size=n_frames) * np.sqrt(1 - memory**2)
    noise[0] = rng.normal()
    for n in range(1, n_frames):
        noise[n] += memory * noise[n - 1]
    return noise


def looked_at(told: dict[int, FrameOutcome | Gap]) -> list[tuple[int, Boxes]]:
    return [
        (n, each.boxes) for n, each in sorted(told.items()) if isinstance(each, FrameOutcome) and each.boxes is not None
    ]


def ends(seen: list[tuple[int, Boxes]], media_us: Int64Array) -> list[tuple[int, int]]:
    """The first and last frame of every track."""
    frames = np.array([number for number, _ in seen])
    detections = Detections(
        frame=np.repeat(frames, [len(boxes) for _, boxes in seen]),
        xyxy=np.concatenate([boxes.xyxy for _, boxes in seen]),
        score=np.concatenate([boxes.score for _, boxes in seen]),
        class_index=np.concatenate([boxes.class_index for _, boxes in seen]),
    )
    track = associate(detections, frames, media_us[frames], tracker_for=ByteTrack, n_classes=1)
    rows = [detections.frame[track == number] for number in range(track.max(initial=-1) + 1)]
    return [(int(each[0]), int(each[-1])) for each in rows]


def test_a_fading_person_is_followed_to_the_last_detection() -> None:
    fading = walk(4) + [(132 + 8 * n, 0.15) for n in range(4)]
    told = found(World([(0, fading)]), "W" + "mmmmL" * 3)
    assert states(told)[7:9] == "DD"
    assert len(told[7].boxes) == 1  # type: ignore[union-attr, arg-type]


@pytest.mark.parametrize("first", range(5, 13))
def test_a_person_whose_score_dips_at_both_sampled_frames_is_found(first: int) -> None:
    """As measured on people who step into the picture: 0.43, nothing, 0.14, and then all of them."""
    dips = [0.43, 0.0, 0.14, 0.92, 0.73] + [0.9] * 8
    entering = [(first + n, [(100.0 + 8 * n, score)]) for n, score in enumerate(dips) if score]
    leaving = [(40 - first - n, [(100.0 + 8 * n, score)]) for n, score in enumerate(dips) if score]
    for world in (World(entering), World(leaving)):
        told = found(world, "W" + "mmmmL" * 8)
        seen = [n for n, each in told.items() if isinstance(each, FrameOutcome) and each.boxes is not None]
        shown = [n for n in seen if len(told[n].boxes)]  # type: ignore[union-attr, arg-type]
        expected = [n for n, _ in world.people]
        assert (min(shown), max(shown)) == (min(expected), max(expected))
        assert len(seen) < 24


@pytest.mark.parametrize("border", range(12, 20))
def test_a_score_that_dips_at_the_border_of_a_window_hides_no_first_or_last_frame(border: int) -> None:
    """A detection too weak to follow in a window's first or last frame may be a person in the next frames."""
    dips = [0.43, 0.0, 0.14, 0.92, 0.73] + [0.9] * 8
    entering = [(12 + n, [(100.0 + 8 * n, score)]) for n, score in enumerate(dips) if score]
    leaving = [(19 - n, [(100.0 + 8 * n, score)]) for n, score in enumerate(dips) if score]
    sights = ["W"] + ["L" if n % 5 == 0 else "m" for n in range(1, 40)]
    sights[border] = "W"
    for world in (World(entering), World(leaving)):
        told = found(world, "".join(sights))
        seen = [n for n, each in told.items() if isinstance(each, FrameOutcome) and each.boxes is not None]
        shown = [n for n in seen if len(told[n].boxes)]  # type: ignore[union-attr, arg-type]
        expected = [n for n, _ in world.people]
        assert abs(min(shown) - min(expected)) <= 2
        assert abs(max(shown) - max(expected)) <= 2


@pytest.mark.parametrize("first", range(31, 59, 3))
def test_a_person_who_ran_in_and_stopped_is_one_track(first: int) -> None:
    """Frames half a second apart show them in one place, while their speed would predict a place far away."""
    run, stand = 12, 120
    path = [(100.0 + 5 * min(n, run), 0.9) for n in range(run + stand)]
    sights = "W" + ("m" * 29 + "L") * 6
    media_us = np.arange(len(sights), dtype=np.int64) * 1_000_000 // 60
    world = World([(first, path)])
    told = [
        each
        for each in refine(items(sights), world.look, media_us=media_us, rules=RULES)
        if isinstance(each, FrameOutcome) and each.boxes is not None
    ]
    tracker = ByteTrack(DEFAULT_TRACK_PARAMETERS)
    numbers = [
        tracker.update(each.boxes.xyxy, each.boxes.score, int(media_us[each.gate_result.number]))  # type: ignore[union-attr]
        for each in told
    ]
    assert len(told) < 40
    assert set(np.concatenate(numbers).tolist()) == {0}


def test_faint_detections_that_come_and_go_cause_no_extra_detection() -> None:
    flicker = [(n, [(300.0, 0.2)]) for n in range(2, 16, 2)]
    world = World([(0, walk(16)), *flicker])
    assert states(found(world, "W" + "mmmmL" * 3)) == "D" + "----D" * 3


def test_where_two_people_cross_every_frame_is_detected() -> None:
    crossing = World([(0, walk(11, x=100, step=12)), (0, walk(11, x=220, step=-12))])
    told = states(found(crossing, "W" + "mmmmL" * 2))
    assert told == "DDDDDDDD--D"


def test_a_long_gap_between_detected_frames_is_halved() -> None:
    world = World([(30, walk(31))])
    told = states(found(world, "W" + "m" * 59 + "L"))
    assert told[29:31] == "DD"
    assert told.count("D") < 16


def test_the_last_frames_of_a_window_are_detected_from_the_end() -> None:
    told = states(found(World([(3, walk(10))]), "W" + "mmm" + "W" + "...."))
    assert told == "DDDDDcccc"


def test_no_state_passes_from_one_window_to_the_next() -> None:
    world = World([(0, walk(12))])
    alone = World([(0, walk(12))])
    whole = found(world, "Wmmmm" + "W" + "mmmmL")
    second = [each for each in items("Wmmmm" + "W" + "mmmmL") if number_of(each) >= 5]
    media_us = np.arange(11, dtype=np.int64) * 1_000_000 // FPS
    told = {f.gate_result.number: f.state for f in refine(second, alone.look, media_us=media_us, rules=RULES)}  # type: ignore[union-attr]
    assert told == {n: whole[n].state for n in range(5, 11)}  # type: ignore[union-attr]


def number_of(each: Frame | GateResult | Gap) -> int:
    return each.number


def test_gaps_stay_gaps_and_frames_around_them_are_still_decided() -> None:
    assert states(found(World([(0, walk(11))]), "W" + "mmmmL" * 2, gaps=(3, 7))) == "D--x-D-x--D"
    assert states(found(World([(2, walk(9))]), "W" + "mmmmL" * 2, gaps=(1, 2))) == "DxxDDD----D"


def test_waiting_frames_keep_their_own_pixels() -> None:
    shown = []
    memory = np.zeros((1, 1, 3), dtype=np.uint8)

    def reused():
        for each in items("W" + "mmmmL"):
            memory[:] = each.number
            yield Frame(each.number, 0, memory, 640, 360, each.gate_result)  # type: ignore[union-attr]

    def look(frame: Frame) -> Boxes:
        shown.append((frame.number, int(frame.rgb[0, 0, 0])))
        return World([(3, walk(3))]).boxes(frame.number)

    media_us = np.arange(6, dtype=np.int64) * 1_000_000 // FPS
    assert len(list(refine(reused(), look, media_us=media_us, rules=RULES))) == 6
    assert len(shown) == 6
    assert all(number == value for number, value in shown)
