"""Options that belong together, passed on to a command as one frozen value."""

import functools
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from pipelines.cli.output import Command

__all__ = ["gathered"]


def gathered(keyword: str, value_type: type[Any], *options: Callable[[Command], Command]) -> Callable[[Any], Any]:
    """Return a decorator that adds options and passes their values on as one frozen value named `keyword`."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def gather(*args: Any, **values: Any) -> Any:
            named = {each.name: values.pop(each.name) for each in fields(value_type)}
            return command(*args, **{keyword: value_type(**named)}, **values)

        for option in reversed(options):
            gather = option(gather)
        return gather

    return decorate
