"""The comparisons: contenders, footage, and checks of the results."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

from scripts.measure.bench.contenders import (
    run_decoding,
    run_forensics_again,
    run_forensics_scan,
    run_network,
    run_on_every_core,
    run_yolo_track,
)
from scripts.measure.bench.footage import count_frames, excerpt, write_loop, write_mostly_still
from scripts.measure.bench.measurement import Measurement
from scripts.measure.bench.report import DECODING, NETWORK

__all__ = ["COMPARISONS", "PEER", "BenchFiles", "Comparison"]

PEER: Final = "YOLO.track"
RECTANGULAR: Final = {"detect.rectangular": "true"}
GATED: Final = {"detect.gate": "motion", "detect.classes": "person"}
_ACTION: Final = (50, 200)


@dataclass(frozen=True, slots=True)
class BenchFiles:
    """Inputs of a comparison, and its scratch folder.

    Attributes:
        shared: folder of models and footage.
        model: of the detector.
        scratch: an empty folder.
        is_short: whether to use only a small part of the footage.
    """

    shared: Path
    model: Path
    scratch: Path
    is_short: bool

    def clip(self, name: str) -> Path:
        """Return the path of a shared clip."""
        return self.shared / "footage" / name

    def new_path(self, name: str) -> Path:
        """Return a path in the scratch folder that does not exist yet."""
        number = len(list(self.scratch.glob(f"{name}-*")))
        return self.scratch / f"{name}-{number}"


Run = Callable[[], Measurement]


@dataclass(slots=True)
class Comparison:
    """Contenders that alternate on the same footage.

    Attributes:
        title: of the comparison.
        contenders: by name, in the order in which they run; ratios are relative to the first.
        check: returns further facts of a round, from its measurements.
    """

    title: str
    contenders: dict[str, Run]
    check: Callable[[dict[str, Measurement]], dict[str, Any]] = field(default=lambda _: {})


def every_frame(files: BenchFiles) -> Comparison:
    """Compare detection on every frame with YOLO.track and with the limit of this machine."""
    name = "one-by-one-person-detection.mp4"
    source = files.clip(name)
    # long enough that the constant cost per evidence is negligible
    clip = (
        excerpt(source, 25, files.scratch)
        if files.is_short
        else write_loop(source, 180, files.scratch / "every-frame.mp4")
    )
    n_frames, n_loop = count_frames(clip), count_frames(source)
    most = 0 if files.is_short else 400
    # both workers must get the same number of chunks of a short clip
    settings = {"chunk.seconds": 2} if files.is_short else {}
    contenders: dict[str, Run] = {
        PEER: lambda: run_yolo_track(clip, files.model, most=min(n_frames, n_loop) - 1),
        "forensics scan": lambda: run_forensics_scan(clip, files.model, files.new_path("every"), settings, n_frames),
        "forensics scan, rectangular": lambda: run_forensics_scan(
            clip, files.model, files.new_path("wide"), {**settings, **RECTANGULAR}, n_frames
        ),
        "YOLO.track, vid_stride=5": lambda: run_yolo_track(
            clip, files.model, stride=5, most=min(n_frames, n_loop) // 5 - 1
        ),
        DECODING: lambda: run_on_every_core(lambda: run_decoding(clip)),
        NETWORK: lambda: run_on_every_core(lambda: run_network(files.model, "ONE_THREAD", "f32", most or 100)),
    }
    if most:
        for hint in ("LATENCY", "THROUGHPUT"):
            contenders[f"network, {hint.lower()}, f32"] = lambda hint=hint: run_network(files.model, hint, "f32", most)  # type: ignore[misc]
            contenders[f"network, {hint.lower()}"] = lambda hint=hint: run_network(files.model, hint, "default", most)  # type: ignore[misc]
    return Comparison(f"every frame of {name}, {n_frames} frames", contenders)


def gate_on_people(files: BenchFiles) -> Comparison:
    """Measure the gate on six people, one after the other, in a loop of twenty minutes; 3 of 4 frames show motion."""
    source = files.clip("one-by-one-person-detection.mp4")
    n_loop = count_frames(source)
    clip = source if files.is_short else write_loop(source, 1200, files.scratch / "loop.mp4")
    n_frames = count_frames(clip)
    settings = {**GATED, "gate.audit_frames": 30} if files.is_short else GATED
    references: dict[str, list[tuple[int, int]]] = {}

    def compare(name: str, shape: Mapping[str, str]) -> dict[str, Any]:
        """Compare the tracks of every loop with detection on every frame of one loop."""
        if name not in references:
            case = files.new_path("reference")
            run_forensics_scan(source, files.model, case, {"detect.classes": "person", **shape}, n_loop)
            references[name] = _people(case)
        case = max(files.scratch.glob(f"{name}-*"), key=lambda each: each.stat().st_mtime)
        return _compare_people(_people(case), references[name], n_loop, n_frames // n_loop)

    def check(measured: dict[str, Measurement]) -> dict[str, Any]:
        people = {"square input": compare("gate", {})}
        if not files.is_short:
            people["rectangular input"] = compare("wide", RECTANGULAR)
        return {"people": people, **_spot_check_facts(measured)}

    contenders: dict[str, Run] = {
        PEER: lambda: run_yolo_track(clip, files.model, most=400 if files.is_short else n_loop - 1),
        "forensics scan, gate": lambda: run_forensics_scan(
            clip, files.model, files.new_path("gate"), settings, n_frames
        ),
    }
    if not files.is_short:
        contenders |= {
            "forensics scan, gate, rectangular": lambda: run_forensics_scan(
                clip, files.model, files.new_path("wide"), {**settings, **RECTANGULAR}, n_frames
            ),
            "YOLO.track, vid_stride=5": lambda: run_yolo_track(clip, files.model, stride=5, most=n_loop // 5 - 1),
        }
    return Comparison(f"{source.name}, {n_frames} frames, with the gate", contenders, check)


def gate_on_stillness(files: BenchFiles) -> Comparison:
    """Measure the gate on twenty minutes of footage of which nine tenths are still."""
    clip = write_mostly_still(
        files.clip("one-by-one-person-detection.mp4"), 1200, files.scratch / "still.mp4", action=_ACTION, every_s=150
    )
    n_frames = count_frames(clip)
    return Comparison(
        f"{n_frames} frames of which nine tenths are still, with the gate",
        {
            PEER: lambda: run_yolo_track(clip, files.model, most=1000),
            "forensics scan, gate": lambda: run_forensics_scan(
                clip, files.model, files.new_path("still"), GATED, n_frames
            ),
        },
        _spot_check_facts,
    )


def gate_on_a_crowd(files: BenchFiles) -> Comparison:
    """Measure the cost of the gate on a crowd in permanent motion, where it can skip nothing."""
    clip = write_loop(files.clip("walking.mp4"), 120, files.scratch / "crowd.mp4")
    n_frames = count_frames(clip)
    case = {"detect.classes": "person"}
    return Comparison(
        f"walking.mp4, {n_frames} frames of a crowd",
        {
            "forensics scan": lambda: run_forensics_scan(clip, files.model, files.new_path("open"), case, n_frames),
            "forensics scan, gate": lambda: run_forensics_scan(
                clip, files.model, files.new_path("crowd"), GATED, n_frames
            ),
        },
        _spot_check_facts,
    )


def whole_process(files: BenchFiles, name: str) -> Comparison:
    """Compare whole processes on a short clip: what a person waits for, start-up and tables included."""
    clip = files.clip(name)
    n_frames = count_frames(clip)
    return Comparison(
        f"whole process, {name}, {n_frames} frames",
        {
            PEER: lambda: run_yolo_track(clip, files.model, most=n_frames - 1).as_whole,
            "forensics scan": lambda: (
                run_forensics_scan(clip, files.model, files.new_path("whole"), {}, n_frames).as_whole
            ),
            "forensics run, nothing to do": lambda: (
                run_forensics_again(
                    max(files.scratch.glob("whole-*"), key=lambda each: each.stat().st_mtime), n_frames
                ).as_whole
            ),
        },
    )


COMPARISONS: Final[dict[str, Callable[[BenchFiles], Comparison]]] = {
    "every": every_frame,
    "whole": lambda files: whole_process(files, "car-detection.mp4"),
    "whole-long": lambda files: whole_process(files, "one-by-one-person-detection.mp4"),
    "people": gate_on_people,
    "still": gate_on_stillness,
    "crowd": gate_on_a_crowd,
}


def _people(case: Path) -> list[tuple[int, int]]:
    tracks = pl.read_parquet(case / "tables" / "sightings.parquet").filter(pl.col("class_name") == "person")
    rows: list[tuple[int, int]] = tracks.select("first_frame", "last_frame").sort("first_frame").rows()
    return rows


def _compare_people(
    found: list[tuple[int, int]], once: list[tuple[int, int]], n_loop: int, n_loops: int
) -> dict[str, Any]:
    """Return the number of people found and expected, and the largest error of their first and last frames."""
    expected = [(first + k * n_loop, last + k * n_loop) for k in range(n_loops) for first, last in once]
    off = [min(max(abs(a - c), abs(b - d)) for c, d in found) if found else n_loop for a, b in expected]
    return {"found": len(found), "expected": len(expected), "ends_off_by_at_most_frames": max(off)}


def _spot_check_facts(measured: dict[str, Measurement]) -> dict[str, Any]:
    audits = [each.facts.get("audit") for each in measured.values()]
    return {"audit": next(audit for audit in audits if audit)}
