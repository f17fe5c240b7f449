"""Record of a run in `run.json`: settings, digests, versions, hardware, and the times of start and end."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Final

from forensics.custody.case_document import digest_scope
from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.custody.registered_files import noted_digests
from forensics.digests import sha256_of_file
from forensics.errors import CannotStart, IntegrityBroken
from forensics.hardware import instruction_set
from forensics.json_object import JsonObject, decode_json
from forensics.models.model_store import BUILTIN, Model
from forensics.tables.files import encode_json
from pipelines.custody.case_lock import is_locked
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.run.plan import RunPlan
from pipelines.search.recognition import Recognition
from pipelines.settings import Settings
from pipelines.versions import library_versions

__all__ = [
    "STATE_MEANINGS",
    "RunState",
    "accuracy_text",
    "begin_record",
    "faces_in_run_id",
    "faces_of_run",
    "finish_record",
    "hardware_for",
    "input_digests",
    "interrupt_record",
    "model_of_run",
    "model_text",
    "newest_record",
    "recorded_hardware",
    "run_facts",
    "run_state",
]


class RunState(StrEnum):
    """State of a run. A record says `running` for ever if its command was killed; `run_state` knows better."""

    NOT_RUN = "nothing was run yet"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    REFUSED = "refused"
    COMPLETE = "complete"
    WITH_GAPS = "complete with gaps"


STATE_MEANINGS: Final[Mapping[RunState, str]] = MappingProxyType(
    {
        RunState.NOT_RUN: "no run of this case has started",
        RunState.RUNNING: "a command is processing the footage",
        RunState.INTERRUPTED: "the run ended early; the same command continues it",
        RunState.REFUSED: "the run did not start",
        RunState.COMPLETE: "every frame of every source has its outcome",
        RunState.WITH_GAPS: "the tables are published, but something was not read or not processed",
    }
)
"""What each state means, for people."""

# Versions before 0.3 wrote this for `RunState.WITH_GAPS`.
_WITH_GAPS_BEFORE_0_3: Final = "finished"
_MODEL_FACTS: Final = ("name", "sha256", "format", "licence", "training_data", "accuracy")
_WEAKNESS: Final = "which finds people only and misses many (docs/accuracy.md)"


def begin_record(
    files: DecidingFiles, plan: RunPlan, settings: Settings, model: Model, recognition: Recognition | None
) -> None:
    """Record the start of a run; refuse to continue a run of another kind of machine.

    Raises:
        CannotStart: the run was started on another kind of machine, and the settings do not allow a mixture.
        IntegrityBroken: the record of an earlier command cannot be read.
    """
    record = plan.folder.record
    hardware = hardware_for(settings)
    before = _load_record(record)
    if before.get("hardware", hardware) != hardware and not settings.run.mixed_hardware:
        raise CannotStart(
            f"the run was started on {before['hardware']!r}, this machine is {hardware!r}; last digits may differ",
            "continue it on the first kind of machine, or allow a mixture with --set run.mixed_hardware=true",
            record,
        )
    description = {
        "run": plan.folder.run_id,
        "settings_digest": plan.settings_digest,
        "settings": settings.model_dump(mode="json"),
        "model": _describe_model(model, before.get("model") or {}),
        "version": version("video-forensics"),
        "methods": settings.methods(compares_faces=recognition is not None),
        "libraries": library_versions(),
        "hardware": hardware,
        "faces": None if recognition is None else _describe_faces(recognition, before.get("faces") or {}),
    }
    began = {"state": RunState.RUNNING.value, "began_utc": before.get("began_utc", _now())}
    files.write(record, encode_json({**description, **began}))


def _describe_model(model: Model, before: JsonObject) -> JsonObject:
    """Return the facts about a model; a run that is continued keeps the reason of its first choice."""
    return {
        **{name: getattr(model, name) for name in _MODEL_FACTS},
        "pinned": model.is_pinned,
        "choice": before.get("choice", model.choice),
        "conversion": None if model.conversion is None else model.conversion.facts,
    }


def _describe_faces(recognition: Recognition, before: JsonObject) -> JsonObject:
    """Return the facts about the face models; a run that is continued keeps the reason of its first choice."""
    return {**recognition.model_facts, "choice": before.get("choice", recognition.references.models.choice)}


def input_digests(folder: CaseFolder) -> dict[str, str]:
    """Return the digest of each input in the case, besides settings and model, that decides the tables."""
    return {
        "list of evidence": sha256_of_file(folder.evidence_file),
        "list of sources": sha256_of_file(folder.sources_file),
        "cameras, clocks and time": digest_scope(folder),
    }


def finish_record(
    files: DecidingFiles, record: Path, *, is_clean: bool, figures: JsonObject, audit: JsonObject | None
) -> None:
    """Record the end of a run, with its state and figures."""
    state = RunState.COMPLETE if is_clean else RunState.WITH_GAPS
    ended = {"state": state.value, "ended_utc": _now(), "audit": audit, "figures": figures}
    files.write(record, encode_json({**decode_json(record.read_text()), **ended}))


def interrupt_record(files: DecidingFiles, record: Path, *, is_refused: bool) -> None:
    """Record that a run ended early, and that a later command can continue it; or that it was refused."""
    state = RunState.REFUSED if is_refused else RunState.INTERRUPTED
    files.write(record, encode_json({**_load_record(record), "state": state.value, "ended_utc": _now()}))


def run_state(folder: CaseFolder, record: JsonObject) -> RunState:
    """Return the state of a recorded run; a run that is recorded as running, but holds no lock, was killed.

    Args:
        folder: the case.
        record: record of the run; empty for none.

    Raises:
        IntegrityBroken: the record states another state.
    """
    stored = record.get("state", RunState.NOT_RUN)
    try:
        state = RunState.WITH_GAPS if stored == _WITH_GAPS_BEFORE_0_3 else RunState(stored)
    except ValueError as error:
        raise IntegrityBroken(
            f"not the record of a run ({error})",
            "use the version of the program that wrote it, or restore the file from a backup",
            folder.run(str(record.get("run"))).record,
        ) from error
    return RunState.INTERRUPTED if state is RunState.RUNNING and not is_locked(folder) else state


def newest_record(folder: CaseFolder) -> JsonObject:
    """Return the record of the run that the log mentions last; empty before the first run.

    A run that was refused at its start, for example because of a missing device, does not count.

    Raises:
        IntegrityBroken: the record cannot be read.
    """
    lines = reversed(read_chain(folder.audit_file).lines)
    for path in dict.fromkeys(folder.root / name for line in lines for name in noted_digests(line)):
        if folder.run_of_record(path) is not None:
            record = _load_record(path)
            if record and record.get("state") != RunState.REFUSED:
                return record
    return {}


def model_of_run(folder: CaseFolder, run_id: str) -> JsonObject:
    """Return what is recorded of the model of a run, such as its name and digest; empty without a record.

    Raises:
        IntegrityBroken: the record cannot be read.
    """
    model: JsonObject = _load_record(folder.run(run_id).record).get("model") or {}
    return model


def faces_of_run(folder: CaseFolder, run_id: str) -> JsonObject:
    """Return what is recorded of the face models of a run; empty without a record, or if it compared no faces.

    Raises:
        IntegrityBroken: the record cannot be read.
    """
    faces: JsonObject = _load_record(folder.run(run_id).record).get("faces") or {}
    return faces


def faces_in_run_id(record: JsonObject) -> str:
    """Return the digest of the face models that entered the id of a recorded run; empty in earlier versions.

    >>> faces_in_run_id({"faces": {"digest": "0a"}}), faces_in_run_id({"faces": {}}), faces_in_run_id({"faces": None})
    ('0a', '', '')
    """
    digest: str = (record.get("faces") or {}).get("digest", "")
    return digest


def model_text(model: JsonObject) -> str:
    """Return the name of a recorded model, and what people must know who read its results.

    >>> model_text({"name": "yolo11n"})
    'yolo11n'
    >>> model_text({"name": "builtin-1"})
    'builtin-1, which finds people only and misses many (docs/accuracy.md)'
    """
    name = str(model.get("name", "unknown"))
    return f"{name}, {_WEAKNESS}" if name == BUILTIN.name else name


def accuracy_text(model: JsonObject) -> str:
    """Return how good a recorded model is, as its maker published it.

    >>> accuracy_text({"name": "own.onnx", "licence": None})
    'unknown, the model is not registered'
    """
    unknown = "unknown" if model.get("licence") else "unknown, the model is not registered"
    return str(model.get("accuracy") or unknown)


def hardware_for(settings: Settings) -> str:
    """Return the kind of machine that a run with these settings uses here: instruction set and device."""
    return f"{instruction_set()}; {settings.detect.device}"


def recorded_hardware(record: Path) -> str:
    """Return the kind of machine that a recorded run was started on; empty if there is no record."""
    stored: str = _load_record(record).get("hardware", "")
    return stored


def _load_record(record: Path) -> JsonObject:
    """Read the record that an earlier command wrote; empty if there is none."""
    try:
        before: JsonObject = decode_json(record.read_text()) if record.exists() else {}
    except ValueError as error:
        raise IntegrityBroken(
            f"not the record of a run ({error})",
            "restore the file from a backup, or delete it: the next run writes it again",
            record,
        ) from error
    return before


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def run_facts(plan: RunPlan, model: Model, recognition: Recognition | None) -> JsonObject:
    """Return the facts for the case's log at the start of a run: model, settings, evidence, inputs, watch-list."""
    facts: JsonObject = {
        "run": plan.folder.run_id,
        "settings_digest": plan.settings_digest,
        "model": {"name": model.name, "sha256": model.sha256, **_source_of(model)},
        "evidence": [each.evidence.evidence_id for each in plan.evidence],
        "version": version("video-forensics"),
        "inputs": input_digests(CaseFolder(plan.folder.case_root)),
    }
    return facts if recognition is None else {**facts, "watchlist": recognition.facts, "faces": recognition.model_facts}


def _source_of(model: Model) -> JsonObject:
    """Return the digest of the published file that a model was converted from; empty if it was not converted."""
    return {} if model.conversion is None else {"source_sha256": model.conversion.source_sha256}
