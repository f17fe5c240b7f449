"""Every link, path and test that a page names exists."""

import re
from collections.abc import Iterator

from testing.project import ROOT
from testing.public_text import pages
from testing.source import python_files

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
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
