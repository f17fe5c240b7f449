"""Which contenders are compared on which footage, and what must come out the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

from scripts.measure.bench.contenders import decoding, network, on_every_core, ours, yolo_track
from scripts.measure.bench.footage import excerpt, looped, mostly_still, n_frames_in
from scripts.measure.bench.measurement import Measured
from scripts.measure.bench.report import DECODING, NETWORK

__all__ = ["COMPARISONS", "PEER", "Comparison", "Place"]

PEER: Final = "YOLO.track"
RECTANGULAR: Final = {"detect.rectangular": "true"}
GATED: Final = {"detect.gate": "motion", "detect.classes": "person"}
_ACTION: Final = (50, 200)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a comparison works, and on what.

    Attributes:
        shared: the folder of models and footage.
        model: what looks at every frame.
        scratch: an empty folder.
        is_short: whether a small part of the footage must do.
    """

    shared: Path
    model: Path
    scratch: Path
    is_short: bool

    def clip(self, name: str) -> Path:
        """One of the shared clips."""
        return self.shared / "footage" / name

    def fresh(self, name: str) -> Path:
        """A path in the scratch folder that is not there yet."""
        number = len(list(self.scratch.glob(f"{name}-*")))
        return self.scratch / f"{name}-{number}"


Run = Callable[[], Measured]


@dataclass(slots=True)
class Comparison:
    """What runs in turn on one piece of footage.

    Attributes:
        title: what it shows.
        contenders: by name, in the order in which they run; the first is what the others are held against.
        check: what else is to be told of a round, by the measured contenders.
    """

    title: str
    contenders: dict[str, Run]
    check: Callable[[dict[str, Measured]], dict[str, Any]] = field(default=lambda _: {})


def every_frame(place: Place) -> Comparison:
    """Every frame is looked at: ours against the peer and against the limit of this machine."""
    name = "one-by-one-person-detection.mp4"
    source = place.clip(name)
    # long enough that what is done once for each evidence does not count
    clip = (
        excerpt(source, 25, place.scratch) if place.is_short else looped(source, 180, place.scratch / "every-frame.mp4")
    )
    n_frames, n_loop = n_frames_in(clip), n_frames_in(source)
    most = 0 if place.is_short else 400
    # of a short clip neither worker must have a chunk more than the other
    settings = {"chunk.seconds": 2} if place.is_short else {}
    contenders: dict[str, Run] = {
        PEER: lambda: yolo_track(clip, place.model, most=min(n_frames, n_loop) - 1),
        "forensics scan": lambda: ours(clip, place.model, place.fresh("every"), settings, n_frames),
        "forensics scan, rectangular": lambda: ours(
            clip, place.model, place.fresh("wide"), {**settings, **RECTANGULAR}, n_frames
        ),
        "YOLO.track, vid_stride=5": lambda: yolo_track(
            clip, place.model, stride=5, most=min(n_frames, n_loop) // 5 - 1
        ),
        DECODING: lambda: on_every_core(lambda: decoding(clip)),
        NETWORK: lambda: on_every_core(lambda: network(place.model, "ONE_THREAD", "f32", most or 100)),
    }
    if most:
        for hint in ("LATENCY", "THROUGHPUT"):
            contenders[f"network, {hint.lower()}, f32"] = lambda hint=hint: network(place.model, hint, "f32", most)  # type: ignore[misc]
            contenders[f"network, {hint.lower()}"] = lambda hint=hint: network(place.model, hint, "default", most)  # type: ignore[misc]
    return Comparison(f"every frame of {name}, {n_frames} of them", contenders)


def gate_on_people(place: Place) -> Comparison:
    """Six people, one after the other, in a loop of twenty minutes; somebody moves in three quarters of the frames."""
    source = place.clip("one-by-one-person-detection.mp4")
    n_loop = n_frames_in(source)
    clip = source if place.is_short else looped(source, 1200, place.scratch / "loop.mp4")
    n_frames = n_frames_in(clip)
    settings = {**GATED, "gate.audit_frames": 30} if place.is_short else GATED
    everybody: dict[str, list[tuple[int, int]]] = {}

    def compared(name: str, wide: Mapping[str, str]) -> dict[str, Any]:
        """The same people in every loop as where every frame of one loop is looked at with the same input."""
        if name not in everybody:
            case = place.fresh("reference")
            ours(source, place.model, case, {"detect.classes": "person", **wide}, n_loop)
            everybody[name] = _people(case)
        case = max(place.scratch.glob(f"{name}-*"), key=lambda each: each.stat().st_mtime)
        return _compared(_people(case), everybody[name], n_loop, n_frames // n_loop)

    def check(measured: dict[str, Measured]) -> dict[str, Any]:
        people = {"square input": compared("gate", {})}
        if not place.is_short:
            people["rectangular input"] = compared("wide", RECTANGULAR)
        return {"people": people, **_audited(measured)}

    contenders: dict[str, Run] = {
        PEER: lambda: yolo_track(clip, place.model, most=400 if place.is_short else n_loop - 1),
        "forensics scan, gate": lambda: ours(clip, place.model, place.fresh("gate"), settings, n_frames),
    }
    if not place.is_short:
        contenders |= {
            "forensics scan, gate, rectangular": lambda: ours(
                clip, place.model, place.fresh("wide"), {**settings, **RECTANGULAR}, n_frames
            ),
            "YOLO.track, vid_stride=5": lambda: yolo_track(clip, place.model, stride=5, most=n_loop // 5 - 1),
        }
    return Comparison(f"{source.name}, {n_frames} frames, behind the gate", contenders, check)


def gate_on_stillness(place: Place) -> Comparison:
    """Twenty minutes of which nine tenths are still."""
    clip = mostly_still(
        place.clip("one-by-one-person-detection.mp4"), 1200, place.scratch / "still.mp4", action=_ACTION, every_s=150
    )
    n_frames = n_frames_in(clip)
    return Comparison(
        f"{n_frames} frames of which nine tenths are still, behind the gate",
        {
            PEER: lambda: yolo_track(clip, place.model, most=1000),
            "forensics scan, gate": lambda: ours(clip, place.model, place.fresh("still"), GATED, n_frames),
        },
        _audited,
    )


def gate_on_a_crowd(place: Place) -> Comparison:
    """A crowd that is never still: what the gate costs where it can spare nothing."""
    clip = looped(place.clip("walking.mp4"), 120, place.scratch / "crowd.mp4")
    n_frames = n_frames_in(clip)
    case = {"detect.classes": "person"}
    return Comparison(
        f"walking.mp4, {n_frames} frames of a crowd",
        {
            "forensics scan": lambda: ours(clip, place.model, place.fresh("open"), case, n_frames),
            "forensics scan, gate": lambda: ours(clip, place.model, place.fresh("crowd"), GATED, n_frames),
        },
        _audited,
    )


COMPARISONS: Final[dict[str, Callable[[Place], Comparison]]] = {
    "every": every_frame,
    "people": gate_on_people,
    "still": gate_on_stillness,
    "crowd": gate_on_a_crowd,
}


def _people(case: Path) -> list[tuple[int, int]]:
    tracks = pl.read_parquet(case / "tables" / "tracks" / "*.parquet").filter(pl.col("class_name") == "person")
    rows: list[tuple[int, int]] = tracks.select("first_frame", "last_frame").sort("first_frame").rows()
    return rows


def _compared(found: list[tuple[int, int]], once: list[tuple[int, int]], n_loop: int, n_loops: int) -> dict[str, Any]:
    """How many of the people of every loop were found, and how far their first and last frames are off."""
    expected = [(first + k * n_loop, last + k * n_loop) for k in range(n_loops) for first, last in once]
    off = [min(max(abs(a - c), abs(b - d)) for c, d in found) if found else n_loop for a, b in expected]
    return {"found": len(found), "expected": len(expected), "ends_off_by_at_most_frames": max(off)}


def _audited(measured: dict[str, Measured]) -> dict[str, Any]:
    audits = [each.facts.get("audit") for each in measured.values()]
    return {"audit": next(audit for audit in audits if audit)}
