"""Options of all commands: one name for one meaning, and one type for one name."""

from collections import defaultdict
from collections.abc import Iterator

import click
import pytest

from pipelines.cli.renamed_option import RenamedOption
from testing.command_tree import COMMANDS, LEAVES
from testing.commands import Call

_NAMES = {
    "Folder of the case": "--case",
    "Largest error of": "--clock-error",
    "Name of the camera": "--camera",
    "Only this camera": "--camera",
    "Print one JSON object": "--json",
    "Where the work is done": "--runner",
    "Who is responsible": "--operator",
    "Who receives the file": "--recipient",
    "Why you do this": "--reason",
}
"""How the help of an option begins, and its name."""
_SEVERAL_FORMS = {"--start": "case clock takes no from-name: a section has one time"}
_RENAMED = [
    (name, option) for name, command in LEAVES.items() for option in command.params if isinstance(option, RenamedOption)
]


def _options() -> Iterator[tuple[str, click.Option]]:
    for name, command in COMMANDS.items():
        yield from ((name, option) for option in command.params if isinstance(option, click.Option))


def _long_name(option: click.Option) -> str:
    (name,) = (each for each in option.opts if each.startswith("--"))
    return name


def test_a_meaning_has_one_name() -> None:
    names = defaultdict(set)
    for _, option in _options():
        for meaning in (start for start in _NAMES if (option.help or "").startswith(start)):
            names[meaning].add(_long_name(option))
    assert names == {meaning: {name} for meaning, name in _NAMES.items()}


def test_options_with_the_same_first_words_have_the_same_name() -> None:
    names = defaultdict(set)
    for _, option in _options():
        names[(option.help or "").partition(".")[0].partition(";")[0]].add(_long_name(option))
    assert {text: sorted(spelled) for text, spelled in names.items() if len(spelled) > 1} == {}


def test_a_name_has_one_type_and_one_short_form() -> None:
    forms = defaultdict(set)
    for _, option in _options():
        forms[_long_name(option)].add((type(option.type), *option.opts))
    assert {name for name, found in forms.items() if len(found) > 1} == set(_SEVERAL_FORMS)


def test_what_a_command_writes_is_named_by_the_same_option() -> None:
    """A path of a kind of file is an option of these, whatever is in the file."""
    written = {_long_name(option) for _, option in _options() if "FILE.p" in (option.metavar or "")}
    assert written == {"--output", "--pictures", "--marked", "--metrics", "--trust"}


@pytest.mark.parametrize(("name", "option"), _RENAMED, ids=[name for name, _ in _RENAMED])
def test_a_former_name_is_accepted_and_not_shown(call: Call, name: str, option: RenamedOption) -> None:
    words = ["x" for param in LEAVES[name].params if isinstance(param, click.Argument)]
    parsed = [
        LEAVES[name].make_context(name, [*words, spelled, "7"]) for spelled in (option.former, _long_name(option))
    ]
    assert len({context.params[option.name or ""] for context in parsed}) == 1
    assert option.former not in call(*name.split()[1:], "--help").out.split()


def test_the_former_names_are_those_that_were_released() -> None:
    assert {(name, option.former) for name, option in _RENAMED} == {
        ("forensics case clock", "--error"),
        ("forensics demo", "--out"),
    }
