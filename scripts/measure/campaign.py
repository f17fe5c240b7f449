"""Results of a campaign: every case that it tried, with the outcome.

A campaign tries many cases of what may go wrong. A seed chooses the cases, so that anyone can repeat them. Outcomes:

    survived    the promise held
    rejected    the input was refused with a reason, as promised
    failed      the promise did not hold
    not_run     this machine lacks what the case needs; never counted as passed

`docs/validation/NAME.json` holds the results of a whole campaign. `scripts/validation` writes docs/VALIDATION.md from
these files.
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

__all__ = ["Campaign", "CaseResult", "Outcome"]


class Outcome(StrEnum):
    """Outcome of one case."""

    SURVIVED = "survived"
    REJECTED = "rejected"
    FAILED = "failed"
    NOT_RUN = "not_run"


@dataclass(frozen=True, slots=True)
class CaseResult:
    """Result of one case.

    Attributes:
        name: unique within its campaign; the same in every campaign with the same seed.
        requirement: what the project promises, in a few words; groups the cases.
        assertion: what was checked, in one sentence that is the same for all cases of this kind.
        outcome: whether the promise held.
        detail: why the case was rejected, failed or not run.
    """

    name: str
    requirement: str
    assertion: str
    outcome: Outcome
    detail: str = ""


@dataclass(slots=True)
class Campaign:
    """Collects the results of one campaign.

    Attributes:
        name: of the campaign, and stem of its file.
        command: repeats the campaign.
        seed: chooses the cases.
        results: of all cases so far.
    """

    name: str
    command: str
    seed: int
    results: list[CaseResult] = field(default_factory=list)
    _started_s: float = field(default_factory=time.monotonic)

    def add(self, result: CaseResult) -> None:
        """Append the result of one case and print it to standard error."""
        self.results.append(result)
        detail = f"  {result.detail}" if result.detail else ""
        print(f"{len(self.results):4} {result.outcome.value:9} {result.name}{detail}", file=sys.stderr, flush=True)

    @property
    def failed(self) -> list[CaseResult]:
        """Results of the cases in which the promise did not hold."""
        return [result for result in self.results if result.outcome is Outcome.FAILED]

    def summary(self) -> dict[str, Any]:
        """Return the content of the campaign's JSON file."""
        return {
            "campaign": self.name,
            "command": self.command,
            "seed": self.seed,
            "version": version("video-forensics"),
            "date": datetime.now(UTC).date().isoformat(),
            "machine": f"{len(os.sched_getaffinity(0))} cores, {instruction_set()}",
            "python": platform.python_version(),
            "seconds": round(time.monotonic() - self._started_s),
            "totals": _count_outcomes(self.results),
            "assertions": self._assertions(),
            "failures": [asdict(result) for result in self.failed],
            "not_run": [asdict(result) for result in self.results if result.outcome is Outcome.NOT_RUN],
        }

    def _assertions(self) -> list[dict[str, Any]]:
        """Return, for each assertion, the number of cases, their outcomes, and the reasons of rejected cases."""
        kinds = dict.fromkeys((result.requirement, result.assertion) for result in self.results)
        return [
            {
                "requirement": requirement,
                "assertion": assertion,
                **_count_outcomes(cases),
                "reasons": _count_reasons(cases),
            }
            for requirement, assertion in kinds
            if (cases := [r for r in self.results if (r.requirement, r.assertion) == (requirement, assertion)])
        ]

    def write(self, path: Path) -> None:
        """Write the summary as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.summary(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def exit_code(self) -> int:
        """Print the totals and the failures. Return 1 if anything failed, else 0."""
        totals = _count_outcomes(self.results)
        print(f"{self.name}: " + ", ".join(f"{number} {name}" for name, number in totals.items()))
        for result in self.failed:
            print(f"FAILED {result.name}: {result.assertion}: {result.detail}")
        return 1 if self.failed else 0


def _count_outcomes(cases: list[CaseResult]) -> dict[str, int]:
    counts = Counter(result.outcome for result in cases)
    return {"tried": len(cases) - counts[Outcome.NOT_RUN], **{o.value: counts[o] for o in Outcome}}


def _count_reasons(cases: list[CaseResult]) -> dict[str, int]:
    """Return how often each reason occurs; the reason is the text before the first colon of the detail."""
    reasons = Counter(result.detail.split(":")[0] for result in cases if result.outcome is Outcome.REJECTED)
    return dict(sorted(reasons.items()))
