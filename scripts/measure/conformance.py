"""Measure on painted clips whether every frame is the one it says to be, reader by reader.

    scripts/conformance            print the table
    scripts/conformance --write    and keep it in docs/frames.md and docs/validation/frames.json

The exit code is 1 where any frame was wrong.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from forensics.adapters.video.pyav_reader import open_reader
from forensics.errors import UnreadableFootage
from scripts.measure.campaign import Campaign, Outcome, Tried
from testing.painted import KINDS, Kind
from testing.painted.measure import MODES, Child, Count, index_kind, measure_all, measure_decord

DOCS = Path(__file__).resolve().parents[2] / "docs"
HEADINGS = ("kind", "holds", "painted", "indexed", "reader", *MODES, "remark")
EXPLANATION = """\
# Which frames are exact

Every clip below carries each frame's number in its pixels. `scripts/conformance` builds the clips, indexes them,
reads them with every reader (all frames in order, single frames in shuffled order, ranges from keyframes and from
arbitrary frames) and compares the number seen with the number that the index puts there. Counts read
*wrong / gaps / asked for*. Wrong must be 0 everywhere. A gap is a frame that was not handed out, with a reason that
`coverage` shows; only files that lost bytes, or whose frames have no address of their own, have any. decord reads a
file only where it was proven on that very file; otherwise the remark says why it was refused.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """What one reader did with one kind; no counts where it was refused."""

    kind: Kind
    n_indexed: int
    reader: str
    counts: dict[str, Count]
    remark: str

    @property
    def n_wrong(self) -> int:
        return sum(len(count.wrong) for count in self.counts.values())

    def cells(self) -> tuple[str, ...]:
        counts = [_words(self.counts[mode]) if mode in self.counts else "-" for mode in MODES]
        indexed = str(self.n_indexed)
        return (self.kind.name, self.kind.holds, str(self.kind.n_frames), indexed, self.reader, *counts, self.remark)


def main() -> int:
    arguments = _arguments()
    child, campaign = Child(), Campaign("frames", "scripts/conformance", 0)
    with TemporaryDirectory() as folder:
        rows = [row for kind in KINDS for row in _measured(kind, Path(folder), child)]
    child.close()
    print(_aligned(rows))
    for row in rows:
        campaign.add(_tried(row))
    if arguments.write:
        (DOCS / "frames.md").write_text(_markdown(rows), encoding="utf-8")
        campaign.write(DOCS / "validation" / "frames.json")
    return campaign.exit_code()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="also keep the table as Markdown, and the cases")
    return parser.parse_args()


def _measured(kind: Kind, folder: Path, child: Child) -> Iterator[Row]:
    """One row for the reference reader, one for decord."""
    print(kind.name, file=sys.stderr)
    try:
        indexed = index_kind(kind, kind.build(folder))
    except UnreadableFootage as error:
        yield Row(kind, 0, "none", {}, f"{error.reason}: {error.detail}")
        return
    n_indexed = indexed.index.n_frames
    remarks = (indexed.reader_reason if indexed.working_copy_sha256 else "", indexed.shortfall)
    counts = measure_all(kind, indexed, open_reader)
    yield Row(kind, n_indexed, "pyav", counts, "; ".join(remark for remark in remarks if remark))
    outcome = child.call(measure_decord, kind, indexed)
    is_refused = isinstance(outcome, str)
    yield Row(
        kind, n_indexed, "decord", {} if is_refused else outcome, f"refused: {outcome}" if is_refused else "proven"
    )


def _tried(row: Row) -> Tried:
    """What became of one kind with one reader: what is refused, whole or for one reader, has its reason."""
    is_refused = not row.counts
    outcome = Outcome.FAILED if row.n_wrong else Outcome.REJECTED if is_refused else Outcome.SURVIVED
    wrong = f"{row.n_wrong} wrong frames" if row.n_wrong else ""
    return Tried(
        f"{row.kind.name} {row.reader}",
        f"a frame that is handed out is the one it says to be: {row.reader}",
        "every frame, in order, shuffled and from keyframes on, shows the number that the index puts there",
        outcome,
        wrong or (row.remark.removeprefix("refused: ") if is_refused else ""),
    )


def _words(count: Count) -> str:
    return f"{len(count.wrong)} / {len(count.gaps)} / {count.n_read}"


def _aligned(rows: list[Row]) -> str:
    table = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in table]
    return "\n".join(line.rstrip() for line in lines)


def _markdown(rows: list[Row]) -> str:
    lines = [HEADINGS, ("---",) * len(HEADINGS), *(row.cells() for row in rows)]
    table = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
    return f"{EXPLANATION}\n{table}\n"


if __name__ == "__main__":
    raise SystemExit(main())
