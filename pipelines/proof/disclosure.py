"""What others are owed: the file for the defence, and the yearly counts; both are held against the log."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from importlib.metadata import version
from typing import Any, Final

from forensics.custody.log import Chain, first_break, head, read_chain
from forensics.custody.mandate import MandateStatus, mandate_status
from forensics.digests import sha256_of_bytes
from forensics.errors import ForensicsError
from forensics.faces.published_rates import calibration_for
from forensics.faces.review_rules import Review, State, state_of
from forensics.tables.evidence import load_evidence
from forensics.tables.manifest import read_manifest
from forensics.tables.open import OpenCase, candidates_of
from pipelines import clock
from pipelines.custody.case_document import Case
from pipelines.custody.entries import entries_of
from pipelines.review.reviews import load_reviews, of_candidate
from pipelines.run.record import newest_record

__all__ = ["annual_counts", "disclosure"]

_OF_THE_RECORD: Final = ("run", "settings", "model", "faces", "methods", "libraries", "hardware")
_UNTIL_BOTH: Final = "until the second is in"
_LIMITS: Final = (
    "Every row is a candidate for examination, not a finding: the machine proposes, people decide.",
    "Public studies of surveillance footage report the right person on rank 1 in about 72 % of searches.",
    "Small, turned and badly lit faces do far worse than that.",
    "The published false alarm rates come from press photographs; on other footage they are higher.",
    "Errors differ between groups of people, so no single rate holds for everybody.",
    "no_face rows are people who could not be compared: that nobody was found does not show that nobody was there.",
)


def disclosure(case: Case) -> dict[str, Any]:
    """What was searched, with what, for whom, everything that came out, and how sure it is; no picture, no template."""
    record, chain = newest_record(case.folder), read_chain(case.folder.audit_file)
    published = case.folder.manifest.exists()
    candidates, withheld = _candidates(case, chain) if published else ([], "nothing was published")
    return {
        "heading": "Candidates for examination",
        "case": {"case_id": case.case_id, **_mandate(case)},
        "searched": [_evidence(item) for item in load_evidence(case.folder)],
        "looked_at": _coverage(case) if published else [],
        "passed_over": record.get("audit"),
        "with": {
            "program": version("video-forensics"),
            **{name: record.get(name) for name in _OF_THE_RECORD},
            "calibration": _calibration(record),
            "likelihood": read_manifest(case.folder).get("likelihood") if published else None,
        },
        "for": _entries(case, chain),
        "candidates": candidates,
        "candidates_missing_because": withheld,
        "known_limits": list(_LIMITS),
        "log": _log(case, chain, candidates),
    }


def _mandate(case: Case) -> dict[str, Any]:
    mandate = case.mandate
    names = ("title", "purpose", "legal_basis", "reference", "operator", "authority", "hold")
    instants = ("from_utc", "to_utc", "expires_utc", "first_run_utc", "denied_utc", "erased_utc")
    return {
        "mode": mandate.mode.value,
        **{name: getattr(mandate, name) for name in names},
        "cameras": list(mandate.cameras),
        **{name: _instant(getattr(mandate, name)) for name in instants},
    }


def _instant(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def _evidence(item: Any) -> dict[str, Any]:
    names = ("evidence_id", "sha256", "size_bytes", "camera_id", "start_utc_us", "clock_error_ms", "reason")
    return {**{name: getattr(item, name) for name in names}, "file": item.path.name, "verdict": item.verdict.value}


def _coverage(case: Case) -> list[dict[str, Any]]:
    rows = OpenCase.at(case.folder.root).coverage().collect().iter_rows(named=True)
    frames: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        frames[row["camera_id"], row["state"], row["reason"]] += row["stop_frame"] - row["start_frame"]
    return [
        {"camera_id": camera, "state": state, "reason": reason, "frames": n}
        for (camera, state, reason), n in sorted(frames.items())
    ]


def _calibration(record: dict[str, Any]) -> dict[str, Any] | None:
    calibration = calibration_for(record.get("settings", {}).get("recognise", {}).get("model", ""))
    if calibration is None:
        return None
    points = [{"similarity": similarity, "false_alarm_rate": rate} for similarity, rate in calibration.points]
    return {"name": calibration.name, "model": calibration.model, "points": points}


def _entries(case: Case, chain: Chain) -> list[dict[str, Any]]:
    """Everybody who ever was on the list, by the log, in the order they were added."""
    listed = {entry.entry_id for entry in entries_of(case.folder)}
    added = {line.of: line for line in chain.lines if line.kind == "end" and line.facts.get("exit_code") == 0}
    told = [(line.facts, added[line.number]) for line in chain.lines
            if line.command == "watchlist add" and line.number in added]  # fmt: skip
    return [
        {
            **{name: facts[name] for name in ("entry", "basis", "expires_utc", "origin")},
            "pictures": len(end.facts["outputs"]["pictures"]),
            "is_listed": facts["entry"] in listed,
        }
        for facts, end in told
    ]


def _candidates(case: Case, chain: Chain) -> tuple[list[dict[str, Any]], str]:
    """Every compared pair, rejected ones too, with what people said of it; and why there are none, if so."""
    standing = mandate_status(case.mandate, clock.utc_now())
    if standing not in {MandateStatus.ACTIVE, MandateStatus.EXPIRED}:
        return [], f"the case is {standing.value}"
    try:
        rows = candidates_of(case.folder).collect().to_dicts()
    except ForensicsError as error:
        return [], str(error)
    reviews, users = load_reviews(case), _users(chain)
    return [{**row, **_said(of_candidate(reviews, row["sighting_id"], row["entry_id"]), users)} for row in rows], ""


def _users(chain: Chain) -> dict[str, str]:
    """Under which user of the system each verdict was given, by the verdict's digest."""
    given = [line for line in chain.lines if line.kind == "note" and line.command == "verdict"]
    return {line.facts["sha256"]: line.who["user"] for line in given if "user" in line.who}


def _said(reviews: list[Review], users: dict[str, str]) -> dict[str, Any]:
    """What people said of one candidate; of a first verdict only that there is one, for the second is blind."""
    state = state_of(reviews)
    if state is State.FIRST:
        return {"review_state": state.value, "verdicts": [], "verdicts_missing_because": _UNTIL_BOTH, "same_user": None}
    verdicts = [_told(review, users.get(sha256_of_bytes(review.encoded()))) for review in reviews]
    under = [verdict["user"] for verdict in verdicts]
    same_user = under[0] == under[1] if len(under) == 2 and None not in under else None
    return {
        "review_state": state.value,
        "verdicts": verdicts,
        "verdicts_missing_because": "",
        "same_user": same_user,
    }


def _told(review: Review, user: str | None) -> dict[str, Any]:
    return {
        "reviewer": review.reviewer,
        "key_id": review.key_id,
        "user": user,
        "verdict": review.verdict.value,
        "checklist": review.checklist,
        "note": review.note,
    }


def _log(case: Case, chain: Chain, candidates: list[dict[str, Any]]) -> dict[str, Any]:
    told = [
        line.facts["outputs"].get("candidates")
        for line in chain.lines
        if line.kind == "end" and line.command in {"run", "scan"} and "run" in line.facts.get("outputs", {})
    ]
    counted = sum(row["decision"] == "candidate" for row in candidates)
    commands = Counter(line.command for line in chain.lines if line.kind == "begin")
    return {
        "lines": len(chain.lines),
        "head": head(chain.lines),
        "broken_at": first_break(case.folder.audit_file),
        "commands": dict(sorted(commands.items())),
        "candidates_by_the_last_run": told[-1] if told else None,
        "candidates_in_this_file": counted,
    }


def annual_counts(cases: Iterable[Case], *, year: int, now: datetime) -> list[dict[str, Any]]:
    """How many cases of a year by mode, legal basis and outcome, without a name; by mode, basis and outcome."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for case in cases:
        if case.created_utc.year == year:
            counts[case.mandate.mode.value, case.mandate.legal_basis, _outcome(case, now)] += 1
    return [
        {"mode": mode, "legal_basis": basis, "outcome": outcome, "cases": n}
        for (mode, basis, outcome), n in sorted(counts.items())
    ]


def _outcome(case: Case, now: datetime) -> str:
    """What came of a case: what people decided, else what became of its mandate."""
    if not case.mandate.mode.compares_faces:
        return "no faces compared"
    standing = mandate_status(case.mandate, now).value
    if standing in {"denied", "erased", "lapsed"}:
        return standing
    if not case.folder.manifest.exists():
        return "not run"
    reviews = load_reviews(case)
    states = {state_of(of_candidate(reviews, r.sighting_id, r.entry_id)).value for r in reviews}
    for state in ("confirmed", "disagreed", "undecided", "first", "excluded"):
        if state in states:
            return state if state != "first" else "under review"
    n_found = json.loads(case.folder.manifest.read_text()).get("candidates")
    return "waits for review" if n_found else "no candidate"
