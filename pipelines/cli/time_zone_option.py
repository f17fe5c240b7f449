"""The zone of a command line in which times without one are read: the option `--tz`, or another that remembers it."""

from collections.abc import Callable
from datetime import tzinfo
from typing import Any, Final, TypeVar

import click

from pipelines.intake.time_zones import named_zone

__all__ = ["remember_zone", "stated_zone", "with_zone"]

Command = TypeVar("Command", bound=Callable[..., Any])
_KEY: Final = "forensics.zone"


def _remember(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Check the name of the zone, and keep it for the times on the same command line."""
    if value is None:
        return None
    try:
        remember_zone(ctx, named_zone(value))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no time zone; give a name such as Europe/Berlin", ctx, param) from error
    return value


def with_zone(command: Command) -> Command:
    """Add the option `--tz`, passed on as `zone`: an IANA name, or None for UTC."""
    text = "Zone of times that are given without one, and of all that are printed, such as Europe/Berlin."
    return click.option("--tz", "zone", metavar="ZONE", is_eager=True, callback=_remember, help=text)(command)


def remember_zone(ctx: click.Context, zone: tzinfo) -> None:
    """Keep the zone of an eager option for the times on the same command line."""
    ctx.meta[_KEY] = zone


def stated_zone(ctx: click.Context | None) -> tzinfo | None:
    """Return the zone of the command line; None if none was stated."""
    return None if ctx is None else ctx.meta.get(_KEY)
