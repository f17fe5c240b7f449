"""A run made again from nothing, and its tables compared with those that were recorded, byte by byte.

It works in `.reproduce/` of the case, which is gone afterwards: no part of the old run is adopted, no published table
is touched, and what it finds of faces lies where an erasure of the case reaches.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from forensics.custody.case_folder import CaseFolder
from forensics.errors import IntegrityBroken
from forensics.models.model_store import Model
from forensics.place import StoreObject
from forensics.tables.evidence import load_evidence
from forensics.tables.files import link_or_copy
from pipelines.custody.case_document import Case
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.erasure import forget_reproduction
from pipelines.proof.differences import first_difference
from pipelines.proof.recorded_run import RecordedRun
from pipelines.run.cancellation import StopRequest
from pipelines.run.driver import run_case
from pipelines.run.footage_integrity import difference
from pipelines.run.progress import Progress
from pipelines.search.recognition import Recognition
from pipelines.stages.port import Runner

__all__ = ["Reproduction", "reproduce"]


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What came out.

    Attributes:
        n_tables, n_pictures: that were compared.
        difference: the first that differs, in words; empty if all are equal.
    """

    n_tables: int
    n_pictures: int
    difference: str


def reproduce(
    case: Case,
    recorded: RecordedRun,
    model: Model,
    *,
    runner: Runner,
    progress: Progress,
    recognition: Recognition | None,
) -> Reproduction:
    """The run is made again beside the case's own and compared; nothing of it is left. The caller holds the lock.

    Raises:
        IntegrityBroken: footage is no longer what was ingested, also where no frame of the run is read from it.
        CannotStart: a store does not answer.
        Interrupted: a cancel was asked for, of the case.
    """
    for item in load_evidence(case.folder):
        loss = difference(item.path, item.sha256) if isinstance(item.path, StoreObject) else None
        if loss is not None:
            raise IntegrityBroken(loss.detail, "restore the recording as it was ingested")
    with _beside(case) as scratch:
        result = run_case(
            scratch,
            recorded.settings,
            model,
            files=DecidingFiles(scratch.folder, _unrecorded, is_guarded=False),
            runner=runner,
            progress=progress,
            recognition=recognition,
            stop=StopRequest(case.folder.cancel_file, then="the same command again begins anew"),
        )
        if result.lost_footage:
            raise IntegrityBroken(result.lost_footage[0], "restore the recording as it was ingested")
        was = recorded.manifest
        found = first_difference(recorded.folder, was, result.folder, result.manifest)
        return Reproduction(len(was["files"]), len(was.get("pictures", [])), found)


@contextmanager
def _beside(case: Case) -> Iterator[Case]:
    """The same case with the same evidence and no run, in a folder of its own that is gone afterwards."""
    scratch = CaseFolder(case.folder.reproduction)
    forget_reproduction(case.folder)
    scratch.root.mkdir(mode=0o700)
    try:
        known = case.folder.evidence_file.parent
        shutil.copytree(known, scratch.evidence_file.parent, copy_function=link_or_copy)
        yield replace(case, folder=scratch)
    finally:
        forget_reproduction(case.folder)


def _unrecorded(name: str, facts: dict[str, Any]) -> None:
    """What is thrown away at once is not told to the case's log."""
