"""How a text is spelt: what of it nobody sees, which scripts it mixes, and when two spellings are one.

A name that looks like another one and is not serves to be two people, or to slip past a list of words. Signs count as
unseen if Unicode calls them control, format, private or unassigned signs, or if they are drawn as nothing.
"""

import shlex
import unicodedata
from typing import Final

from forensics.place import Place

__all__ = ["fault_in_name", "in_shell", "is_text", "plain", "scripts_of", "unseen_in", "visible"]

_UNSEEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
# Letters, marks and symbols that are drawn as nothing: joiners, fillers, the empty braille cell, variation selectors.
_DRAWN_AS_NOTHING: Final = frozenset(
    (
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
        *(*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)),
    )
)
# Scripts that are written together: Japanese has three, Korean two.
_TOGETHER: Final = frozenset({"CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO"})
# First words of names of letters that belong to no script.
_OF_NO_SCRIPT: Final = frozenset({"MODIFIER"})


def is_text(text: str) -> bool:
    r"""Whether the text can be stored: arguments and file names of other systems may hold bytes that are no text.

    >>> is_text("Überwachung"), is_text("\udcff")
    (True, False)
    """
    return not any(unicodedata.category(sign) == "Cs" for sign in text)


def unseen_in(text: str) -> list[str]:
    r"""The signs of a text that nobody sees, in its order; spaces are seen.

    >>> unseen_in("B.\u200b Becker")
    ['\u200b']
    """
    return [sign for sign in text if _is_unseen(sign)]


def _is_unseen(sign: str) -> bool:
    return ord(sign) in _DRAWN_AS_NOTHING or unicodedata.category(sign) in _UNSEEN_CATEGORIES


def visible(text: str) -> str:
    r"""The text in composed letters of one width, without signs that nobody sees; tabs and line ends become spaces.

    >>> visible("\uff22.\u00ad\tBecker")
    'B. Becker'
    """
    spaced = "".join(" " if sign.isspace() else sign for sign in unicodedata.normalize("NFKC", text))
    return unicodedata.normalize("NFKC", "".join(sign for sign in spaced if not _is_unseen(sign)))


def plain(text: str) -> str:
    r"""One spelling for all that look the same but for capitals and spaces.

    >>> plain("b.  BECKER\u2060") == plain("B. Becker")
    True
    """
    folded = unicodedata.normalize("NFKC", visible(text).casefold())
    return " ".join(folded.split())


def scripts_of(text: str) -> frozenset[str]:
    """The scripts whose letters a text holds, by the first word of each letter's name in Unicode.

    >>> sorted(scripts_of("B. \u0412ecker 2"))
    ['CYRILLIC', 'LATIN']
    """
    letters = (sign for sign in visible(text) if unicodedata.category(sign).startswith("L"))
    firsts = {unicodedata.name(letter, "UNNAMED").split()[0] for letter in letters} - _OF_NO_SCRIPT
    return frozenset("CJK" if first in _TOGETHER else first for first in firsts)


def fault_in_name(name: str) -> str:
    r"""Why a name could be taken for another one; empty if it could not.

    >>> fault_in_name("B\u00ad. Becker")
    'holds signs that nobody sees: U+00AD'
    >>> fault_in_name("\u0412. Becker")
    'mixes letters that look alike: CYRILLIC, LATIN'
    """
    unseen = sorted({f"U+{ord(sign):04X}" for sign in unseen_in(name)})
    if unseen:
        return f"holds signs that nobody sees: {', '.join(unseen)}"
    scripts = sorted(scripts_of(name))
    return f"mixes letters that look alike: {', '.join(scripts)}" if len(scripts) > 1 else ""


def in_shell(path: Place) -> str:
    """A path as it must be typed, in a command that somebody is told to give.

    >>> from pathlib import Path
    >>> in_shell(Path("/cases/old mill"))
    "'/cases/old mill'"
    """
    return shlex.quote(str(path))
