"""Completion in the shell: commands, options, settings, models, cases and tables, without loading any of their modules.

The words come from completion.toml, which is made from the commands. Nothing is opened but folders and the catalogue of
models, and no log is written.
"""

import os
import shlex
import tomllib
from collections.abc import Callable
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    ZshComplete,
    add_completion_class,
    shell_complete,
    split_arg_string,
)

from forensics.custody.case_folder import CASE_FILE
from forensics.models.catalogue import catalogue

__all__ = ["complete"]

_PROGRAM: Final = "forensics"
_DETECTS: Final = "detect"
_EVERY_SETTING: Final = "all"
_PROFILE: Final = ".toml"
# The scripts of Bash and Zsh add a space after a completed word; after NAME= the value follows without one.
_BASH_NO_SPACE: Final = (
    "    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n\n    return 0\n"
)
_ZSH_PLAIN: Final = 'if [[ "$type" == "plain" ]]; then\n'
_ZSH_NO_SPACE: Final = f"""{_ZSH_PLAIN}            [[ "$key" == *= ]] && suffix=(-S "")\n"""
_ZSH_LIST: Final = "completions_with_descriptions -U"


def complete(variable: str, instruction: str) -> int:
    """Print the answer to a shell, and return the exit code.

    Args:
        variable: name of the variable of the environment with which a shell asks.
        instruction: its value: ``bash_source`` for the script, ``bash_complete`` for words; also for zsh and fish.
    """
    add_completion_class(_Bash)
    add_completion_class(_Zsh)
    return shell_complete(_root(), {}, _PROGRAM, variable, instruction)


class _Bash(BashComplete):
    """Bash takes ``NAME=VALUE`` for three words; they are joined before, and split after completion."""

    source_template = BashComplete.source_template.replace("    return 0\n", _BASH_NO_SPACE)
    _before = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one that is completed, and that word, with its name if it is a value."""
        words, place = split_arg_string(os.environ["COMP_WORDS"]), int(os.environ["COMP_CWORD"])
        joined: list[str] = []
        for word in words[: place + 1]:
            is_continued = bool(joined) and (word == "=" or (joined[-1].endswith("=") and not word.startswith("-")))
            joined[-1:] = [joined[-1] + word] if is_continued else [*joined[-1:], word]
        if place >= len(words):  # a new word, after a space
            return joined[1:], ""
        incomplete = joined[-1]
        self._before = incomplete.removesuffix(words[place].removeprefix("="))
        return joined[1:-1], incomplete

    def format_completion(self, item: CompletionItem) -> str:
        """Return the type and the part of the value that Bash replaces."""
        return f"{item.type},{item.value.removeprefix(self._before)}"


class _Zsh(ZshComplete):
    """Zsh takes ``NAME=VALUE`` for one word."""

    source_template = (
        ZshComplete.source_template.replace("local -a response\n", "local -a response suffix\n")
        .replace(_ZSH_PLAIN, _ZSH_NO_SPACE)
        .replace(_ZSH_LIST, f'{_ZSH_LIST} "${{suffix[@]}}"')
    )


@cache
def _words() -> dict[str, Any]:
    text = resources.files("pipelines.cli").joinpath("completion.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _root() -> click.Group:
    """Return the tree of all commands: names, help and parameters, but no function."""
    made: dict[str, click.Command] = {}
    for name, facts in _words()["commands"].items():
        parent, _, own = name.rpartition(" ")
        kind = click.Group if facts.get("is_group") else click.Command
        made[name] = kind(own, params=[_parameter(each) for each in facts["params"]], help=facts["help"])
        if parent:
            group = made[parent]
            assert isinstance(group, click.Group)
            group.add_command(made[name])
    root = made[_PROGRAM]
    assert isinstance(root, click.Group)
    return root


def _parameter(facts: dict[str, Any]) -> click.Parameter:
    """Return an option or argument that completes its values."""
    is_multiple = facts.get("is_multiple", False)
    kind = click.Choice(facts["choices"]) if "choices" in facts else click.STRING
    values = _VALUES.get(facts.get("kind", ""))
    if not facts["names"][0].startswith("-"):
        return click.Argument(facts["names"], type=kind, nargs=-1 if is_multiple else 1, shell_complete=values)
    is_flag = facts.get("is_flag", False)
    return click.Option(
        facts["names"],
        type=None if is_flag else kind,
        is_flag=is_flag,
        multiple=is_multiple,
        help=facts.get("help"),
        shell_complete=values,
    )


def _names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [
        CompletionItem(name, help=facts["meaning"])
        for name, facts in _words()["settings"].items()
        if name.startswith(incomplete)
    ]


def _names_and_all(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    every = [CompletionItem(_EVERY_SETTING, help="every setting but the model")]
    return [*_names(ctx, param, incomplete), *(each for each in every if _EVERY_SETTING.startswith(incomplete))]


def _assignments(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return NAME= of every setting; behind it the values of a choice, and models."""
    name, equals, text = incomplete.partition("=")
    if not equals:
        return [CompletionItem(f"{each.value}=", help=each.help) for each in _names(ctx, param, name)]
    if name == "detect.model":
        found = _models(ctx, param, text)
        return [CompletionItem(f"{name}={each.value}", help=each.help) for each in found if each.type == "plain"]
    values = _words()["settings"].get(name, {}).get("values", ())
    return [CompletionItem(f"{name}={value}") for value in values if value.startswith(text)]


def _models(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the registered detectors and builtin; a path if none is spelled like this."""
    known = {"builtin": "needs no file", **{each.name: each.licence for each in catalogue() if each.task == _DETECTS}}
    found = [CompletionItem(name, help=note) for name, note in known.items() if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


def _paths(
    is_wanted: Callable[[Path], bool],
    otherwise: str,
    ctx: click.Context,
    param: click.Parameter,
    incomplete: str,
) -> list[CompletionItem]:
    """Return the wanted paths that begin like this one; if there are none, the shell completes files or folders.

    The shell also does if a name has signs that must be quoted, which it does and click does not.
    """
    start = incomplete.rpartition("/")[2]
    folder = incomplete[: len(incomplete) - len(start)]
    found = [f"{folder}{name}" for name in _names_in(folder, start)]
    wanted = [path for path in found if is_wanted(Path(path).expanduser())]
    is_plain = wanted and all(shlex.quote(path) == path for path in wanted)
    return [CompletionItem(path) for path in wanted] if is_plain else [CompletionItem(incomplete, type=otherwise)]


def _names_in(folder: str, start: str) -> list[str]:
    """Return the names in a folder that begin like this, sorted; hidden ones only if they are asked for."""
    try:
        names = sorted(path.name for path in Path(folder or ".").expanduser().iterdir())
    except (OSError, RuntimeError):  # no such folder, or no such user
        return []
    return [name for name in names if name.startswith(start) and (start or not name.startswith("."))]


def _is_case(path: Path) -> bool:
    return (path / CASE_FILE).is_file()


def _is_profile(path: Path) -> bool:
    return path.suffix == _PROFILE and path.is_file()


_VALUES: Final[dict[str, Callable[[click.Context, click.Parameter, str], list[CompletionItem]]]] = {
    "assignment": _assignments,
    "unset": _names_and_all,
    "setting": _names,
    "model": _models,
    "case": partial(_paths, _is_case, "dir"),
    "profile": partial(_paths, _is_profile, "file"),
    "folder": lambda _, __, incomplete: [CompletionItem(incomplete, type="dir")],
    "file": lambda _, __, incomplete: [CompletionItem(incomplete, type="file")],
}
