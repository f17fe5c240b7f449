"""Pictures on one sheet: thumbnails with a caption each, or faces beside references."""

from collections.abc import Sequence
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from forensics.errors import UsageError

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["require_picture_name", "write_contact_sheet", "write_side_by_side"]

_CELL_PX: Final = (220, 216)
_LINE_PX: Final = 18
_PER_ROW: Final = 6
_BACKGROUND: Final = (250, 250, 248)
_INK: Final = (40, 40, 40)
_SOFT_INK: Final = (91, 100, 107)

# Of a sheet with two panels: both are as high as this, and none wider than three halves of it.
_PANEL_PX: Final = 560
_WIDEST_PX: Final = 840
_MARGIN_PX: Final = 24
_GAP_PX: Final = 12
_CAPTION_PX: Final = 22
_TITLE_PX: Final = 28


def write_contact_sheet(pictures: Sequence[tuple[Path, *tuple[str, ...]]], target: Path) -> None:
    """Write a picture file; each entry is a thumbnail and the lines below it, in reading order.

    Raises:
        UsageError: no kind of picture has the suffix of `target`.
    """
    from PIL import Image, ImageDraw, ImageFont

    require_picture_name(target)
    n_columns = min(_PER_ROW, len(pictures))
    n_rows = -(-len(pictures) // _PER_ROW)
    caption_px = 8 + _LINE_PX * max(len(caption) for _, *caption in pictures)
    cell_height = _CELL_PX[1] + caption_px
    sheet = Image.new("RGB", (n_columns * _CELL_PX[0], n_rows * cell_height), _BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for place, (path, *caption) in enumerate(pictures):
        left, top = place % _PER_ROW * _CELL_PX[0], place // _PER_ROW * cell_height
        with Image.open(path) as picture:
            picture.thumbnail((_CELL_PX[0] - 16, _CELL_PX[1] - 12))
            sheet.paste(picture, (left + (_CELL_PX[0] - picture.width) // 2, top + 8))
        for line, text in enumerate(caption):
            fitting = _fitting(text, font, _CELL_PX[0] - 20)
            draw.text((left + 10, top + _CELL_PX[1] + _LINE_PX * line), fitting, fill=_INK, font=font)
    sheet.save(target)


def _fitting(text: str, font: Any, width_px: int) -> str:
    """The text, or as much of its begin and end as fits; the end tells names of one camera's files apart."""
    kept = len(text)
    shown = text
    while font.getlength(shown) > width_px and kept > 2:
        kept -= 1
        shown = f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
    return shown


def write_side_by_side(faces: Sequence[bytes], references: Sequence[bytes], target: Path, *, title: str) -> None:
    """Write a picture file: the title, below it the faces on the left and the references on the right, numbered.

    Small pictures are scaled up, so that both sides can be compared; below each stands how large it is.

    Args:
        faces: picture files, from the footage.
        references: picture files, as they were given.
        target: where to; equal input gives equal bytes.
        title: what is compared, in some lines.

    Raises:
        UsageError: no kind of picture has the suffix of `target`.
    """
    from PIL import Image, ImageDraw, ImageFont

    require_picture_name(target)
    panels = [_panel("In the footage", faces), _panel("Reference", references)]
    font, lines = ImageFont.load_default(size=18), title.splitlines()
    top = _MARGIN_PX + _TITLE_PX * len(lines) + _GAP_PX
    least = max((int(font.getlength(line)) for line in lines), default=0)
    width = 2 * _MARGIN_PX + max(least, sum(panel.width for panel in panels) + _MARGIN_PX)
    sheet = Image.new("RGB", (width, top + panels[0].height + _MARGIN_PX - _GAP_PX), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        draw.text((_MARGIN_PX, _MARGIN_PX + _TITLE_PX * number), line, fill=_INK, font=font)
    sheet.paste(panels[0], (_MARGIN_PX, top))
    sheet.paste(panels[1], (2 * _MARGIN_PX + panels[0].width, top))
    sheet.save(target)


def _panel(heading: str, pictures: Sequence[bytes]) -> "Image.Image":
    """Numbered pictures below their heading, on a grid that fills the panel's height."""
    from PIL import Image, ImageDraw, ImageFont

    n_columns, cell_px = _grid(max(1, len(pictures)))
    panel = Image.new("RGB", (n_columns * cell_px, _TITLE_PX + _PANEL_PX), _BACKGROUND)
    draw, small = ImageDraw.Draw(panel), ImageFont.load_default(size=14)
    draw.text((0, 0), heading if pictures else f"{heading}: none", fill=_INK, font=ImageFont.load_default(size=18))
    for place, data in enumerate(pictures):
        left, top = place % n_columns * cell_px, _TITLE_PX + place // n_columns * cell_px
        picture, size = _scaled(data, cell_px - _GAP_PX, cell_px - _GAP_PX - _CAPTION_PX)
        panel.paste(picture, (left, top))
        caption = f"{place + 1}   {size[0]} x {size[1]} px"
        draw.text((left, top + picture.height + 3), caption, fill=_SOFT_INK, font=small)
    return panel


def _grid(n_pictures: int) -> tuple[int, int]:
    """(columns, pixels of a cell's side): as few rows as the width allows.

    >>> _grid(1), _grid(5), _grid(12)
    ((1, 560), (3, 280), (4, 186))
    """
    for n_rows in count(1):
        n_columns, cell_px = -(-n_pictures // n_rows), _PANEL_PX // n_rows
        if n_columns * cell_px <= _WIDEST_PX:
            break
    return n_columns, cell_px


def _scaled(data: bytes, width_px: int, height_px: int) -> tuple["Image.Image", tuple[int, int]]:
    """The picture as large as the space allows, and the size that it has."""
    from PIL import Image, ImageOps

    with Image.open(BytesIO(data)) as stored:
        upright = ImageOps.exif_transpose(stored).convert("RGB")
    return ImageOps.contain(upright, (width_px, height_px), Image.Resampling.LANCZOS), upright.size


def require_picture_name(target: Path) -> None:
    """Return only if a picture can be written under this name.

    Raises:
        UsageError: no kind of picture has its suffix.
    """
    from PIL import Image

    if target.suffix.lower() not in Image.registered_extensions():
        raise UsageError("no kind of picture has this suffix", "name a .png or .jpg file", target)
