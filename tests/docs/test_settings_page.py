"""docs/settings.md is current, and its examples are settings that exist."""

import re
from itertools import pairwise

from pipelines.load_settings import load_settings
from pipelines.setting_catalogue import catalogue
from scripts.settings_page import settings_tables
from testing.documented_commands import commands_in
from testing.project import ROOT

_PAGE = (ROOT / "docs/settings.md").read_text()


def test_the_page_is_current() -> None:
    assert settings_tables() in _PAGE, "run `python -m scripts.settings_page`"
    assert re.findall(r"^\| `(\S+)` \|", _PAGE, re.MULTILINE) == [setting.name for setting in catalogue()]


def test_the_settings_in_the_examples_exist() -> None:
    (words,) = (words for words in commands_in(_PAGE, "forensics") if words[0] == "run")
    given = {option: [after for word, after in pairwise(words) if word == option] for option in ("--set", "--unset")}
    assert (len(given["--set"]), len(given["--unset"])) == (2, 1)
    load_settings(None, given["--set"], unset=given["--unset"])
