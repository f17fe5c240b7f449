"""Docstrings: everything public has one, and its first line is a sentence."""

from testing.public_text import setting_descriptions
from testing.source import documented


def test_everything_public_has_a_docstring() -> None:
    assert [place for place, text in documented() if not text.strip()] == []


def test_every_setting_has_a_description() -> None:
    assert [name for name, text in setting_descriptions() if not text.strip()] == []


def test_first_lines_are_sentences() -> None:
    first = {place: text.strip().splitlines()[0] for place, text in documented()}
    assert [place for place, line in first.items() if not line.rstrip().endswith((".", ":", "?"))] == []
