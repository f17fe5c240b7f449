"""The list of settings is read from the models, and says truly which settings change the tables."""

from typing import Any

import pytest
from pydantic import ValidationError

from pipelines.load_settings import load_settings
from pipelines.setting_catalogue import Setting, SettingType, catalogue, nearest_names, setting_named, value_text
from pipelines.settings import Settings

_SETTINGS = {setting.name: setting for setting in catalogue()}
_GATED = ("detect.gate=motion", "gate.follow_score=0.1", "track.activation_score=0.5")


def test_every_setting_is_listed_once_with_its_default() -> None:
    recorded = Settings().model_dump(mode="json")
    assert {name: setting.default for name, setting in _SETTINGS.items()} == {
        f"{section}.{name}": value for section, values in recorded.items() for name, value in values.items()
    }
    assert len(catalogue()) == len(_SETTINGS) > 50


def _another_value(setting: Setting) -> Any:
    """Return an allowed value other than that of `_GATED`."""
    special = {"detect.gate": "off", "track.high_score": 0.2, "track.activation_score": 0.45, "gate.follow_score": 0.2}
    special |= {"gate.audit_seed": 7}
    if setting.name in special:
        return special[setting.name]
    if setting.values:
        return next(value for value in setting.values if value != value_text(setting.default))
    if setting.type in {SettingType.TEXT, SettingType.LIST}:
        return "some"
    candidates = (0.02, 0.2, 1, 2, 20, 600, 4000, 1 << 30)
    return next(each for each in candidates if each != setting.default and _is_allowed(setting.name, each))


def _is_allowed(name: str, value: float) -> bool:
    section, _, key = name.partition(".")
    try:
        Settings.model_validate({section: {key: value}})
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("name", sorted(set(_SETTINGS) - {"detect.model", "recognise.against"}))
def test_a_setting_changes_the_tables_if_the_digest_covers_it(name: str) -> None:
    base = ("detect.gate=off",) if name == "detect.damaged" else _GATED  # which the gate excludes
    before = load_settings(None, base)
    after = load_settings(None, (*base, f"{name}={_another_value(_SETTINGS[name])}"))
    assert after != before
    is_another_run = after.digest("", compares_faces=True) != before.digest("", compares_faces=True)
    assert is_another_run is _SETTINGS[name].changes_tables


def test_the_model_counts_by_its_digest() -> None:
    assert _SETTINGS["detect.model"].changes_tables
    assert Settings().digest("aa", compares_faces=False) != Settings().digest("bb", compares_faces=False)


def _limits(setting: Setting) -> list[tuple[float, bool]]:
    """Return numbers at both limits in the words of a setting, and whether each is allowed."""
    words = setting.allowed.removesuffix(", or unset").removeprefix(setting.type.value).split()
    numbers = [float(word) for word in words if word[0].isdigit()]
    is_inside = [not {"above", "below"} & {words[place - 1]} for place, word in enumerate(words) if word[0].isdigit()]
    return list(zip(numbers, is_inside, strict=True))


@pytest.mark.parametrize("name", [s.name for s in catalogue() if s.type in {SettingType.NUMBER, SettingType.INTEGER}])
def test_the_limits_are_those_that_hold(name: str) -> None:
    limits = _limits(_SETTINGS[name])
    assert 1 <= len(limits) <= 2
    for number, is_allowed in limits:
        if not name.startswith("track.") or "score" not in name:  # these two depend on each other
            assert _is_allowed(name, number) is is_allowed
        assert not _is_allowed(name, number + (1 if number == limits[-1][0] and len(limits) == 2 else -1))


def test_the_meaning_fits_one_line() -> None:
    assert {s.name: s.meaning for s in catalogue() if not 8 < len(s.meaning) <= 76 and s.name != "track.method"} == {}
    assert [s.name for s in catalogue() if s.meaning.strip() != s.meaning or s.meaning.endswith(".")] == []


@pytest.mark.parametrize("name", sorted(_SETTINGS))
def test_a_mistyped_name_suggests_the_right_one(name: str) -> None:
    section, _, key = name.partition(".")
    for typed in (f"{section}.{key}s", f"{section}s.{key}", f"{section}.{key[:-1]}", key):
        assert name in nearest_names(typed), typed
        assert setting_named(typed) is None or typed == name
