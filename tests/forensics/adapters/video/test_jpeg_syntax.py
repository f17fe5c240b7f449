"""Scans of JPEG pictures, in files that Pillow writes."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from forensics.adapters.video.bitstreams.jpeg_syntax import lacks_scan

_START_OF_SCAN = b"\xff\xda"


def jpeg(mode: str, *, progressive: bool, comment: bytes = b"") -> bytes:
    noise = np.random.default_rng(3).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    data = BytesIO()
    Image.fromarray(noise).convert(mode).save(data, "JPEG", progressive=progressive, comment=comment)
    return data.getvalue()


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_whole_picture_lacks_no_scan_and_its_header_lacks_all(mode: str, progressive: bool) -> None:
    picture = jpeg(mode, progressive=progressive)
    assert not lacks_scan(picture)
    assert lacks_scan(picture[: picture.index(_START_OF_SCAN)])
    assert lacks_scan(picture.replace(_START_OF_SCAN, b"\xff\xfe"))  # every scan is a comment


def test_a_picture_inside_a_segment_is_not_the_picture() -> None:
    picture = jpeg("RGB", progressive=False, comment=jpeg("L", progressive=False))
    assert picture.count(_START_OF_SCAN) == 2
    assert not lacks_scan(picture)
    assert lacks_scan(picture[: picture.rindex(_START_OF_SCAN)])


def test_what_is_no_jpeg_lacks_nothing() -> None:
    assert not lacks_scan(b"")
    assert not lacks_scan(bytes(100))
