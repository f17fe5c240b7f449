"""What all commands share: output, tables, and types of options.

Data goes to standard output, messages to standard error; with `--json` the data is one JSON object.
"""

import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from forensics.json_object import JsonObject
from forensics.place import Place, StoreObject, place_of
from forensics.spelling import fault_in_statement
from pipelines.cli.time_zone_option import stated_zone
from pipelines.intake.time_cells import FROM_NAME
from pipelines.intake.time_zones import UnclearTime, instant_in_zone
from pipelines.iso_times import parse_iso_day, parse_iso_time

__all__ = [
    "NOT_CLEAN",
    "Command",
    "StartTime",
    "StatedTime",
    "emit",
    "facts_text",
    "footage_type",
    "json_option",
    "microseconds",
    "one_line",
    "parse_day",
    "parse_day_or_time",
    "parse_last_day",
    "parse_utc",
    "path_type",
    "print_json",
    "reason_option",
    "refuse_blank",
    "refuse_empty_statement",
    "required_reason",
    "say",
    "table_text",
]

NOT_CLEAN: Final = 4
"""Exit code of a command that finished, but could not process everything."""

_LATEST_YEAR: Final = 9000
"""Latest year of a date; later ones overflow when a grace period is added."""
_WIDER_THAN_ANY_TABLE: Final = 1 << 20
_INSTANT: Final = "2026-05-01T10:00:00Z"

Command = TypeVar("Command", bound=Callable[..., Any])


def say(text: str) -> None:
    """Print a message for the person."""
    print(text, file=sys.stderr, flush=True)


def one_line(text: str) -> str:
    r"""Return the text with unprintable characters escaped: a file name may contain terminal commands.

    >>> one_line("two\nlines")
    'two\\nlines'
    """
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def emit(facts: JsonObject, text: str, as_json: bool) -> None:
    """Print the answer of a command: one JSON object, or text for people."""
    if as_json:
        print_json(json.dumps(facts, default=_plain, ensure_ascii=False))
    else:
        print(text, flush=True)


def print_json(text: str) -> None:
    """Print JSON; characters that the terminal's encoding lacks are escaped, so that none is lost."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = "".join(sign if sign.isascii() else json.dumps(sign)[1:-1] for sign in text)
    print(text, flush=True)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def json_option(command: Command) -> Command:
    """Add the option `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)


def required_reason(what: str) -> Callable[[Command], Command]:
    """Add the required option `--reason`, which must state something; the case's log keeps it."""
    return click.option("--reason", required=True, metavar="TEXT", callback=refuse_empty_statement, help=what)


def refuse_blank(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Return a text that is not blank. For the callback of an option that must never stop a command that is urgent."""
    if fault_in_statement(value) == "is blank":
        raise click.BadParameter(f"{value!r} is blank; give it in words", ctx, param)
    return value


def refuse_empty_statement(ctx: click.Context, param: click.Parameter, value: str | None) -> str:
    """Return a text that states something; empty if the option was left out. For callbacks of options."""
    fault = "" if value is None else fault_in_statement(value)
    if fault:
        raise click.BadParameter(f"{value!r} {fault}; give it in words", ctx, param)
    return value or ""


def reason_option(command: Command) -> Command:
    """Add the option `--reason`, which the case's log keeps."""
    text = "Why you do this. Kept in the case's log."
    return click.option("--reason", metavar="TEXT", callback=refuse_empty_statement, help=text)(command)


class UtcTime(click.ParamType[datetime]):
    """A time with its zone, such as 2026-05-01T10:00:00Z; in UTC."""

    name = "UTC"
    without_zone = "add Z for UTC, or an offset such as +02:00"
    """What to do about a time without a zone."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Refuse a time without a zone, which must not be guessed, and one beyond the supported years."""
        if isinstance(value, datetime):
            return value
        instant = parse_iso_time(value)
        if instant is None:
            self.fail(f"{value!r} is not a time; give it as {_INSTANT}", param, ctx)
        if instant.tzinfo is None:
            instant = self._in_stated_zone(instant, value, param, ctx)
        return self.in_calendar(instant, value, param, ctx)

    def _in_stated_zone(
        self, local: datetime, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return a time without a zone in the zone of `--tz`, if that has it exactly once."""
        zone = stated_zone(ctx)
        if zone is None:
            self.fail(f"{value!r} has no time zone; {self.without_zone}", param, ctx)
        try:
            return instant_in_zone(local, zone)
        except UnclearTime as error:
            self.fail(f"{value!r}: {error}", param, ctx)

    def in_calendar(
        self, instant: datetime, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the time in UTC if its year is supported."""
        if not 1 < instant.year <= _LATEST_YEAR:
            self.fail(f"{value!r} is out of range; give a year up to {_LATEST_YEAR}", param, ctx)
        return instant.astimezone(UTC)


class StatedTime(UtcTime):
    """A time with its zone, with the offset from UTC with which it is stated."""

    def in_calendar(
        self, instant: datetime, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the time as it is stated if its year is supported."""
        super().in_calendar(instant, value, param, ctx)
        return instant


class StartTime(StatedTime):
    """A time with its zone, or the word that stands for the time in each file's name."""

    name = "START"
    without_zone = f"{UtcTime.without_zone}, or give --start-zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the time, or `FROM_NAME`."""
        return value if value == FROM_NAME else super().convert(value, param, ctx)


class DayOrTime(UtcTime):
    """A time, or a day such as 2026-12-31, which is stored as its begin in UTC."""

    name = "DATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time, or the instant that stands for a day."""
        if isinstance(value, datetime):
            return value
        day = parse_iso_day(value)
        if day is None:
            if parse_iso_time(value) is None:
                self.fail(f"{value!r} is not a day; give it as 2027-05-31, or a time as {_INSTANT}", param, ctx)
            return super().convert(value, param, ctx)
        begin = datetime.combine(day, time(tzinfo=UTC))
        return self.instant_of_day(self.in_calendar(begin, value, param, ctx))

    def instant_of_day(self, begin: datetime) -> datetime:
        """Return the instant that stands for the day with this begin."""
        return begin


class LastDay(DayOrTime):
    """A time, or a day such as 2026-12-31, which means the end of that day in UTC."""

    def instant_of_day(self, begin: datetime) -> datetime:
        """Return the end of the day."""
        return begin + timedelta(days=1)


class Day(click.ParamType[date]):
    """A day, such as 2026-03-06."""

    name = "DAY"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Refuse what is no day, and a year beyond the supported ones."""
        day = value if isinstance(value, date) else parse_iso_day(value)
        if day is None:
            self.fail(f"{value!r} is not a day; give it as 2026-03-06", param, ctx)
        if not 1 < day.year <= _LATEST_YEAR:
            self.fail(f"{value!r} is out of range; give a year up to {_LATEST_YEAR}", param, ctx)
        return day


def parse_day() -> Day:
    """Return the type of options that take a day in the past."""
    return Day()


def parse_utc() -> UtcTime:
    """Return the type of options that take a time."""
    return UtcTime()


def parse_day_or_time() -> DayOrTime:
    """Return the type of options that take the day or the time of something that happened."""
    return DayOrTime()


def parse_last_day() -> LastDay:
    """Return the type of options that take the last day of something."""
    return LastDay()


def microseconds(instant: datetime | None) -> int | None:
    """Return the microseconds since 1970 UTC, exactly."""
    if instant is None:
        return None
    since = instant - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def table_text(columns: list[str], rows: list[list[Any]], *, decimals: int = 2) -> str:
    """Return rows aligned in columns, for people; no cell is cut or wrapped."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="")
    for name in columns:
        table.add_column(Text(name), no_wrap=True, overflow="ignore")
    for row in rows:
        table.add_row(*(Text(_cell(value, decimals)) for value in row))
    console = Console(file=StringIO(), width=_WIDER_THAN_ANY_TABLE, color_system=None)
    console.print(table)
    assert isinstance(console.file, StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def facts_text(facts: JsonObject, *, decimals: int = 3) -> list[str]:
    """Return one line for each known fact, names aligned, for people.

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
    """A path that is not empty: an unset shell variable must not mean the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("the path is empty; give a file or folder", param, ctx)
        return super().convert(value, param, ctx)


# The command itself reports paths that cannot be read: one bad file among ten must not stop the ten.
path_type = _Named(path_type=Path, readable=False)


_LIKE_A_STORE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


class _Footage(click.ParamType[Place]):
    """A file, a folder, an object of a store, or all objects with a prefix that ends in a slash."""

    name = "footage"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Place:
        """Refuse the name of a store without a key; the command itself reports what the path leads to."""
        place = place_of(value) if isinstance(value, str) else value
        if not isinstance(place, StoreObject):
            path: Path = path_type.convert(value, param, ctx)
            if _LIKE_A_STORE.match(str(value)) and not path.exists():
                self.fail(f"{value!r} is no local file; give an object of a store as s3://BUCKET/KEY", param, ctx)
            return path
        bucket, _, key = place.url.partition("://")[2].partition("/")
        if not bucket or not key:
            problem = f"{value!r} names no object; give s3://BUCKET/KEY, or s3://BUCKET/FOLDER/ for all objects in it"
            self.fail(problem, param, ctx)
        return place


footage_type = _Footage()
