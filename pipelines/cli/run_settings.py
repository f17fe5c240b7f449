"""Settings of a run from the case's last run and the options, and what is printed of them."""

from pathlib import Path
from typing import Final

from forensics.custody.case_folder import CaseFolder
from forensics.json_object import JsonObject
from pipelines.cli.output import one_line, say, table_text
from pipelines.cli.run_options import ModelOptions, RunnerOptions, RunOptions
from pipelines.load_settings import load_settings
from pipelines.run.record import newest_record
from pipelines.setting_catalogue import catalogue, value_text
from pipelines.settings import Settings

__all__ = ["settings_for"]

# What a run takes over from the one before; how fast it works is given each time.
_OF_LAST_RUN: Final = ("detect", "gate", "track", "sight", "recognise", "chunk")
_MODEL: Final = "detect.model"
_SAME: Final = "same"


def settings_for(
    root: Path, run_options: RunOptions, model_options: ModelOptions, runner_options: RunnerOptions
) -> Settings:
    """Return the settings of the last run of a case, or of the profile with that run's model, with all changes.

    What differs from the defaults or from the last run is printed.
    """
    changes, profile, unset = run_options.assignments, run_options.profile, run_options.unset
    if model_options.model is not None:
        path = Path(model_options.model)
        changes = (*changes, f"{_MODEL}={path.absolute() if path.exists() else path}")
    if runner_options.workers is not None:
        changes = (*changes, f"run.workers={runner_options.workers}")
    record = newest_record(CaseFolder.for_path(root))
    base = {name: section for name, section in record.get("settings", {}).items() if name in _OF_LAST_RUN}
    settings = load_settings(profile, changes, base, unset=unset)
    if base and profile is None:
        say(f"settings of run {record.get('run')}: model {record.get('model', {}).get('name')}")
    elif base:
        say(f"settings of the profile, which replaces those of run {record.get('run')}")
    _print_differences(settings, base)
    if not settings.is_gated:
        for change in changes:
            if change.strip().startswith("gate."):
                say(f"{change} has no effect without detect.gate=motion")
    if base and profile is not None and settings.detect.model != load_settings(profile, changes).detect.model:
        say(f"model {record.get('model', {}).get('name')}, of run {record.get('run')}; the profile names none")
    return settings


def _print_differences(settings: Settings, base: JsonObject) -> None:
    """Print a table of the settings that differ from the defaults or from the last run."""
    rows = list(_differences(settings, base))
    has_changes = any(before != _SAME for *_, before in rows)
    columns = ["setting", "value", "default", *(["last run"] if has_changes else [])]
    if rows:
        say(table_text(columns, [row[: len(columns)] for row in rows]))
    elif base:
        say("every other setting has its default")


def _differences(settings: Settings, base: JsonObject) -> list[list[str]]:
    """Return setting, value, default and the value of the last run.

    The model is printed by its name, unless it is another one.
    """
    values, rows = settings.model_dump(mode="json"), []
    for setting in catalogue():
        value = setting.value_in(values)
        before = setting.value_in(base)
        is_changed = setting.section in base and before != value
        if is_changed or (value != setting.default and setting.name != _MODEL):
            texts = [value_text(each) for each in (value, setting.default, before)]
            rows.append([setting.name, *map(one_line, texts[:2]), one_line(texts[2]) if is_changed else _SAME])
    return rows
