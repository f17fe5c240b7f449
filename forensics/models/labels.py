"""Labels that detections may have: those of known lists, and those that the operator declares on record.

A known list names people as people, animals and objects. Whatever else a model calls things, such as species, streets
or tools, must be declared in `detect.declared_labels` for a reason, which the case's log keeps. So no label that says
what a person is enters a table by accident, in any language.
"""

import tomllib
from collections.abc import Collection, Iterable
from functools import cache
from importlib.resources import files
from typing import Final

from forensics.errors import NotAuthorised
from forensics.spelling import fold_spelling

__all__ = ["known_labels", "refuse_undeclared", "undeclared_labels"]

_SHOWN: Final = 3


@cache
def known_labels() -> frozenset[str]:
    """Return the labels of all known lists, folded."""
    lists = tomllib.loads(files("forensics.models").joinpath("labels.toml").read_text(encoding="utf-8"))
    return frozenset(_folded(label) for each in lists.values() for label in each["labels"])


def undeclared_labels(labels: Iterable[str], declared: Collection[str]) -> list[str]:
    """Return the labels that are of no known list and not declared.

    >>> undeclared_labels(["Person", "traffic_light", "roe deer", "woman"], ["Roe deer"])
    ['woman']
    """
    allowed = known_labels() | {_folded(label) for label in declared}
    return [label for label in labels if _folded(label) not in allowed]


def refuse_undeclared(labels: Iterable[str], declared: Collection[str], where: str) -> None:
    """Refuse labels that nobody answers for.

    Args:
        labels: class names that detections would have.
        declared: labels that the operator has declared.
        where: name of the model, for the message.

    Raises:
        NotAuthorised: a label is of no known list and not declared.
    """
    unknown = undeclared_labels(labels, declared)
    if unknown:
        shown = ", ".join(repr(label) for label in unknown[:_SHOWN])
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        raise NotAuthorised(
            f"labels of no known list of people, animals and objects: {shown}{more}",
            "keep known ones with --set detect.classes=NAME,...; or, if they do not say what a person is, declare "
            "them: --set detect.declared_labels=NAME,... --reason TEXT",
            where,
        )


def _folded(label: str) -> str:
    return fold_spelling(label.replace("_", " ").replace("-", " "))
