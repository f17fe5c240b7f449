"""`settings`: every setting of a run, with its default, what it allows and what it changes."""

from difflib import get_close_matches
from pathlib import Path

import click

from forensics.errors import UsageError
from forensics.json_object import JsonObject
from pipelines.cli.output import emit, json_option, path_type, say
from pipelines.cli.settings_text import setting_list, setting_page
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.run.record import newest_record
from pipelines.setting_catalogue import Setting, catalogue, section_headings, setting_named
from pipelines.setting_faults import explain_unknown

__all__ = ["settings_command"]


@click.command("settings")
@click.argument("name", metavar="[NAME|PREFIX]", required=False, default="")
@click.option(
    "--case", "root", metavar="CASE", type=path_type, help="Show the values of the last run of this case as well."
)
@json_option
def settings_command(name: str, root: Path | None, as_json: bool) -> None:
    """List the settings of a run: default, allowed values, meaning, and whether they change the tables.

    A full name, such as detect.fps, shows all about one setting; a section or another prefix lists some of them.

    \b
    Example:
      forensics settings detect
      forensics settings detect.fps
      forensics settings --case my-case
    """
    found = _found(name)
    record = None if root is None else _last_record(root)
    sections = (record or {}).get("settings")
    if record == {}:
        say("this case has no run yet, so the defaults apply")
    facts = {"run": (record or {}).get("run"), "settings": [_facts(setting, sections) for setting in found]}
    text = setting_page(found[0], sections) if len(found) == 1 else setting_list(found, sections)
    emit(facts, text, as_json)


def _found(name: str) -> list[Setting]:
    """Return the setting with this name, or those whose names begin with it.

    Raises:
        UsageError: there is none.
    """
    exact = setting_named(name)
    found = [exact] if exact else [setting for setting in catalogue() if setting.name.startswith(name)]
    if not found:
        problem, next_step = explain_unknown(name)
        sections = [] if "." in name else get_close_matches(name, section_headings())
        raise UsageError(problem, f"did you mean {' or '.join(sections)}?" if sections else next_step)
    return found


def _last_record(root: Path) -> JsonObject:
    """Return the record of the last run of a case; empty before the first one."""
    with open_session(root, "settings", need=Need.READ) as session:
        return newest_record(session.folder)


def _facts(setting: Setting, sections: JsonObject | None) -> JsonObject:
    """Return one setting as JSON has it, with the value of the last run if a case is given."""
    facts = {
        "name": setting.name,
        "type": setting.type.value,
        "default": setting.default,
        "allowed": setting.allowed,
        "values": list(setting.values),
        "can_be_unset": setting.can_be_unset,
        "description": setting.description,
        "changes_tables": setting.changes_tables,
    }
    if sections is None:
        return facts
    value = setting.value_in(sections)
    return {**facts, "value": value, "differs": value != setting.default}
