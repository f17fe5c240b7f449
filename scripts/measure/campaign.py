"""What a campaign found: every case it tried, and what became of it.

A campaign tries many cases of what may go wrong, from a seed, so that anybody can repeat it. Each case ends as one of

    survived    the promise held
    rejected    it was refused with a reason, which is what was promised of it
    failed      the promise did not hold
    not_run     this machine lacks what the case needs; never counted as passed

`docs/validation/NAME.json` keeps what a whole campaign found; `scripts/validation` makes docs/VALIDATION.md of them.
"""

import json
import os
import platform
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any

from forensics.hardware import instruction_set

__all__ = ["Campaign", "Outcome", "Tried"]


class Outcome(StrEnum):
    """What became of one case."""

    SURVIVED = "survived"
    REJECTED = "rejected"
    FAILED = "failed"
    NOT_RUN = "not_run"


@dataclass(frozen=True, slots=True)
class Tried:
    """One case.

    Attributes:
        name: tells it from all others of its campaign, and does not change between two campaigns of one seed.
        requirement: what the project promises, in a few words; groups the cases.
        assertion: what was asserted of this case, in one sentence that is the same for all cases of its kind.
        outcome: what became of it.
        detail: why it was rejected, failed or not run.
    """

    name: str
    requirement: str
    assertion: str
    outcome: Outcome
    detail: str = ""


@dataclass(slots=True)
class Campaign:
    """The cases of one campaign, as they are tried.

    Attributes:
        name: of the campaign, and of its file.
        command: repeats it.
        seed: chose the cases.
    """

    name: str
    command: str
    seed: int
    tried: list[Tried] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def add(self, tried: Tried) -> None:
        """One case more; it is told on standard error."""
        self.tried.append(tried)
        detail = f"  {tried.detail}" if tried.detail else ""
        print(f"{len(self.tried):4} {tried.outcome.value:9} {tried.name}{detail}", file=sys.stderr, flush=True)

    @property
    def failed(self) -> list[Tried]:
        """Cases in which a promise did not hold."""
        return [tried for tried in self.tried if tried.outcome is Outcome.FAILED]

    def summary(self) -> dict[str, Any]:
        """What stands in the campaign's file."""
        return {
            "campaign": self.name,
            "command": self.command,
            "seed": self.seed,
            "version": version("video-forensics"),
            "date": datetime.now(UTC).date().isoformat(),
            "machine": f"{len(os.sched_getaffinity(0))} cores, {instruction_set()}",
            "python": platform.python_version(),
            "seconds": round(time.monotonic() - self._began),
            "totals": _counted(self.tried),
            "assertions": self._assertions(),
            "failures": [asdict(tried) for tried in self.failed],
            "not_run": [asdict(tried) for tried in self.tried if tried.outcome is Outcome.NOT_RUN],
        }

    def _assertions(self) -> list[dict[str, Any]]:
        """Of each assertion: how many cases, what became of them, and for which reasons cases were rejected."""
        kinds = dict.fromkeys((tried.requirement, tried.assertion) for tried in self.tried)
        return [
            {"requirement": requirement, "assertion": assertion, **_counted(cases), "reasons": _reasons(cases)}
            for requirement, assertion in kinds
            if (cases := [t for t in self.tried if (t.requirement, t.assertion) == (requirement, assertion)])
        ]

    def write(self, path: Path) -> None:
        """Keep the summary."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.summary(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def exit_code(self) -> int:
        """1 if anything failed; the totals are printed."""
        totals = _counted(self.tried)
        print(f"{self.name}: " + ", ".join(f"{number} {name}" for name, number in totals.items()))
        for tried in self.failed:
            print(f"FAILED {tried.name}: {tried.assertion}: {tried.detail}")
        return 1 if self.failed else 0


def _counted(cases: list[Tried]) -> dict[str, int]:
    counts = Counter(tried.outcome for tried in cases)
    return {"tried": len(cases) - counts[Outcome.NOT_RUN], **{o.value: counts[o] for o in Outcome}}


def _reasons(cases: list[Tried]) -> dict[str, int]:
    """How often each reason was given; a reason is what stands before the first colon of the detail."""
    reasons = Counter(t.detail.split(":")[0] for t in cases if t.outcome is Outcome.REJECTED)
    return dict(sorted(reasons.items()))
