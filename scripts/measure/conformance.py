"""Check on painted clips that every reader returns every frame under its own number.

    scripts/conformance                        the kinds of file in the table, then 300 random healthy files
    scripts/conformance --random 1000          more of them
    scripts/conformance --seed 4711 --random 1 one of them again, by the seed that a failure prints
    scripts/conformance --write                write the results to docs/frames.md and docs/validation/frames.json

The exit code is 1 if any frame was wrong, or if any frame of a random file is missing.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from forensics.adapters.video.reading.pyav_reader import open_reader
from forensics.errors import UnreadableFootage
from scripts.measure.campaign import Campaign, CaseResult, Outcome
from scripts.measure.generated_sections import put_tables
from testing.painted import KINDS, Kind
from testing.painted.check import differences
from testing.painted.measure import MODES, Child, Count, index_kind, measure_all, measure_decord
from testing.painted.random_files import RandomFile, decode_with_ffmpeg
from testing.painted.recorders import RECORDED, Recorded

DOCS = Path(__file__).resolve().parents[2] / "docs"
HEADINGS = ("kind", "holds", "painted", "indexed", "reader", *MODES, "remark")
RECORDED_EXPLANATION = """\
## Files as recorders and people make them

Every frame is read in the order of the recording, and at its time. *Sections* are parts with a clock of their own:
where the clock of a file jumps back, a new section begins, media time goes on, and UTC is unknown until
`forensics case clock CASE gate --section EVIDENCE#2 --start TIME` states it.

| file | frames | sections | outcome |
| --- | --- | --- | --- |
"""
RANDOM_EXPLANATION = """\
## Random files

`scripts/conformance` also makes {n_files} healthy files with random encoder settings (seeds {first} to {last}):
references, B-frames, pyramids, open groups, intra refresh, interlacing, slices, frame rates. Each is read in order,
frame by frame and in ranges. Every picture is compared with what the ffmpeg command line decodes, and every time with
a formula.

{table}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """Counts of one reader on one kind of file; no counts if the reader or the file was refused."""

    kind: Kind
    n_indexed: int
    reader: str
    counts: dict[str, Count]
    remark: str

    @property
    def n_wrong(self) -> int:
        return sum(len(count.wrong) for count in self.counts.values())

    def cells(self) -> tuple[str, ...]:
        counts = [_counts_text(self.counts[mode]) if mode in self.counts else "-" for mode in MODES]
        indexed = str(self.n_indexed)
        return (self.kind.name, self.kind.holds, str(self.kind.n_frames), indexed, self.reader, *counts, self.remark)


def main() -> int:
    arguments = _arguments()
    child, campaign = Child(), Campaign("frames", "scripts/conformance", 0)
    with TemporaryDirectory() as folder:
        kinds = KINDS if arguments.seed == 0 else ()
        rows = [row for kind in kinds for row in _measure(kind, Path(folder), child)]
    child.close()
    if rows:
        print(_aligned_text(rows))
    for row in rows:
        campaign.add(_case_result(row))
    for recorded in RECORDED if arguments.seed == 0 else ():
        campaign.add(_recorded_result(recorded))
    files = [RandomFile.of(seed) for seed in range(arguments.seed, arguments.seed + arguments.random)]
    for made in files:
        campaign.add(_random_result(made))
    if arguments.write:
        tables = _markdown(rows), _recorded_markdown(campaign), _random_markdown(files, campaign)
        put_tables(DOCS / "frames.md", "".join(tables).rstrip())
        campaign.write(DOCS / "validation" / "frames.json")
    return campaign.exit_code()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--random", type=int, default=300, metavar="N", help="number of random files")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first random file; other than 0: no table")
    parser.add_argument(
        "--write", action="store_true", help="also write the tables of docs/frames.md and docs/validation/frames.json"
    )
    return parser.parse_args()


def _measure(kind: Kind, folder: Path, child: Child) -> Iterator[Row]:
    """Yield one row for the reference reader and one for decord."""
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


def _case_result(row: Row) -> CaseResult:
    """Return the case of one kind with one reader; a refusal, of the file or of the reader, carries its reason."""
    is_refused = not row.counts
    outcome = Outcome.FAILED if row.n_wrong else Outcome.REJECTED if is_refused else Outcome.SURVIVED
    wrong = f"{row.n_wrong} wrong frames" if row.n_wrong else ""
    return CaseResult(
        f"{row.kind.name} {row.reader}",
        f"every returned frame has the right number: {row.reader}",
        "every frame, read in order, shuffled and from keyframes, shows the number that the index has for it",
        outcome,
        wrong or (row.remark.removeprefix("refused: ") if is_refused else ""),
    )


def _recorded_result(recorded: Recorded) -> CaseResult:
    """Return the case of one file as recorders and people make them."""
    with TemporaryDirectory() as folder:
        found = differences(
            recorded.build(Path(folder)),
            recorded.numbers,
            seed=0,
            times_us=recorded.media_us,
            section_starts=recorded.section_starts,
            assumed_rate=recorded.assumed_rate,
        )
    return CaseResult(
        recorded.name,
        "no healthy frame is lost, no time silently wrong: files of recorders",
        "every frame is read in the order of the recording, at its time, with the sections of its clock",
        Outcome.FAILED if found else Outcome.SURVIVED,
        "; ".join(found),
    )


def _random_result(made: RandomFile) -> CaseResult:
    """Return the case of one random file."""
    with TemporaryDirectory() as folder:
        path = made.build(Path(folder))
        decoded = decode_with_ffmpeg(path)
        found = differences(
            path,
            range(made.n_frames),
            seed=made.seed,
            pictures=None if decoded is None else list(decoded),
            times_us=made.times_us,
            assumed_rate=made.assumed_rate,
        )
    return CaseResult(
        f"random {made.seed}",
        f"no healthy frame is lost: {made.codec}",
        "every frame of a random healthy file is read, in order, alone and in ranges, as the ffmpeg command decodes it",
        Outcome.FAILED if found else Outcome.SURVIVED,
        f"{'; '.join(found)} ({made.describe()})" if found else "",
    )


def _recorded_markdown(campaign: Campaign) -> str:
    """Return the part of docs/frames.md about files as recorders and people make them."""
    outcomes = {result.name: result.outcome.value for result in campaign.results}
    lines = [
        f"| {each.name} | {len(each.numbers)} | {len(each.section_starts) + 1} | {outcomes[each.name]} |"
        for each in RECORDED
    ]
    return "\n" + RECORDED_EXPLANATION + "\n".join(lines) + "\n"


def _random_markdown(files: list[RandomFile], campaign: Campaign) -> str:
    """Return the part of docs/frames.md about random files."""
    outcomes = {result.name: result.outcome for result in campaign.results}
    tried = Counter((made.codec, made.container) for made in files)
    exact = Counter((m.codec, m.container) for m in files if outcomes[f"random {m.seed}"] is Outcome.SURVIVED)
    codecs = dict.fromkeys(sorted(codec for codec, _ in tried))
    cells = {
        codec: ", ".join(
            f"{name} {exact[codec, name]} of {tried[codec, name]}" for c, name in sorted(tried) if c == codec
        )
        for codec in codecs
    }
    table = "\n".join(
        ["| codec | exact files, by container |", "| --- | --- |", *(f"| {c} | {t} |" for c, t in cells.items())]
    )
    first, last = files[0].seed, files[-1].seed
    return "\n" + RANDOM_EXPLANATION.format(n_files=len(files), first=first, last=last, table=table)


def _counts_text(count: Count) -> str:
    return f"{len(count.wrong)} / {len(count.gaps)} / {count.n_read}"


def _aligned_text(rows: list[Row]) -> str:
    table = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in table]
    return "\n".join(line.rstrip() for line in lines)


def _markdown(rows: list[Row]) -> str:
    lines = [HEADINGS, ("---",) * len(HEADINGS), *(row.cells() for row in rows)]
    table = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
    return table + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
