"""Errors of settings: which setting, what was given, what was expected, and names that are spelled alike."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from forensics.errors import UsageError
from pipelines.setting_catalogue import nearest_names, setting_named
from pipelines.settings import Settings

__all__ = ["explain_unknown", "invalid_settings", "unknown_setting"]

_LAST_RUN: Final = "settings of the last run: "


def unknown_setting(where: str, name: str) -> UsageError:
    """Return the error about a name that no setting has.

    Args:
        where: option or file that names it.
        name: as it was given.
    """
    problem, next_step = explain_unknown(name)
    return UsageError(problem, next_step, where)


def explain_unknown(name: str) -> tuple[str, str]:
    """Return what is wrong with a name that no setting has, and the names that are spelled alike.

    >>> explain_unknown("detect.fpss")
    ("unknown setting 'detect.fpss'", 'did you mean detect.fps?')
    >>> explain_unknown("detect.colour")[1]
    '`forensics settings detect` lists the settings of this section'
    >>> explain_unknown("colour.red")[1]
    '`forensics settings` lists all; the sections are detect, gate, track, sight, recognise, chunk, run'
    """
    if name in Settings.model_fields:
        return f"{name!r} is a section, not a setting", f"`forensics settings {name}` lists its settings"
    problem, near, section = f"unknown setting {name!r}", nearest_names(name), name.partition(".")[0]
    if near:
        return problem, f"did you mean {' or '.join(near)}?"
    if section in Settings.model_fields:
        return problem, f"`forensics settings {section}` lists the settings of this section"
    return problem, f"`forensics settings` lists all; the sections are {', '.join(Settings.model_fields)}"


def invalid_settings(error: ValidationError, *, assigned: Sequence[str], profile: Path | None) -> UsageError:
    """Return one error that names all invalid settings, and where each was given.

    Args:
        error: of the validation of all settings.
        assigned: names of the settings that ``--set`` gave.
        profile: file that gave the others; None for the settings of the last run.
    """
    by_name = {_name_of(fault): fault for fault in error.errors()}
    explained = [_explain(name, fault, _source(name, assigned, profile)) for name, fault in by_name.items()]
    problems, next_steps = zip(*explained, strict=True)
    return UsageError("; ".join(problems), "; ".join(dict.fromkeys(next_steps)))


def _name_of(fault: Any) -> str:
    """Return the setting or the section of a fault; its place inside a value is left out."""
    return ".".join(str(part) for part in fault["loc"][:2])


def _source(name: str, assigned: Sequence[str], profile: Path | None) -> str:
    """Return the begin of a sentence about a setting that says where it was given."""
    if name in assigned:
        return "--set "
    return _LAST_RUN if profile is None else f"{profile}: "


def _explain(name: str, fault: Any, source: str) -> tuple[str, str]:
    """Return what is wrong, and what to do."""
    setting = setting_named(name)
    if setting is not None:
        expected = f"one of {setting.allowed}" if setting.values else setting.allowed
        return f"{source}{name}: expected {expected}, got {fault['input']!r}", f"see `forensics settings {name}`"
    if fault["type"] == "extra_forbidden":
        problem, next_step = explain_unknown(name)
        return f"{source}{problem}", f"leave it out with --unset {name}" if source == _LAST_RUN else next_step
    if "ctx" in fault and "error" in fault["ctx"]:
        return str(fault["ctx"]["error"]), "change one of the two"
    return f"{source}{name}: expected a section, got {fault['input']!r}", f"write [{name}], then one setting a line"
