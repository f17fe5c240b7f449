"""Write docs/VALIDATION.md from what the campaigns kept in docs/validation: nothing in it is written by hand.

scripts/validation             write the document
scripts/validation --check     exit 1 if it is not what the kept results make
"""

import argparse
import json
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Found", "document", "findings"]

_DOCS = Path(__file__).resolve().parents[2] / "docs"
_HEAD = """\
# Validation

What was tried, and what became of it. A campaign tries many cases of what may go wrong; every case asserts something.
`scripts/validation` writes this page from `docs/validation/*.json`, which the campaigns keep with `--write`, and from
`docs/validation/found.toml`. Nothing is counted as passed that was not run.

- **survived**: the promise held
- **rejected**: it was refused with a reason, which is what was promised of it
- **failed**: the promise did not hold
- **not run**: the machine lacked what the case needs
"""
_NONE = "None."


@dataclass(frozen=True, slots=True)
class Found:
    """A defect of the product that a campaign brought to light.

    Attributes:
        campaign: which one.
        found: what went wrong, in which case.
        mended: what was done.
    """

    campaign: str
    found: str
    mended: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the document is another one")
    arguments, target = parser.parse_args(), _DOCS / "VALIDATION.md"
    text = document(_DOCS / "validation")
    if not arguments.check:
        target.write_text(text, encoding="utf-8")
        return 0
    is_right = target.exists() and target.read_text(encoding="utf-8") == text
    print(f"{target}: " + ("is what the results make" if is_right else "is not; run scripts/validation"))
    return 0 if is_right else 1


def document(folder: Path) -> str:
    """The whole page, from the results and findings in a folder."""
    campaigns = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    found = findings(folder / "found.toml")
    unknown = {each.campaign for each in found} - {campaign["campaign"] for campaign in campaigns}
    sections = [_HEAD, _overview(campaigns), *(_section(campaign, found) for campaign in campaigns)]
    if unknown:
        others = [each for each in found if each.campaign in unknown]
        sections.append("## Found by campaigns whose results are not kept\n\n" + _told(others))
    return "\n".join(sections)


def findings(path: Path) -> list[Found]:
    """What was found, in the order it was written down; none if nothing was."""
    if not path.exists():
        return []
    return [Found(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["found"]]


def _overview(campaigns: list[dict[str, Any]]) -> str:
    rows = [
        [f"[{campaign['campaign']}](#{campaign['campaign']})", *_counts(campaign["totals"]), campaign["date"]]
        for campaign in campaigns
    ]
    return _table(["campaign", "tried", "survived", "rejected", "failed", "not run", "date"], rows)


def _section(campaign: dict[str, Any], found: list[Found]) -> str:
    seconds, minutes = campaign["seconds"], campaign["seconds"] / 60
    took = f"{seconds} s" if seconds < 120 else f"{minutes:.0f} min"
    own = [each for each in found if each.campaign == campaign["campaign"]]
    return "\n".join(
        [
            f"## {campaign['campaign']}\n",
            f"{_circumstances(campaign)} · {took}\n",
            _assertions(campaign["assertions"]),
            _reasons(campaign["assertions"]),
            f"**Not run.** {_listed(_grouped(campaign['not_run']))}\n",
            f"**Failed.** {_listed(_failures(campaign['failures']))}\n",
            f"**Found on the way, and mended.** {_told(own)}",
        ]
    )


def _circumstances(campaign: dict[str, Any]) -> str:
    seed = f"seed {campaign['seed']} · " if campaign["seed"] else ""
    where = f"{campaign['machine']} · Python {campaign['python']}"
    return f"`{campaign['command']}` · {seed}{campaign['date']} · version {campaign['version']} · {where}"


def _assertions(assertions: list[dict[str, Any]]) -> str:
    rows = [[each["requirement"], each["assertion"], each["tried"], _result(each)] for each in assertions]
    return _table(["requirement", "assertion", "cases", "result"], rows)


def _result(counts: dict[str, Any]) -> str:
    """Every outcome that occurred, failures first and loud."""
    names = {"failed": "**{} failed**", "survived": "{} survived", "rejected": "{} rejected", "not_run": "{} not run"}
    return ", ".join(text.format(counts[name]) for name, text in names.items() if counts[name]) or "nothing was tried"


def _reasons(assertions: list[dict[str, Any]]) -> str:
    """For which reasons cases were refused, and how many."""
    rows = [[each["requirement"], reason, number] for each in assertions for reason, number in each["reasons"].items()]
    return _table(["requirement", "rejected because", "cases"], rows) if rows else ""


def _grouped(not_run: list[dict[str, Any]]) -> list[str]:
    """How many were not run for each reason."""
    reasons = dict.fromkeys(each["detail"] for each in not_run)
    return [f"{sum(each['detail'] == reason for each in not_run)}: {reason}" for reason in reasons]


def _failures(failures: list[dict[str, Any]]) -> list[str]:
    return [f"{each['name']}: {each['assertion']}: {each['detail']}" for each in failures]


def _listed(lines: list[str]) -> str:
    return "\n\n" + "\n".join(f"- {line}" for line in lines) if lines else _NONE


def _told(found: Iterable[Found]) -> str:
    lines = [f"{each.found} *{each.mended}*" for each in found]
    return _listed(lines) + "\n"


def _counts(totals: dict[str, int]) -> Iterator[int]:
    yield from (totals[name] for name in ("tried", "survived", "rejected", "failed", "not_run"))


def _table(columns: list[str], rows: list[list[Any]]) -> str:
    lines = [columns, ["---"] * len(columns), *([str(cell).replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
