"""Why a time in a file name may mean another instant: a zone, a half of the day or another date beside it.

A wrong start is worse than none, so whatever may be one of these is a doubt, also where it may be a number.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from pipelines.intake.name_words import (
    COPIED,
    HALF_PARTS,
    HALF_WORDS,
    MONTH,
    SHORT_HALVES,
    SPACED_HALVES,
    TIME_OF_PLACE,
    UPPERCASE_ZONES,
    ZONE_PARTS,
    ZONE_PHRASE,
    ZONE_WORDS,
    find_zone_name,
)

__all__ = ["find_doubt"]

_MINUS: Final = "\N{MINUS SIGN}"
_DASHES: Final = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\ufe58\ufe63", _MINUS))
_WORD: Final = re.compile(r"[^\W\d_]+")
_WHOLE_WORD: Final = re.compile(r"(?<![^\W_])[^\W\d_]+(?![^\W_])")
_DOTTED: Final = re.compile(r"(?<![^\W\d_])(?:[^\W\d_]\.\s?){1,4}[^\W\d_](?![^\W\d_])\.?")
_END: Final = re.compile(
    rf"[\s_.~{_MINUS}-]*(?:(?:to|bis)[\s_.-]+)?(?:[01]\d|2[0-3])(?P<separator>[-_.:]?)[0-5]\d(?P=separator)[0-5]\d(?!\d)"
)
_QUARTER: Final = r"(?:[-:.]?(?:00|15|30|45))?(?!\d)"
_OFFSET: Final = re.compile(
    rf"[+±]\s?\d+|%2[bd]\d*|{_MINUS}\s?(?:1[0-4]|0?\d){_QUARTER}|"
    rf"(?<![^\W\d_])-(?:1[0-4]|0\d){_QUARTER}|(?<=[\W_])-\d{_QUARTER}|"
    r"(?<![^\W\d_])(?:(?:plus|minus)[\W_]*\d+|[pm](?:1[0-4]|0\d)(?:00|15|30|45)(?!\d))",
    re.IGNORECASE,
)
_OFFSET_BEFORE: Final = re.compile(rf"[+±](?:1[0-4]|0?\d){_QUARTER}|(?<![^\W_])-(?:1[0-4]|0\d)(?:00|15|30|45)(?!\d)")
_UTC: Final = re.compile(r"(?<![^\W\d_])(?:utc|gmt)\w*", re.IGNORECASE)
_Z: Final = re.compile(r"(?:^[\s_.(\[-]{0,3}|(?<=\d))z(?![^\W\d_])", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
_DATES: Final = (
    re.compile(r"(?<!\d)(\d{1,2})[-_./ ]{1,2}(\d{1,2})[-_./ ]{1,2}(?:19|20)\d\d(?!\d)"),
    re.compile(r"(?<!\d)(?:19|20)\d\d[-_./ ](\d{1,2})[-_./ ](\d{1,2})(?!\d)"),
    re.compile(r"(?<!\d)(?:19|20)\d\d(\d\d)(\d\d)(?:\d{4}|\d{6}|\d{9})?(?!\d)"),
    re.compile(r"(?<!\d)(\d\d)(\d\d)(?:19|20)\d\d(?:\d{4}|\d{6}|\d{9})?(?!\d)"),
    re.compile(r"(?<![^\W_])(?<!\d[-.])(\d{1,2})(?P<a>[-.])(\d{1,2})(?P=a)(?:1[5-9]|[23]\d)(?!\d)"),
    re.compile(r"(?<![^\W_])(?<!\d[-.])(?:1[5-9]|[23]\d)(?P<a>[-.])(\d{1,2})(?P=a)(\d{1,2})(?!\d)"),
    re.compile(r"(?<!\d)(?:1[5-9]|[23]\d)(\d\d)(\d\d)[-_ T.]?(?:[01]\d|2[0-3])[0-5]\d[0-5]\d(?!\d)"),
    re.compile(r"(?<!\d)(\d\d)(\d\d)(?:1[5-9]|[23]\d)[-_ T.]?(?:[01]\d|2[0-3])[0-5]\d[0-5]\d(?!\d)"),
)
_NAMED_MONTH: Final = re.compile(
    rf"(?<!\d)\d{{1,2}}[\W_]{{0,2}}{MONTH}[\W_]{{0,2}}\d{{2,4}}(?!\d)|(?<![^\W\d_]){MONTH}[\W_]{{0,2}}\d{{1,2}}[\W_]{{1,2}}\d{{4}}(?!\d)",
    re.IGNORECASE,
)


def find_doubt(before: str, behind: str, *, is_half_known: bool) -> str:
    """Return why a time may mean another instant; empty if nothing beside it says so.

    Args:
        before: text in front of the time.
        behind: text behind the time and its zone; the end of a recording may stand first, as a time of day.
        is_half_known: whether the time states AM or PM, or is of the 24-hour clock for its hour.

    >>> find_doubt("gate_", "_EST", is_half_known=False), find_doubt("ch01_", "_103000_0007", is_half_known=False)
    ("'EST' may be a time zone", '')
    """
    before, behind = _plain(before), _plain(behind)
    end = _END.match(behind)
    behind = behind[end.end() :] if end else behind
    doubts = (
        _find_zone(before, behind),
        "" if is_half_known else _find_half(before, behind),
        next((f"{text!r} may be another date" for text in (*_dates(before), *_dates(behind))), ""),
        _find_copy(before),
    )
    return next(filter(None, doubts), "")


def _plain(text: str) -> str:
    """Return a text with one spelling of each letter and dash, without invisible signs and dots of abbreviations."""
    visible = "".join(sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    return _DOTTED.sub(lambda found: re.sub(r"[.\s]", "", found[0]), visible.translate(_DASHES))


def _find_zone(before: str, behind: str) -> str:
    offset = _OFFSET.search(behind) or _OFFSET_BEFORE.search(before)
    if offset is not None:
        return f"{offset[0]!r} beside the time may be a time zone or a number"
    zones = (
        *(found[0] for text in (before, behind) if (found := _UTC.search(text) or ZONE_PHRASE.search(text))),
        *(found[0] for found in [_Z.search(behind) or TIME_OF_PLACE.search(behind)] if found),
        *(word for word in _WORD.findall(behind) if word.casefold() in ZONE_WORDS),
        *(word for word in _WHOLE_WORD.findall(behind) if word in UPPERCASE_ZONES),
        *(word for word in _WORD.findall(before) if word.isupper() and word.casefold() in ZONE_WORDS),
        *(part for part in ZONE_PARTS if part in f"{before} {behind}".casefold()),
        *filter(None, map(find_zone_name, (before, behind))),
    )
    return f"{zones[0]!r} may be a time zone" if zones else ""


def _find_half(before: str, behind: str) -> str:
    """Return the doubt whether a time is before or after noon."""
    words = [word.casefold() for word in _WORD.findall(behind)]
    last = _WORD.findall(before)[-1:]
    spaced = re.match(r"\s?([^\W\d_]+)(?![^\W_])", behind)
    halves = (
        *(word for word in words if word in HALF_WORDS),
        *(word for word in words[:1] if word in SHORT_HALVES),
        *(word for word in _WORD.findall(behind) if word == "AM"),
        *(found[1] for found in [spaced] if found and found[1].casefold() in SPACED_HALVES),
        *(word for word in _WORD.findall(before) if word.casefold() == "pm"),
        *(word for word in last if word == "AM" or word.casefold() in HALF_WORDS),
        *(part for part in HALF_PARTS if unicodedata.normalize("NFKC", part) in f"{before} {behind}".casefold()),
    )
    return f"{halves[0]!r}: a time of twelve hours, AM or PM" if halves else ""


def _dates(text: str) -> Iterator[str]:
    """Yield what may be a date in a text."""
    text = _ADDRESS.sub("", text)
    for pattern in _DATES:
        for found in pattern.finditer(text):
            numbers = sorted(int(number) for number in found.groups() if number.isdigit())
            if numbers[0] in range(1, 13) and numbers[1] in range(1, 32):
                yield found[0]
    yield from (found[0] for found in _NAMED_MONTH.finditer(text))


def _find_copy(before: str) -> str:
    copied = COPIED.search(before)
    return "" if copied is None else f"{copied[1]!r} in front of the time: it may not be that of the recording"
