"""Searches all processes of a cluster that outlives a run for the key of the case and for templates.

The attacker is the administrator of the cluster: root, after the run has ended and the authority was refused. A driver
holds the key while it runs; it is this process, which is not searched.
"""

import contextlib
import os
from pathlib import Path
from typing import Final
from unittest.mock import patch

import psutil

from pipelines.runners.stage_worker import StageWorker
from scripts.measure.scale.on_nodes import start_servers
from testing.commands import RedirectingCall
from testing.face_case import FaceCase
from testing.process_memory import descendants, find_in_memory

__all__ = ["search_a_cluster"]

_N_WORKERS: Final = 2
_NAME: Final = "marked-man"


def search_a_cluster(folder: Path) -> dict[str, dict[str, set[str]]]:
    """Run a search on a cluster, deny the case, and return what was found in which process after each of the two.

    Args:
        folder: empty; footage, case and keys go there.
    """
    keys = {"FORENSICS_KEYS": str(folder / "keys"), "FORENSICS_REVIEWER_KEYS": str(folder / "reviewers")}
    with patch.dict(os.environ, keys), start_servers(_N_WORKERS) as cluster:
        case = FaceCase.make(folder, RedirectingCall())
        case.enrol(_NAME, 0, folder)
        case.run("--ray", cluster.address, "--workers", _N_WORKERS)
        (row,) = [row for row in case.candidates() if row["decision"] == "candidate"]
        needles = {
            "control: actor of the workers": StageWorker.__module__.encode(),
            "key of the case": case.key.expose(),
            "template": case.faces.vectors[0].tobytes()[:64],
            "name of an entry": _NAME.encode(),
            "candidate": f"{row['sighting_id']}:{_NAME}".encode(),
        }
        after_run = _found(needles)
        case.do("case deny", "--reason", "refused by the court")
        return {"after the run": after_run, "after the denial": _found(needles)}


def _found(needles: dict[str, bytes]) -> dict[str, set[str]]:
    """Return for each thing the names of the processes in whose memory it is."""
    places: dict[str, set[str]] = {name: set() for name in needles}
    for process in descendants():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess):  # it has just ended
            for name in find_in_memory(process.pid, needles):
                places[name].add(process.name())
    return places
