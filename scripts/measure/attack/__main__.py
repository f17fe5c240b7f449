"""Attack what a case protects, with the strongest means that each attacker of docs/threats.md has.

    scripts/attack                 all attacks, seed 1; as root, because an image is mounted
    scripts/attack --short         the same with fewer people
    scripts/attack --write         and write the results to docs/validation/attack.json

The exit code is 1 if an attack found what it must not find, or if a control found nothing.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from scipy.stats import binom

from scripts.measure.attack.copies import CopyAttack, follow_unknown_people
from scripts.measure.attack.disk import CannotMount, erase_on_a_disk
from scripts.measure.attack.memory import search_a_cluster
from scripts.measure.attack.templates import ATTACKS, Attack, Named, name_bystanders
from scripts.measure.campaign import Campaign, CaseResult, Outcome
from testing.project import SHARED

_RESULTS: Final = Path(__file__).resolve().parents[3] / "docs" / "validation"
_TEMPLATES: Final = "published rows say nothing about who a bystander is"
_BY_CHANCE: Final = "an attacker names no more bystanders than guessing (binomial test, 1 %)"
_CONTROL: Final = "the same attacker names more than twice as many if more were published: the attack works"
_DISK: Final = "an erased case leaves nothing on the disk"
_NOTHING: Final = "the raw image holds no trace, before and after the erasure"
_MEMORY: Final = "a cluster that outlives a run holds nothing of it"
_IN_NO_PROCESS: Final = "no process of the cluster holds a key, a template or a name; the control is found"
_COPIES: Final = "few people are followed by a picture out of the footage"
_NO_CANDIDATE: Final = "19 of 20 edited crops make no candidate and no lead; every genuine photograph does"
_NOTICED: Final = 0.95
_ALL: Final = 1.0
_LEVEL: Final = 0.01


def main() -> int:
    arguments = _arguments()
    campaign = Campaign("attack", f"scripts/attack --seed {arguments.seed}", arguments.seed)
    for attack in ATTACKS if not arguments.short else [each for each in ATTACKS if each.reads != "near"]:
        campaign.add(_try_templates(attack, n_people=200 if arguments.short else 1000, seed=arguments.seed))
    for result in (*_try_disk(), *_try_memory(), *_try_copies(1 if arguments.short else 10, arguments.seed)):
        campaign.add(result)
    if arguments.write:
        campaign.write(_RESULTS / "attack.json")
    return campaign.exit_code()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="draws people and entries")
    parser.add_argument("--short", action="store_true", help="fewer people, and without the control that needs many")
    parser.add_argument("--write", action="store_true", help="write the results to docs/validation/attack.json")
    return parser.parse_args()


def _try_templates(attack: Attack, *, n_people: int, seed: int) -> CaseResult:
    named = name_bystanders(attack, n_people=n_people, rng=np.random.default_rng(seed))
    is_control = attack.reads != "nothing"
    holds = named.n_right > 2 * named.by_chance if is_control else not _is_better_than_chance(named, n_people)
    detail = f"{named.n_right} of {named.n_bystanders} bystanders named, guessing names {named.by_chance:.1f}"
    outcome = Outcome.SURVIVED if holds else Outcome.FAILED
    return CaseResult(attack.name, _TEMPLATES, _CONTROL if is_control else _BY_CHANCE, outcome, detail)


def _is_better_than_chance(named: Named, n_people: int) -> bool:
    return bool(binom.sf(named.n_right - 1, named.n_bystanders, 1 / n_people) < _LEVEL)


def _try_disk() -> list[CaseResult]:
    with TemporaryDirectory() as folder:
        try:
            before, after = erase_on_a_disk(Path(folder))
        except CannotMount as error:
            return [CaseResult("ext4 image", _DISK, _NOTHING, Outcome.NOT_RUN, str(error))]
    return [_disk_result(name, before[name], after[name]) for name in after]


def _disk_result(name: str, n_before: int, n_after: int) -> CaseResult:
    """Return the result for one thing; only the control, and the key before the erasure, may be in the image."""
    expected_before = {"control": n_before or 1, "key of the case": 1}.get(name, 0)
    expected_after = n_before if name == "control" else 0
    holds = (n_before, n_after) == (expected_before, expected_after)
    outcome = Outcome.SURVIVED if holds else Outcome.FAILED
    return CaseResult(f"ext4 image, {name}", _DISK, _NOTHING, outcome, f"{n_before} before, {n_after} after")


def _try_memory() -> list[CaseResult]:
    """Search the memory of a cluster; only root may read it."""
    if os.geteuid() != 0:
        return [CaseResult("cluster", _MEMORY, _IN_NO_PROCESS, Outcome.NOT_RUN, "only root reads other processes")]
    with TemporaryDirectory() as folder:
        found = search_a_cluster(Path(folder))
    return [
        _memory_result(f"{name}, {when}", places) for when, by_name in found.items() for name, places in by_name.items()
    ]


def _try_copies(n_cases: int, seed: int) -> list[CaseResult]:
    if not (SHARED / "models").exists():
        return [CaseResult("crops of the footage", _COPIES, _NO_CANDIDATE, Outcome.NOT_RUN, "needs ../shared")]
    with TemporaryDirectory() as folder:
        attacks = list(follow_unknown_people(Path(folder), n_cases, np.random.default_rng(seed)))
    for attack in attacks:
        print(f"{attack.edit}: {attack.refusal or _counted(attack.decisions)}", file=sys.stderr)
    crops = [attack for attack in attacks if not attack.is_control]
    controls = [attack for attack in attacks if attack.is_control]
    return [
        _share_result("photographs, control", sum(_is_found(each) for each in controls), len(controls), _ALL),
        _share_result("edited crops", sum(not _is_found(each) for each in crops), len(crops), _NOTICED),
    ]


def _is_found(attack: CopyAttack) -> bool:
    return bool({"candidate", "lead"} & set(attack.decisions))


def _counted(decisions: Sequence[str]) -> str:
    return ", ".join(f"{n} {decision}" for decision, n in sorted(Counter(decisions).items()))


def _share_result(name: str, n_held: int, n_tried: int, least: float) -> CaseResult:
    outcome = Outcome.SURVIVED if n_held >= least * n_tried else Outcome.FAILED
    return CaseResult(name, _COPIES, _NO_CANDIDATE, outcome, f"{n_held} of {n_tried}")


def _memory_result(name: str, places: set[str]) -> CaseResult:
    holds = bool(places) if name.startswith("control") else not places
    detail = f"in {', '.join(sorted(places))}" if places else "in no process"
    outcome = Outcome.SURVIVED if holds else Outcome.FAILED
    return CaseResult(f"cluster, {name}", _MEMORY, _IN_NO_PROCESS, outcome, detail)


if __name__ == "__main__":
    raise SystemExit(main())
