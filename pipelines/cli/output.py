"""Data on standard output, everything else on standard error; `--json` is one JSON object."""

import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from forensics.place import Place, StoreObject, place_of

__all__ = [
    "NOT_CLEAN",
    "Command",
    "counted",
    "emit",
    "facts_text",
    "footage_type",
    "json_option",
    "microseconds",
    "one_line",
    "parse_last_day",
    "parse_utc",
    "path_type",
    "reason_option",
    "required_reason",
    "say",
    "table_text",
]

NOT_CLEAN: Final = 4
"""Exit code of what was finished, but not wholly."""

_LATEST_YEAR: Final = 9000
"""Dates are added to; near the end of the calendar the sums have no date."""
_INSTANT: Final = "2026-05-01T10:00:00Z"

Command = TypeVar("Command", bound=Callable[..., Any])


def say(text: str) -> None:
    """A message for the person."""
    print(text, file=sys.stderr, flush=True)


def one_line(text: str) -> str:
    r"""The text without what would break a line or command a terminal: a file may be called anything.

    >>> one_line("two\nlines")
    'two\\nlines'
    """
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def counted(number: int, one: str, many: str) -> str:
    """The number with the word that goes with it.

    >>> counted(1, "picture", "pictures"), counted(0, "waits", "wait")
    ('1 picture', '0 wait')
    """
    return f"{number} {one if number == 1 else many}"


def emit(facts: dict[str, Any], text: str, as_json: bool) -> None:
    """The command's answer: one JSON object, or text for people."""
    print(json.dumps(facts, default=_plain, ensure_ascii=False) if as_json else text, flush=True)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def json_option(command: Command) -> Command:
    """Adds `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)


def required_reason(what: str) -> Callable[[Command], Command]:
    """Adds a `--reason` that must say something, such as `what`; the case's log keeps it."""
    return click.option("--reason", required=True, metavar="TEXT", callback=_said, help=what)


def _said(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter("it says nothing; say it in words", ctx, param)
    return value


def reason_option(command: Command) -> Command:
    """Adds `--reason`, which the case's log keeps."""
    return click.option("--reason", default="", metavar="TEXT", help="Why; kept in the case's log.")(command)


class UtcTime(click.ParamType[datetime]):
    """An instant with its zone, such as 2026-05-01T10:00:00Z."""

    name = "UTC"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Refuses a time without a zone: nobody may guess it; and one that no sum may be made with."""
        if isinstance(value, datetime):
            return value
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time; say it as {_INSTANT}", param, ctx)
        if instant.tzinfo is None:
            self.fail(f"{value!r} has no time zone; add Z for UTC, or an offset such as +02:00", param, ctx)
        return self.in_calendar(instant, value, param, ctx)

    def in_calendar(
        self, instant: datetime, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The instant in UTC, if it lies far enough from the calendar's ends."""
        if not 1 < instant.year <= _LATEST_YEAR:
            self.fail(f"{value!r} is out of the calendar; name a year up to {_LATEST_YEAR}", param, ctx)
        return instant.astimezone(UTC)


class LastDay(UtcTime):
    """An instant, or a day such as 2026-12-31, which ends when that day does in UTC."""

    name = "DATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The instant; the end of the day where only a day is given."""
        if isinstance(value, datetime):
            return value
        try:
            begin = datetime.combine(date.fromisoformat(value), time(tzinfo=UTC))
        except ValueError:
            if "T" not in value:
                self.fail(f"{value!r} is not a day; say it as 2027-05-31, or an instant as {_INSTANT}", param, ctx)
            return super().convert(value, param, ctx)
        return self.in_calendar(begin, value, param, ctx) + timedelta(days=1)


def parse_utc() -> UtcTime:
    """The type of every option that takes an instant."""
    return UtcTime()


def parse_last_day() -> LastDay:
    """The type of every option that takes the last day of something."""
    return LastDay()


def microseconds(instant: datetime | None) -> int | None:
    """Microseconds since 1970 UTC, exact."""
    if instant is None:
        return None
    since = instant - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def table_text(columns: list[str], rows: list[list[Any]], *, decimals: int = 2) -> str:
    """Rows aligned in columns, for people."""
    texts = [columns, *([_cell(value, decimals) for value in row] for row in rows)]
    widths = [max(len(row[place]) for row in texts) for place in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in texts
    )


def facts_text(facts: dict[str, Any], *, decimals: int = 3) -> list[str]:
    """A line for each fact that is known, names aligned, for people.

    >>> facts_text({"n_faces": 5, "similarity": 0.5213578, "margin": None, "verdicts": ["B. Becker: confirm"]})
    ['   n faces  5', 'similarity  0.521', '  verdicts  B. Becker: confirm']
    """
    known = {name.replace("_", " "): value for name, value in facts.items() if value not in (None, "", [])}
    width = max(map(len, known), default=0)
    return [f"{name:>{width}}  {_cell(value, decimals)}" for name, value in known.items()]


def _cell(value: Any, decimals: int) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")[:-4] + "Z"
    if isinstance(value, float):
        return f"{value:.{decimals}f}"
    if isinstance(value, list | tuple):
        return ", ".join(_cell(each, decimals) for each in value)
    return one_line(str(value))


class _Named(click.Path):
    """A path that is said: an unset variable in a shell must not mean the folder one happens to be in."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("the path is empty; name a file or folder", param, ctx)
        return super().convert(value, param, ctx)


# Whether a path can be read is for the command to say: one bad file among ten must not refuse the ten.
path_type = _Named(path_type=Path, readable=False)


_LIKE_A_STORE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


class _Footage(click.ParamType[Place]):
    """A file or folder, an object of a store, or all objects below a prefix that ends in a slash."""

    name = "footage"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Place:
        """Refuses the name of a store without a key; what it leads to is for the command to say."""
        place = place_of(value) if isinstance(value, str) else value
        if not isinstance(place, StoreObject):
            path: Path = path_type.convert(value, param, ctx)
            if _LIKE_A_STORE.match(str(value)) and not path.exists():
                self.fail(f"{value!r} is no file here, and stores are said as s3://BUCKET/KEY", param, ctx)
            return path
        bucket, _, key = place.url.partition("://")[2].partition("/")
        if not bucket or not key:
            said = f"{value!r} names no object; say s3://BUCKET/KEY, or s3://BUCKET/FOLDER/ for all below it"
            self.fail(said, param, ctx)
        return place


footage_type = _Footage()
