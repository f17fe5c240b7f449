"""Run the job on hundreds of bad files beside healthy ones, and check every result.

    scripts/bad-inputs                  all files: about 1400, in about 8 minutes on two cores
    scripts/bad-inputs --short          some files of each family
    scripts/bad-inputs --only stills    one family
    scripts/bad-inputs --write          and write the results to docs/validation/bad-inputs.json

Each file is ingested and processed in a case with a healthy clip and healthy stills. The exit code is 1 if a promise
did not hold.
"""

import argparse
import os
import random
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.measure.bad_inputs.bad_file import BadFile
from scripts.measure.bad_inputs.cases import CaseWork, all_bad_files, check_case
from scripts.measure.bad_inputs.checked_job import measure_baseline
from scripts.measure.bad_inputs.healthy import paint_healthy
from scripts.measure.bad_inputs.opening import check_opened_files
from scripts.measure.campaign import Campaign

_CAMPAIGN = "bad-inputs"
_RESULT = Path(__file__).resolve().parents[3] / "docs" / "validation" / f"{_CAMPAIGN}.json"
_FILES_PER_CASE, _FILES_PER_SHORT_FAMILY = 20, 4
# Processes are replaced, so that memory which a case leaves behind does not count for many other cases.
_CASES_PER_PROCESS = 6
# Each of these may take so much memory that it must be measured with few others.
_BOMBS_PER_CASE = 4


def main() -> int:
    arguments = _arguments()
    campaign = Campaign(_CAMPAIGN, f"scripts/{_CAMPAIGN} --seed {arguments.seed}", arguments.seed)
    bads = list(all_bad_files(arguments.seed))
    chosen = _choose_files(bads, arguments)
    with TemporaryDirectory(prefix=f"{_CAMPAIGN}-") as name:
        folder = Path(name)
        (folder / "elsewhere").mkdir()
        healthy = paint_healthy(folder / "healthy")
        baseline = measure_baseline(healthy, folder)
        cases = [CaseWork(each, arguments.seed, healthy, baseline, folder) for each in _split_into_cases(bads, chosen)]
        with get_context("spawn").Pool(arguments.workers, maxtasksperchild=_CASES_PER_PROCESS) as pool:
            for results in pool.imap(check_case, cases):
                for result in results:
                    campaign.add(result)
            pool.close()
            pool.join()
        pointing = [bads[number] for number in chosen if bads[number].family == "references to other files"]
        (folder / "traced").mkdir()
        for result in check_opened_files(
            pointing,
            healthy=healthy,
            originals=folder / "originals",
            elsewhere=folder / "elsewhere",
            folder=folder / "traced",
        ):
            campaign.add(result)
    if arguments.write:
        campaign.write(_RESULT)
    return campaign.exit_code()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="chooses the flipped and damaged bytes")
    parser.add_argument("--short", action="store_true", help="some files of each family")
    parser.add_argument("--only", metavar="FAMILY", help="files of one family")
    parser.add_argument(
        "--workers", type=int, default=min(2, len(os.sched_getaffinity(0))), help="number of cases at the same time"
    )
    parser.add_argument("--write", action="store_true", help=f"write the results to {_RESULT.name}")
    arguments = parser.parse_args()
    if arguments.write and (arguments.short or arguments.only):
        parser.error("--write needs the whole campaign: leave out --short and --only")
    return arguments


def _choose_files(bads: Sequence[BadFile], arguments: argparse.Namespace) -> list[int]:
    """Return the numbers of the files that are tried."""
    families: dict[str, list[int]] = defaultdict(list)
    for number, bad in enumerate(bads):
        families[bad.family].append(number)
    if arguments.only is not None:
        if arguments.only not in families:
            sys.exit(f"unknown family {arguments.only!r}; use one of: {', '.join(families)}")
        return families[arguments.only]
    if not arguments.short:
        return list(range(len(bads)))
    rng = random.Random(arguments.seed)
    return [n for numbers in families.values() for n in sorted(rng.sample(numbers, _FILES_PER_SHORT_FAMILY))]


def _split_into_cases(bads: Sequence[BadFile], chosen: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield the files of each case; a case has only few bombs."""
    for family in dict.fromkeys(bads[number].family for number in chosen):
        numbers = [number for number in chosen if bads[number].family == family]
        step = _BOMBS_PER_CASE if family == "bombs" else _FILES_PER_CASE
        yield from (tuple(numbers[at : at + step]) for at in range(0, len(numbers), step))


if __name__ == "__main__":
    raise SystemExit(main())
