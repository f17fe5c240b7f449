"""A run as it was recorded, and whether what decides its tables still is what it was."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from pydantic import ValidationError

from forensics.custody.case_folder import CaseFolder, RunFolder
from forensics.custody.log import read_chain
from forensics.errors import CannotStart, IntegrityBroken, UsageError
from forensics.models.model_store import Model
from forensics.tables.manifest import read_manifest
from pipelines.custody.case_document import Case
from pipelines.custody.deciding_files import RECORDS, alterations
from pipelines.proof.differences import altered_since
from pipelines.proof.stored_runs import is_known
from pipelines.run.plan import make_plan
from pipelines.run.record import hardware_for, inputs_of
from pipelines.search.recognition import Recognition
from pipelines.settings import Settings
from pipelines.versions import libraries

__all__ = ["RecordedRun", "other_version", "recorded_run", "refuse_other_causes"]


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run as it was recorded.

    Attributes:
        folder: where it lies.
        record: what `run.json` says.
        manifest: of its tables.
        settings: with which it was made.
        noted: what the log said when it last began: its inputs, and with whom faces were compared.
    """

    folder: RunFolder
    record: dict[str, Any]
    manifest: dict[str, Any]
    settings: Settings
    noted: dict[str, Any]

    @property
    def model_name(self) -> str:
        """As it was named then: registered, a path, or ``builtin``."""
        return self.settings.detect.model


def recorded_run(case: Case, run_id: str | None) -> RecordedRun:
    """The run of that name, by default the published one.

    Raises:
        UsageError: there is no such run, or nothing was published.
        IntegrityBroken: its record or its manifest is not what the log knows, or its tables or pictures are others.
    """
    folder = case.folder
    altered = alterations(folder, lambda: read_chain(folder.audit_file).lines, RECORDS)
    if altered:
        raise IntegrityBroken(altered[0], "see `forensics verify`")
    run = folder.run(run_id or read_manifest(folder)["run"])
    if run.root.parent != folder.runs or not run.record.exists() or not run.manifest.exists():
        known = ", ".join(sorted(path.parents[1].name for path in folder.runs.glob("*/tables/MANIFEST.json"))) or "none"
        raise UsageError(f"there is no run {run.run_id} with tables, there is {known}", "name one of them", folder.root)
    _refuse_unknown(folder, run)
    record: dict[str, Any] = json.loads(run.record.read_text())
    manifest: dict[str, Any] = json.loads(run.manifest.read_text())
    fault = altered_since(run, manifest)
    if fault:
        raise IntegrityBroken(fault, "restore it from a copy; what was recorded can be compared with nothing else")
    return RecordedRun(run, record, manifest, _settings(run, record), _noted(folder, run))


def _refuse_unknown(folder: CaseFolder, run: RunFolder) -> None:
    """Return only if the run's manifest is one that the log says was published."""
    if not is_known(folder, run):
        raise IntegrityBroken("is not what the log says was published", "restore it from a copy", run.manifest)


def _settings(run: RunFolder, record: dict[str, Any]) -> Settings:
    try:
        return Settings.model_validate(record["settings"])
    except ValidationError as error:
        raise CannotStart(
            f"its settings are none that this version knows ({error.error_count()} differ)",
            f"reproduce it with version {record['version']}",
            run.record,
        ) from error


def _noted(folder: CaseFolder, run: RunFolder) -> dict[str, Any]:
    lines = read_chain(folder.audit_file).lines
    notes = [line.facts for line in lines if (line.kind, line.command) == ("note", "run")]
    return next((facts for facts in reversed(notes) if facts.get("run") == run.run_id), {})


def refuse_other_causes(case: Case, recorded: RecordedRun, model: Model, recognition: Recognition | None) -> None:
    """Return only if whatever decides what the tables say is what it was.

    Raises:
        CannotStart: something is another, which says nothing about the run.
    """
    for what, then, now in _causes(case, recorded, model, recognition):
        if then != now:
            raise CannotStart(
                f"run {recorded.folder.run_id} cannot be made again: "
                f"{what} was {_short(then)}, here it is {_short(now)}",
                "reproduce it where that is as it was, or make another run of what there is now: forensics run CASE",
            )


def _causes(
    case: Case, recorded: RecordedRun, model: Model, recognition: Recognition | None
) -> Iterator[tuple[str, Any, Any]]:
    """Each cause by name, as it was recorded and as it is here."""
    record, settings = recorded.record, recorded.settings
    yield "the model", record["model"]["sha256"] or record["model"]["name"], model.sha256 or model.name
    for name, number in settings.methods(compares_faces=recognition is not None).items():
        yield f"the number of the method `{name}`", record.get("methods", {}).get(name, "not recorded"), number
    here = libraries()
    for name in sorted({*record["libraries"], *here}):
        yield f"the library {name}", record["libraries"].get(name, "absent"), here.get(name, "absent")
    if not settings.run.mixed_hardware:
        yield "the kind of machine", record["hardware"], hardware_for(settings)
    inputs = inputs_of(case.folder)
    for name, then in recorded.noted.get("inputs", {}).items():
        yield f"the digest of the {name}", then, inputs.get(name)
    if recognition is not None:
        yield "what finds and describes faces", record["faces"], _plain(recognition.described)
        for name, then in recorded.noted.get("watchlist", {}).items():
            yield f"the watch-list's {name}", then, _plain(recognition.facts).get(name)
    run_id = make_plan(case, [], settings, model).folder.run_id
    yield "the name that its settings make", recorded.folder.run_id, run_id


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """The value as it comes back from JSON."""
    plain: dict[str, Any] = json.loads(json.dumps(value))
    return plain


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 64 else f"{text[:61]}..."


def other_version(recorded: RecordedRun) -> str:
    """A word where another version of this program made the run; empty where it was this one."""
    made_by, here = recorded.record["version"], version("video-forensics")
    return "" if made_by == here else f"run {recorded.folder.run_id} was made by version {made_by}, this is {here}"
