"""Thumbnails on one sheet, with a caption each."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from forensics.errors import UsageError

__all__ = ["write_contact_sheet", "write_side_by_side"]

_CELL_PX = (220, 260)
_CAPTION_PX = 44
_PER_ROW = 6
_SIDE_PX = 320
_BACKGROUND = (250, 250, 248)
_INK = (40, 40, 40)


def write_contact_sheet(pictures: Sequence[tuple[Path, str, str]], target: Path) -> None:
    """Write a picture file; each entry is (thumbnail, first line, second line), in reading order.

    Raises:
        UsageError: no kind of picture has the suffix of `target`.
    """
    from PIL import Image, ImageDraw, ImageFont

    if target.suffix.lower() not in Image.registered_extensions():
        raise UsageError(f"{target}: no kind of picture has this suffix", "name a .png or .jpg file")
    n_columns = min(_PER_ROW, len(pictures))
    n_rows = -(-len(pictures) // _PER_ROW)
    sheet = Image.new("RGB", (n_columns * _CELL_PX[0], n_rows * _CELL_PX[1]), _BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for place, (path, *caption) in enumerate(pictures):
        left, top = place % _PER_ROW * _CELL_PX[0], place // _PER_ROW * _CELL_PX[1]
        with Image.open(path) as picture:
            picture.thumbnail((_CELL_PX[0] - 16, _CELL_PX[1] - _CAPTION_PX - 12))
            sheet.paste(picture, (left + (_CELL_PX[0] - picture.width) // 2, top + 8))
        for line, text in enumerate(caption):
            draw.text((left + 10, top + _CELL_PX[1] - _CAPTION_PX + 18 * line), text, fill=_INK, font=font)
    sheet.save(target)


def write_side_by_side(left: Sequence[bytes], right: Sequence[bytes], target: Path) -> None:
    """Write a picture file with two columns of pictures, such as faces beside references.

    Raises:
        UsageError: no kind of picture has the suffix of `target`.
    """
    from PIL import Image

    if target.suffix.lower() not in Image.registered_extensions():
        raise UsageError(f"{target}: no kind of picture has this suffix", "name a .png or .jpg file")
    n_rows = max(len(left), len(right), 1)
    sheet = Image.new("RGB", (2 * _SIDE_PX, n_rows * _SIDE_PX), _BACKGROUND)
    for column, pictures in enumerate((left, right)):
        for row, data in enumerate(pictures):
            with Image.open(BytesIO(data)) as picture:
                picture.thumbnail((_SIDE_PX - 16, _SIDE_PX - 16))
                sheet.paste(picture.convert("RGB"), (column * _SIDE_PX + 8, row * _SIDE_PX + 8))
    sheet.save(target)
