"""ARCHITECTURE.md lists the modules behind `forensics scan`, from command to tables: at most twelve."""

import re

from testing.project import ROOT
from testing.source import imports_of, modules


def _listed() -> list[str]:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    section = page.partition("## From command to tables")[2].partition("\n## ")[0]
    return re.findall(r"^\d+\. `([\w/]+\.py)`", section, re.MULTILINE)


def test_at_most_twelve_modules() -> None:
    assert 8 <= len(_listed()) <= 12


def test_each_is_imported_by_one_listed_before() -> None:
    by_path = {module.path: module for module in modules()}
    first, *others = _listed()
    known = {by_path[first].name}
    for path in others:
        name = by_path[path].name
        users = {each.name for each in modules() for found in imports_of(each) if found.target == name}
        assert users & known, f"{path} is imported by none of the modules listed before it"
        known.add(name)
