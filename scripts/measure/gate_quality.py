"""Whom the gate finds, and whom it loses: the same footage with the gate and without it.

scripts/evaluate-gate CLIP...                         with the model that the bench uses
scripts/evaluate-gate ../shared/footage/*.mp4 --write docs/gate.md

Each clip is run four times, a minute for 600 frames on two cores. Every frame that the gate passed over is looked at
afterwards, so the last column is a count and no estimate.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from scripts.measure.bench.contenders import ours
from scripts.measure.bench.footage import n_frames_in
from scripts.measure.generated_sections import put_tables

_SHARED = Path(__file__).resolve().parents[3] / "shared"
_PEOPLE = {"detect.classes": "person"}
_GATED = {**_PEOPLE, "detect.gate": "motion", "gate.audit_share": 1}
_HEAD = """\
| clip, input | frames | looked at | people | with other ends | passed over with somebody missed |
|---|---|---|---|---|---|"""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one clip.

    Attributes:
        name: of the clip, and the shape of the network's input.
        n_frames: of the clip.
        n_looks: frames looked at behind the gate.
        n_people: tracks of people where every frame is looked at.
        n_other: those of them that begin or end in another frame behind the gate, or are not there.
        n_missed: frames passed over with somebody whom no track holds.
    """

    name: str
    n_frames: int
    n_looks: int
    n_people: int
    n_other: int
    n_missed: int

    def __str__(self) -> str:
        share = f"{self.n_looks} ({self.n_looks / self.n_frames:.0%})"
        return f"| {self.name} | {self.n_frames} | {share} | {self.n_people} | {self.n_other} | {self.n_missed} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/evaluate-gate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIP")
    parser.add_argument("--model", type=Path, default=_SHARED / "models" / "yolo11n_int8_openvino_model")
    parser.add_argument("--write", type=Path, metavar="PAGE.md", help="put the table between the page's marks")
    asked = parser.parse_args()
    lines = [_HEAD]
    print(_HEAD)
    for found in _found(asked.clips, asked.model):
        lines.append(str(found))
        print(found, flush=True)
    if asked.write is not None:
        put_tables(asked.write, "\n".join(lines))


def _found(clips: list[Path], model: Path) -> Iterator[Found]:
    for clip in clips:
        for shape in ("square", "rectangular"):
            settings = {"detect.rectangular": str(shape == "rectangular").lower()}
            with tempfile.TemporaryDirectory() as folder:
                yield _one(clip, model, Path(folder), shape, settings)


def _one(clip: Path, model: Path, scratch: Path, shape: str, settings: dict[str, str]) -> Found:
    n_frames = n_frames_in(clip)
    every, gated = scratch / "every", scratch / "gated"
    ours(clip, model, every, {**_PEOPLE, **settings}, n_frames)
    audit = ours(clip, model, gated, {**_GATED, **settings}, n_frames).facts["audit"]
    people, again = _ends(every), _ends(gated)
    return Found(
        name=f"{clip.name}, {shape}",
        n_frames=n_frames,
        n_looks=n_frames - audit["frames_passed_over"],
        n_people=len(people),
        n_other=len(people) - _n_shared(people, again),
        n_missed=audit["frames_with_a_miss"],
    )


def _ends(case: Path) -> list[tuple[int, int]]:
    """First and last frame of every track."""
    rows: list[tuple[int, int]] = (
        pl.read_parquet(case / "tables" / "tracks" / "*.parquet").select("first_frame", "last_frame").rows()
    )
    return rows


def _n_shared(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> int:
    """How many of the one are among the other, each counted once."""
    return sum(min(some.count(each), others.count(each)) for each in set(some))


if __name__ == "__main__":
    main()
