"""Names that look like one another: they differ only in case, width, spaces, or letters that look the same."""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from forensics.spelling import fault_in_name, strip_invisible

__all__ = ["fault_in_new_name", "find_look_alike"]

# Cyrillic, Greek and phonetic letters that look like Latin ones. Small letters may look like none where capitals do.
_LOOK_ALIKES: Final = (
    ("\u0410\u0412\u0415\u0405\u0406\u0408\u041a\u041c\u041d\u041e\u0420\u0421", "ABESIJKMHOPC"),
    ("\u0422\u0423\u0425\u051a\u051c\u0417\u0430\u0435\u0455\u0456\u0458\u043e", "TYXQW3aesijo"),
    ("\u0440\u0441\u0443\u0445\u051b\u051d\u04bb\u0501", "pcyxqwhd"),
    ("\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4", "ABEZHIKMNOPT"),
    ("\u03a5\u03a7\u03b1\u03b9\u03ba\u03bd\u03bf\u03c1\u03c5\u03c7\u03b3", "YXaikvopuxy"),
    ("\u0131\u0261\u0251", "iga"),
)
_TO_LATIN: Final = str.maketrans(*("".join(column) for column in zip(*_LOOK_ALIKES, strict=True)))


def find_look_alike(name: str, known: Iterable[str]) -> str | None:
    r"""Return the first known name that looks like this one and is another; None if there is none.

    >>> [find_look_alike(name, ["hall", "gate"]) for name in ("GATE ", "g\u0430te", "\uff47ate", "gate", "gaet")]
    ['gate', 'gate', 'gate', None, None]
    >>> capitals, small = "\u0412\u041e\u0420\u041e\u0422\u0410", "\u0432\u043e\u0440\u043e\u0442\u0430"
    >>> find_look_alike(capitals, [small]) == small
    True
    """
    looks = _folded_forms(name)
    return next((each for each in known if each != name and not looks.isdisjoint(_folded_forms(each))), None)


def fault_in_new_name(name: str) -> str:
    r"""Return why nobody should be asked to tell this name from others; empty if it is a good name.

    Words of one name may have letters of different alphabets, as in a name of a place beside a model.

    >>> [fault_in_new_name(name) for name in ("gate 2", "-", "\u0412\u043e\u0440\u043e\u0442\u0430 A")]
    ['', 'has no letter and no digit', '']
    >>> fault_in_new_name("g\u0430te")
    'mixes letters of several alphabets: CYRILLIC, LATIN'
    """
    if not any(each.isalnum() for each in name):
        return "has no letter and no digit"
    return next((fault for word in name.split() if (fault := fault_in_name(word))), "")


@lru_cache(maxsize=4096)
def _folded_forms(name: str) -> frozenset[str]:
    """Return the forms of a name, in its own and in Latin letters, of which look-alikes share one."""
    visible = strip_invisible(name)
    return frozenset(_fold(text) for text in (visible, visible.translate(_TO_LATIN)))


def _fold(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text.casefold())
    return "".join("-" if unicodedata.category(each) == "Pd" else each for each in folded if not each.isspace())
