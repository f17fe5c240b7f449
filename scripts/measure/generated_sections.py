"""Generated tables in a page that is otherwise written by hand."""

from pathlib import Path
from typing import Final

__all__ = ["put_tables"]

_MARKS: Final = ("<!-- tables -->", "<!-- end of tables -->")


def put_tables(page: Path, tables: str) -> None:
    """Replace the text between the page's two marks by these tables."""
    before, _, rest = page.read_text().partition(_MARKS[0])
    _, _, after = rest.partition(_MARKS[1])
    page.write_text(f"{before}{_MARKS[0]}\n{tables}\n{_MARKS[1]}{after}")
