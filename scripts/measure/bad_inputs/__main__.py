"""Give the job hundreds of bad files beside healthy ones, and see what becomes of each.

    scripts/bad-inputs                  every file: about 1400, in about 8 minutes on two cores
    scripts/bad-inputs --short          some of each family
    scripts/bad-inputs --only stills    one family
    scripts/bad-inputs --write          and write docs/validation/bad-inputs.json

Each file goes through `ingest` and `run` in a case with a healthy clip and healthy stills. The exit code is 1 where
any promise did not hold.
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
from scripts.measure.bad_inputs.cases import Work, all_bad, judged_case
from scripts.measure.bad_inputs.checked_job import measure_baseline
from scripts.measure.bad_inputs.healthy import paint_healthy
from scripts.measure.bad_inputs.opening import try_opening
from scripts.measure.campaign import Campaign

_NAME = "bad-inputs"
_RESULT = Path(__file__).resolve().parents[3] / "docs" / "validation" / f"{_NAME}.json"
_IN_A_CASE, _IN_A_SHORT_FAMILY = 20, 4
# Memory that one case leaves behind must not count against many others.
_CASES_OF_A_PROCESS = 6
# Each of these may take so much memory that it must be told apart from its neighbours.
_IN_A_CASE_OF_BOMBS = 4


def main() -> int:
    arguments = _arguments()
    campaign = Campaign(_NAME, f"scripts/{_NAME} --seed {arguments.seed}", arguments.seed)
    bads = list(all_bad(arguments.seed))
    chosen = _chosen(bads, arguments)
    with TemporaryDirectory(prefix=f"{_NAME}-") as name:
        folder = Path(name)
        (folder / "elsewhere").mkdir()
        healthy = paint_healthy(folder / "healthy")
        baseline = measure_baseline(healthy, folder)
        works = [Work(each, arguments.seed, healthy, baseline, folder) for each in _cases(bads, chosen)]
        with get_context("spawn").Pool(arguments.workers, maxtasksperchild=_CASES_OF_A_PROCESS) as pool:
            for tried in pool.imap(judged_case, works):
                for one in tried:
                    campaign.add(one)
            pool.close()
            pool.join()
        pointing = [bads[number] for number in chosen if bads[number].family == "pointing elsewhere"]
        (folder / "traced").mkdir()
        for one in try_opening(
            pointing,
            healthy=healthy,
            originals=folder / "originals",
            elsewhere=folder / "elsewhere",
            folder=folder / "traced",
        ):
            campaign.add(one)
    if arguments.write:
        campaign.write(_RESULT)
    return campaign.exit_code()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="chooses what is flipped and damaged")
    parser.add_argument("--short", action="store_true", help="some files of each family")
    parser.add_argument("--only", metavar="FAMILY", help="one family")
    parser.add_argument("--workers", type=int, default=min(2, len(os.sched_getaffinity(0))), help="cases at a time")
    parser.add_argument("--write", action="store_true", help=f"write {_RESULT.name} of a whole campaign")
    arguments = parser.parse_args()
    if arguments.write and (arguments.short or arguments.only):
        parser.error("only a whole campaign is written; leave --short and --only out")
    return arguments


def _chosen(bads: Sequence[BadFile], arguments: argparse.Namespace) -> list[int]:
    """Numbers of the files that are tried."""
    families: dict[str, list[int]] = defaultdict(list)
    for number, bad in enumerate(bads):
        families[bad.family].append(number)
    if arguments.only is not None:
        if arguments.only not in families:
            sys.exit(f"there is no family {arguments.only!r}; there are: {', '.join(families)}")
        return families[arguments.only]
    if not arguments.short:
        return list(range(len(bads)))
    drawn = random.Random(arguments.seed)
    return [n for numbers in families.values() for n in sorted(drawn.sample(numbers, _IN_A_SHORT_FAMILY))]


def _cases(bads: Sequence[BadFile], chosen: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """The files of one case each; bombs are few to a case."""
    for family in dict.fromkeys(bads[number].family for number in chosen):
        numbers = [number for number in chosen if bads[number].family == family]
        step = _IN_A_CASE_OF_BOMBS if family == "bombs" else _IN_A_CASE
        yield from (tuple(numbers[at : at + step]) for at in range(0, len(numbers), step))


if __name__ == "__main__":
    raise SystemExit(main())
