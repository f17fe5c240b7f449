"""Commands of `forensics` in pages and help, read as the program itself reads them.

A command with an argument or option is complete: the program must accept it. One without is a mention of the command.
In a row of a table, a piece of code that begins with ``--`` belongs to the command before it.
"""

import re
import shlex
from collections.abc import Iterator
from typing import Final

import click

from pipelines.cli.main import forensics
from pipelines.load_settings import load_settings
from pipelines.setting_catalogue import catalogue
from testing.public_text import helps, pages

__all__ = ["PLACEHOLDERS", "commands_in", "documented_commands", "filled", "parse"]

PLACEHOLDERS: Final = {
    "ADDRESS": "10.77.0.1:6379",
    "BUCKET": "archive",
    "CASE": "my-case",
    "ENTRY": "E1",
    "EVIDENCE": "3f2a91c04d77e810",
    "FILE": "file",
    "FOLDER": "folder",
    "KEY": "key",
    "MODEL": "yolo11n",
    "NAME": "B. Becker",
    "PTS": "90000",
    "SIGHTING": "91c04d77e8103f2a",
    "TEXT": "a stolen bicycle",
    "TIME": "2026-05-01T10:00:00Z",
}
"""A value for each word in capitals that a page leaves to the reader."""
# The changelog and the results of campaigns say what was true once.
_HISTORY: Final = frozenset({"CHANGELOG.md", "docs/VALIDATION.md"})
_PROGRAM: Final = "forensics"
_BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INDENTED: Final = re.compile(r"^ {4,}(\S.*)$", re.MULTILINE)
_PLACEHOLDER: Final = re.compile(r"\b[A-Z]{3,}\b")


def documented_commands() -> Iterator[tuple[str, list[str]]]:
    """Yield (page or command, words after `forensics`) for every command in a page or in the example of a help."""
    for page, text in pages():
        if page not in _HISTORY:
            yield from ((page, words) for words in commands_in(text, _PROGRAM))
    for name, text in helps():
        for line in text.partition("Example:\n")[2].splitlines():
            yield from ((f"{name} --help", words) for words in _commands_of_line(line, _PROGRAM))


def commands_in(text: str, program: str) -> Iterator[list[str]]:
    """Yield the words after `program` of each call, in blocks of shell, indented lines and code in backticks."""
    text = text.replace("\\\n", " ")
    shell = [body for language, body in _BLOCK.findall(text) if language == "sh"]
    prose = _BLOCK.sub("", text)
    for line in (*(line for body in shell for line in body.splitlines()), *_INDENTED.findall(prose)):
        yield from _commands_of_line(line, program)
    for line in prose.splitlines():
        yield from _commands_in_code(line, program)


def _commands_in_code(line: str, program: str) -> Iterator[list[str]]:
    """Yield the commands in backticks of one line, with the options that a row of a table adds to them."""
    last: list[str] = []
    for code in re.findall(r"`([^`]+)`", line):
        if code.startswith("--") and line.startswith("|") and last:
            yield [*last, *shlex.split(code)]
        for words in _commands_of_line(code, program):
            last = words
            yield words


def _commands_of_line(line: str, program: str) -> Iterator[list[str]]:
    for part in re.split(r"&&|;|\|", re.split(r"\s#\s", line)[0]):
        call = re.search(rf"(?:^|\s)(?:\S+/bin/)?{program} (.+)", part)
        if call is not None:
            yield shlex.split(call[1])


def filled(words: list[str]) -> list[str]:
    """Return the words with a value for each placeholder.

    Raises:
        KeyError: a word in capitals is no placeholder.

    >>> filled(["verify", "CASE", "--frame", "EVIDENCE:PTS", "-o", "FILE.png"])
    ['verify', 'my-case', '--frame', '3f2a91c04d77e810:90000', '-o', 'file.png']
    """
    return [word if " " in word else _PLACEHOLDER.sub(lambda found: PLACEHOLDERS[found[0]], word) for word in words]


def parse(words: list[str]) -> click.Context:
    """Parse one command as the program does, without running it; a mere mention is looked up only.

    Returns:
        The context of the command.

    Raises:
        click.ClickException: the program would refuse the words.
        forensics.errors.UsageError: there is no such setting, or it does not take the value.
        KeyError: a word in capitals is no placeholder, or a setting does not exist.
    """
    command: click.Command = forensics
    context, rest = click.Context(command, info_name=_PROGRAM), filled(words)
    while isinstance(command, click.Group) and rest:
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command, context = found, click.Context(found, parent=context, info_name=name)
    if rest:
        context = command.make_context(context.info_name, rest, parent=context.parent)
        _require_settings(context)
    return context


def _require_settings(context: click.Context) -> None:
    given = context.params
    if "assignments" in given:
        load_settings(None, given["assignments"], unset=given["unset"])
    prefix = given["name"] if context.command_path == "forensics settings" else ""
    if not any(setting.name.startswith(prefix) for setting in catalogue()):
        raise KeyError(prefix)
