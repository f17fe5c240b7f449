"""Form of one verdict: parses what the browser sends, and keeps a refused form so that the page can show it again."""

from dataclasses import dataclass, field
from urllib.parse import parse_qs

from forensics.errors import ForensicsError, UsageError
from forensics.faces.review_rules import CHECKLIST, Verdict
from pipelines.review.desk import Candidate, ReviewDesk

__all__ = ["VerdictForm", "parse_fields", "submit_verdict"]


@dataclass(frozen=True, slots=True)
class VerdictForm:
    """A refused form, or an empty one.

    Attributes:
        candidate: name of the candidate.
        verdict, checks, note: answers of the reviewer.
        problem: reason of the refusal; empty for an empty form.
    """

    candidate: str = ""
    verdict: str = ""
    checks: dict[str, str] = field(default_factory=dict)
    note: str = ""
    problem: str = ""


def submit_verdict(desk: ReviewDesk, candidate: Candidate, fields: dict[str, str]) -> VerdictForm | None:
    """Sign and store the verdict of a form; return the form if it is refused, None if it is stored."""
    verdict, note = fields.get("verdict", ""), fields.get("note", "")
    checks = {name: fields[name] for name in CHECKLIST if fields.get(name)}
    try:
        if verdict not in set(Verdict):
            raise UsageError("no verdict was chosen", "choose a verdict, or undecided if you are not sure")
        desk.decide(candidate, Verdict(verdict), checks, note)
    except ForensicsError as error:
        return VerdictForm(candidate.name, verdict, checks, note, str(error))
    return None


def parse_fields(body: bytes) -> dict[str, str]:
    r"""Parse the fields of a form; of a repeated field the last value counts.

    >>> parse_fields(b"nose=agrees&note=a+scar%0D%0Abelow")
    {'nose': 'agrees', 'note': 'a scar\r\nbelow'}
    """
    return {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}
