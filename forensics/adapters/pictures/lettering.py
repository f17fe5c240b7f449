"""Text on pictures in any script: each character is drawn with the first font of this machine that has it.

Pillow's own font knows little more than ASCII. DejaVu Sans, which comes with matplotlib, adds Latin, Greek, Cyrillic,
Arabic and more; for other scripts a font of the system is used. A character that no font has is written as its escape,
such as ``\\u30ab``, so that two names never look the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any, Final

__all__ = ["Lettering"]

_REGULAR: Final = "DejaVuSans.ttf"
_BOLD: Final = "DejaVuSans-Bold.ttf"
# File names of widely installed fonts; Pillow searches the font folders of the system for them.
_OTHER_SCRIPTS: Final = (
    *(
        "NotoSansCJK-Regular.ttc",
        "NotoSansCJKsc-Regular.otf",
        "SourceHanSans.ttc",
        "wqy-microhei.ttc",
        "wqy-zenhei.ttc",
    ),
    *("DroidSansFallbackFull.ttf", "msyh.ttc", "YuGothM.ttc", "malgun.ttf", "PingFang.ttc", "Arial Unicode.ttf"),
    *("NotoSansDevanagari-Regular.ttf", "NotoSansThai-Regular.ttf", "NotoSansBengali-Regular.ttf", "unifont.otf"),
)
# No font has a glyph for a noncharacter, so it shows what a font draws instead of a missing glyph.
_NONCHARACTER: Final = "\U0010fffe"


@dataclass(frozen=True, slots=True)
class Lettering:
    """A size and weight of text.

    Attributes:
        size_px: size of the font.
        is_bold: whether letters are bold, where the font has a bold form.
    """

    size_px: int
    is_bold: bool = False

    def width_of(self, text: str) -> float:
        """Return the width of a text in pixels."""
        return float(sum(font.getlength(run) for font, run in self._runs(text)))

    def can_write(self, text: str) -> bool:
        """Whether this machine has a font for every character of a text; the others become escapes."""
        return all(_font_of(character, self) is not None for character in text)

    def draw(self, draw: Any, at: tuple[float, float], text: str, fill: tuple[int, int, int]) -> None:
        """Draw a text.

        Args:
            draw: the `PIL.ImageDraw.Draw` to draw on.
            at: left end of the baseline, in pixels.
            text: one line.
            fill: its colour.
        """
        left, baseline = at
        for font, run in self._runs(text):
            draw.text((left, baseline), run, fill=fill, font=font, anchor="ls")
            left += font.getlength(run)

    def shorten(self, text: str, width_px: float) -> str:
        """Return the text, shortened in its middle until it fits.

        The end is kept because file names of one camera differ there.
        """
        if self.width_of(text) <= width_px:
            return text
        least, most = 2, len(text)  # of the characters kept: `least` fit, unless nothing does
        while most - least > 1:
            n_kept = (least + most) // 2
            if self.width_of(_without_middle(text, n_kept)) <= width_px:
                least = n_kept
            else:
                most = n_kept
        return _without_middle(text, least)

    def _runs(self, text: str) -> Iterator[tuple[Any, str]]:
        """Yield the text in runs of one font; what no font has is an escape in the first font."""
        fonts = _load_fonts(self.size_px, self.is_bold)
        spelled = "".join(one if _font_of(one, self) is not None else _escape(one) for one in text)
        for place, run in groupby(spelled, lambda one: _font_of(one, self) or 0):
            yield fonts[place], "".join(run)


def _without_middle(text: str, n_kept: int) -> str:
    """Return the text with n_kept of its characters, an ellipsis in place of the others.

    >>> _without_middle("abcdefgh", 5)
    'abc…gh'
    """
    return f"{text[: n_kept - n_kept // 2]}…{text[len(text) - n_kept // 2 :]}"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


@lru_cache(maxsize=65_536)
def _font_of(character: str, lettering: Lettering) -> int | None:
    """Return the place of the first font that has a character; None if none has it."""
    if not character.isprintable():
        return None
    fonts = _load_fonts(lettering.size_px, lettering.is_bold)
    return next((place for place, font in enumerate(fonts) if _has_glyph(font, character)), None)


def _has_glyph(font: Any, character: str) -> bool:
    if character.isspace():
        return True
    mask = font.getmask(character)
    return bool(mask.getbbox()) and bytes(mask) != bytes(font.getmask(_NONCHARACTER))


@lru_cache(maxsize=16)
def _load_fonts(size_px: int, is_bold: bool) -> tuple[Any, ...]:
    """Return the fonts of this machine at a size, best first; Pillow's own is always among them."""
    from PIL import ImageFont

    wanted = (_BOLD, _REGULAR) if is_bold else (_REGULAR,)
    found = [_load_font(_matplotlib_font(name) or name, size_px) for name in wanted]
    found += [ImageFont.load_default(size=size_px), *(_load_font(name, size_px) for name in _OTHER_SCRIPTS)]
    return tuple(font for font in found if font is not None)


def _matplotlib_font(name: str) -> str | None:
    """Return the path of a font that matplotlib brings along, without importing it; None if it is not installed."""
    package = find_spec("matplotlib")
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).parent / "mpl-data" / "fonts" / "ttf" / name
    return str(path) if path.is_file() else None


def _load_font(name: str, size_px: int) -> Any | None:
    from PIL import ImageFont

    try:
        return ImageFont.truetype(name, size_px)
    except OSError:
        return None
