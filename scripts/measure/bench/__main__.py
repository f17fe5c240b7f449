"""Frames per second of the main job, against what people write first and against the limit of the machine.

scripts/bench                    all comparisons, three rounds: about 40 minutes on two cores
scripts/bench every              only this one; also: people, still, crowd
scripts/bench --short            a part of the footage, one round: fails if ours is slower than it must be
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
from scripts.measure.bench.comparisons import COMPARISONS, Comparison, Place
from scripts.measure.bench.report import summary, table
from scripts.measure.generated_sections import put_tables

_SHARED = Path(__file__).resolve().parents[4] / "shared"
# How many times faster than the peer ours must be on any machine: well below what docs/performance.md says.
_LEAST = {"every": 1.1, "people": 2.5}


def main() -> int:
    arguments = _arguments()
    names = arguments.comparisons or (list(_LEAST) if arguments.short else list(COMPARISONS))
    found: dict[str, Any] = {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            place = Place(arguments.shared, arguments.model, Path(folder), arguments.short)
            found[name] = _compared(COMPARISONS[name](place), 1 if arguments.short else arguments.rounds)
        print(table(found[name]), end="\n\n", flush=True)
    if arguments.write is not None:
        _write(arguments.write, found)
    return verdict(found) if arguments.short else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("comparisons", nargs="*", metavar="COMPARISON", help=f"{', '.join(COMPARISONS)}; all if none")
    parser.add_argument("--shared", type=Path, default=_SHARED, help="the folder of models and footage")
    parser.add_argument("--model", type=Path, default=_SHARED / "models" / "yolo11n_int8_openvino_model")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--short", action="store_true", help="one round on less footage; exit 1 below the least ratio")
    parser.add_argument("--write", type=Path, metavar="FILE.json")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.comparisons if name not in COMPARISONS]
    if unknown:
        parser.error(f"there is no comparison {unknown[0]}; there are {', '.join(COMPARISONS)}")
    return arguments


def _compared(comparison: Comparison, n_rounds: int) -> dict[str, Any]:
    rounds, checks = [], []
    for number in range(n_rounds):
        measured = {}
        for name, run in comparison.contenders.items():
            measured[name] = run()
            print(f"round {number + 1}  {name:30} {measured[name].fps:8.1f} frames/s", file=sys.stderr, flush=True)
        rounds.append(measured)
        checks.append(comparison.check(measured))
    return summary(comparison.title, rounds, [check for check in checks if check])


def _write(path: Path, found: dict[str, Any]) -> None:
    """Keep what was found beside what other comparisons found on this machine before."""
    machine = f"{len(os.sched_getaffinity(0))} cores, {instruction_set()}"
    before = json.loads(path.read_text()) if path.exists() else {}
    kept = before.get("comparisons", {}) if before.get("machine") == machine else {}
    dated = {name: {"date": time.strftime("%Y-%m-%d"), **facts} for name, facts in found.items()}
    all_of_them = {**kept, **dated}
    path.write_text(json.dumps({"machine": machine, "comparisons": all_of_them}, indent=1) + "\n")
    page = path.with_suffix(".md")
    if page.exists():
        listed = [all_of_them[name] for name in COMPARISONS if name in all_of_them]
        put_tables(page, "\n\n".join(f"{table(facts)}\n\nMeasured {facts['date']}." for facts in listed))


def verdict(found: dict[str, Any]) -> int:
    """1 if a ratio is below what it must be; times alone decide nothing."""
    code = 0
    for name, facts in found.items():
        ratio = facts["contenders"]["forensics scan, gate" if name == "people" else "forensics scan"]["ratio"]["median"]
        if ratio < _LEAST.get(name, 0):
            print(f"{facts['title']}: {ratio:.2f} times the peer, expected at least {_LEAST[name]}", file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
