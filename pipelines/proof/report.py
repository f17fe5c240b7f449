"""Documents that the deployer of a case owes, as Markdown: facts of the case filled in, all else left as marked blanks.

One Jinja2 template each, in `templates/`. A value that a template prints is escaped, so that no text of the case can
look like a part of the document, or like a blank. A blank is ``[to be stated: WHAT]``; all are listed at the end.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Final

from forensics.json_object import JsonObject

__all__ = ["BLANK", "Report", "Template", "render_report"]

BLANK: Final = "[to be stated: {}]"
"""What stands in a document where a person must state something."""

_MARKUP: Final = re.compile(r"([\\`*\[\]<>|&~])")


class Template(StrEnum):
    """Documents that can be written; the value is the name of the template."""

    IMPACT_ASSESSMENT = "impact-assessment"
    REGISTRATION = "registration"
    RECORD_OF_USE = "record-of-use"
    DATA_SUBJECT_REQUEST = "data-subject-request"


@dataclass(frozen=True, slots=True)
class Report:
    """A document.

    Attributes:
        text: Markdown.
        blanks: what must be stated in it, in order.
    """

    text: str
    blanks: Sequence[str]


class _Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def render_report(template: Template, facts: JsonObject) -> Report:
    """Fill a template with the facts of a case; a fact that is missing is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    blanks: dict[str, None] = {}
    blank = partial(_blank, blanks)
    templates = Environment(
        loader=PackageLoader("pipelines.proof"),
        autoescape=False,  # for HTML only; `finalize` escapes every value
        undefined=StrictUndefined,
        finalize=_escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.globals |= {"blank": blank, "known": partial(_known, blank)}
    body = templates.get_template(f"{template.value}.md").render(**facts).strip()
    listed = "\n".join(f"{number}. {_escaped(what)}" for number, what in enumerate(blanks, start=1))
    text = re.sub(r"\n{3,}", "\n\n", f"{body}\n\n## Blanks to fill\n\n{listed}\n")
    return Report(text, tuple(blanks))


def _blank(blanks: dict[str, None], what: str) -> _Markdown:
    """Return a blank and note it."""
    blanks[what] = None
    return _Markdown(BLANK.format(what))


def _known(blank: partial[_Markdown], value: object, what: str) -> Any:
    """Return a value, or a blank if it is None or empty."""
    return blank(what) if value in (None, "", [], ()) else value


def _escaped(value: object) -> str:
    r"""Return a value as Markdown that shows it literally.

    >>> _escaped("a | b <b> [to be stated: c]")
    'a \\| b \\<b\\> \\[to be stated: c\\]'

    Raises:
        ValueError: the value is unknown; a template must ask for it with `known`.
    """
    if value is None:
        raise ValueError("a template prints a fact that the case does not know")
    if isinstance(value, _Markdown):
        return value
    line = " ".join(str(value).split())
    return _MARKUP.sub(r"\\\1", line)
