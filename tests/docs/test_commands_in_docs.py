"""Every command in a page or in the example of a help is one that the program accepts; every Python block compiles."""

import re

import click
import pytest

from forensics.errors import UsageError
from testing.command_tree import COMMANDS, LEAVES
from testing.documented_commands import PLACEHOLDERS, commands_in, documented_commands, parse
from testing.public_text import pages

_COMMANDS = [(place, words) for place, words in documented_commands() if words != ["--help"]]

_PAGES = {place for place, _ in _COMMANDS}


def _refusal(words: list[str]) -> str:
    """Return why the program refuses a command; empty if it accepts it."""
    try:
        parse(words).close()
    except click.ClickException as error:
        return error.format_message()
    except (UsageError, KeyError) as error:
        return str(error)
    return ""


def test_every_command_is_accepted() -> None:
    places = {place for place, _ in _COMMANDS}
    assert {"README.md", "docs/admin.md", "docs/proof.md", "docs/recognition.md", "forensics query --help"} <= places
    refused = [f"{place}: forensics {' '.join(words)}: {why}" for place, words in _COMMANDS if (why := _refusal(words))]
    assert refused == []


def test_the_readme_names_every_command() -> None:
    named = {parse(words).command_path for place, words in _COMMANDS if place == "README.md"}
    assert set(LEAVES) - named == set()


def test_every_placeholder_is_used() -> None:
    used = {name for _, words in _COMMANDS for word in words for name in re.findall(r"\b[A-Z]{3,}\b", word)}
    assert set(PLACEHOLDERS) <= used


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("query CASE --camera gate", ""),
        ("query", ""),
        ("qery CASE", "No such command 'qery'"),
        ("case inti CASE", "No such command 'inti'"),
        ("query CASE --colour red", "No such option '--colour'"),
        ("query CASE pictures", "'pictures' is not one of"),
        ("query CASE --format xml", "'xml' is not one of"),
        ("query CASE --from yesterday", "'yesterday' is not a time"),
        ("query CASE --tz Europe/Berlim", "Europe/Berlim"),
        ("case deny CASE", "Missing option '--reason'"),
        ("case clock CASE gate --offset 3parsecs", "'3parsecs' is no duration"),
        ("evidence camera CASE gate --reason TEXT", "Missing argument"),
        ("run CASE --set detect.fbs=2", "detect.fbs"),
        ("run CASE --set detect.fps=often", "often"),
        ("settings detect.fbs", "detect.fbs"),
        ("run CASUS", "CASUS"),
    ],
)
def test_what_the_program_refuses_is_found(line: str, why: str) -> None:
    (words,) = commands_in(f"See `forensics {line}`.", "forensics")
    refusal = _refusal(words)
    assert why in refusal
    assert bool(refusal) is bool(why)


def test_commands_are_found_wherever_pages_have_them() -> None:
    text = """
```sh
17 * * * *  /opt/bin/forensics case sweep /cases   # from cron
KEY=1 forensics run a && forensics query a \\
    --limit 3
```
```python
forensics run nothing
```

    forensics status b

| read `forensics verify c`, with `--json` | `forensics case clock d e --section X#2` |
`--reason` of `forensics status`
"""
    assert [" ".join(words) for words in commands_in(text, "forensics")] == [
        "case sweep /cases",
        "run a",
        "query a --limit 3",
        "status b",
        "verify c",
        "verify c --json",
        "case clock d e --section X#2",
        "status",
    ]


# ---- options


# options of every command, of `ray start` and of the exporter of Prometheus
_OF_OTHERS = frozenset({"--help", "--num-cpus", "--collector.textfile.directory"})


def _options_of(name: str) -> set[str]:
    return {option for param in COMMANDS[name].params for option in (*param.opts, *param.secondary_opts)}


def _unknown_options(code: str) -> set[str]:
    """Return the options of a piece of code that its command lacks; without a command, those that every one lacks."""
    options = {word.split("=")[0] for word in code.split() if re.match("--[a-z]", word)} - _OF_OTHERS
    if code.startswith("--"):
        return options - set().union(*map(_options_of, COMMANDS))
    named = [name for name in COMMANDS if f"forensics {code} ".startswith(f"{name} ")]
    return options - _options_of(max(named, key=len)) if len(named) > 1 else set()


def test_every_option_named_in_a_sentence_exists() -> None:
    codes = {(page, code) for page, text in pages() for code in re.findall(r"`([^`\n]+)`", text) if page in _PAGES}
    unknown = [f"{page}: {code}" for page, code in sorted(codes) if _unknown_options(code)]
    assert unknown == []


@pytest.mark.parametrize(
    ("code", "unknown"),
    [
        ("--clock-error", set()),
        ("--clock-errors", {"--clock-errors"}),
        ("case policy --after-denial", set()),
        ("case policy --clock-error", {"--clock-error"}),
        ("case --after-denial", {"--after-denial"}),
        ("pip install --no-deps", set()),
    ],
)
def test_an_option_of_no_command_or_another_one_is_found(code: str, unknown: set[str]) -> None:
    assert _unknown_options(code) == unknown


# ---- Python


_PYTHON = [(page, code) for page, text in pages() for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]


def test_every_block_of_python_compiles() -> None:
    assert len(_PYTHON) > 10
    for page, code in _PYTHON:
        compile(code, page, "exec")
