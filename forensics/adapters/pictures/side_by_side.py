"""Sheets that show faces from footage beside reference pictures."""

from collections.abc import Sequence
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from forensics.adapters.pictures.lettering import Lettering
from forensics.adapters.pictures.sheet_files import encode_sheet, require_picture_name

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["side_by_side"]

_BACKGROUND: Final = (250, 250, 248)
_INK: Final = (40, 40, 40)
_SOFT_INK: Final = (91, 100, 107)
# Height and greatest width of one panel.
_PANEL_PX: Final = 560
_WIDEST_PX: Final = 840
_MARGIN_PX: Final = 24
_GAP_PX: Final = 12
_CAPTION_PX: Final = 22
_TITLE_PX: Final = 28
_TITLE: Final = Lettering(18)
_CAPTION: Final = Lettering(14)


def side_by_side(faces: Sequence[bytes], references: Sequence[bytes], target: Path, *, title: str) -> bytes:
    """Return one picture file: a title, the faces below it on the left, the references on the right, both numbered.

    Small pictures are scaled up so that both sides can be compared. The original size stands below each picture.

    Args:
        faces: picture files, from the footage.
        references: picture files, as they were supplied.
        target: name of the file; its suffix decides the format. Equal input gives equal bytes.
        title: what is compared, in one or more lines.

    Raises:
        UsageError: the suffix of `target` is that of no picture format.
    """
    from PIL import Image, ImageDraw

    require_picture_name(target)
    panels = [_draw_panel("In the footage", faces), _draw_panel("Reference", references)]
    lines = title.splitlines()
    top = _MARGIN_PX + _TITLE_PX * len(lines) + _GAP_PX
    title_width = max((int(_TITLE.width_of(line)) for line in lines), default=0)
    width = 2 * _MARGIN_PX + max(title_width, sum(panel.width for panel in panels) + _MARGIN_PX)
    sheet = Image.new("RGB", (width, top + panels[0].height + _MARGIN_PX - _GAP_PX), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        _TITLE.draw(draw, (_MARGIN_PX, _MARGIN_PX + 18 + _TITLE_PX * number), line, _INK)
    sheet.paste(panels[0], (_MARGIN_PX, top))
    sheet.paste(panels[1], (2 * _MARGIN_PX + panels[0].width, top))
    return encode_sheet(sheet, target)


def _draw_panel(heading: str, pictures: Sequence[bytes]) -> "Image.Image":
    """Draw a heading and, below it, the numbered pictures on a grid of the panel's height."""
    from PIL import Image, ImageDraw

    n_columns, cell_px = _choose_grid(max(1, len(pictures)))
    panel = Image.new("RGB", (n_columns * cell_px, _TITLE_PX + _PANEL_PX), _BACKGROUND)
    draw = ImageDraw.Draw(panel)
    _TITLE.draw(draw, (0, 18), heading if pictures else f"{heading}: none", _INK)
    for place, data in enumerate(pictures):
        left, top = place % n_columns * cell_px, _TITLE_PX + place // n_columns * cell_px
        picture, size = _open_scaled(data, cell_px - _GAP_PX, cell_px - _GAP_PX - _CAPTION_PX)
        panel.paste(picture, (left, top))
        caption = f"{place + 1}   {size[0]} x {size[1]} px"
        _CAPTION.draw(draw, (left, top + picture.height + 16), caption, _SOFT_INK)
    return panel


def _choose_grid(n_pictures: int) -> tuple[int, int]:
    """Return (columns, side of a cell in pixels): the fewest rows whose grid is not too wide.

    >>> _choose_grid(1), _choose_grid(5), _choose_grid(12)
    ((1, 560), (3, 280), (4, 186))
    """
    for n_rows in count(1):
        n_columns, cell_px = -(-n_pictures // n_rows), _PANEL_PX // n_rows
        if n_columns * cell_px <= _WIDEST_PX:
            break
    return n_columns, cell_px


def _open_scaled(data: bytes, width_px: int, height_px: int) -> tuple["Image.Image", tuple[int, int]]:
    """Return the upright picture, scaled as large as the space allows, and its original size."""
    from PIL import Image, ImageOps

    with Image.open(BytesIO(data)) as stored:
        upright = ImageOps.exif_transpose(stored).convert("RGB")
    return ImageOps.contain(upright, (width_px, height_px), Image.Resampling.LANCZOS), upright.size
