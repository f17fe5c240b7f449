"""Measure the main job at scale, on data that is made for this purpose.

scripts/scale campus                   8 cameras x 85 minutes x 60 frames/s, killed half way: 20 minutes, 4 GB
scripts/scale campus --minutes 5       the same with less footage
scripts/scale chunks                   plan 100,000 chunks and send them to workers that answer at once
scripts/scale nodes                    2, 4 and 8 nodes with items that sleep; one node joins, one is killed
scripts/scale files                    ingest and scan 300, 1,200 and 2,400 small files, twice
scripts/scale hosts                    as root: the steps of docs/admin.md on hosts made of namespaces
scripts/scale queries                  10 million sightings and 100 million detections: 12 GB, 15 minutes
scripts/scale campus --write docs/scale.json
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
from scripts.measure.scale.on_a_campus import measure_campus
from scripts.measure.scale.on_chunks import measure_chunks
from scripts.measure.scale.on_files import measure_files
from scripts.measure.scale.on_hosts import measure_hosts
from scripts.measure.scale.on_nodes import measure_join_and_kill, measure_nodes
from scripts.measure.scale.queries import measure_queries

_CAMERAS = 8
_FILES = (300, 1200, 2400)


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        results = _measure(arguments, Path(folder))
    print(json.dumps(results, indent=1))
    if arguments.write is not None:
        _write(arguments.write, arguments.what, results)
    return 0


def _measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    if arguments.what == "nodes":
        return measure_join_and_kill() if arguments.short else measure_nodes()
    if arguments.what == "hosts":
        return measure_hosts()
    if arguments.what == "files":
        return measure_files(folder, numbers=_FILES)
    if arguments.what == "queries":
        n_sightings = round(arguments.millions * 1_000_000)
        return measure_queries(folder, n_sightings=n_sightings, n_detections=10 * n_sightings)
    seconds = round(arguments.minutes * 60)
    if arguments.what == "chunks":
        return measure_chunks(folder, n_cameras=_CAMERAS, seconds=seconds)
    return measure_campus(folder, n_cameras=_CAMERAS, seconds=seconds, chunk_s=arguments.chunk_seconds)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "what", choices=["campus", "chunks", "files", "hosts", "nodes", "queries"], help="what is measured"
    )
    parser.add_argument("--minutes", type=float, default=85, help="footage of each camera")
    parser.add_argument("--short", action="store_true", help="nodes only: one node joins, one is killed")
    parser.add_argument("--millions", type=float, default=10, help="million sightings; ten times as many detections")
    parser.add_argument("--chunk-seconds", type=float, default=10, help="media time of a chunk")
    parser.add_argument("--folder", type=Path, help="folder for the data, on a disk with some gigabytes free")
    parser.add_argument("--write", type=Path, metavar="FILE.json", help="write the results to this file")
    return parser.parse_args()


def _write(path: Path, name: str, results: dict[str, Any]) -> None:
    before = json.loads(path.read_text()) if path.exists() else {}
    machine = f"{len(os.sched_getaffinity(0))} cores, {instruction_set()}"
    results = {"date": time.strftime("%Y-%m-%d"), "machine": machine, **results}
    path.write_text(json.dumps({**before, name: results}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
