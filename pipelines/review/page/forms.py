"""The form of one verdict: read as browsers send it, and kept while it waits to be mended."""

from dataclasses import dataclass, field
from urllib.parse import parse_qs

from forensics.errors import ForensicsError, UsageError
from forensics.faces.review_rules import CHECKLIST, Verdict
from pipelines.review.desk import Candidate, ReviewDesk

__all__ = ["VerdictForm", "fields_of", "parse_form"]


@dataclass(frozen=True, slots=True)
class VerdictForm:
    """A form that was refused, or one that nobody has sent yet.

    Attributes:
        candidate: whose.
        verdict, checks, note: what was filled in.
        problem: why it was refused; empty if nothing was sent.
    """

    candidate: str = ""
    verdict: str = ""
    checks: dict[str, str] = field(default_factory=dict)
    note: str = ""
    problem: str = ""


def parse_form(desk: ReviewDesk, candidate: Candidate, fields: dict[str, str]) -> VerdictForm | None:
    """The verdict in a form is given; returns the form where it is refused."""
    told, note = fields.get("verdict", ""), fields.get("note", "")
    checks = {name: fields[name] for name in CHECKLIST if fields.get(name)}
    try:
        if told not in set(Verdict):
            raise UsageError("no verdict was chosen", "choose one; it may be undecided")
        desk.decide(candidate, Verdict(told), checks, note)
    except ForensicsError as error:
        return VerdictForm(candidate.name, told, checks, note, str(error))
    return None


def fields_of(body: bytes) -> dict[str, str]:
    r"""The fields of a form; of a field that comes twice the last.

    >>> fields_of(b"nose=agrees&note=a+scar%0D%0Abelow")
    {'nose': 'agrees', 'note': 'a scar\r\nbelow'}
    """
    return {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}
