"""Settings as text for people, 80 columns wide."""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby, zip_longest
from typing import Final

from forensics.json_object import JsonObject
from pipelines.cli.output import one_line
from pipelines.setting_catalogue import Setting, section_headings, value_text

__all__ = ["setting_list", "setting_page"]

_WIDTH: Final = 80
_NAME: Final = 31
_VALUE: Final = 11
_CHANGES: Final = 7
_MARK: Final = "*"
_INDENT: Final = "    "
_IN_DIGEST: Final = "the tables; another value is another run, because the digest of a run covers it"
_IN_NO_DIGEST: Final = "speed, or what is allowed; with another value it is the same run"


def setting_list(settings: Sequence[Setting], sections: JsonObject | None) -> str:
    """Return a table of settings with a line of meaning below each, by section.

    Args:
        settings: what is listed.
        sections: settings of the last run, whose values stand beside the defaults; None leaves them out.
    """
    columns = ["setting", "default", *([] if sections is None else ["last run"]), "changes", "allowed"]
    lines, headings = [*_row("", columns)], section_headings()
    for section, members in groupby(settings, key=lambda setting: setting.section):
        lines += ["", *textwrap.wrap(headings[section], _WIDTH)]
        for setting in members:
            lines += _setting_rows(setting, sections)
    if sections is not None:
        lines += ["", f"{_MARK} differs from the default"]
    return "\n".join(lines)


def setting_page(setting: Setting, sections: JsonObject | None) -> str:
    """Return all about one setting; see `setting_list`."""
    facts = {"default": value_text(setting.default)}
    if sections is not None:
        facts["last run"] = f"{_recorded_text(setting, sections)}  {_mark(setting, sections)}".rstrip()
    facts |= {
        "allowed": setting.allowed,
        "changes": _IN_DIGEST if setting.changes_tables else _IN_NO_DIGEST,
        "meaning": setting.description,
        "to set it": f"--set {setting.name}={_another_value(setting)}",
        "to go back": f"--unset {setting.name}",
    }
    width = max(map(len, facts))
    lines = [setting.name]
    for name, text in facts.items():
        lines += textwrap.wrap(text, _WIDTH, initial_indent=f"{name:>{width}}  ", subsequent_indent=" " * (width + 2))
    return "\n".join(lines)


def _setting_rows(setting: Setting, sections: JsonObject | None) -> Iterator[str]:
    """Yield the lines of one setting: name, default, value of the last run, what it changes, what it allows, meaning.

    A value that is longer than its column, such as a path, has a line of its own.
    """
    cells, mark, recorded = [setting.name, value_text(setting.default)], "", ""
    if sections is not None:
        mark, recorded = _mark(setting, sections), _recorded_text(setting, sections)
        cells.append(recorded if len(recorded) <= _VALUE else "(below)")
    yield from _row(mark, [*cells, "tables" if setting.changes_tables else "-", setting.allowed])
    if len(recorded) > _VALUE:
        yield f"{_INDENT}last run: {recorded}"
    yield f"{_INDENT}{setting.meaning}"


def _another_value(setting: Setting) -> str:
    """Return a value that is not the default, if all are known."""
    return next((value for value in setting.values if value != value_text(setting.default)), "VALUE")


def _recorded_text(setting: Setting, sections: JsonObject) -> str:
    return one_line(value_text(setting.value_in(sections)))


def _mark(setting: Setting, sections: JsonObject) -> str:
    """Return the mark of a value that differs from the default; empty if it does not."""
    return "" if setting.value_in(sections) == setting.default else _MARK


def _row(mark: str, cells: Sequence[str]) -> Iterator[str]:
    """Yield the lines of one row; a cell that is too long for its column goes on in the next line."""
    widths = [_NAME, *[_VALUE] * (len(cells) - 3), _CHANGES]
    widths.append(_WIDTH - len(_MARK) - 1 - sum(widths) - len(widths))
    wrapped = [textwrap.wrap(cell, width) or [""] for cell, width in zip(cells, widths, strict=True)]
    for number, parts in enumerate(zip_longest(*wrapped, fillvalue="")):
        padded = " ".join(f"{part:{width}}" for part, width in zip(parts, widths, strict=True))
        yield f"{mark if number == 0 else '':{len(_MARK)}} {padded}".rstrip()
