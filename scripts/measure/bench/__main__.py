"""Measure the frames per second of the main job, against YOLO.track and against the limit of the machine.

scripts/bench                    all comparisons, three rounds: about 40 minutes on two cores
scripts/bench every              one comparison; also: whole, whole-long, people, still, crowd
scripts/bench --short            one round on a part of the footage: exit 1 if a ratio is too small
scripts/bench --write docs/performance.json
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from forensics.hardware import instruction_set
from scripts.measure.bench.comparisons import COMPARISONS, BenchFiles, Comparison
from scripts.measure.bench.measurement import share_of_others
from scripts.measure.bench.report import markdown_table, summarise
from scripts.measure.generated_sections import put_tables

_SHARED = Path(__file__).resolve().parents[4] / "shared"
# Smallest accepted ratio to YOLO.track on any machine: well below the ratios in docs/performance.md.
_MINIMUM_RATIO = {"every": 1.1, "whole": 1.0, "people": 2.5}
# Other processes may use this share of the processors, before and during a run; the time to look before.
_MOST_OTHERS = 0.1
_QUIET_S = 3.0


def main() -> int:
    arguments = _arguments()
    names = arguments.comparisons or (list(_MINIMUM_RATIO) if arguments.short else list(COMPARISONS))
    found: dict[str, Any] = {}
    busy = share_of_others(_QUIET_S)
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            files = BenchFiles(arguments.shared, arguments.model, Path(folder), arguments.short)
            found[name] = _run_rounds(COMPARISONS[name](files), 1 if arguments.short else arguments.rounds)
        print(markdown_table(found[name]), end="\n\n", flush=True)
    busy = max([busy, *(facts["others"] for facts in found.values())])
    if busy > _MOST_OTHERS:
        print(f"the machine was not quiet: other processes used up to {busy:.0%} of the processors", file=sys.stderr)
        if arguments.write is not None:
            raise SystemExit("so the figures are not written; end the other work, and measure again")
    if arguments.write is not None:
        _write(arguments.write, found)
    return exit_code(found) if arguments.short else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("comparisons", nargs="*", metavar="COMPARISON", help=f"{', '.join(COMPARISONS)}; default: all")
    parser.add_argument("--shared", type=Path, default=_SHARED, help="folder of models and footage")
    parser.add_argument("--model", type=Path, default=_SHARED / "models/yolo11n_int8_openvino_model", help="detector")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each comparison")
    parser.add_argument(
        "--short", action="store_true", help="one round on less footage; exit 1 if a ratio is too small"
    )
    parser.add_argument(
        "--write", type=Path, metavar="FILE.json", help="write the results here, and to the page beside"
    )
    arguments = parser.parse_args()
    unknown = [name for name in arguments.comparisons if name not in COMPARISONS]
    if unknown:
        parser.error(f"unknown comparison {unknown[0]}; use one of {', '.join(COMPARISONS)}")
    return arguments


def _run_rounds(comparison: Comparison, n_rounds: int) -> dict[str, Any]:
    rounds, checks = [], []
    for number in range(n_rounds):
        measured = {}
        for name, run in comparison.contenders.items():
            measured[name] = run()
            print(f"round {number + 1}  {name:30} {measured[name].fps:8.1f} frames/s", file=sys.stderr, flush=True)
        rounds.append(measured)
        checks.append(comparison.check(measured))
    return summarise(comparison.title, rounds, [check for check in checks if check])


def _write(path: Path, found: dict[str, Any]) -> None:
    """Write the results, and keep earlier results of other comparisons on the same machine."""
    machine = f"{len(os.sched_getaffinity(0))} cores, {instruction_set()}"
    before = json.loads(path.read_text()) if path.exists() else {}
    kept = before.get("comparisons", {}) if before.get("machine") == machine else {}
    dated = {name: {"date": time.strftime("%Y-%m-%d"), **facts} for name, facts in found.items()}
    comparisons = {**kept, **dated}
    path.write_text(json.dumps({"machine": machine, "comparisons": comparisons}, indent=1) + "\n")
    page = path.with_suffix(".md")
    if page.exists():
        listed = [comparisons[name] for name in COMPARISONS if name in comparisons]
        put_tables(page, "\n\n".join(f"{markdown_table(facts)}\n\nMeasured {facts['date']}." for facts in listed))


def exit_code(found: dict[str, Any]) -> int:
    """Return 1 if a ratio is too small, else 0. Absolute times have no influence, nor has a run beside other work."""
    code = 0
    for name, facts in found.items():
        ratio = facts["contenders"]["forensics scan, gate" if name == "people" else "forensics scan"]["ratio"]["median"]
        if ratio < _MINIMUM_RATIO.get(name, 0) and facts["others"] <= _MOST_OTHERS:
            print(
                f"{facts['title']}: {ratio:.2f} times YOLO.track, expected at least {_MINIMUM_RATIO[name]}",
                file=sys.stderr,
            )
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
