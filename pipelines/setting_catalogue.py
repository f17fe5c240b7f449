"""The settings as a list: name, type, default, allowed values, meaning and effect, read from the models of settings."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, Final, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from forensics.json_object import JsonObject
from pipelines.settings import Settings

__all__ = [
    "Setting",
    "SettingType",
    "catalogue",
    "list_changed_settings",
    "nearest_names",
    "section_headings",
    "setting_named",
    "value_text",
]

_NEAREST: Final = 3
_ALIKE: Final = 0.7


class SettingType(StrEnum):
    """Type of the value of a setting."""

    NUMBER = "number"
    INTEGER = "whole number"
    BOOLEAN = "true or false"
    CHOICE = "choice"
    TEXT = "text"
    LIST = "list of texts"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        name: section and name, such as ``detect.fps``.
        type: of the value; that of a setting that can be unset is the type of its set values.
        default: value as JSON has it; None if it is unset.
        bounds: limits of a number, in words; empty without limits.
        choices: values of a choice, in order; empty for other types.
        can_be_unset: whether unset is a value.
        description: meaning in a few words, and details after a semicolon.
        changes_tables: whether it is in the digest of the settings: another value makes another run, with other tables.
    """

    name: str
    type: SettingType
    default: Any
    bounds: str
    choices: tuple[str, ...]
    can_be_unset: bool
    description: str
    changes_tables: bool

    @property
    def section(self) -> str:
        """Section of the setting, such as ``detect``."""
        return self.name.partition(".")[0]

    @property
    def meaning(self) -> str:
        """Meaning in a few words."""
        return self.description.partition(";")[0]

    @property
    def values(self) -> tuple[str, ...]:
        """All values of a choice, or of a boolean, as they are typed; empty for other types."""
        return ("true", "false") if self.type is SettingType.BOOLEAN else self.choices

    def value_in(self, sections: JsonObject) -> Any:
        """Return the value in recorded settings; the default if they do not state it.

        >>> fps = setting_named("detect.fps")
        >>> fps.value_in({"detect": {"fps": 2.0}}), fps.value_in({})
        (2.0, None)
        """
        return sections.get(self.section, {}).get(self.name.partition(".")[2], self.default)

    @property
    def allowed(self) -> str:
        """Type and limits, or all values, in words.

        >>> [setting_named(name).allowed for name in ("detect.fps", "detect.gate", "track.cuts", "run.workers")]
        ['number 0.001 to 1000, or unset', 'off, motion', 'true, false', 'whole number from 1, or unset']
        """
        text = ", ".join(self.values) or f"{self.type} {self.bounds}".strip()
        return f"{text}, or unset" if self.can_be_unset else text


@cache
def catalogue() -> tuple[Setting, ...]:
    """Return every setting, in the order of the sections."""
    digested = _names_in_digest()
    return tuple(
        _setting(f"{section}.{name}", field, changes_tables=f"{section}.{name}" in digested)
        for section, model in Settings.model_fields.items()
        for name, field in _fields_of(model).items()
    )


def setting_named(name: str) -> Setting | None:
    """Return the setting with this full name; None if there is none."""
    return next((setting for setting in catalogue() if setting.name == name), None)


def section_headings() -> dict[str, str]:
    """Return what the settings of each section are for, by section."""
    return {section: (field.annotation.__doc__ or "") for section, field in Settings.model_fields.items()}


def nearest_names(name: str) -> list[str]:
    """Return the names of settings that are spelled like this one, the nearest first; at most three.

    The last part of a name counts alone as well, as does the section.

    >>> [nearest_names(name) for name in ("detect.fpss", "fps", "detection.gate", "x.y")]
    [['detect.fps'], ['detect.fps'], ['detect.gate'], []]
    """
    short = name.rpartition(".")[2]
    scores = {each.name: _likeness(name, short, each.name) for each in catalogue()}
    near = [each for each, score in scores.items() if score >= _ALIKE]
    return sorted(near, key=lambda each: -scores[each])[:_NEAREST]


def _likeness(name: str, short: str, known: str) -> float:
    """Return how alike two names are, 0 to 1: the mean of the whole and the last parts, or of these alone."""
    whole = difflib.SequenceMatcher(None, name, known).ratio()
    last = difflib.SequenceMatcher(None, short, known.rpartition(".")[2]).ratio()
    return (whole + last) / 2 if "." in name else last


def value_text(value: Any) -> str:
    """Return a value as it is typed after ``--set NAME=``; an empty list as (empty).

    >>> [value_text(value) for value in (None, True, 2.0, 0.25, ["person", "car"], [], "off")]
    ['unset', 'true', '2', '0.25', 'person,car', '(empty)', 'off']
    """
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(value).removesuffix(".0")
    if isinstance(value, list | tuple):
        return ",".join(map(str, value)) or "(empty)"
    return str(value)


def list_changed_settings(sections: JsonObject) -> list[str]:
    """Return the settings that differ from the defaults, as ``section.name=value``, without the model.

    >>> list_changed_settings({"detect": {"model": "builtin", "fps": 2.0, "classes": ["person"]}})
    ['detect.fps=2', 'detect.classes=person']
    """
    defaults = Settings().model_dump(mode="json")
    return [
        f"{section}.{name}={value_text(value)}"
        for section, values in sections.items()
        for name, value in values.items()
        if (section, name) != ("detect", "model") and value != defaults.get(section, {}).get(name)
    ]


def _fields_of(section: FieldInfo) -> dict[str, FieldInfo]:
    fields: dict[str, FieldInfo] = getattr(section.annotation, "model_fields")  # noqa: B009
    return fields


def _names_in_digest() -> frozenset[str]:
    """Return the settings that enter the digest if nothing is left out; that of the model stands for its name."""
    settings = Settings.model_validate({"detect": {"gate": "motion"}, "sight": {"thumbnails": "none"}})
    content = settings.digest_content("", compares_faces=True)
    sections = {section: values for section, values in content.items() if section in Settings.model_fields}
    return frozenset(f"{section}.{name}" for section, values in sections.items() for name in values) | {"detect.model"}


def _setting(name: str, field: FieldInfo, *, changes_tables: bool) -> Setting:
    annotation, can_be_unset = _without_none(field.annotation)
    is_choice = get_origin(annotation) is Literal
    default = field.get_default(call_default_factory=True)
    return Setting(
        name=name,
        type=SettingType.CHOICE if is_choice else _TYPES[annotation],
        default=list(default) if isinstance(default, tuple) else default,
        bounds=_bounds_text(field.metadata),
        choices=get_args(annotation) if is_choice else (),
        can_be_unset=can_be_unset,
        description=field.description or "",
        changes_tables=changes_tables,
    )


_TYPES: Final[dict[Any, SettingType]] = {
    float: SettingType.NUMBER,
    int: SettingType.INTEGER,
    bool: SettingType.BOOLEAN,
    str: SettingType.TEXT,
    tuple[str, ...]: SettingType.LIST,
}


_BOUNDS: Final = {"ge": "from", "gt": "above", "le": "up to", "lt": "below"}


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """Return the type without None, and whether None is allowed."""
    if not isinstance(annotation, UnionType):
        return annotation, False
    (only,) = (each for each in get_args(annotation) if each is not type(None))
    return only, True


def _bounds_text(metadata: Iterable[object]) -> str:
    """Return the limits of a number in words; inclusive ones on both sides as a range."""
    limits = {
        kind: limit for bound in metadata for kind in _BOUNDS if (limit := getattr(bound, kind, None)) is not None
    }
    if limits.keys() == {"ge", "le"}:
        return f"{limits['ge']} to {limits['le']}"
    return " ".join(f"{word} {limits[kind]}" for kind, word in _BOUNDS.items() if kind in limits)
