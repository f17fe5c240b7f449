"""Documents for accountability: the disclosure of a case for the defence, and yearly counts."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from importlib.metadata import version
from typing import Any, Final

import forensics
from forensics.custody.case_document import Case
from forensics.custody.log import Chain, find_log_fault, head, read_chain
from forensics.custody.mandate import MandateStatus, mandate_status
from forensics.custody.result_retention import removal_statement, results_removed
from forensics.errors import ForensicsError
from forensics.faces.published_rates import calibration_for
from forensics.faces.review_rules import Review, State, state_of
from forensics.json_object import JsonObject, decode_json
from forensics.tables.evidence import load_evidence
from forensics.tables.manifest import read_manifest
from forensics.tables.published import candidates_of
from pipelines import clock
from pipelines.custody.case_store import denial_reason
from pipelines.custody.earlier_denials import denial_facts
from pipelines.custody.entries import load_entries
from pipelines.custody.entry_additions import added_entries
from pipelines.custody.keys import find_key, key_of
from pipelines.custody.mandate_text import record_facts
from pipelines.custody.outputs import written_files
from pipelines.proof.uses import count_uses, unless_few
from pipelines.review.reviewers import NOT_ON_RECORD, Reviewer, load_reviewers
from pipelines.review.reviews import accounts_of, load_reviews, select_reviews
from pipelines.run.record import newest_record
from pipelines.search.published_lists import load_published_lists

__all__ = ["annual_counts", "annual_uses", "build_disclosure"]

_RECORD_FIELDS: Final = ("run", "settings", "model", "faces", "methods", "libraries", "hardware")
_MADE: Final = ("begin", "case init")
_FIRST_REVIEW_ONLY: Final = "the second review is not made yet"
_LIMITS: Final = (
    "Every row is a candidate for examination, not a finding: the software proposes, people decide.",
    "Public studies of surveillance footage report the right person on rank 1 in about 72 % of searches.",
    "Small, turned and badly lit faces do far worse than that.",
    "The published false alarm rates come from press photographs; on other footage they are higher.",
    "Errors differ between groups of people, so no single rate holds for everybody.",
    "no_face rows are people whose face could not be compared; a result without candidates does not prove absence.",
)


def build_disclosure(case: Case) -> JsonObject:
    """Build the disclosure of a case: footage, methods, entries, all results, files that left it, known limits.

    It holds no picture and no template. What the command that writes it adds to the log is not in it.
    """
    record, chain = newest_record(case.folder), read_chain(case.folder.audit_file)
    published = case.folder.manifest.exists()
    candidates, withheld = _candidates(case) if published else ([], _why_no_tables(case))
    return {
        "heading": "Candidates for examination",
        "case": {"case_id": case.case_id, **_mandate_facts(case), **denial_facts(case)},
        "searched": [_evidence_facts(item) for item in load_evidence(case.folder)],
        "looked_at": _coverage(case) if published else [],
        "passed_over": record.get("audit"),
        "with": {
            "program": version("video-forensics"),
            **{name: record.get(name) for name in _RECORD_FIELDS},
            "calibration": _calibration(record),
            "likelihood": read_manifest(case.folder).get("likelihood") if published else None,
        },
        "for": _entries(case),
        "candidates": candidates,
        "candidates_missing_because": withheld,
        "published_lists": load_published_lists(case) if find_key(case) else [],
        "known_limits": list(_LIMITS),
        "files_given_out": written_files(chain.lines),
        "log": _log_facts(case, chain, candidates),
    }


def _why_no_tables(case: Case) -> str:
    removed = results_removed(case.folder)
    return "nothing was published" if removed is None else removal_statement(removed)


def _mandate_facts(case: Case) -> JsonObject:
    mandate = case.mandate
    names = ("title", "purpose", "legal_basis", "reference", "operator", "hold")
    instants = ("from_utc", "to_utc", "expires_utc", "first_run_utc", "denied_utc", "erased_utc")
    return {
        "mode": mandate.mode.value,
        **{name: getattr(mandate, name) for name in names},
        **record_facts(mandate),
        "denied_because": denial_reason(case.folder) if mandate.denied_utc else None,
        "authority_history": _authority_history(case),
        "cameras": list(mandate.cameras),
        **{name: _instant(getattr(mandate, name)) for name in instants},
    }


def _authority_history(case: Case) -> list[JsonObject]:
    """Return what was on record of the authority, and since when; the first run may lie between two states.

    A command that was killed after it had entered the authority has no end; then the time is that of its begin.
    """
    lines = read_chain(case.folder.audit_file).lines
    stated = [(line, line.facts.get("authority")) for line in lines if (line.kind, line.command) == _MADE]
    entered = [line for line in lines if (line.kind, line.command) == ("end", "case authorise")]
    stated += [(line, line.facts.get("outputs", {}).get("authority")) for line in entered]
    begins = [line for line in lines if (line.kind, line.command) == ("begin", "case authorise")]
    present = record_facts(case.mandate)["authority"]
    if begins and stated and stated[-1][1] != present:
        stated.append((begins[-1], present))
    return [{"at_utc": line.at_utc.isoformat(), "authority": authority} for line, authority in stated if authority]


def _instant(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def _evidence_facts(item: Any) -> JsonObject:
    names = ("evidence_id", "sha256", "size_bytes", "camera_id", "start_utc_us", "clock_error_ms", "reason")
    return {**{name: getattr(item, name) for name in names}, "file": item.path.name, "verdict": item.verdict.value}


def _coverage(case: Case) -> list[JsonObject]:
    rows = forensics.open_case(case.folder.root).coverage().collect().iter_rows(named=True)
    frames: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        frames[row["camera_id"], row["state"], row["reason"]] += row["stop_frame"] - row["start_frame"]
    return [
        {"camera_id": camera, "state": state, "reason": reason, "frames": n}
        for (camera, state, reason), n in sorted(frames.items())
    ]


def _calibration(record: JsonObject) -> JsonObject | None:
    calibration = calibration_for(record.get("settings", {}).get("recognise", {}).get("model", ""))
    if calibration is None:
        return None
    points = [{"similarity": similarity, "false_alarm_rate": rate} for similarity, rate in calibration.points]
    return {"name": calibration.name, "model": calibration.model, "points": points}


def _entries(case: Case) -> list[JsonObject]:
    """Return every entry that was ever on the watch-list, from the log, in the order of addition.

    An entry whose command was interrupted is among them, because it may have been on the list.
    """
    listed = {entry.entry_id for entry in load_entries(case)} if find_key(case) else set()
    return [
        {
            **{name: added.facts.get(name) for name in ("entry", "basis", "expires_utc", "origin")},
            "reference": added.reference,
            "pictures": added.n_pictures,
            "is_listed": added.facts.get("entry") in listed,
            "was_interrupted": added.is_interrupted,
        }
        for added in added_entries(case)
    ]


def _candidates(case: Case) -> tuple[list[JsonObject], str]:
    """Return every compared pair, also rejected ones, with its verdicts; or an empty list and the reason for it."""
    mandate = mandate_status(case.mandate, clock.utc_now())
    if mandate not in {MandateStatus.ACTIVE, MandateStatus.EXPIRED}:
        return [], f"the case is {mandate.value}"
    try:
        key = key_of(case)
        rows = candidates_of(case.folder, key).collect().to_dicts()
    except ForensicsError as error:
        return [], str(error)
    reviews = load_reviews(case)
    return [
        {**row, **_review_facts(case, select_reviews(reviews, row["sighting_id"], row["entry_id"]))} for row in rows
    ], ""


def _review_facts(case: Case, reviews: list[Review]) -> JsonObject:
    """Return the verdicts on one candidate; a first verdict is withheld, so that the second review is blind."""
    state = state_of(reviews)
    if state is State.FIRST:
        return {
            "review_state": state.value,
            "verdicts": [],
            "verdicts_missing_because": _FIRST_REVIEW_ONLY,
            "same_account": None,
        }
    accounts = accounts_of(case, reviews) if reviews else []
    known = {each.key_id: each for each in load_reviewers(case.folder)}
    verdicts = [
        _verdict_facts(review, known[review.key_id], account) for review, account in zip(reviews, accounts, strict=True)
    ]
    same_account = accounts[0] == accounts[1] if len(accounts) == 2 and "" not in accounts else None
    return {
        "review_state": state.value,
        "verdicts": verdicts,
        "verdicts_missing_because": "",
        "same_account": same_account,
    }


def _verdict_facts(review: Review, reviewer: Reviewer, account: str) -> JsonObject:
    return {
        "reviewer": review.reviewer,
        "training": reviewer.training or NOT_ON_RECORD,
        "trained_on": reviewer.trained_on or None,
        "key_id": review.key_id,
        "account": account or None,
        "verdict": review.verdict.value,
        "checklist": review.checklist,
        "note": review.note,
    }


def _log_facts(case: Case, chain: Chain, candidates: list[JsonObject]) -> JsonObject:
    """Return facts of the log, among them the number of candidates by the last run, to compare with this document."""
    logged = [
        line.facts["outputs"].get("candidates")
        for line in chain.lines
        if line.kind == "end" and line.command in {"run", "scan"} and "run" in line.facts.get("outputs", {})
    ]
    n_candidates = sum(row["decision"] == "candidate" for row in candidates)
    commands = Counter(line.command for line in chain.lines if line.kind == "begin")
    return {
        "lines": len(chain.lines),
        "head": head(chain.lines),
        "broken_at": find_log_fault(case.folder.audit_file),
        "commands": dict(sorted(commands.items())),
        "candidates_by_the_last_run": logged[-1] if logged else None,
        "candidates_in_this_file": n_candidates,
    }


def annual_counts(cases: Iterable[Case], *, year: int, now: datetime) -> list[JsonObject]:
    """Count the cases of a year by mode, legal basis and outcome, without names; sorted by these.

    Numbers below five are None: a group of one is a person.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    for case in cases:
        if case.created_utc.year == year:
            counts[case.mandate.mode.value, case.mandate.legal_basis, _outcome(case, now)] += 1
    return [
        {"mode": mode, "legal_basis": basis, "outcome": outcome, "cases": unless_few(n)}
        for (mode, basis, outcome), n in sorted(counts.items())
    ]


def annual_uses(cases: Iterable[Case], *, year: int) -> list[JsonObject]:
    """Count what was done in a year by mode, in cases of any year: runs, readings of results, verdicts, outputs.

    Numbers below five are None.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for case in cases:
        lines = read_chain(case.folder.audit_file).lines
        of_year = [line for line in lines if line.at_utc.year == year]
        for use, n in count_uses(of_year).items():
            counts[case.mandate.mode.value, use] += n
    return [{"mode": mode, "use": use, "times": unless_few(n)} for (mode, use), n in sorted(counts.items())]


def _outcome(case: Case, now: datetime) -> str:
    """Return the outcome of a case: the state of its mandate if it has ended, else the result of the review."""
    if not case.mandate.mode.compares_faces:
        return "no faces compared"
    mandate = mandate_status(case.mandate, now).value
    if mandate in {"denied", "erased", "lapsed"}:
        return mandate
    is_published = case.folder.manifest.exists()
    if not is_published and results_removed(case.folder) is None:
        return "not run"
    return _review_outcome(case, is_published) if find_key(case) else "encrypted, its key is not here"


def _review_outcome(case: Case, is_published: bool) -> str:
    reviews = load_reviews(case)
    states = {state_of(select_reviews(reviews, r.sighting_id, r.entry_id)).value for r in reviews}
    for state in ("confirmed", "disagreed", "undecided", "first", "excluded"):
        if state in states:
            return state if state != "first" else "under review"
    if not is_published:
        return "results removed"
    n_candidates = decode_json(case.folder.manifest.read_text()).get("candidates")
    return "waits for review" if n_candidates else "no candidate"
