"""Write pipelines/cli/completion.toml: what the shell completes, read from the commands and settings.

Completion reads this file instead of the commands, whose modules take a second to load.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

import click

from pipelines.cli.output import footage_type
from pipelines.setting_catalogue import catalogue
from testing.command_tree import COMMANDS
from testing.project import ROOT

__all__ = ["completion_text"]

_HEAD: Final = "# Written by `scripts/fix` (python -m scripts.completion_words) from the commands; do not edit."
# What an option or argument takes beyond its type, by command or metavar, and by name.
_KINDS: Final = {
    "--set": "assignment",
    "--unset": "unset",
    "--model": "model",
    "--profile": "profile",
    "forensics settings name": "setting",
    "CASE": "case",
    "CASE|FOLDER": "case",
    "FOLDER": "folder",
    "DIR": "folder",
}


def completion_text() -> str:
    """Return the content of the file: a table for each command and each setting."""
    lines = [_HEAD]
    for name, command in COMMANDS.items():
        first_line = (command.help or "").partition("\n")[0]
        params = [f"  {_inline(dict(_param_facts(name, param)))}," for param in command.params]
        lines += ["", f"[commands.{json.dumps(name)}]", f"help = {_value(first_line)}"]
        lines += [f"is_group = {_value(isinstance(command, click.Group))}", "params = [", *params, "]"]
    lines += ["", "[settings]"]
    for setting in catalogue():
        facts = {"meaning": setting.meaning, "values": list(setting.values)}
        lines.append(f"{json.dumps(setting.name)} = {_inline(facts)}")
    return "\n".join(lines) + "\n"


def _param_facts(command: str, param: click.Parameter) -> Iterator[tuple[str, Any]]:
    """Yield what completion must know of an option or argument."""
    yield "names", [*param.opts, *param.secondary_opts]
    if isinstance(param, click.Option):
        yield "help", param.help or ""
        yield "is_flag", param.is_flag
        yield "is_multiple", param.multiple
    else:
        yield "is_multiple", param.nargs == -1
    if isinstance(param.type, click.Choice):
        yield "choices", list(param.type.choices)
    else:
        yield "kind", _kind(command, param)


def _kind(command: str, param: click.Parameter) -> str:
    """Return what values are completed from; empty if they are not."""
    for key in (param.opts[0], f"{command} {param.name}", param.metavar or ""):
        if key in _KINDS:
            return _KINDS[key]
    if param.name == "root":
        return "case"
    return "file" if isinstance(param.type, click.Path) or param.type is footage_type else ""


def _inline(facts: dict[str, Any]) -> str:
    shown = ", ".join(f"{name} = {_value(value)}" for name, value in facts.items() if value not in (False, "", []))
    return f"{{ {shown} }}"


def _value(value: Any) -> str:
    """Return a text, truth value or list of texts; TOML writes them as JSON does."""
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    (ROOT / "pipelines/cli/completion.toml").write_text(completion_text(), encoding="utf-8")
