"""Spelling of names: invisible characters, mixed scripts, and one form for equal-looking spellings.

A name that only looks like another one could be used to act as two people, or to evade a list of words. A character is
invisible if Unicode classifies it as control, format, private or unassigned, or if it is drawn as nothing.
"""

import shlex
import unicodedata
from collections.abc import Iterable
from typing import Final

from forensics.place import Place

__all__ = [
    "compose",
    "fault_in_camera",
    "fault_in_name",
    "fault_in_statement",
    "fold_spelling",
    "in_shell",
    "invisible_characters",
    "is_text",
    "letters_and_digits",
    "scripts_of",
    "spelled_as_known",
    "strip_invisible",
]

_INVISIBLE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
# Letters, marks and symbols without a visible shape: joiners, fillers, the empty braille cell, variation selectors.
_DRAWN_AS_NOTHING: Final = frozenset(
    (
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
        *(*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)),
    )
)
# Scripts that one language mixes: Japanese has three, Korean two.
_MIXED_SCRIPTS: Final = frozenset(
    {"CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO"}
)
# First words of the Unicode names of letters that belong to no script.
_NO_SCRIPT: Final = frozenset({"MODIFIER"})


# What people type into a field that must not stay empty, or what an authority answers that has granted nothing.
_PLACEHOLDERS: Final = frozenset(
    " ".join(
        (
            "na nil null none no nothing tbd tba tbc todo unknown unclear missing open later soon",
            "pending refused denied rejected requested applied declined expired revoked",
            "ausstehend offen keine kein keiner nichts unbekannt abgelehnt verweigert beantragt angefragt folgt spater",
            "aucun aucune rien inconnu inconnue refuse refusee rejete demande demandee enattente",
            "ninguno ninguna nada desconocido rechazado denegado solicitado pendiente",
            "nessuno nessuna niente sconosciuto rifiutato negato richiesto inattesa",
            "nn not nicht determined determine process progress preparation follow follows",
        )
    ).split()
)
# Words that state nothing beside a placeholder: "to be determined", "not yet known", "pending court decision".
_FILLERS: Final = frozenset(
    " ".join(
        (
            "a an the to be is was are been being has have will yet still in under on of for by at as",
            "known granted given approved authority authorisation authorization court judge decision order warrant",
            "noch wird wurde ist steht aus bekannt erteilt entscheidung gericht",
        )
    ).split()
)
_LINE_CONTROLS: Final = frozenset({"Cc", "Zl", "Zp"})
_BEFORE_NUMBERS: Final = frozenset({"no"})
"""Placeholders that state something before a number, as in "No. 118/26"."""


def is_text(text: str) -> bool:
    r"""Whether the text can be encoded; arguments and file names of other systems may hold bytes that are no text.

    >>> is_text("Überwachung"), is_text("\udcff")
    (True, False)
    """
    return not any(unicodedata.category(character) == "Cs" for character in text)


def invisible_characters(text: str) -> list[str]:
    r"""Return the invisible characters of a text, in order; spaces count as visible.

    >>> invisible_characters("B.\u200b Becker")
    ['\u200b']
    """
    return [character for character in text if _is_invisible(character)]


def _is_invisible(character: str) -> bool:
    return ord(character) in _DRAWN_AS_NOTHING or unicodedata.category(character) in _INVISIBLE_CATEGORIES


def compose(text: str) -> str:
    r"""Return the text with each letter and its marks as one character (NFC); macOS writes them apart (NFD).

    >>> compose("cafe\u0301") == "caf\u00e9"
    True
    """
    return unicodedata.normalize("NFC", text)


def spelled_as_known(name: str, known: Iterable[str]) -> str:
    r"""Return the known name that differs from this one only in how letters are composed; this name if there is none.

    >>> spelled_as_known("cafe\u0301", ["gate", "caf\u00e9"]) == "caf\u00e9"
    True
    """
    names = list(known)
    return name if name in names else next((each for each in names if compose(each) == compose(name)), name)


def strip_invisible(text: str) -> str:
    r"""Return the text in composed letters of one width, without invisible characters; whitespace becomes spaces.

    >>> strip_invisible("\uff22.\u00ad\tBecker")
    'B. Becker'
    """
    spaced = "".join(" " if each.isspace() else each for each in unicodedata.normalize("NFKC", text))
    return unicodedata.normalize("NFKC", "".join(each for each in spaced if not _is_invisible(each)))


def fold_spelling(text: str) -> str:
    r"""Return one form for all spellings that differ only in case, spaces and invisible characters.

    >>> fold_spelling("b.  BECKER\u2060") == fold_spelling("B. Becker")
    True
    """
    folded = unicodedata.normalize("NFKC", strip_invisible(text).casefold())
    return " ".join(folded.split())


def letters_and_digits(text: str) -> str:
    r"""Return the letters and digits of a text, without case, width, marks, spaces and punctuation.

    >>> letters_and_digits("K-118 / 26"), letters_and_digits("Sp\u00e4ter")
    ('k11826', 'spater')
    """
    return "".join(each for each in unicodedata.normalize("NFD", fold_spelling(text)) if each.isalnum())


def scripts_of(text: str) -> frozenset[str]:
    """Return the scripts of the letters of a text, by the first word of each Unicode name.

    >>> sorted(scripts_of("B. \u0412ecker 2"))
    ['CYRILLIC', 'LATIN']
    """
    letters = (each for each in strip_invisible(text) if unicodedata.category(each).startswith("L"))
    firsts = {unicodedata.name(letter, "UNNAMED").split()[0] for letter in letters} - _NO_SCRIPT
    return frozenset("CJK" if first in _MIXED_SCRIPTS else first for first in firsts)


def fault_in_name(name: str) -> str:
    r"""Return why a name could be mistaken for another one; empty if it could not.

    >>> fault_in_name("B\u00ad. Becker")
    'contains invisible characters: U+00AD'
    >>> fault_in_name("\u0412. Becker")
    'mixes letters of several alphabets: CYRILLIC, LATIN'
    """
    invisible = sorted({f"U+{ord(character):04X}" for character in invisible_characters(name)})
    if invisible:
        return f"contains invisible characters: {', '.join(invisible)}"
    scripts = sorted(scripts_of(name))
    return f"mixes letters of several alphabets: {', '.join(scripts)}" if len(scripts) > 1 else ""


def fault_in_camera(name: str) -> str:
    r"""Return why a text is no name of a camera; empty if it is one.

    >>> [fault_in_camera(name) for name in ("gate 2", " \u200b", "gate\x1b[2J")]
    ['', 'is blank', 'has characters that cannot be printed']
    """
    if not strip_invisible(name).strip():
        return "is blank"
    return "" if name.isprintable() else "has characters that cannot be printed"


def fault_in_statement(text: str) -> str:
    r"""Return why a text states nothing; empty if it states something.

    >>> [fault_in_statement(text) for text in ("\u200b", " - ", "t.b.d.", "Ausstehend", "Police Act s. 7")]
    ['is blank', 'is blank', 'is a placeholder', 'is a placeholder', '']
    >>> fault_in_statement("Old mill\n  authority  granted")
    'has line breaks or control characters, with which a text can pass for several'
    >>> [fault_in_statement(text) for text in ("not yet known", "TBD 1", "xxx", "No. 118/26", "Missing persons unit")]
    ['is a placeholder', 'is a placeholder', 'is a placeholder', '', '']
    """
    bare = letters_and_digits(text)
    if not bare.strip("0"):
        return "is blank"
    if any(unicodedata.category(character) in _LINE_CONTROLS for character in text):
        return "has line breaks or control characters, with which a text can pass for several"
    return "is a placeholder" if bare in _PLACEHOLDERS or _says_nothing(text) else ""


def _says_nothing(text: str) -> bool:
    """Whether a text is one letter again and again, or a placeholder among words and numbers that add nothing."""
    words = [letters_and_digits(word) for word in fold_spelling(text).replace("-", " ").split()]
    letters = {word for word in words if word and not word.isdigit()}
    has_numbers = any(word.isdigit() for word in words)
    placeholders = _PLACEHOLDERS - _BEFORE_NUMBERS if has_numbers else _PLACEHOLDERS
    is_placeholder = bool(letters & placeholders) and letters <= placeholders | _FILLERS
    return is_placeholder or any(len(word) > 2 and len(set(word)) == 1 for word in letters)


def in_shell(path: Place) -> str:
    """Quote a path for a shell command that the user is asked to type.

    >>> from pathlib import Path
    >>> in_shell(Path("/cases/old mill"))
    "'/cases/old mill'"
    """
    return shlex.quote(str(path))
