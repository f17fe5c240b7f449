"""What a case has in common with cases that were denied before, and what it may do then.

A case that compares faces and shares footage, a reference picture or the reference with a denied case neither adds
entries nor compares faces, nor are its results about people read, until `case policy --after-denial` has acknowledged
that denial, with a reason; its disclosure for the defence is never refused. `case.toml`
holds the ids of the acknowledged cases, so a later denial needs another acknowledgement. The denied case itself, such
as a copy of its folder, can never continue.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from forensics.custody.case_document import Case
from forensics.custody.log import LogLine, read_chain
from forensics.errors import ForensicsError, NotAuthorised, UsageError
from forensics.json_object import JsonObject
from forensics.spelling import in_shell
from forensics.tables.files import read_any_table
from pipelines.custody.denial_memory import Denial, Event, earlier_references, load_denials, subjects_of
from pipelines.custody.entries import stored_pictures
from pipelines.custody.installation import installation_key
from pipelines.custody.keys import find_key

__all__ = [
    "EarlierDenial",
    "acknowledge_denials",
    "denial_facts",
    "describe_denials",
    "find_denials",
    "refuse_denied_case",
    "refuse_denied_pictures",
    "refuse_earlier_denials",
]

_WORDS: Final = {"footage": "footage", "pictures": "a reference picture", "reference": "the reference"}
_NOTE: Final = "picture of a denied case"


@dataclass(frozen=True, slots=True)
class EarlierDenial:
    """A denied case that another case has something in common with; or one that has lapsed without an authority.

    Attributes:
        case_id: id of the denied case.
        at_utc: time of its denial, or end of its 48 hours without an authority.
        in_common: what both are about, in words.
        is_acknowledged: whether the other case acknowledges the denial on record.
        is_lapse: whether it was not denied, but its authority stayed pending for 48 hours.
    """

    case_id: str
    at_utc: datetime
    in_common: tuple[str, ...]
    is_acknowledged: bool
    is_lapse: bool = False

    def __str__(self) -> str:
        common = " and ".join(self.in_common)
        ended = "whose 48 hours without an authority ended" if self.is_lapse else "which was denied"
        return f"this case has {common} in common with case {self.case_id}, {ended} on {self.at_utc:%Y-%m-%d}"


def find_denials(case: Case) -> list[EarlierDenial]:
    """Return the denied cases that a case has something in common with, by time; none if it compares no faces.

    Without the key of the case its reference pictures are not known, and only footage and reference are compared.

    Raises:
        IntegrityBroken: the memory of denials or the list of evidence is damaged.
        NotAuthorised: other users can read the installation's key.
    """
    denials = load_denials() if case.mandate.mode.compares_faces else []
    if not denials:
        return []
    file, key = case.folder.evidence_file, find_key(case)
    evidence_ids = read_any_table(file)["evidence_id"].to_pylist() if file.exists() else []
    pictures = {name for path in case.folder.entry_files() for name in stored_pictures(path.parent, key)}
    references = {case.mandate.reference, *earlier_references(case.folder)}
    return _in_common(case, denials, evidence_ids, pictures, references)


def _in_common(
    case: Case,
    denials: list[Denial],
    evidence_ids: Collection[str],
    pictures: Collection[str],
    references: Collection[str],
) -> list[EarlierDenial]:
    own = subjects_of(installation_key(), evidence_ids=evidence_ids, pictures=pictures, references=references)
    offered = {
        line.facts.get("case_id")
        for line in read_chain(case.folder.audit_file).lines
        if (line.kind, line.command) == ("note", _NOTE)
    }
    found = []
    for denial in denials:
        shared = {kind for kind, references in own.items() if references & denial.subjects[kind]}
        shared |= {"pictures"} if denial.case_id in offered else set()
        if shared and denial.case_id != case.case_id:
            in_common = tuple(words for kind, words in _WORDS.items() if kind in shared)
            is_lapse = denial.event is Event.LAPSED
            acknowledged = case.acknowledged_lapses if is_lapse else case.acknowledged_denials
            is_acknowledged = denial.case_id in acknowledged
            found.append(EarlierDenial(denial.case_id, denial.at_utc, in_common, is_acknowledged, is_lapse))
    return found


def describe_denials(case: Case) -> list[str]:
    """Return one sentence for each denial that the case does not acknowledge, with what it needs to continue."""
    command = f"forensics case policy {in_shell(case.folder.root)} --after-denial --reason TEXT"
    return [
        f"{denial}; before faces are compared or results read, acknowledge it: {command}"
        for denial in find_denials(case)
        if not denial.is_acknowledged
    ]


def refuse_denied_case(case: Case) -> None:
    """Check that this installation does not remember the case itself as denied.

    Raises:
        NotAuthorised: it does, so this is an older copy of the denied case.
    """
    for denial in load_denials() if case.mandate.mode.compares_faces else []:
        if denial.case_id == case.case_id and denial.event is Event.DENIED:
            raise NotAuthorised(
                f"its authority was refused on {denial.at_utc:%Y-%m-%d}; this is a copy from before, or its denial was "
                "interrupted",
                "record the denial in this copy too: forensics case deny CASE --reason TEXT",
                case.folder.root,
            )


def refuse_earlier_denials(case: Case) -> None:
    """Check that the case was not denied, and acknowledges every denial of a case that it has something in common with.

    Raises:
        NotAuthorised: it was denied, or does not acknowledge one.
    """
    refuse_denied_case(case)
    _refuse(case, find_denials(case))


def _refuse(case: Case, denials: Collection[EarlierDenial]) -> None:
    for denial in denials:
        if not denial.is_acknowledged:
            raise NotAuthorised(
                str(denial),
                "acknowledge it on record, with the reason why this case may go on: forensics case policy "
                f"{in_shell(case.folder.root)} --after-denial --reason TEXT",
                case.folder.root,
            )


def refuse_denied_pictures(case: Case, note: Callable[[str, JsonObject], None], pictures: Collection[str]) -> None:
    """Check that the case acknowledges the denial of every case that used one of these pictures.

    Args:
        case: the case.
        note: appends a note to the log of the case, which lets a later acknowledgement cover the denial.
        pictures: SHA-256 of each picture.

    Raises:
        NotAuthorised: it does not.
    """
    denials = load_denials()
    found = _in_common(case, denials, (), pictures, ()) if denials else []
    unacknowledged = [replace(each, in_common=(_WORDS["pictures"],)) for each in found if not each.is_acknowledged]
    for denial in unacknowledged:
        note(_NOTE, {"case_id": denial.case_id})
    _refuse(case, unacknowledged)


def acknowledge_denials(case: Case) -> Case:
    """Return the case with an acknowledgement of the denials that are known now, and of no later one.

    Raises:
        UsageError: there is none to acknowledge.
    """
    new = [denial for denial in find_denials(case) if not denial.is_acknowledged]
    if not new:
        raise UsageError(
            "this case has nothing in common with a denied case that it does not acknowledge already",
            "leave --after-denial out",
        )
    denied = [denial.case_id for denial in new if not denial.is_lapse]
    lapsed = [denial.case_id for denial in new if denial.is_lapse]
    return replace(
        case,
        acknowledged_denials=(*case.acknowledged_denials, *denied),
        acknowledged_lapses=(*case.acknowledged_lapses, *lapsed),
    )


def denial_facts(case: Case) -> JsonObject:
    """Return the denials and acknowledgements of a case as JSON, or why they are not known."""
    try:
        found, problem = find_denials(case), ""
    except ForensicsError as error:
        found, problem = [], str(error)
    reasons = _acknowledgements(case)
    rows = [
        {
            "case_id": denial.case_id,
            "denied_utc": None if denial.is_lapse else denial.at_utc.isoformat(timespec="seconds"),
            "lapsed_utc": denial.at_utc.isoformat(timespec="seconds") if denial.is_lapse else None,
            "in_common": list(denial.in_common),
            "acknowledged": reasons.get(denial.case_id),
        }
        for denial in found
    ]
    known = {denial.case_id for denial in found}
    rows += [
        {"case_id": name, "denied_utc": None, "lapsed_utc": None, "in_common": [], "acknowledged": reasons.get(name)}
        for name in _acknowledged_ids(case)
        if name not in known
    ]
    return {"denials": rows, "denials_missing_because": problem}


def _acknowledged_ids(case: Case) -> list[str]:
    return list(dict.fromkeys((*case.acknowledged_denials, *case.acknowledged_lapses)))


def _acknowledgements(case: Case) -> dict[str, JsonObject]:
    """Return reason and user of each acknowledgement on record, by the id of the denied case.

    A command that was killed after it had changed the case has no end; then its begin states both.
    """
    lines = read_chain(case.folder.audit_file).lines
    begins = [line for line in lines if line.kind == "begin" and line.facts.get("after_denial")]
    given: dict[str, JsonObject] = {name: {} for name in _acknowledged_ids(case)}
    for line in lines:
        outputs = line.facts.get("outputs", {}) if line.kind == "end" else {}
        for name in (*(outputs.get("acknowledged_denials") or ()), *(outputs.get("acknowledged_lapses") or ())):
            if name in given and not given[name]:
                given[name] = _statement(line)
    return {name: stated or (_statement(begins[-1]) if begins else {}) for name, stated in given.items()}


def _statement(line: LogLine) -> JsonObject:
    return {"reason": line.why, "user": line.who.get("user")}
