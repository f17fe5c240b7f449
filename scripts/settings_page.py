"""Write the tables of docs/settings.md, from `pipelines/settings.py`."""

from itertools import groupby

from pipelines.setting_catalogue import Setting, catalogue, section_headings, value_text
from scripts.measure.generated_sections import put_tables
from testing.project import ROOT

__all__ = ["settings_tables"]

_HEAD = "| setting | default | allowed | tables | meaning |\n|---|---|---|---|---|"


def settings_tables() -> str:
    """Return a heading, a sentence and a table for each section."""
    headings, lines = section_headings(), []
    for section, members in groupby(catalogue(), key=lambda setting: setting.section):
        lines += [f"## {section}\n\n{headings[section]}\n", _HEAD, *map(_row, members), ""]
    return "\n".join(lines).rstrip()


def _row(setting: Setting) -> str:
    changes = "yes" if setting.changes_tables else "no"
    cells = (f"`{setting.name}`", value_text(setting.default), setting.allowed, changes, setting.description)
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    put_tables(ROOT / "docs/settings.md", settings_tables())
