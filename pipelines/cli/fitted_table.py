"""Tables for people that fit the width of a terminal.

One row that is too wide becomes a list. Of several, empty columns go first, then what is equal in all rows is stated
once below the table, then ids are cut and the least important columns go.
"""

import shutil
from collections.abc import Sequence
from typing import Any, Final

from pipelines.cli.output import facts_text, one_line, table_text

__all__ = ["fitted_table", "terminal_width"]

_NARROWEST: Final = 80
# Ids made from content, and the digits that are left of one that is cut; pictures of `query` show as many.
_IDS: Final = ("evidence_id", "sighting_id")
_ID_DIGITS: Final = 8


def terminal_width() -> int:
    """Return the width of the terminal in columns, at least 80, which is also taken where there is none."""
    return max(_NARROWEST, shutil.get_terminal_size((_NARROWEST, 24)).columns)


def fitted_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    least_important: Sequence[str] = (),
    width: int | None = None,
    decimals: int = 2,
) -> tuple[str, str]:
    """Return a table and what is not in it, as text for people.

    Args:
        columns: names, in order.
        rows: cells, parallel to the columns.
        least_important: columns that may be left out, first the one that may go first; an id is cut before it goes.
            Names separated by spaces go together.
        width: number of terminal columns; None for that of the terminal.
        decimals: of floats.

    Returns:
        the table, with a line below it for what is equal in all rows; and a message about columns that were left out,
        empty if there are none.

    >>> rows = [["gate", "person", "10:00"], ["gate", "person", "10:01"]]
    >>> print(*fitted_table(["camera", "class", "time"], rows, width=20, least_important=["class"]), sep="")
    class   time
    person  10:00
    person  10:01
    every row: camera
      gate
    """
    width = terminal_width() if width is None else width
    shown, equal = list(columns), list[str]()
    text = _text(columns, rows, shown, decimals)
    if _is_wide(text, width) and len(rows) == 1:
        return "\n".join(facts_text(dict(zip(columns, rows[0], strict=True)), decimals=decimals)), ""
    if _is_wide(text, width):
        empty = {name for place, name in enumerate(columns) if all(row[place] in (None, "") for row in rows)}
        shown = [name for name in columns if name not in empty]
        text = _text(columns, rows, shown, decimals)
    while _is_wide(text, width) and len(rows) > 1 and (name := _find_equal(columns, rows, shown)):
        equal.append(f"{name.removesuffix('_id').removesuffix('_name')} {_text_of(columns, rows[0], name, decimals)}")
        shown.remove(name)
        text = _text(columns, rows, shown, decimals)
    left_out = list[str]()
    for name in least_important:
        if name in _IDS and name in shown and _is_wide(text, width):
            rows = _cut_ids(columns, rows, name)
            left_out.append(f"the end of {name}")
            text = _text(columns, rows, shown, decimals)
        together = [each for each in name.split() if each in shown]
        if together and _is_wide(text, width):
            left_out = [*(each for each in left_out if not each.endswith(f" {name}")), *together]
            shown = [each for each in shown if each not in together]
            text = _text(columns, rows, shown, decimals)
    if equal:
        text += "\n" + _wrapped(f"every row: {', '.join(equal)}", width)
    note = (
        f"not shown, to fit {width} columns: {', '.join(left_out)}; --format csv has every column" if left_out else ""
    )
    return text, note


def _cut_ids(columns: Sequence[str], rows: Sequence[Sequence[Any]], name: str) -> list[list[Any]]:
    """Return the rows with the first digits of an id."""
    place = list(columns).index(name)
    return [
        [f"{cell[:_ID_DIGITS]}…" if number == place and cell else cell for number, cell in enumerate(row)]
        for row in rows
    ]


def _text(columns: Sequence[str], rows: Sequence[Sequence[Any]], shown: Sequence[str], decimals: int) -> str:
    places = [list(columns).index(name) for name in shown]
    return table_text(list(shown), [[row[place] for place in places] for row in rows], decimals=decimals)


def _is_wide(text: str, width: int) -> bool:
    """Whether a line takes more columns of the terminal than `width`; an East Asian character takes two."""
    from rich.cells import cell_len

    return max(map(cell_len, text.splitlines()), default=0) > width


def _wrapped(text: str, width: int) -> str:
    """Return the text in lines of at most `width` columns of the terminal, the later ones indented; no word is cut.

    >>> print(_wrapped("every row: camera gate, class person", 24))
    every row: camera gate,
      class person
    """
    first, *others = text.split(" ")
    lines = [first]
    for word in others:
        longer = f"{lines[-1]} {word}"
        lines[-1:] = [lines[-1], f"  {word}"] if _is_wide(longer, width) else [longer]
    return "\n".join(lines)


def _find_equal(columns: Sequence[str], rows: Sequence[Sequence[Any]], shown: Sequence[str]) -> str:
    """Return the first shown column whose cells are all equal; empty if there is none, or no other column."""
    for name in shown[:-1]:
        place = list(columns).index(name)
        if len(shown) > 1 and all(row[place] == rows[0][place] for row in rows):
            return name
    return ""


def _text_of(columns: Sequence[str], row: Sequence[Any], name: str, decimals: int) -> str:
    """Return one cell as the table shows it."""
    return one_line(table_text([""], [[row[list(columns).index(name)]]], decimals=decimals).strip())
