"""What the README promises is listed in `readme_claims.toml` with the tests that hold it, and these exist."""

import ast
import json
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from testing.painted import KINDS
from testing.project import ROOT

_CLAIMS = tomllib.loads(Path(__file__).with_name("readme_claims.toml").read_text())["claim"]
_SECTIONS = ("What it promises", "What it does not do")


def _plain(text: str) -> str:
    return " ".join(text.split())


@cache
def _readme() -> str:
    return (ROOT / "README.md").read_text()


def _statements(section: str) -> list[str]:
    """Return the items and paragraphs of a section, each on one line."""
    body = _readme().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return [_plain(item).removeprefix("- ") for item in re.split(r"\n(?=- )|\n\n", body) if item.strip()]


def _unlisted(statement: str, claims: list[str]) -> str:
    """Return what is left of a statement without the claims in it."""
    for claim in sorted(claims, key=len, reverse=True):
        statement = statement.replace(claim, "")
    return _plain(statement)


@pytest.mark.parametrize("section", _SECTIONS)
def test_every_sentence_of_the_two_sections_is_listed(section: str) -> None:
    statements = _statements(section)
    assert len(statements) >= 5
    listed = [_plain(claim["text"]) for claim in _CLAIMS]
    assert [left for statement in statements if (left := _unlisted(statement, listed))] == []


def test_every_listed_claim_is_in_the_readme_word_for_word() -> None:
    readme = re.sub(r"(?<= )- ", "", _plain(_readme()))
    assert [claim["text"] for claim in _CLAIMS if _plain(claim["text"]) not in readme] == []
    assert len({_plain(claim["text"]) for claim in _CLAIMS}) == len(_CLAIMS)


def test_a_claim_names_tests_or_why_it_needs_none() -> None:
    assert [claim["text"] for claim in _CLAIMS if bool(claim.get("held_by")) is bool(claim.get("reason"))] == []


@cache
def _tests_in(path: str) -> frozenset[str]:
    """Return the tests that pytest collects from a file, skipped ones left out."""
    tree = ast.parse((ROOT / path).read_text())
    nodes: list[Any] = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return frozenset(node.name for node in nodes if node.name.startswith("test_") and not _is_skipped(node))


def _is_skipped(node: ast.FunctionDef) -> bool:
    return any(re.search(r"\.(skip|xfail)\b", ast.unparse(each)) for each in node.decorator_list)


def test_every_named_test_exists() -> None:
    named = {name for claim in _CLAIMS for name in claim.get("held_by", ())}
    assert len(named) > 40
    paths = {name: name.partition("::") for name in named}
    assert [
        name
        for name, (path, _, test) in sorted(paths.items())
        if not (ROOT / path).is_file() or test not in _tests_in(path)
    ] == []


@pytest.mark.parametrize(
    ("statement", "left"),
    [
        ("Decide who somebody is. It lists candidates.", ""),
        ("Decide who somebody is. It lists candidates. It is always right.", "It is always right."),
        ("Decide who anybody is. It lists candidates.", "Decide who anybody is."),
    ],
)
def test_a_new_or_changed_sentence_is_seen(statement: str, left: str) -> None:
    assert _unlisted(statement, ["It lists candidates.", "Decide who somebody is."]) == left


def test_numbers_are_those_of_the_tests() -> None:
    (kinds,) = re.findall(r"\[(\d+) kinds of file, 0 wrong frames\]", _readme())
    (changes,) = re.findall(r"\[([\d,]+) ways to change a case\]", _readme())
    assert int(kinds) == len(KINDS)
    tamper = json.loads((ROOT / "docs/validation/tamper.json").read_text())["totals"]
    assert int(changes.replace(",", "")) == tamper["tried"] == tamper["survived"]
