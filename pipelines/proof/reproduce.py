"""Reproduces a recorded run from scratch and compares its tables with the recorded ones, byte by byte.

The repeated run works in `.reproduce/` inside the case and is deleted afterwards. It reuses no part of the old run and
changes no published table. Its faces lie inside the case, so that an erasure of the case destroys them too.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from forensics.custody.case_document import Case
from forensics.custody.case_folder import CaseFolder
from forensics.errors import IntegrityBroken
from forensics.json_object import JsonObject
from forensics.models.model_store import Model
from forensics.place import StoreObject
from forensics.tables.evidence import load_evidence
from forensics.tables.files import link_or_copy
from forensics.tables.searched_scope import SearchedScope
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.erasure import remove_reproduction
from pipelines.proof.differences import find_first_difference
from pipelines.proof.recorded_run import RecordedRun
from pipelines.run.cancellation import StopRequest
from pipelines.run.driver import run_case
from pipelines.run.footage_integrity import find_loss
from pipelines.run.progress import Progress
from pipelines.search.recognition import Recognition
from pipelines.stages.detection_context import DetectorLoader, load_configured_detector
from pipelines.stages.port import Runner

__all__ = ["Reproduction", "reproduce"]


@dataclass(frozen=True, slots=True)
class Reproduction:
    """Result of a comparison.

    Attributes:
        n_tables, n_pictures: number of compared tables and pictures.
        difference: description of the first difference; empty if there is none.
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
    load_detector: DetectorLoader = load_configured_detector,
) -> Reproduction:
    """Repeat a run in a temporary folder of the case and compare the tables; the caller holds the case's lock.

    Raises:
        IntegrityBroken: footage has changed since ingest, even if the run decodes no frame of it.
        CannotStart: an object store does not answer.
        Interrupted: the run was cancelled.
    """
    for item in load_evidence(case.folder):
        loss = find_loss(item.path, item.sha256) if isinstance(item.path, StoreObject) else None
        if loss is not None:
            raise loss.fault.to_error("restore the recording as it was ingested")
    with _scratch_case(case) as scratch:
        result = run_case(
            scratch,
            recorded.settings,
            model,
            files=DecidingFiles(scratch.folder, _skip_note, is_guarded=False),
            runner=runner,
            progress=progress,
            recognition=recognition,
            searched=SearchedScope.of(case),
            stop=StopRequest(
                case.folder.cancel_file, next_step="run the same command again; it starts from the beginning"
            ),
            load_detector=load_detector,
        )
        if result.lost_footage:
            raise IntegrityBroken(result.lost_footage[0], "restore the recording as it was ingested")
        manifest = recorded.manifest
        difference = find_first_difference(
            recorded.folder, manifest, result.folder, result.manifest, recognition.key if recognition else None
        )
        return Reproduction(len(manifest["files"]), len(manifest.get("pictures", [])), difference)


@contextmanager
def _scratch_case(case: Case) -> Iterator[Case]:
    """Yield a copy of the case with its evidence and no run, in a folder that is deleted afterwards."""
    scratch = CaseFolder(case.folder.reproduction)
    remove_reproduction(case.folder)
    scratch.root.mkdir(mode=0o700)
    try:
        evidence = case.folder.evidence_file.parent
        shutil.copytree(evidence, scratch.evidence_file.parent, copy_function=link_or_copy)
        yield replace(case, folder=scratch)
    finally:
        remove_reproduction(case.folder)


def _skip_note(name: str, facts: JsonObject) -> None:
    """Write no note to the log, because the files are deleted afterwards."""
