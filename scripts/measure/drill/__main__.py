"""Disturb runs in many ways and compare the results with an undisturbed run.

    scripts/drill                 all drills, about 20 minutes on two cores
    scripts/drill --short         some drills of each kind, a few minutes
    scripts/drill --only killed   the drills whose name contains this text
    scripts/drill --write         and write the results to docs/validation/drill.json

The exit code is 1 if a promise did not hold. A drill that needs something that this machine lacks counts as not run.
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
from scripts.measure.campaign import Campaign, CaseResult, Outcome
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

_REQUIREMENT: Final = "after any disturbance, the same command resumes the run"
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
    chosen = [drill for drill in all_drills() if _is_chosen(drill, arguments)]
    command = f"scripts/drill --seed {arguments.seed}" + (" --short" if arguments.short else "")
    campaign = Campaign("drill", command, arguments.seed)
    with tempfile.TemporaryDirectory(prefix="drill-") as name, ThreadPoolExecutor(arguments.at_once) as pool:
        folder = Path(name)
        folder.chmod(0o755)
        job = Job.make(folder)
        folders = [folder / f"trial-{number}" for number in range(len(chosen))]
        for outcome in pool.map(partial(run_drill, job=job, seed=arguments.seed), chosen, folders):
            campaign.add(outcome)
    if arguments.write:
        campaign.write(Path("docs/validation/drill.json"))
    return campaign.exit_code()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="chooses the moments of the disturbances")
    parser.add_argument("--short", action="store_true", help="one or two drills of each kind")
    parser.add_argument("--only", default="", metavar="TEXT", help="only drills whose name contains TEXT")
    parser.add_argument(
        "--at-once", type=int, default=2, metavar="N", help="number of drills that run at the same time"
    )
    parser.add_argument("--write", action="store_true", help="write the results to docs/validation/drill.json")
    arguments = parser.parse_args()
    if arguments.write and (arguments.short or arguments.only):
        parser.error("--write needs the whole campaign: leave out --short and --only")
    return arguments


def _is_chosen(drill: Drill, arguments: argparse.Namespace) -> bool:
    return arguments.only in drill.name and (drill.is_short or not arguments.short)


def all_drills() -> list[Drill]:
    """Return the drills of all families."""
    return [drill for family in _FAMILIES for drill in family()]


def run_drill(drill: Drill, folder: Path, *, job: Job, seed: int) -> CaseResult:
    """Run one drill in a folder of its own, which is removed afterwards, and return its result."""
    folder.mkdir()
    trial = Trial(job, folder, random.Random(f"{seed} {drill.name}"), drill.runner)
    outcome, detail = _outcome(drill, trial)
    trial.clean_up()
    return CaseResult(drill.name, _REQUIREMENT, drill.assertion, outcome, detail)


def _outcome(drill: Drill, trial: Trial) -> tuple[Outcome, str]:
    """Run a drill and return its outcome and the reason. A drill that raises an error has failed."""
    try:
        drill.do(trial)
    except MissingRequirement as missing:
        return Outcome.NOT_RUN, str(missing)
    except (OSError, SubprocessError, ValueError, LookupError, ForensicsError) as error:
        trial.problems.append(f"the drill could not be completed: {type(error).__name__}: {error}")
    return Outcome.FAILED if trial.problems else Outcome.SURVIVED, "; ".join(trial.problems)


if __name__ == "__main__":
    raise SystemExit(main())
