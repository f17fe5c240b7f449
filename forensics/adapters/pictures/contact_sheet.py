"""Contact sheets: thumbnails with captions, or faces from footage beside reference pictures."""

from collections.abc import Sequence
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from forensics.errors import UsageError

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["contact_sheet", "require_picture_name", "side_by_side"]

_CELL_PX: Final = (220, 216)
_LINE_PX: Final = 18
_PER_ROW: Final = 6
_BACKGROUND: Final = (250, 250, 248)
_INK: Final = (40, 40, 40)
_SOFT_INK: Final = (91, 100, 107)

# Height and greatest width of one panel of a side-by-side sheet.
_PANEL_PX: Final = 560
_WIDEST_PX: Final = 840
_MARGIN_PX: Final = 24
_GAP_PX: Final = 12
_CAPTION_PX: Final = 22
_TITLE_PX: Final = 28


def contact_sheet(pictures: Sequence[tuple[bytes, *tuple[str, ...]]], target: Path) -> bytes:
    """Return one picture file with all thumbnails, in reading order, each with its lines of caption below it.

    Args:
        pictures: a thumbnail as picture file and the lines of its caption, for each.
        target: name of the file; its suffix decides the format.

    Raises:
        UsageError: the suffix of `target` is that of no picture format.
    """
    from PIL import Image, ImageDraw, ImageFont

    require_picture_name(target)
    n_columns = min(_PER_ROW, len(pictures))
    n_rows = -(-len(pictures) // _PER_ROW)
    caption_px = 8 + _LINE_PX * max(len(caption) for _, *caption in pictures)
    cell_height = _CELL_PX[1] + caption_px
    sheet = Image.new("RGB", (n_columns * _CELL_PX[0], n_rows * cell_height), _BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for place, (data, *caption) in enumerate(pictures):
        left, top = place % _PER_ROW * _CELL_PX[0], place // _PER_ROW * cell_height
        with Image.open(BytesIO(data)) as picture:
            picture.thumbnail((_CELL_PX[0] - 16, _CELL_PX[1] - 12))
            sheet.paste(picture, (left + (_CELL_PX[0] - picture.width) // 2, top + 8))
        for line, text in enumerate(caption):
            shortened = _shorten_to_width(text, font, _CELL_PX[0] - 20)
            draw.text((left + 10, top + _CELL_PX[1] + _LINE_PX * line), shortened, fill=_INK, font=font)
    return _encoded(sheet, target)


def _shorten_to_width(text: str, font: Any, width_px: int) -> str:
    """Return the text, shortened in its middle until it fits.

    The end is kept because file names of one camera differ there.
    """
    n_kept = len(text)
    shortened = text
    while font.getlength(shortened) > width_px and n_kept > 2:
        n_kept -= 1
        shortened = f"{text[: n_kept - n_kept // 2]}…{text[len(text) - n_kept // 2 :]}"
    return shortened


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
    from PIL import Image, ImageDraw, ImageFont

    require_picture_name(target)
    panels = [_draw_panel("In the footage", faces), _draw_panel("Reference", references)]
    font, lines = ImageFont.load_default(size=18), title.splitlines()
    top = _MARGIN_PX + _TITLE_PX * len(lines) + _GAP_PX
    title_width = max((int(font.getlength(line)) for line in lines), default=0)
    width = 2 * _MARGIN_PX + max(title_width, sum(panel.width for panel in panels) + _MARGIN_PX)
    sheet = Image.new("RGB", (width, top + panels[0].height + _MARGIN_PX - _GAP_PX), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        draw.text((_MARGIN_PX, _MARGIN_PX + _TITLE_PX * number), line, fill=_INK, font=font)
    sheet.paste(panels[0], (_MARGIN_PX, top))
    sheet.paste(panels[1], (2 * _MARGIN_PX + panels[0].width, top))
    return _encoded(sheet, target)


def _draw_panel(heading: str, pictures: Sequence[bytes]) -> "Image.Image":
    """Draw a heading and, below it, the numbered pictures on a grid of the panel's height."""
    from PIL import Image, ImageDraw, ImageFont

    n_columns, cell_px = _choose_grid(max(1, len(pictures)))
    panel = Image.new("RGB", (n_columns * cell_px, _TITLE_PX + _PANEL_PX), _BACKGROUND)
    draw, small = ImageDraw.Draw(panel), ImageFont.load_default(size=14)
    draw.text((0, 0), heading if pictures else f"{heading}: none", fill=_INK, font=ImageFont.load_default(size=18))
    for place, data in enumerate(pictures):
        left, top = place % n_columns * cell_px, _TITLE_PX + place // n_columns * cell_px
        picture, size = _open_scaled(data, cell_px - _GAP_PX, cell_px - _GAP_PX - _CAPTION_PX)
        panel.paste(picture, (left, top))
        caption = f"{place + 1}   {size[0]} x {size[1]} px"
        draw.text((left, top + picture.height + 3), caption, fill=_SOFT_INK, font=small)
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


def _encoded(sheet: "Image.Image", target: Path) -> bytes:
    from PIL import Image

    data = BytesIO()
    sheet.save(data, Image.registered_extensions()[target.suffix.lower()])
    return data.getvalue()


def require_picture_name(target: Path) -> None:
    """Check that the suffix of a file name is that of a picture format.

    Raises:
        UsageError: it is not.
    """
    from PIL import Image

    if target.suffix.lower() not in Image.registered_extensions():
        raise UsageError(
            "this suffix belongs to no picture format", "use a file name that ends in .png or .jpg", target
        )
