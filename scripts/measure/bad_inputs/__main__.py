"""Run the job on hundreds of bad files beside healthy ones, and check every result.

    scripts/bad-inputs                    all files: about 1500, in about 10 minutes on two cores
    scripts/bad-inputs --short            some files of each family
    scripts/bad-inputs --only stills      one family
    scripts/bad-inputs --only FAMILY/NAME one file
    scripts/bad-inputs --only "mutated recordings" --mutations 100 --seed 2
                                          3400 files as recorders write them, with random damage
    scripts/bad-inputs --write            and write the results to docs/validation/bad-inputs.json

Each file is ingested and processed in a case with a healthy clip and healthy stills, and read again in other orders.
The exit code is 1 if a promise did not hold; the command that repeats such a file alone is printed.
"""

import argparse
import os
import random
import shlex
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.measure.bad_inputs.bad_file import BadFile
from scripts.measure.bad_inputs.cases import CaseWork, all_bad_files, check_case
from scripts.measure.bad_inputs.checked_job import measure_baseline
from scripts.measure.bad_inputs.healthy import HealthyFootage, paint_healthy
from scripts.measure.bad_inputs.opening import check_opened_files
from scripts.measure.campaign import Campaign, CaseResult

_CAMPAIGN = "bad-inputs"
_RESULT = Path(__file__).resolve().parents[3] / "docs" / "validation" / f"{_CAMPAIGN}.json"
_FILES_PER_CASE, _FILES_PER_SHORT_FAMILY = 20, 4
_N_MUTATIONS = 4
# Processes are replaced, so that memory which a case leaves behind does not count for many other cases.
_CASES_PER_PROCESS = 6
# Each of these may take so much memory that it must be measured with few others.
_BOMBS_PER_CASE = 4


def main() -> int:
    arguments = _arguments()
    campaign = Campaign(_CAMPAIGN, _command(arguments), arguments.seed)
    bads = list(all_bad_files(arguments.seed, arguments.mutations))
    chosen = _choose_files(bads, arguments)
    with TemporaryDirectory(prefix=f"{_CAMPAIGN}-") as name:
        folder = Path(name)
        (folder / "elsewhere").mkdir()
        healthy = paint_healthy(folder / "healthy")
        baseline = measure_baseline(healthy, folder)
        cases = [
            CaseWork(each, arguments.seed, arguments.mutations, healthy, baseline, folder)
            for each in _split_into_cases(bads, chosen)
        ]
        with get_context("spawn").Pool(arguments.workers, maxtasksperchild=_CASES_PER_PROCESS) as pool:
            for results in pool.imap(check_case, cases):
                for result in results:
                    campaign.add(result)
            pool.close()
            pool.join()
        pointing = [bads[number] for number in chosen if bads[number].family == "references to other files"]
        for result in _check_opened(pointing, healthy, folder) if pointing else ():
            campaign.add(result)
    if arguments.write:
        campaign.write(_RESULT)
    code = campaign.exit_code()
    for title in sorted({bad.title for bad in bads} & {result.name for result in campaign.failed}):
        print(f"REPEAT {_command(arguments)} --only {shlex.quote(title)}")
    return code


def _check_opened(pointing: Sequence[BadFile], healthy: HealthyFootage, folder: Path) -> list[CaseResult]:
    (folder / "traced").mkdir()
    return check_opened_files(
        pointing,
        healthy=healthy,
        originals=folder / "originals",
        elsewhere=folder / "elsewhere",
        folder=folder / "traced",
    )


def _command(arguments: argparse.Namespace) -> str:
    """Return the command with all that decides the content of the files."""
    more = f" --mutations {arguments.mutations}" if arguments.mutations != _N_MUTATIONS else ""
    return f"scripts/{_CAMPAIGN} --seed {arguments.seed}{more}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="chooses the flipped and damaged bytes")
    parser.add_argument("--short", action="store_true", help="some files of each family")
    parser.add_argument("--only", metavar="FAMILY[/NAME]", help="files of one family, or one of them")
    parser.add_argument(
        "--mutations", type=int, default=_N_MUTATIONS, metavar="N", help="random mutations of each file of a recorder"
    )
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
        chosen = families.get(arguments.only) or [n for n, bad in enumerate(bads) if bad.title == arguments.only]
        return chosen or sys.exit(f"unknown family or file {arguments.only!r}; families: {', '.join(families)}")
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
