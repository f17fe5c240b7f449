"""Every link, path and test that a page names exists."""

import re
from collections.abc import Iterator
from pathlib import Path

from testing.project import ROOT
from testing.public_text import pages
from testing.source import python_files

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_ANCHORED = re.compile(r"\]\((?!http)([^)#\s]*)#([^)]+)\)")
_PATH = re.compile(r"`((?:forensics|pipelines|tests|testing|scripts|docs|configs)/[\w./-]*)`")
_TEST = re.compile(r"`(test_\w+)`")


def test_links_lead_to_files() -> None:
    broken = [
        f"{page}: {target}"
        for page, text in pages()
        for target in _LINK.findall(text)
        if not target.startswith("http") and not ((ROOT / page).parent / target).exists()
    ]
    assert broken == []


def _headings(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_links_lead_to_headings() -> None:
    links = [
        (page, (ROOT / page).parent / target if target else ROOT / page, anchor)
        for page, text in pages()
        for target, anchor in _ANCHORED.findall(text)
        if target.endswith(".md") or not target
    ]
    assert len(links) > 10
    broken = [f"{page}: {path.name}#{anchor}" for page, path, anchor in links if anchor not in _headings(path)]
    assert broken == []


def test_paths_exist() -> None:
    # the changelog names what was there once
    named = {(page, path) for page, text in pages() if page != "CHANGELOG.md" for path in _PATH.findall(text)}
    assert [f"{page}: {path}" for page, path in sorted(named) if not (ROOT / path).exists()] == []


def _test_functions() -> Iterator[str]:
    for file in python_files("tests"):
        yield from re.findall(r"def (test_\w+)", file.read_text())


def test_tests_that_pages_name_exist() -> None:
    known = set(_test_functions()) | {file.stem for file in python_files("tests")}
    named = {(page, test) for page, text in pages() for test in _TEST.findall(text)}
    assert [f"{page}: {test}" for page, test in sorted(named) if test not in known] == []
