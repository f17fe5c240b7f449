"""All bad files of the campaign, and the check of one case in a process of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.measure.bad_inputs.bad_file import BadFile
from scripts.measure.bad_inputs.bombs import bombs
from scripts.measure.bad_inputs.changing import changing_files
from scripts.measure.bad_inputs.checked_job import CheckedFile, check_files
from scripts.measure.bad_inputs.cut_and_flipped import cut_files, flipped_files, whole_files
from scripts.measure.bad_inputs.healthy import Baseline, HealthyFootage
from scripts.measure.bad_inputs.hostile_names import hostile_names
from scripts.measure.bad_inputs.lying_headers import lying_headers
from scripts.measure.bad_inputs.lying_times import lying_times
from scripts.measure.bad_inputs.mutated_recordings import mutated_recordings
from scripts.measure.bad_inputs.non_media import non_media, polyglots
from scripts.measure.bad_inputs.odd_pictures import odd_pictures
from scripts.measure.bad_inputs.pointing import pointing_files
from scripts.measure.campaign import CaseResult, Outcome

__all__ = ["CaseWork", "all_bad_files", "check_case"]

_ASSERTION = (
    "one row in sources with a verdict, and a reason unless it is ok; the correct exit code; every frame in coverage, "
    "none under a wrong number; a frame that is read alone or in a range is the one that is read in order; "
    "no hang, no lost decoder, at most 512 MiB more memory than for healthy footage; "
    "the file unchanged; the rows of healthy footage beside it unchanged"
)


@dataclass(frozen=True, slots=True)
class CaseWork:
    """One case of the campaign; its files are given by number, because the process that checks them makes them.

    Attributes:
        numbers: of the files in `all_bad_files`.
        seed, n_mutations: arguments of `all_bad_files`.
        healthy, baseline: the healthy footage beside them, and its rows and memory.
        folder: of the campaign.
    """

    numbers: tuple[int, ...]
    seed: int
    n_mutations: int
    healthy: HealthyFootage
    baseline: Baseline
    folder: Path


def all_bad_files(seed: int, n_mutations: int) -> Iterator[BadFile]:
    """Yield every bad file, in an order that depends only on the arguments.

    Args:
        seed: chooses the random damage.
        n_mutations: number of mutations of each file of a recorder.
    """
    yield from whole_files()
    yield from cut_files()
    yield from flipped_files(seed)
    yield from mutated_recordings(seed, n_mutations)
    yield from lying_headers()
    yield from lying_times()
    yield from changing_files()
    yield from hostile_names()
    yield from non_media(seed)
    yield from polyglots()
    yield from odd_pictures(seed)
    yield from bombs()
    yield from pointing_files()


def check_case(work: CaseWork) -> list[CaseResult]:
    """Check one case; for use in a process of its own."""
    bads = list(all_bad_files(work.seed, work.n_mutations))
    folder = work.folder / f"case-{work.numbers[0]}"
    folder.mkdir()
    checked = check_files(
        [bads[number] for number in work.numbers],
        healthy=work.healthy,
        baseline=work.baseline,
        originals=work.folder / "originals",
        elsewhere=work.folder / "elsewhere",
        folder=folder,
    )
    return [_case_result(each) for each in checked]


def _case_result(checked: CheckedFile) -> CaseResult:
    bad = checked.bad
    if checked.faults:
        return CaseResult(bad.title, bad.family, _ASSERTION, Outcome.FAILED, "; ".join(checked.faults))
    if checked.verdict == "rejected":
        return CaseResult(bad.title, bad.family, _ASSERTION, Outcome.REJECTED, checked.reason)
    return CaseResult(bad.title, bad.family, _ASSERTION, Outcome.SURVIVED, checked.reason)
