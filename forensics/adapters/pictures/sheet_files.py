"""Files of sheets: their formats by suffix."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from forensics.errors import UsageError

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["encode_sheet", "require_picture_name"]


def encode_sheet(sheet: "Image.Image", target: Path) -> bytes:
    """Return the file of a picture, in the format of the suffix of `target`.

    Equal pictures give equal bytes.
    """
    from PIL import Image

    data = BytesIO()
    options = {"quality": 92} if target.suffix.lower() in (".jpg", ".jpeg") else {}
    sheet.save(data, Image.registered_extensions()[target.suffix.lower()], **options)
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
