"""The main job where there is much of it; everything is made for the purpose, and every number can be had again.

scripts/scale campus                   8 cameras x 85 minutes x 60 frames/s, killed half way: 20 minutes, 4 GB
scripts/scale campus --minutes 5       the same on less
scripts/scale chunks                   a hundred thousand chunks, planned and handed to workers that answer at once
scripts/scale nodes                    2, 4 and 8 nodes, work that sleeps; who joins, who is killed
scripts/scale hosts                    as root: hosts of namespaces, and what docs/admin.md says
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
from scripts.measure.scale.on_a_campus import on_a_campus
from scripts.measure.scale.on_chunks import on_chunks
from scripts.measure.scale.on_hosts import on_hosts
from scripts.measure.scale.on_nodes import come_and_go, on_nodes
from scripts.measure.scale.queries import asked

_CAMERAS = 8


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        found = _found(arguments, Path(folder))
    print(json.dumps(found, indent=1))
    if arguments.write is not None:
        _write(arguments.write, arguments.what, found)
    return 0


def _found(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    if arguments.what == "nodes":
        return come_and_go() if arguments.short else on_nodes()
    if arguments.what == "hosts":
        return on_hosts()
    if arguments.what == "queries":
        n_sightings = round(arguments.millions * 1_000_000)
        return asked(folder, n_sightings=n_sightings, n_detections=10 * n_sightings)
    seconds = round(arguments.minutes * 60)
    if arguments.what == "chunks":
        return on_chunks(folder, n_cameras=_CAMERAS, seconds=seconds)
    return on_a_campus(folder, n_cameras=_CAMERAS, seconds=seconds, chunk_s=arguments.chunk_seconds)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["campus", "chunks", "hosts", "nodes", "queries"])
    parser.add_argument("--minutes", type=float, default=85, help="of each camera")
    parser.add_argument("--short", action="store_true", help="of nodes: one joins, one is killed, and no more")
    parser.add_argument("--millions", type=float, default=10, help="of sightings; ten times as many detections")
    parser.add_argument("--chunk-seconds", type=float, default=10)
    parser.add_argument("--folder", type=Path, help="on a disk with some gigabytes")
    parser.add_argument("--write", type=Path, metavar="FILE.json")
    return parser.parse_args()


def _write(path: Path, name: str, found: dict[str, Any]) -> None:
    before = json.loads(path.read_text()) if path.exists() else {}
    machine = f"{len(os.sched_getaffinity(0))} cores, {instruction_set()}"
    found = {"date": time.strftime("%Y-%m-%d"), "machine": machine, **found}
    path.write_text(json.dumps({**before, name: found}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
