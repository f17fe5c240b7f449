"""Contact sheets: pages of thumbnails on a grid, each with its facts, below a heading that says what they show."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from math import ceil, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from forensics.adapters.pictures.lettering import Lettering
from forensics.adapters.pictures.sheet_files import encode_sheet, require_picture_name

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["PER_PAGE", "Cell", "Heading", "contact_sheets", "has_unwritable_names", "page_names"]

_MOST_COLUMNS, _MOST_ROWS = 5, 4
PER_PAGE: Final = _MOST_COLUMNS * _MOST_ROWS
"""Largest number of pictures on one page."""

_PAPER: Final = (247, 247, 245)
_CARD: Final = (255, 255, 255)
_EDGE: Final = (222, 224, 222)
_MOUNT: Final = (236, 238, 237)
_INK: Final = (28, 32, 36)
_SOFT_INK: Final = (88, 97, 105)
_MARK: Final = (255, 64, 0)
_WARNING: Final = (176, 28, 20)

_MARGIN_PX, _GAP_PX, _PADDING_PX = 28, 16, 12
_CELL_PX: Final = 340
_PICTURE_PX: Final = (_CELL_PX, 300)
_LARGEST_ZOOM: Final = 3.0

_HEADLINE: Final = Lettering(26, is_bold=True)
_TEXT: Final = Lettering(15)
_STRONG: Final = Lettering(15, is_bold=True)
_SMALL: Final = Lettering(13)
_BADGE: Final = Lettering(12, is_bold=True)
_HEADLINE_LINE_PX, _TEXT_LINE_PX, _CAPTION_LINE_PX = 36, 23, 21


@dataclass(frozen=True, slots=True)
class Cell:
    """One picture of a sheet and what stands below it.

    Attributes:
        picture: a picture file.
        box: x1, y1, x2, y2 in pixels of the picture, drawn around the object; None if its place is not known.
        title: first line, left.
        kind: first line, right.
        lines: the lines below, each its text on the left and on the right; at most the right one is shortened.
        badge: mark on the picture, such as a doubt; empty for none.
    """

    picture: bytes
    box: tuple[float, float, float, float] | None
    title: str
    kind: str
    lines: tuple[tuple[str, str], ...]
    badge: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands at the top of each page.

    Attributes:
        title: the headline.
        lines: facts that hold for all pictures; broken where they are too long.
        warning: what the people who see the sheet must know; empty for nothing.
    """

    title: str
    lines: tuple[str, ...]
    warning: str = ""


def has_unwritable_names(cells: Sequence[Cell]) -> bool:
    """Whether a title or kind has characters that no font of this machine has."""
    return not all(_STRONG.can_write(cell.title) and _TEXT.can_write(cell.kind) for cell in cells)


def page_names(target: Path, n_pictures: int) -> list[Path]:
    """Return the file of each page: the name itself for one page, else with the page's number.

    >>> [path.name for path in page_names(Path("people.png"), PER_PAGE + 1)]
    ['people-1.png', 'people-2.png']
    """
    n_pages = max(1, ceil(n_pictures / PER_PAGE))
    if n_pages == 1:
        return [target]
    digits = len(str(n_pages))
    return [target.with_name(f"{target.stem}-{page:0{digits}}{target.suffix}") for page in range(1, n_pages + 1)]


def contact_sheets(heading: Heading, cells: Sequence[Cell], target: Path) -> Iterator[bytes]:
    """Yield the picture file of each page, with all pictures in reading order; no page is drawn before it is asked for.

    Equal input gives equal bytes on machines with the same fonts.

    Args:
        heading: of every page; the pages are numbered.
        cells: the pictures.
        target: name of the file; its suffix decides the format.

    Raises:
        UsageError: the suffix of `target` is that of no picture format.
    """
    require_picture_name(target)
    n_columns = _choose_columns(len(cells))
    pages = [cells[first : first + PER_PAGE] for first in range(0, len(cells), PER_PAGE)] or [cells]
    for number, page in enumerate(pages, 1):
        yield encode_sheet(_draw_page(heading, page, n_columns, f"page {number} of {len(pages)}"), target)


def _choose_columns(n_pictures: int) -> int:
    """Return the number of columns that gives pages somewhat wider than high.

    >>> [_choose_columns(n) for n in (1, 2, 6, 7, 20, 60)]
    [2, 2, 3, 3, 5, 5]
    """
    return min(_MOST_COLUMNS, max(2, ceil(sqrt(min(n_pictures, PER_PAGE) * 1.25))))


def _draw_page(heading: Heading, cells: Sequence[Cell], n_columns: int, page: str) -> "Image.Image":
    from PIL import Image, ImageDraw

    width = 2 * _MARGIN_PX + n_columns * (_CELL_PX + _GAP_PX) - _GAP_PX
    lines = [part for line in heading.lines for part in _break_line(line, _TEXT, width - 2 * _MARGIN_PX)]
    warning = list(_break_line(heading.warning, _STRONG, width - 2 * _MARGIN_PX)) if heading.warning else []
    top = _MARGIN_PX + _HEADLINE_LINE_PX + _TEXT_LINE_PX * (len(lines) + len(warning)) + _GAP_PX
    cell_height = _cell_height(cells)
    n_rows = max(1, ceil(len(cells) / n_columns))
    sheet = Image.new("RGB", (width, top + n_rows * (cell_height + _GAP_PX) - _GAP_PX + _MARGIN_PX), _PAPER)
    draw = ImageDraw.Draw(sheet)
    _draw_heading(draw, heading.title, lines, warning, page, width)
    for place, cell in enumerate(cells):
        left = _MARGIN_PX + place % n_columns * (_CELL_PX + _GAP_PX)
        _draw_cell(sheet, draw, cell, left, top + place // n_columns * (cell_height + _GAP_PX), cell_height)
    return sheet


def _draw_heading(draw: Any, title: str, lines: Sequence[str], warning: Sequence[str], page: str, width: int) -> None:
    right = width - _MARGIN_PX - _TEXT.width_of(page)
    baseline = _MARGIN_PX + 22
    shown = _HEADLINE.shorten(title, right - _MARGIN_PX - _GAP_PX)
    _HEADLINE.draw(draw, (_MARGIN_PX, baseline), shown, _INK)
    _TEXT.draw(draw, (right, baseline), page, _SOFT_INK)
    baseline += _HEADLINE_LINE_PX - 4
    for text in lines:
        _TEXT.draw(draw, (_MARGIN_PX, baseline), text, _SOFT_INK)
        baseline += _TEXT_LINE_PX
    for text in warning:
        _STRONG.draw(draw, (_MARGIN_PX, baseline), text, _WARNING)
        baseline += _TEXT_LINE_PX


def _break_line(text: str, lettering: Lettering, width_px: float) -> Iterator[str]:
    """Yield a text in lines that fit, broken between words; a word that does not fit alone is shortened."""
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and lettering.width_of(longer) > width_px:
            yield lettering.shorten(line, width_px)
            longer = word
        line = longer
    yield lettering.shorten(line, width_px)


def _cell_height(cells: Sequence[Cell]) -> int:
    n_lines = 1 + max((len(cell.lines) for cell in cells), default=0)
    return _PICTURE_PX[1] + 2 * _PADDING_PX + _CAPTION_LINE_PX * n_lines - 4


def _draw_cell(sheet: "Image.Image", draw: Any, cell: Cell, left: int, top: int, height: int) -> None:
    draw.rounded_rectangle((left, top, left + _CELL_PX - 1, top + height - 1), 6, fill=_CARD, outline=_EDGE)
    mount = (left + 1, top + 1, left + _CELL_PX - 2, top + _PICTURE_PX[1])
    draw.rounded_rectangle(mount, 5, fill=_MOUNT, corners=(True, True, False, False))
    _draw_picture(sheet, draw, cell, left, top)
    if cell.badge:
        width = _BADGE.width_of(cell.badge) + 16
        draw.rounded_rectangle((left + 10, top + 10, left + 10 + width, top + 32), 4, fill=_WARNING)
        _BADGE.draw(draw, (left + 18, top + 25), cell.badge, _CARD)
    baseline = top + _PICTURE_PX[1] + _PADDING_PX + 14
    _draw_ends(draw, (left, baseline), (cell.title, _STRONG, _INK), (cell.kind, _TEXT, _SOFT_INK))
    for number, (start, end) in enumerate(cell.lines):
        baseline += _CAPTION_LINE_PX
        lettering, ink = (_TEXT, _INK) if number == 0 else (_SMALL, _SOFT_INK)
        _draw_ends(draw, (left, baseline), (start, lettering, ink), (end, _SMALL, _SOFT_INK))


_Words = tuple[str, Lettering, tuple[int, int, int]]


def _draw_ends(draw: Any, at: tuple[int, int], start: _Words, end: _Words) -> None:
    """Draw a text at the left and one at the right end of a line of a cell; the longer one is shortened if needed."""
    (left, baseline), room = at, _CELL_PX - 2 * _PADDING_PX
    gap = 10 if start[0] and end[0] else 0
    widths = [lettering.width_of(text) for text, lettering, _ in (start, end)]
    if sum(widths) + gap > room:
        longer = int(widths[1] > widths[0])
        widths[longer] = max(room / 2, room - gap - widths[1 - longer])
        widths[1 - longer] = room - gap - widths[longer]
    first, last = start[1].shorten(start[0], widths[0] + 1), end[1].shorten(end[0], widths[1] + 1)
    start[1].draw(draw, (left + _PADDING_PX, baseline), first, start[2])
    end[1].draw(draw, (left + _CELL_PX - _PADDING_PX - end[1].width_of(last), baseline), last, end[2])


def _draw_picture(sheet: "Image.Image", draw: Any, cell: Cell, left: int, top: int) -> None:
    """Draw the picture as large as its place allows, in the middle, and a thin line around the object."""
    from PIL import Image

    with Image.open(BytesIO(cell.picture)) as stored:
        picture = stored.convert("RGB")
    room_x, room_y = _PICTURE_PX[0] - 2, _PICTURE_PX[1] - 1
    zoom = min(room_x / picture.width, room_y / picture.height, _LARGEST_ZOOM)
    size = (max(1, round(picture.width * zoom)), max(1, round(picture.height * zoom)))
    x, y = left + 1 + (room_x - size[0]) // 2, top + 1 + (room_y - size[1]) // 2
    sheet.paste(picture.resize(size, Image.Resampling.LANCZOS), (x, y))
    if cell.box is not None:
        x1, y1, x2, y2 = (round(value * zoom) for value in cell.box)
        inner = (x + max(1, x1), y + max(1, y1), x + min(size[0] - 2, x2), y + min(size[1] - 2, y2))
        if inner[0] < inner[2] and inner[1] < inner[3]:
            draw.rectangle((inner[0] - 1, inner[1] - 1, inner[2] + 1, inner[3] + 1), outline=_CARD)
            draw.rectangle(inner, outline=_MARK)
