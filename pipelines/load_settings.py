"""Settings of a run from their sources: the defaults, the last run or a profile, then single settings."""

import tomllib
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from forensics.errors import UsageError
from forensics.json_object import JsonObject
from pipelines.setting_catalogue import SettingType, setting_named
from pipelines.setting_faults import invalid_settings, unknown_setting
from pipelines.settings import Settings

__all__ = ["EVERY_SETTING", "load_settings"]

EVERY_SETTING: Final = "all"
"""Name that stands for every setting but the models."""

_MODELS: Final = (("detect", "model"), ("recognise", "detector"))


def load_settings(
    profile: Path | None, assignments: Sequence[str], base: JsonObject | None = None, *, unset: Sequence[str] = ()
) -> Settings:
    """Return the settings: defaults, then `base` or the profile without what is unset, then each assignment.

    Args:
        profile: TOML file; None for none.
        assignments: texts such as ``detect.min_score=0.4``; elements of a list are separated by commas.
        base: sections of an earlier run's settings; a profile replaces them, except models that it does not name: the
            detector's and the face detector.
        unset: names of settings that have their defaults again; `EVERY_SETTING` stands for all but these models.

    Raises:
        UsageError: a name is unknown, or a value is invalid.
    """
    before = deepcopy(base or {})
    values = before if profile is None else _load_profile(profile, before)
    for name in unset:
        _unset(values, name.strip())
    assigned = [_assign(values, assignment) for assignment in assignments]
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise invalid_settings(error, assigned=assigned, profile=profile) from error


def _load_profile(profile: Path, before: JsonObject) -> JsonObject:
    """Return the values of a profile, with the models before where the profile names none."""
    values = _read_toml(profile)
    for section, model in _models_in(before).items():
        fields = values.setdefault(section, {})
        if isinstance(fields, dict):
            values[section] = {**model, **fields}
    return values


def _models_in(values: JsonObject) -> JsonObject:
    """Return the settings that name a model and that a case keeps.

    >>> _models_in({"detect": {"model": "yolo11n", "fps": 5}, "recognise": {"faces": 5}})
    {'detect': {'model': 'yolo11n'}}
    """
    named = [(section, name) for section, name in _MODELS if name in values.get(section, {})]
    return {section: {name: values[section][name]} for section, name in named}


def _read_toml(profile: Path) -> JsonObject:
    try:
        return tomllib.loads(profile.read_text())
    except FileNotFoundError as error:
        raise UsageError("the profile does not exist", f"check the path; {_examples_hint()}", profile) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"not a TOML file ({error})", f"correct the file; {_examples_hint()}", profile) from error
    except OSError as error:
        raise UsageError(
            f"the profile cannot be read ({error.strerror})",
            f"give a readable TOML file; {_examples_hint()}",
            profile,
        ) from error


def _examples_hint() -> str:
    return f"{Path(__file__).resolve().parents[1] / 'configs'} holds examples"


def _unset(values: JsonObject, name: str) -> None:
    """Remove one setting, or all but the models; also one that only another version of the program knows.

    Raises:
        UsageError: there is no such setting.
    """
    if name == EVERY_SETTING:
        models = _models_in(values)
        values.clear()
        values |= models
        return
    section, _, key = name.partition(".")
    fields = values.get(section)
    if isinstance(fields, dict) and key in fields:
        del fields[key]
    elif setting_named(name) is None:
        raise unknown_setting("--unset", name)


def _assign(values: JsonObject, assignment: str) -> str:
    """Set one setting, and return its name.

    Raises:
        UsageError: the text is not of the form NAME=VALUE, or there is no such setting.
    """
    name, equals, text = (part.strip() for part in assignment.partition("="))
    if setting_named(name) is None:
        raise unknown_setting("--set", name)
    if not equals:
        raise UsageError("the value is missing", f"write --set {name}=VALUE", f"--set {name}")
    section, _, key = name.partition(".")
    fields = values.setdefault(section, {})
    if isinstance(fields, dict):
        fields[key] = _parse_value(name, text)
    return name


def _parse_value(name: str, text: str) -> Any:
    setting = setting_named(name)
    if setting is not None and setting.type is SettingType.LIST:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return None if text in {"", "unset"} else text
