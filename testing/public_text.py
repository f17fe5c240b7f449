"""All text that people read: docstrings, help, descriptions of settings, names of columns and classes."""

import ast
import re
from collections.abc import Iterator

import click

from forensics.tables import schemas
from pipelines.cli.main import forensics as command_line
from pipelines.settings import Settings
from testing.project import ROOT
from testing.source import modules

__all__ = ["class_names", "column_names", "helps", "pages", "sentences", "setting_descriptions", "words_in"]


def column_names() -> Iterator[str]:
    """Yield the columns of every table, with those of nested values."""
    named = {name: value for name, value in vars(schemas).items() if name.isupper() and hasattr(value, "names")}
    assert len(named) >= 11
    for schema in named.values():
        for field in schema:
            yield field.name
            inner = getattr(field.type, "value_type", field.type)
            yield from (inner.field(place).name for place in range(getattr(inner, "num_fields", 0)))


def class_names() -> Iterator[str]:
    """Yield the name of every class."""
    for module in modules():
        yield from (node.name for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef))


def helps() -> Iterator[tuple[str, str]]:
    """Yield (command or parameter, help) of the whole command line."""
    yield from _helps(command_line, "forensics")


def _helps(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    yield name, command.help or ""
    for parameter in command.params:
        yield f"{name} {parameter.name}", getattr(parameter, "help", None) or ""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from _helps(found, f"{name} {child}")


def setting_descriptions() -> Iterator[tuple[str, str]]:
    """Yield (setting, description)."""
    for section, field in Settings.model_fields.items():
        assert field.annotation is not None
        for name, setting in field.annotation.model_fields.items():
            yield f"{section}.{name}", setting.description or ""


def sentences() -> Iterator[tuple[str, str]]:
    """Yield (place, text) of every docstring and every string of several words in the product."""
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
                yield f"{module.path}:{node.lineno}", node.value


def pages() -> Iterator[tuple[str, str]]:
    """Yield (path, text) of every page of documentation."""
    for path in (*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))):
        yield str(path.relative_to(ROOT)), path.read_text()


def words_in(name: str) -> set[str]:
    """Return the words of a column or class name, in lower case, and their singulars.

    >>> sorted(words_in("BestShards_ms"))
    ['best', 'ms', 'shard', 'shards']
    """
    parts = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)
    return {part.lower() for part in parts} | {part.lower().removesuffix("s") for part in parts if len(part) > 3}
