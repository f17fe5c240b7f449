"""Amendment of a mandate: what may be changed in which mode, and what needs a new authority or report.

Texts can be corrected in every mode. A case that compares faces may be narrowed; more cameras, more hours or a later
last day need what permits them: the record of an authority that was granted, or of the report of the missing person.
The operator of such a case stays, because the operator may not give the second verdict.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from forensics.custody.authority import RECORD_OPTIONS, Authority
from forensics.custody.case_document import Case
from forensics.custody.corrections import MANDATE, Correction
from forensics.custody.mandate import Mandate, Mode
from forensics.custody.missing_report import MissingReport
from forensics.errors import NotAuthorised, UsageError
from forensics.spelling import fold_spelling
from pipelines.custody.case_store import check_mandate
from pipelines.custody.mandate_text import authority_text, last_day_text, report_text

__all__ = ["amend", "find_corrections"]

_REPORT_OPTIONS: Final = ("report-body", "reported")


def amend(
    case: Case, changes: Mapping[str, Any], authority: Authority | None, report: MissingReport | None, *, now: datetime
) -> Case:
    """Return the case with an amended mandate.

    Args:
        case: the case.
        changes: new values by the name of the field of `Mandate`.
        authority: granted authority that permits more than before; None if none is stated.
        report: report of the missing person that permits more than before; None if none is stated.
        now: time of the command.

    Raises:
        UsageError: nothing is changed, a value is refused, or a record is stated that nothing needs.
        NotAuthorised: the amendment needs a record, or is not allowed in this mode.
    """
    before = case.mandate
    after = replace(before, **changes)
    wider = _find_widening(before, after) if before.mode.compares_faces else []
    if before.mode.compares_faces and after.operator != before.operator:
        raise NotAuthorised(
            "the operator of a case that compares faces stays: the operator may not give the second verdict",
            "let another person work as a reviewer, or start a new case",
        )
    if wider:
        after = _with_record(before, after, authority, report, wider)
    elif authority is not None or report is not None:
        raise UsageError(
            "this amendment permits no more than before, so it needs no authority and no report", "leave them out"
        )
    if after == before:
        raise UsageError("nothing would change", "give what the mandate states instead, see --help")
    check_mandate(after, now)
    return replace(case, mandate=after)


def _find_widening(before: Mandate, after: Mandate) -> list[str]:
    """Return what the mandate would permit that it does not permit now, in words."""
    cameras = sorted(set(after.cameras) - set(before.cameras))
    found = [f"camera {camera}" for camera in cameras]
    if before.from_utc and (after.from_utc is None or after.from_utc < before.from_utc):
        found.append("an earlier start")
    if before.to_utc and (after.to_utc is None or after.to_utc > before.to_utc):
        found.append("a later end")
    if before.expires_utc and (after.expires_utc is None or after.expires_utc > before.expires_utc):
        found.append("a later last day")
    return found


def _with_record(
    before: Mandate, after: Mandate, authority: Authority | None, report: MissingReport | None, wider: list[str]
) -> Mandate:
    """Return the mandate with the record that permits more.

    Raises:
        NotAuthorised: the authority is still pending, or no record is stated.
    """
    if before.is_authority_pending:
        raise NotAuthorised(
            f"the authority is still pending, so it cannot permit {', '.join(wider)}",
            "enter it first with `forensics case authorise CASE`",
        )
    stated = authority if before.mode is Mode.SEARCH else report
    present = before.authority if before.mode is Mode.SEARCH else before.report
    if stated is not None and _is_same_record(stated, present):
        raise NotAuthorised(
            f"this record permitted less until now, so it cannot permit {', '.join(wider)}",
            "state the record that permits it: its own date or file number, and who decided",
        )
    if stated is None or stated.missing_fields:
        options = RECORD_OPTIONS if before.mode is Mode.SEARCH else _REPORT_OPTIONS
        raise NotAuthorised(
            f"the amendment permits more than the mandate: {', '.join(wider)}",
            f"state what permits it: {', '.join(f'--{name}' for name in options)}; or narrow the mandate only",
        )
    return replace(after, authority=authority) if before.mode is Mode.SEARCH else replace(after, report=report)


def _is_same_record(stated: Authority | MissingReport, present: Authority | MissingReport | None) -> bool:
    """Whether two records are of one decision or report: same body, number and day, however they are spelled."""
    if isinstance(stated, Authority) and isinstance(present, Authority):
        one, other = ((fold_spelling(f"{each.body} {each.reference}"), each.granted_utc) for each in (stated, present))
    elif isinstance(stated, MissingReport) and isinstance(present, MissingReport):
        one, other = ((fold_spelling(each.body), each.reported_utc) for each in (stated, present))
    else:
        return False
    return one[0] == other[0] and (one[1] and one[1].date()) == (other[1] and other[1].date())


def find_corrections(before: Mandate, after: Mandate, now: datetime) -> list[Correction]:
    """Return what an amendment changes, with old and new values as text."""
    old, new = _texts(before, now), _texts(after, now)
    return [Correction(MANDATE, name, old[name] or None, new[name] or None) for name in old if old[name] != new[name]]


def _texts(mandate: Mandate, now: datetime) -> dict[str, str]:
    instants = {"from": mandate.from_utc, "to": mandate.to_utc}
    return {
        **{name.replace("-", " "): text for name, text in mandate.statements.items()},
        "operator": mandate.operator,
        "cameras": ", ".join(mandate.cameras),
        **{name: "" if at is None else at.isoformat() for name, at in instants.items()},
        "last day": "" if mandate.expires_utc is None else last_day_text(mandate.expires_utc),
        "authority": authority_text(mandate, now),
        "report": report_text(mandate),
    }
