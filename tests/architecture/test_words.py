"""Which words the project uses: none that claims what only a person decides, none that says what a person is."""

import re
from typing import Final

import pytest

from testing.public_text import class_names, column_names, helps, pages, sentences, setting_descriptions, words_in
from testing.source import documented

_OF_THE_MACHINE: Final = r"match(es|ed|ing)?|identified|identif(y|ies)|suspects?"
_NOT_OURS: Final = frozenset({"clip", "shard", "segment", "job", "experiment"})
_NEVER_ASKED: Final = frozenset(
    {"race", "ethnicity", "gender", "sex", "age", "emotion", "mood", "religion", "health", "nationality"}
    | {"skin", "hair", "beard", "colour", "color", "disability"}
)
# Words of a private dialect, each with the plain one. Single-word strings are exempt: formats keep their words.
_DIALECT: Final = {
    "told": "reported, printed, known",
    "by lot": "at random",
    "the lot": "the random sample",
    "whoever": "the person who, any process that",
    "looked at": "detected, examined, processed",
    "taken in": "ingested",
    "begun": "started",
    "in hand": "in progress",
    "of whom": "of the people",
    "what of it": "which part of it",
    "not in order": "Problems",
    "put there what": "restore",
    "says nothing of": "does not show",
    "is no matter": "is ignored",
    "made anew": "made again",
}


def test_names_claim_nothing_that_only_a_person_decides() -> None:
    for name in (*column_names(), *class_names()):
        assert not any(re.fullmatch(_OF_THE_MACHINE, word) for word in words_in(name)), name


def test_texts_claim_nothing_that_only_a_person_decides() -> None:
    claim = re.compile(rf"\b({_OF_THE_MACHINE})\b", re.IGNORECASE)
    # what pipelines/ says to programmers reaches a person only as help
    api = [(place, text) for place, text in documented() if place.startswith("forensics")]
    texts = [*helps(), *setting_descriptions(), *api]
    assert {place: found[0] for place, text in texts if (found := claim.search(text))} == {}


def test_one_word_for_one_thing() -> None:
    assert {name for name in (*column_names(), *class_names()) if words_in(name) & _NOT_OURS} == set()


def test_nothing_is_said_about_what_a_person_is() -> None:
    names = (*column_names(), *class_names(), *(name for name, _ in setting_descriptions()))
    assert {name for name in names if words_in(name.replace(".", "_")) & _NEVER_ASKED} == set()


@pytest.mark.parametrize(
    ("name", "is_caught"),
    [("best_match", True), ("Matches", True), ("n_suspects", True), ("IdentifiedFace", True), ("matchbox", False)],
)
def test_words_are_told_apart(name: str, is_caught: bool) -> None:
    assert any(re.fullmatch(_OF_THE_MACHINE, word) for word in words_in(name)) is is_caught


def test_no_private_dialect() -> None:
    dialect = re.compile(rf"\b({'|'.join(_DIALECT)})\b", re.IGNORECASE)
    found = [
        f"{place}: {word[0]!r}; write: {_DIALECT[word[0].lower()]}"
        for place, text in (*sentences(), *helps(), *setting_descriptions(), *pages())
        for word in dialect.finditer(" ".join(text.split()))
    ]
    assert found == []
