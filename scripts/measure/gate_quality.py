"""Count the people that are found and lost with the motion gate on, compared with detection on every frame.

    scripts/evaluate-gate CLIP...                         with the model that the bench uses
    scripts/evaluate-gate ../shared/footage/*.mp4 --write docs/gate.md

Each clip is run four times, which takes a minute for 600 frames on two cores. The spot check covers every skipped
frame, so the last column is a count and not an estimate.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from scripts.measure.bench.contenders import run_forensics_scan
from scripts.measure.bench.footage import count_frames
from scripts.measure.generated_sections import put_tables

_SHARED = Path(__file__).resolve().parents[3] / "shared"
_PEOPLE = {"detect.classes": "person"}
_GATED = {**_PEOPLE, "detect.gate": "motion", "gate.audit_share": 1}
_HEAD = """\
| clip, input | frames | detected | people | changed ends | skipped with a missed person |
|---|---|---|---|---|---|"""


@dataclass(frozen=True, slots=True)
class ClipCounts:
    """Counts of one clip.

    Attributes:
        name: of the clip, with the shape of the network's input.
        n_frames: of the clip.
        n_detected: frames that the detector processed with the gate on.
        n_people: tracks of people with detection on every frame.
        n_changed: these tracks if they start or end in another frame, or are missing, with the gate on.
        n_missed: skipped frames that show a person who is in no track.
    """

    name: str
    n_frames: int
    n_detected: int
    n_people: int
    n_changed: int
    n_missed: int

    def __str__(self) -> str:
        share = f"{self.n_detected} ({self.n_detected / self.n_frames:.0%})"
        return f"| {self.name} | {self.n_frames} | {share} | {self.n_people} | {self.n_changed} | {self.n_missed} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/evaluate-gate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIP", help="footage")
    parser.add_argument("--model", type=Path, default=_SHARED / "models/yolo11n_int8_openvino_model", help="detector")
    parser.add_argument("--write", type=Path, metavar="PAGE.md", help="replace the table between the marks of the page")
    arguments = parser.parse_args()
    lines = [_HEAD]
    print(_HEAD)
    for counts in _measure_clips(arguments.clips, arguments.model):
        lines.append(str(counts))
        print(counts, flush=True)
    if arguments.write is not None:
        put_tables(arguments.write, "\n".join(lines))


def _measure_clips(clips: list[Path], model: Path) -> Iterator[ClipCounts]:
    for clip in clips:
        for shape in ("square", "rectangular"):
            settings = {"detect.rectangular": str(shape == "rectangular").lower()}
            with tempfile.TemporaryDirectory() as folder:
                yield _measure_clip(clip, model, Path(folder), shape, settings)


def _measure_clip(clip: Path, model: Path, scratch: Path, shape: str, settings: dict[str, str]) -> ClipCounts:
    n_frames = count_frames(clip)
    every, gated = scratch / "every", scratch / "gated"
    run_forensics_scan(clip, model, every, {**_PEOPLE, **settings}, n_frames)
    audit = run_forensics_scan(clip, model, gated, {**_GATED, **settings}, n_frames).facts["audit"]
    people, again = _track_ends(every), _track_ends(gated)
    return ClipCounts(
        name=f"{clip.name}, {shape}",
        n_frames=n_frames,
        n_detected=n_frames - audit["frames_passed_over"],
        n_people=len(people),
        n_changed=len(people) - _n_shared(people, again),
        n_missed=audit["frames_with_a_miss"],
    )


def _track_ends(case: Path) -> list[tuple[int, int]]:
    """Return (first frame, last frame) of every track."""
    rows: list[tuple[int, int]] = (
        pl.read_parquet(case / "tables" / "sightings.parquet").select("first_frame", "last_frame").rows()
    )
    return rows


def _n_shared(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> int:
    """Return how many of one list are also in the other, each used once."""
    return sum(min(some.count(each), others.count(each)) for each in set(some))


if __name__ == "__main__":
    main()
