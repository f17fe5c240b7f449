"""Form of one verdict: parses what the browser sends, and keeps a form that is not stored to show it again."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs

from forensics.errors import ForensicsError, UsageError
from forensics.faces.review_rules import CHECKLIST, Agreement, Verdict, unanswered_features
from pipelines.review.desk import Candidate, ReviewDesk

__all__ = ["FILL", "VerdictForm", "parse_fields", "submit_verdict"]

FILL: Final = "fill"
"""Name of the button that answers the remaining features."""


@dataclass(frozen=True, slots=True)
class VerdictForm:
    """A refused form, one that is not complete, or an empty one.

    Attributes:
        candidate: name of the candidate.
        verdict, checks, note: answers of the reviewer.
        problem: reason of the refusal; empty if it was not refused.
    """

    candidate: str = ""
    verdict: str = ""
    checks: dict[str, str] = field(default_factory=dict)
    note: str = ""
    problem: str = ""


def submit_verdict(desk: ReviewDesk, candidate: Candidate, fields: dict[str, str]) -> VerdictForm | None:
    """Sign and store the verdict of a form; return the form if it is not stored, None if it is.

    The button `FILL` stores nothing: it answers the remaining features with "not seen".
    """
    verdict, note = fields.get("verdict", ""), fields.get("note", "")
    checks = {name: fields[name] for name in CHECKLIST if fields.get(name)}
    if FILL in fields:
        return VerdictForm(candidate.name, verdict, dict.fromkeys(CHECKLIST, Agreement.NOT_SEEN.value) | checks, note)
    try:
        if verdict not in set(Verdict):
            raise UsageError("no verdict was chosen", "choose a verdict, or undecided if you are not sure")
        missing = unanswered_features(Verdict(verdict), checks, note)
        if missing:
            texts = "; ".join(CHECKLIST[feature] for feature in missing)
            raise UsageError(f"these features have no answer: {texts}", "choose one for each, or say why in the note")
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
