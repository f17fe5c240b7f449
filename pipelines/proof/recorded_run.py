"""Loads a recorded run, and checks that every input of its tables is unchanged."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from pydantic import ValidationError

from forensics.custody.case_document import Case
from forensics.custody.case_folder import CaseFolder, RunFolder
from forensics.custody.log import read_chain
from forensics.digests import digest_of
from forensics.errors import CannotStart, IntegrityBroken, UsageError
from forensics.json_object import JsonObject, decode_json
from forensics.models.model_store import Model
from forensics.tables.manifest import read_manifest
from forensics.tables.schemas import SCHEMA_VERSION
from pipelines.custody.deciding_files import RECORDS, find_altered_files
from pipelines.proof.differences import find_changed_file
from pipelines.proof.stored_runs import is_recorded_manifest
from pipelines.run.plan import make_plan
from pipelines.run.record import faces_in_run_id, hardware_for, input_digests
from pipelines.search.recognition import Recognition
from pipelines.settings import Settings
from pipelines.versions import library_versions

__all__ = ["RecordedRun", "describe_other_version", "load_recorded_run", "require_same_inputs"]


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A recorded run.

    Attributes:
        folder: the run's folder.
        record: content of `run.json`.
        manifest: manifest of its tables.
        settings: its settings.
        noted: facts in the log about its last start: its inputs and its watch-list.
    """

    folder: RunFolder
    record: JsonObject
    manifest: JsonObject
    settings: Settings
    noted: JsonObject

    @property
    def model_name(self) -> str:
        """Name of the detector's model in its settings: a registered name, a path, or ``builtin``."""
        return self.settings.detect.model


def load_recorded_run(case: Case, run_id: str | None) -> RecordedRun:
    """Load the run with this id, by default the published one.

    Raises:
        UsageError: there is no such run, or nothing was published.
        IntegrityBroken: record or manifest differ from the log, or tables or pictures from the manifest.
    """
    folder = case.folder
    altered = find_altered_files(folder, lambda: read_chain(folder.audit_file).lines, RECORDS)
    if altered:
        raise altered[0].to_error("run `forensics verify` to list all changed files")
    run = folder.run(run_id or read_manifest(folder)["run"])
    if run.root.parent != folder.runs or not run.record.exists() or not run.manifest.exists():
        known = ", ".join(each.run_id for each in folder.run_folders() if each.manifest.exists()) or "none"
        raise UsageError(
            f"there is no run {run.run_id} with tables; runs with tables: {known}", "give one of these ids", folder.root
        )
    _require_recorded_manifest(folder, run)
    record: JsonObject = decode_json(run.record.read_text())
    manifest: JsonObject = decode_json(run.manifest.read_text())
    fault = find_changed_file(run, manifest)
    if fault is not None:
        raise fault.to_error("restore the file from a backup; only unchanged tables can be compared")
    return RecordedRun(run, record, manifest, _load_settings(run, record), _load_noted(folder, run))


def _require_recorded_manifest(folder: CaseFolder, run: RunFolder) -> None:
    """Raise `IntegrityBroken` if the run's manifest differs from the ones that the log recorded."""
    if not is_recorded_manifest(folder, run):
        raise IntegrityBroken(
            "the manifest differs from the one that the log recorded", "restore it from a backup", run.manifest
        )


def _load_settings(run: RunFolder, record: JsonObject) -> Settings:
    try:
        return Settings.model_validate(record["settings"])
    except ValidationError as error:
        raise CannotStart(
            f"this version does not know the settings of the run ({error.error_count()} differ)",
            f"reproduce the run with version {record['version']}",
            run.record,
        ) from error


def _load_noted(folder: CaseFolder, run: RunFolder) -> JsonObject:
    """Return the facts of the newest note in the log about a start of the run; empty without one."""
    lines = read_chain(folder.audit_file).lines
    notes = [line.facts for line in lines if (line.kind, line.command) == ("note", "run")]
    return next((facts for facts in reversed(notes) if facts.get("run") == run.run_id), {})


def require_same_inputs(case: Case, recorded: RecordedRun, model: Model, recognition: Recognition | None) -> None:
    """Raise an error if an input of the tables has changed since the run.

    Raises:
        CannotStart: an input has changed, so that a comparison of the tables would prove nothing.
    """
    for what, then, now in _inputs(case, recorded, model, recognition):
        if then != now:
            raise CannotStart(
                f"run {recorded.folder.run_id} cannot be reproduced here: "
                f"{what} was {_shorten(then)}, here it is {_shorten(now)}",
                "reproduce it with the recorded state of this input, or start a new run with `forensics run CASE`",
            )


def _inputs(
    case: Case, recorded: RecordedRun, model: Model, recognition: Recognition | None
) -> Iterator[tuple[str, Any, Any]]:
    """Yield each input of the tables: its name, its recorded value, its value here."""
    record, settings = recorded.record, recorded.settings
    yield "the model", record["model"]["sha256"] or record["model"]["name"], model.sha256 or model.name
    for name, number in settings.methods(compares_faces=recognition is not None).items():
        yield f"the number of the method `{name}`", record.get("methods", {}).get(name, "not recorded"), number
    yield "the version of the tables' schema", recorded.manifest.get("schema_version"), SCHEMA_VERSION
    here = library_versions()
    for name in sorted({*record["libraries"], *here}):
        yield f"the library {name}", record["libraries"].get(name, "absent"), here.get(name, "absent")
    if not settings.run.mixed_hardware:
        yield "the kind of machine", record["hardware"], hardware_for(settings)
    inputs = input_digests(case.folder)
    for name, then in recorded.noted.get("inputs", {}).items():
        yield f"the digest of the {name}", then, inputs.get(name)
    if recognition is not None:
        yield from _face_inputs(record["faces"], recognition.model_facts)
        for name, then in recorded.noted.get("watchlist", {}).items():
            yield f"the watch-list's {name}", then, _plain(recognition.facts).get(name)
    run_id = make_plan(case, [], settings, model, faces_in_run_id(record)).folder.run_id
    yield "the id of the run, computed from its settings,", recorded.folder.run_id, run_id


def _face_inputs(then: JsonObject, here: JsonObject) -> Iterator[tuple[str, str, str]]:
    """Yield the weights and the libraries of the face models: name, recorded value, value here."""
    for role in ("detector", "landmarks", "embedder"):
        yield f"the {role} of faces", _weights_text(then.get(role)), _weights_text(here.get(role))
    for name in sorted({*then["libraries"], *here["libraries"]}):
        yield f"the library {name}", then["libraries"].get(name, "absent"), here["libraries"].get(name, "absent")


def _weights_text(weights: JsonObject | None) -> str:
    """Return name and digest of the weights of a face model.

    >>> _weights_text({"name": "dlib", "sha256": "c4b1e9804792707d"}), _weights_text(None)
    ('dlib (SHA-256 c4b1e9804792)', 'none')
    """
    return f"{weights['name']} (SHA-256 {weights['sha256'][:12]})" if weights else "none"


def _plain(value: JsonObject) -> JsonObject:
    """Return the value as it is after a round trip through JSON."""
    plain: JsonObject = json.loads(json.dumps(value))
    return plain


def _shorten(value: Any) -> str:
    """Return a value as text; an object by its digest, because nobody could read it.

    >>> _shorten({"E1": ["0a"]})
    'one with digest 0e7e52e4f60f943b'
    """
    if isinstance(value, dict | list):
        return f"one with digest {digest_of(value)}"
    text = str(value)
    return text if len(text) <= 64 else f"{text[:61]}..."


def describe_other_version(recorded: RecordedRun) -> str:
    """Return a note if another version of this program made the run; empty if it was this version."""
    made_by, here = recorded.record["version"], version("video-forensics")
    return "" if made_by == here else f"run {recorded.folder.run_id} was made by version {made_by}, this is {here}"
