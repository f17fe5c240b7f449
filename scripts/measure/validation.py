"""Write docs/VALIDATION.md from the results of the campaigns in docs/validation.

scripts/validation             write the page
scripts/validation --check     exit with 1 if the page differs from the results
"""

import argparse
import json
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Defect", "load_defects", "render_page"]

_DOCS = Path(__file__).resolve().parents[2] / "docs"
_HEAD = """\
# Validation

Results of the campaigns. A campaign tries many cases of what may go wrong and checks an assertion in each of them.
`scripts/validation` writes this page from `docs/validation/*.json`, which the campaigns write with `--write`, and from
`docs/validation/found.toml`. A case that was not run never counts as passed.

- **survived**: the promise held
- **rejected**: the input was refused with a reason, as promised
- **failed**: the promise did not hold
- **not run**: the machine lacked what the case needs
"""
_NONE = "None."


@dataclass(frozen=True, slots=True)
class Defect:
    """A defect of the product that a campaign found.

    Attributes:
        campaign: that found it.
        found: what went wrong, and when.
        fixed: how it was fixed.
    """

    campaign: str
    found: str
    fixed: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 if the page differs from the results"
    )
    arguments, target = parser.parse_args(), _DOCS / "VALIDATION.md"
    text = render_page(_DOCS / "validation")
    if not arguments.check:
        target.write_text(text, encoding="utf-8")
        return 0
    is_current = target.exists() and target.read_text(encoding="utf-8") == text
    print(f"{target}: " + ("up to date" if is_current else "differs from the results; run scripts/validation"))
    return 0 if is_current else 1


def render_page(folder: Path) -> str:
    """Return the whole page, made from the results and the defects in a folder."""
    campaigns = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    defects = load_defects(folder / "found.toml")
    unknown = {each.campaign for each in defects} - {campaign["campaign"] for campaign in campaigns}
    sections = [_HEAD, _overview(campaigns), *(_section(campaign, defects) for campaign in campaigns)]
    if unknown:
        others = [each for each in defects if each.campaign in unknown]
        sections.append("## Defects found by campaigns whose results are not kept\n\n" + _defect_list(others))
    return "\n".join(sections)


def load_defects(path: Path) -> list[Defect]:
    """Return the defects in the order of the file; none if the file is missing."""
    if not path.exists():
        return []
    return [Defect(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["found"]]


def _overview(campaigns: list[dict[str, Any]]) -> str:
    rows = [
        [f"[{campaign['campaign']}](#{campaign['campaign']})", *_counts(campaign["totals"]), campaign["date"]]
        for campaign in campaigns
    ]
    return _table(["campaign", "tried", "survived", "rejected", "failed", "not run", "date"], rows)


def _section(campaign: dict[str, Any], defects: list[Defect]) -> str:
    seconds, minutes = campaign["seconds"], campaign["seconds"] / 60
    duration = f"{seconds} s" if seconds < 120 else f"{minutes:.0f} min"
    own = [each for each in defects if each.campaign == campaign["campaign"]]
    return "\n".join(
        [
            f"## {campaign['campaign']}\n",
            f"{_circumstances(campaign)} · {duration}\n",
            _assertions(campaign["assertions"]),
            _reasons(campaign["assertions"]),
            f"**Not run.** {_bullets(_reasons_not_run(campaign['not_run']))}\n",
            f"**Failed.** {_bullets(_failures(campaign['failures']))}\n",
            f"**Defects found and fixed.** {_defect_list(own)}",
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
    """Return every outcome that occurred, failures first and in bold."""
    names = {"failed": "**{} failed**", "survived": "{} survived", "rejected": "{} rejected", "not_run": "{} not run"}
    return ", ".join(text.format(counts[name]) for name, text in names.items() if counts[name]) or "nothing was tried"


def _reasons(assertions: list[dict[str, Any]]) -> str:
    """Return a table with the number of rejected cases for each reason."""
    rows = [[each["requirement"], reason, number] for each in assertions for reason, number in each["reasons"].items()]
    return _table(["requirement", "rejected because", "cases"], rows) if rows else ""


def _reasons_not_run(not_run: list[dict[str, Any]]) -> list[str]:
    """Return the number of cases that were not run, for each reason."""
    reasons = dict.fromkeys(each["detail"] for each in not_run)
    return [f"{sum(each['detail'] == reason for each in not_run)}: {reason}" for reason in reasons]


def _failures(failures: list[dict[str, Any]]) -> list[str]:
    return [f"{each['name']}: {each['assertion']}: {each['detail']}" for each in failures]


def _bullets(lines: list[str]) -> str:
    return "\n\n" + "\n".join(f"- {line}" for line in lines) if lines else _NONE


def _defect_list(defects: Iterable[Defect]) -> str:
    lines = [f"{each.found} *{each.fixed}*" for each in defects]
    return _bullets(lines) + "\n"


def _counts(totals: dict[str, int]) -> Iterator[int]:
    yield from (totals[name] for name in ("tried", "survived", "rejected", "failed", "not_run"))


def _table(columns: list[str], rows: list[list[Any]]) -> str:
    lines = [columns, ["---"] * len(columns), *([str(cell).replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
