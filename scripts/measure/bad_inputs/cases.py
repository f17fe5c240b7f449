"""Every bad file of the campaign, and one case of it judged in a process of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.measure.bad_inputs.bad_file import BadFile
from scripts.measure.bad_inputs.bombs import bombs
from scripts.measure.bad_inputs.changing import changing_files
from scripts.measure.bad_inputs.checked_job import CheckedFile, judge
from scripts.measure.bad_inputs.cut_and_flipped import cut_files, flipped_files, whole_files
from scripts.measure.bad_inputs.healthy import Baseline, Healthy
from scripts.measure.bad_inputs.hostile_names import hostile_names
from scripts.measure.bad_inputs.lying_headers import lying_headers
from scripts.measure.bad_inputs.lying_times import lying_times
from scripts.measure.bad_inputs.non_media import non_media, polyglots
from scripts.measure.bad_inputs.odd_pictures import odd_pictures
from scripts.measure.bad_inputs.pointing import pointing_files
from scripts.measure.campaign import Outcome, Tried

__all__ = ["Work", "all_bad", "judged_case"]

_ASSERTION = (
    "one row in sources with a verdict, and a reason unless it is ok; the right exit code; every frame in coverage, "
    "none under another's number; no hang, no lost decoder, at most 512 MiB more than healthy footage needs; "
    "the file unmodified; the rows of the healthy footage beside it unchanged"
)


@dataclass(frozen=True, slots=True)
class Work:
    """One case of the campaign; the files are told by number, because they are made where they are judged."""

    numbers: tuple[int, ...]
    seed: int
    healthy: Healthy
    baseline: Baseline
    folder: Path


def all_bad(seed: int) -> Iterator[BadFile]:
    """Every bad file, in an order that one seed fixes."""
    yield from whole_files()
    yield from cut_files()
    yield from flipped_files(seed)
    yield from lying_headers()
    yield from lying_times()
    yield from changing_files()
    yield from hostile_names()
    yield from non_media(seed)
    yield from polyglots()
    yield from odd_pictures(seed)
    yield from bombs()
    yield from pointing_files()


def judged_case(session: Work) -> list[Tried]:
    """Judge one case, in a process of its own."""
    bads = list(all_bad(session.seed))
    folder = session.folder / f"case-{session.numbers[0]}"
    folder.mkdir()
    judged = judge(
        [bads[number] for number in session.numbers],
        healthy=session.healthy,
        baseline=session.baseline,
        originals=session.folder / "originals",
        elsewhere=session.folder / "elsewhere",
        folder=folder,
    )
    return [_tried(each) for each in judged]


def _tried(judged: CheckedFile) -> Tried:
    bad = judged.bad
    if judged.faults:
        return Tried(bad.title, bad.family, _ASSERTION, Outcome.FAILED, "; ".join(judged.faults))
    if judged.verdict == "rejected":
        return Tried(bad.title, bad.family, _ASSERTION, Outcome.REJECTED, judged.reason)
    return Tried(bad.title, bad.family, _ASSERTION, Outcome.SURVIVED, judged.reason)
