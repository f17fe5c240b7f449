"""Choice of the models: the named ones, those of the last run, or for a new case the best that are installed."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Final

from forensics.adapters.faces.face_models import FaceModels
from forensics.custody.case_folder import CaseFolder
from forensics.models.installed import preferred_installation
from forensics.models.model_store import BUILTIN, Model
from pipelines.cli.output import say
from pipelines.cli.run_options import ModelOptions, RunnerOptions, RunOptions, model_loaders
from pipelines.cli.run_settings import settings_for
from pipelines.run.face_choice import choose_face_models
from pipelines.run.record import model_text, newest_record
from pipelines.settings import RecogniseSettings, Settings

__all__ = ["face_models_of", "settings_and_model", "with_face_models"]

_BETTER: Final = "forensics models pull yolo11n"


def settings_and_model(
    root: Path, run_options: RunOptions, model_options: ModelOptions, runner_options: RunnerOptions
) -> tuple[Settings, Model]:
    """Return the settings of a run and its model, which knows why it was chosen.

    A case that has run keeps its model, unless another one is named. A case that has not takes the first installed
    detector in the order of the catalogue, and `builtin` if there is none; one line names it.

    Raises:
        CannotStart: the model is missing.
        IntegrityBroken: the model has changed.
    """
    settings = settings_for(root, run_options, model_options, runner_options)
    if "model" in settings.detect.model_fields_set:
        model = model_options.resolve(settings.detect.model)
        return settings, replace(model, choice=_why_named(root, settings, model_options))
    name, reason = _first_installed(settings)
    settings = settings.model_copy(update={"detect": settings.detect.model_copy(update={"model": name})})
    model = replace(model_options.resolve(name), choice=reason)
    more = f"better: {_BETTER}" if model.name == BUILTIN.name else reason
    say(f"model {model_text({'name': model.name})}; {more}")
    return settings, model


def with_face_models(folder: CaseFolder, settings: Settings, run_options: RunOptions) -> tuple[Settings, FaceModels]:
    """Return the settings with the face detector that `auto` stands for in this case, and the face models.

    Raises:
        CannotStart: a face model is missing, or is another one than that of the last run.
    """
    named = {text.partition("=")[0].strip() for text in (*run_options.assignments, *run_options.unset)}
    models = face_models_of(folder, settings.recognise, named=named)
    say(f"face detector {models.detector}; {models.choice}")
    recognise = settings.recognise.model_copy(update={"detector": models.detector})
    return settings.model_copy(update={"recognise": recognise}), models


def face_models_of(
    folder: CaseFolder, settings: RecogniseSettings | None = None, *, named: Collection[str] = ()
) -> FaceModels:
    """Return the face models of a case; without settings, by those of its last run.

    Raises:
        CannotStart: a face model is missing, or is another one than that of the last run.
    """
    record = newest_record(folder)
    faces = record.get("faces")
    if settings is None and faces:
        settings = RecogniseSettings(detector=faces["detector"]["name"], model=faces["embedder"]["name"])
    settings = settings or RecogniseSettings()
    return choose_face_models(folder, record, settings, model_loaders().find_face_models, named=named)


def _why_named(root: Path, settings: Settings, options: ModelOptions) -> str:
    """Return who named the model."""
    if options.model is not None:
        return "named with --model"
    record = newest_record(CaseFolder.for_path(root))
    is_same = record.get("settings", {}).get("detect", {}).get("model") == settings.detect.model
    return f"that of run {record['run']}" if is_same else "named in the settings"


def _first_installed(settings: Settings) -> tuple[str, str]:
    """Return name and reason of the model that a new case takes."""
    needs_published_file = settings.detect.device != "cpu" or settings.detect.batch > 1
    entry = preferred_installation("pt" if needs_published_file else "openvino")
    if entry is None or entry.preference is None:
        return "builtin", "no model was named, and no registered detector is installed"
    name = entry.location if needs_published_file else entry.name
    return name, f"no model was named; of the installed detectors first in the catalogue ({entry.preference.reason})"
