"""Healthy footage under hostile names: paths that climb, options, patterns, control characters, protocols."""

import hashlib
import os
import struct
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from PIL import Image

from scripts.measure.bad_inputs.bad_file import BadFile, by_number, by_time
from scripts.measure.bad_inputs.originals import ORIGINALS, Workshop
from testing.painted.picture import paint

__all__ = ["hostile_names"]

# What stands before the suffix.
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
    """Each name for a video; as pictures in a folder, as a folder and in a zip by turns."""
    clip = by_time(ORIGINALS["h264_mp4"])
    for place, (name, stem) in enumerate(_STEMS.items()):
        yield BadFile(
            "hostile names", f"video-{name}", partial(_video, os.fsencode(f"{stem}.mp4")), clip, is_sound=True
        )
        other = (_folder_of, _pictures_of, _zip_of)[place % 3]
        numbers = by_number([_number_of(stem), _number_of(stem) + 1])
        yield BadFile(
            "hostile names", f"{other.__name__.strip('_')}-{name}", partial(other, stem), numbers, is_sound=True
        )
    for suffix in ("mp4", "mkv"):
        name = b"x" * (_NAME_BYTES - 1 - len(suffix)) + f".{suffix}".encode()
        yield BadFile("hostile names", f"video-255_bytes_{suffix}", partial(_video, name), clip, is_sound=True)
    yield BadFile("hostile names", "video-255_bytes_of_text", partial(_video, ("\u00e9" * 125 + "x.mp4").encode()))
    yield BadFile("hostile names", "video-without_suffix", partial(_video, b"gate"), clip, is_sound=True)
    for nth, stem in enumerate((b"\xff\xfe", b"gate\xc3", b"\xed\xa0\x80", b"\xc0\xaf..")):
        yield BadFile("hostile names", f"video-not_utf8_{nth}", partial(_video, stem + b".mp4"))
        yield BadFile("hostile names", f"folder_of-not_utf8_{nth}", partial(_pictures_of, os.fsdecode(stem)))
    yield BadFile("hostile names", "video-reached_by_dots", _by_dots, clip, is_sound=True)
    yield BadFile("hostile names", "video-deep", _deep, clip, is_sound=True)
    for nth, member in enumerate(
        ("../../out.png", "/tmp/out.png", "C:\\out.png", "a/../../../out.png", "\\\\host\\o.png")
    ):
        yield BadFile(
            "hostile names", f"zip_member-{nth}", partial(_zip_leading_out, member), by_number([_number_of(member)])
        )


def _video(name: bytes, shop: Workshop) -> Path:
    """A clip whose last box tells it from those of other names: the same bytes would be the same evidence."""
    mark = struct.pack(">I", 16) + b"free" + hashlib.sha256(name).digest()[:8]
    return shop.write(os.fsdecode(name), shop.original("h264_mp4") + mark)


def _number_of(stem: str) -> int:
    """What is painted in the first picture of this name."""
    return hashlib.sha256(os.fsencode(stem)).digest()[0] % 200


def _paint(folder: Path, names: list[str], first: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        with (folder / name).open("wb") as file:
            Image.fromarray(paint(first + number, 160, 96)).save(file, "PNG")


def _folder_of(stem: str, shop: Workshop) -> Path:
    """A folder of this name with two pictures."""
    _paint(shop.folder / stem, ["1.png", "2.png"], _number_of(stem))
    return shop.folder / stem


def _pictures_of(stem: str, shop: Workshop) -> Path:
    """A folder with two pictures of such names."""
    _paint(shop.folder / "trap", [f"{stem}1.png", f"{stem}2.png"], _number_of(stem))
    return shop.folder / "trap"


def _zip_of(stem: str, shop: Workshop) -> Path:
    """A zip with two members of such names."""
    _paint(shop.folder, ["1.png", "2.png"], _number_of(stem))
    path = shop.folder / f"{stem}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in (1, 2):
            archive.writestr(f"{stem.lstrip('.')}{number}.png", (shop.folder / f"{number}.png").read_bytes())
    return path


def _zip_leading_out(member: str, shop: Workshop) -> Path:
    _paint(shop.folder, ["1.png", "2.png"], _number_of(member))
    path = shop.folder / "out.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("1.png", (shop.folder / "1.png").read_bytes())
        archive.writestr(member, (shop.folder / "2.png").read_bytes())
    return path


def _by_dots(shop: Workshop) -> Path:
    (shop.folder / "a" / "b").mkdir(parents=True)
    return shop.folder / "a" / "b" / ".." / ".." / _video(b"dots.mp4", shop).name


def _deep(shop: Workshop) -> Path:
    return _video(os.fsencode("/".join(["d" * 100] * 20) + "/deep.mp4"), shop)
