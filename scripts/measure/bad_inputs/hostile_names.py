"""Healthy footage with hostile names: path traversal, options, patterns, control characters, protocols."""

import hashlib
import os
import struct
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from PIL import Image

from scripts.measure.bad_inputs.bad_file import BadFile, numbers_in_order, numbers_of_kind
from scripts.measure.bad_inputs.originals import ORIGINALS, Workshop
from testing.painted.picture import paint

__all__ = ["hostile_names"]

# Names before the suffix.
_STEMS = {
    "dots_and_slash_encoded": "..%2f..%2fetc%2fpasswd",
    "begins_with_dots": "..gate",
    "only_dots": "...",
    "newline": "gate\nhall",
    "newlines_only": "\n\n",
    "carriage_return": "gate\rhall",
    "tab": "gate\thall",
    "bell": "gate\a",
    "escape": "\x1b[31mred\x1b[0m",
    "clear_screen": "\x1b[2J\x1b[H",
    "terminal_title": "\x1b]0;title\x07",
    "delete": "gate\x7f",
    "leading_dash": "-gate",
    "leading_option": "--help",
    "leading_option_with_value": "--camera=hall",
    "only_dash": "-",
    "pattern_d": "gate%d",
    "pattern_03d": "gate%03d",
    "pattern_s": "gate%s%n%x",
    "pattern_star": "gate*",
    "pattern_question": "gate?",
    "pattern_braces": "{gate,hall}",
    "pattern_brackets": "gate[0-9]",
    "template": "{{7*7}}${7*7}",
    "format_braces": "{0.__class__}",
    "right_to_left": "gate\u202e4pm",
    "isolates": "\u2066gate\u2069",
    "zero_width": "ga\u200bte",
    "no_break_space": "gate\u00a0hall",
    "line_separator": "gate\u2028hall",
    "combining": "g\u0301\u0301\u0301ate",
    "decomposed": "cafe\u0301",
    "emoji": "\U0001f3a5",
    "beyond_unicode_16": "\U00020000\U0010ffff",
    "spaces_only": "   ",
    "leading_space": " gate",
    "trailing_space": "gate ",
    "quotes": "'gate\"`",
    "shell": "$(touch owned); touch owned #",
    "backslashes": "..\\..\\gate",
    "drive": "C:\\gate",
    "protocol_http": "http:gate",
    "protocol_concat": "concat:a|b",
    "protocol_pipe": "pipe:0",
    "protocol_subfile": "subfile,,start,0,end,99,,:gate",
    "protocol_crypto": "crypto:gate",
    "protocol_data": "data:video,gate",
    "protocol_file": "file:gate",
    "devices": "nul",
    "comma_and_equals": "a=b,c=d;e=f",
    "url_parts": "gate?x=1&y=2#z",
    "html": "<script>alert(1)<",
    "sql": "'; DROP TABLE sources; --",
    "csv": '=HYPERLINK("x"),',
    "partial": ".gate.tmp",
    "manifest": "MANIFEST",
    "null_text": "None",
    "number": "0000",
}
_NAME_BYTES = 255


def hostile_names() -> Iterator[BadFile]:
    """Yield each name for a video, and in turn for a folder, for pictures in a folder, and for members of a zip."""
    clip = numbers_of_kind(ORIGINALS["h264_mp4"])
    for place, (name, stem) in enumerate(_STEMS.items()):
        yield BadFile(
            "hostile names", f"video-{name}", partial(_write_video, os.fsencode(f"{stem}.mp4")), clip, is_sound=True
        )
        kind, build = _OTHER_USES[place % 3]
        numbers = numbers_in_order([_number_of(stem), _number_of(stem) + 1])
        yield BadFile("hostile names", f"{kind}-{name}", partial(build, stem), numbers, is_sound=True)
    for suffix in ("mp4", "mkv"):
        name = b"x" * (_NAME_BYTES - 1 - len(suffix)) + f".{suffix}".encode()
        yield BadFile("hostile names", f"video-255_bytes_{suffix}", partial(_write_video, name), clip, is_sound=True)
    yield BadFile(
        "hostile names", "video-255_bytes_of_text", partial(_write_video, ("\u00e9" * 125 + "x.mp4").encode())
    )
    yield BadFile("hostile names", "video-without_suffix", partial(_write_video, b"gate"), clip, is_sound=True)
    for nth, stem in enumerate((b"\xff\xfe", b"gate\xc3", b"\xed\xa0\x80", b"\xc0\xaf..")):
        yield BadFile("hostile names", f"video-not_utf8_{nth}", partial(_write_video, stem + b".mp4"))
        yield BadFile("hostile names", f"folder_of-not_utf8_{nth}", partial(_write_pictures, os.fsdecode(stem)))
    yield BadFile("hostile names", "video-reached_by_dots", _write_behind_dots, clip, is_sound=True)
    yield BadFile("hostile names", "video-deep", _write_deep, clip, is_sound=True)
    for nth, member in enumerate(
        ("../../out.png", "/tmp/out.png", "C:\\out.png", "a/../../../out.png", "\\\\host\\o.png")
    ):
        yield BadFile(
            "hostile names",
            f"zip_member-{nth}",
            partial(_write_zip_with_member, member),
            numbers_in_order([_number_of(member)]),
        )


def _write_video(name: bytes, shop: Workshop) -> Path:
    """Write a clip with a unique last box, because equal bytes would be the same evidence."""
    mark = struct.pack(">I", 16) + b"free" + hashlib.sha256(name).digest()[:8]
    return shop.write(os.fsdecode(name), shop.original("h264_mp4") + mark)


def _number_of(stem: str) -> int:
    """Return the number that is painted in the first picture of this name."""
    return hashlib.sha256(os.fsencode(stem)).digest()[0] % 200


def _paint(folder: Path, names: list[str], first: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        with (folder / name).open("wb") as file:
            Image.fromarray(paint(first + number, 160, 96)).save(file, "PNG")


def _write_folder(stem: str, shop: Workshop) -> Path:
    """Write a folder of this name with two pictures."""
    _paint(shop.folder / stem, ["1.png", "2.png"], _number_of(stem))
    return shop.folder / stem


def _write_pictures(stem: str, shop: Workshop) -> Path:
    """Write a folder with two pictures of such names."""
    _paint(shop.folder / "trap", [f"{stem}1.png", f"{stem}2.png"], _number_of(stem))
    return shop.folder / "trap"


def _write_zip(stem: str, shop: Workshop) -> Path:
    """Write a zip of this name with two members of such names."""
    _paint(shop.folder, ["1.png", "2.png"], _number_of(stem))
    path = shop.folder / f"{stem}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in (1, 2):
            archive.writestr(f"{stem.lstrip('.')}{number}.png", (shop.folder / f"{number}.png").read_bytes())
    return path


def _write_zip_with_member(member: str, shop: Workshop) -> Path:
    _paint(shop.folder, ["1.png", "2.png"], _number_of(member))
    path = shop.folder / "out.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("1.png", (shop.folder / "1.png").read_bytes())
        archive.writestr(member, (shop.folder / "2.png").read_bytes())
    return path


def _write_behind_dots(shop: Workshop) -> Path:
    (shop.folder / "a" / "b").mkdir(parents=True)
    return shop.folder / "a" / "b" / ".." / ".." / _write_video(b"dots.mp4", shop).name


def _write_deep(shop: Workshop) -> Path:
    return _write_video(os.fsencode("/".join(["d" * 100] * 20) + "/deep.mp4"), shop)


_OTHER_USES = (("folder_of", _write_folder), ("pictures_of", _write_pictures), ("zip_of", _write_zip))
