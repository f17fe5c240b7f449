"""What `run.json` says of a run: settings, digests, versions, hardware, and when it began and ended."""

import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.custody.registered_files import files_in
from forensics.digests import sha256_of_file
from forensics.errors import CannotStart, IntegrityBroken
from forensics.hardware import instruction_set
from forensics.models.model_store import Model
from forensics.tables.files import encoded_json
from forensics.tables.result_access import scope_digest
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.run.plan import RunPlan
from pipelines.search.recognition import Recognition
from pipelines.settings import Settings
from pipelines.versions import libraries

__all__ = [
    "begin_record",
    "finish_record",
    "hardware_for",
    "hardware_in",
    "inputs_of",
    "interrupt_record",
    "newest_record",
    "run_facts",
]


_REFUSED: Final = "refused"


def begin_record(
    files: DecidingFiles, plan: RunPlan, settings: Settings, model: Model, recognition: Recognition | None
) -> None:
    """Record what runs; refuse to go on with a run of another kind of machine.

    Raises:
        CannotStart: it was begun on another kind of machine, and that was not allowed.
        IntegrityBroken: the record of the earlier command is none any more.
    """
    record = plan.folder.record
    hardware = hardware_for(settings)
    before = _before(record)
    if before.get("hardware", hardware) != hardware and not settings.run.mixed_hardware:
        raise CannotStart(
            f"this run was begun on {before['hardware']!r}, this machine is {hardware!r}",
            "last digits may differ; go on where it was begun, or allow it with --set run.mixed_hardware=true",
            record,
        )
    description = {
        "run": plan.folder.run_id,
        "settings_digest": plan.settings_digest,
        "settings": settings.model_dump(mode="json"),
        "model": {name: getattr(model, name) for name in ("name", "sha256", "format", "licence", "training_data")},
        "version": version("video-forensics"),
        "methods": settings.methods(compares_faces=recognition is not None),
        "libraries": libraries(),
        "hardware": hardware,
        "faces": None if recognition is None else recognition.described,
    }
    began = {"state": "running", "began_utc": before.get("began_utc", _now())}
    files.write(record, encoded_json({**description, **began}))


def inputs_of(folder: CaseFolder) -> dict[str, str]:
    """The digest of each thing in the case, beside settings and model, that decides what tables say."""
    return {
        "list of evidence": sha256_of_file(folder.evidence_file),
        "list of sources": sha256_of_file(folder.sources_file),
        "cameras, clocks and time": scope_digest(folder),
    }


def finish_record(
    files: DecidingFiles, record: Path, *, is_clean: bool, figures: dict[str, Any], audit: dict[str, Any] | None
) -> None:
    """Record that the run ended, and how."""
    state = "complete" if is_clean else "finished"
    ended = {"state": state, "ended_utc": _now(), "audit": audit, "figures": figures}
    files.write(record, encoded_json({**json.loads(record.read_text()), **ended}))


def interrupt_record(files: DecidingFiles, record: Path, *, is_refused: bool) -> None:
    """Record that the run was ended before it was through, and the next one goes on; or that it was refused."""
    state = _REFUSED if is_refused else "interrupted"
    files.write(record, encoded_json({**_before(record), "state": state, "ended_utc": _now()}))


def newest_record(folder: CaseFolder) -> dict[str, Any]:
    """What is recorded of the run that worked last, as the log knows it; nothing before the first.

    A run that was refused for what was asked of it, such as a device that is not there, does not count.

    Raises:
        IntegrityBroken: it is not the record of a run any more.
    """
    lines = reversed(read_chain(folder.audit_file).lines)
    for path in dict.fromkeys(folder.root / name for line in lines for name in files_in(line)):
        if path.name == "run.json" and path.parent.parent == folder.runs:
            record = _before(path)
            if record and record.get("state") != _REFUSED:
                return record
    return {}


def hardware_for(settings: Settings) -> str:
    """The kind of machine that these settings compute on here."""
    return f"{instruction_set()}; {settings.detect.device}"


def hardware_in(record: Path) -> str:
    """The kind of machine a recorded run was begun on; empty where there is no record."""
    stored: str = _before(record).get("hardware", "")
    return stored


def _before(record: Path) -> dict[str, Any]:
    """What an earlier command said of this run; nothing if there was none."""
    try:
        before: dict[str, Any] = json.loads(record.read_text()) if record.exists() else {}
    except ValueError as error:
        raise IntegrityBroken(
            f"not the record of a run any more ({error})",
            "restore it, or delete it: the next run writes it anew",
            record,
        ) from error
    return before


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def run_facts(plan: RunPlan, model: Model, recognition: Recognition | None) -> dict[str, Any]:
    """What the case's log says of a run that begins: with what it looks, at what, and for whom."""
    facts: dict[str, Any] = {
        "run": plan.folder.run_id,
        "settings_digest": plan.settings_digest,
        "model": {"name": model.name, "sha256": model.sha256},
        "evidence": [each.evidence.evidence_id for each in plan.evidence],
        "version": version("video-forensics"),
        "inputs": inputs_of(CaseFolder(plan.folder.case_root)),
    }
    return facts if recognition is None else {**facts, "watchlist": recognition.facts, "faces": recognition.described}
