"""Disturb a run in every way we know, and compare what comes of it with an undisturbed one.

    scripts/drill                 every drill, in 20 minutes or so on two cores
    scripts/drill --short         a part of them, in a few minutes, for every change
    scripts/drill --only killed   those whose name holds a text
    scripts/drill --write         and keep what came out in docs/validation/drill.json

The exit code is 1 where a promise did not hold. What this machine cannot do is counted as not run.
"""

import argparse
import random
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from subprocess import SubprocessError
from typing import Final

from forensics.errors import ForensicsError
from scripts.measure.campaign import Campaign, Outcome, Tried
from scripts.measure.drill import (
    broken_parts,
    clocks,
    decoder_crashes,
    disks,
    driver_kills,
    interruptions,
    memory,
    other_users,
    worker_kills,
)
from scripts.measure.drill.drill import Drill
from scripts.measure.drill.job import Job
from scripts.measure.drill.trial import MissingRequirement, Trial

_REQUIREMENT: Final = "Resume is the same command, whatever was killed"
_FAMILIES: Final[tuple[Callable[[], Iterator[Drill]], ...]] = (
    driver_kills.drills,
    worker_kills.drills,
    interruptions.drills,
    broken_parts.drills,
    disks.drills,
    memory.drills,
    decoder_crashes.drills,
    clocks.drills,
    other_users.drills,
)


def main() -> int:
    arguments = _arguments()
    chosen = [drill for drill in every_drill() if _is_chosen(drill, arguments)]
    command = f"scripts/drill --seed {arguments.seed}" + (" --short" if arguments.short else "")
    campaign = Campaign("drill", command, arguments.seed)
    with tempfile.TemporaryDirectory(prefix="drill-") as name, ThreadPoolExecutor(arguments.at_once) as pool:
        folder = Path(name)
        folder.chmod(0o755)
        job = Job.made(folder)
        folders = [folder / f"trial-{number}" for number in range(len(chosen))]
        for outcome in pool.map(partial(tried, job=job, seed=arguments.seed), chosen, folders):
            campaign.add(outcome)
    if arguments.write:
        campaign.write(Path("docs/validation/drill.json"))
    return campaign.exit_code()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="chooses the moments")
    parser.add_argument("--short", action="store_true", help="one or two of each kind")
    parser.add_argument("--only", default="", metavar="TEXT", help="only drills whose name holds this text")
    parser.add_argument("--at-once", type=int, default=2, metavar="N", help="drills that run side by side")
    parser.add_argument("--write", action="store_true", help="keep what came out in docs/validation/drill.json")
    arguments = parser.parse_args()
    if arguments.write and (arguments.short or arguments.only):
        parser.error("--write keeps a whole campaign: leave out --short and --only")
    return arguments


def _is_chosen(drill: Drill, arguments: argparse.Namespace) -> bool:
    return arguments.only in drill.name and (drill.is_short or not arguments.short)


def every_drill() -> list[Drill]:
    """All drills of all families."""
    return [drill for family in _FAMILIES for drill in family()]


def tried(drill: Drill, folder: Path, *, job: Job, seed: int) -> Tried:
    """What became of one drill, in a folder of its own that is gone afterwards."""
    folder.mkdir()
    trial = Trial(job, folder, random.Random(f"{seed} {drill.name}"), drill.runner)
    outcome, detail = _outcome(drill, trial)
    trial.clean_up()
    return Tried(drill.name, _REQUIREMENT, drill.assertion, outcome, detail)


def _outcome(drill: Drill, trial: Trial) -> tuple[Outcome, str]:
    """What became of a drill, and why; one that cannot be judged has failed."""
    try:
        drill.do(trial)
    except MissingRequirement as lack:
        return Outcome.NOT_RUN, str(lack)
    except (OSError, SubprocessError, ValueError, LookupError, ForensicsError) as error:
        trial.problems.append(f"it could not be judged: {type(error).__name__}: {error}")
    return Outcome.FAILED if trial.problems else Outcome.SURVIVED, "; ".join(trial.problems)


if __name__ == "__main__":
    raise SystemExit(main())
