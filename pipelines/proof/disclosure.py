"""Documents for accountability: the disclosure of a case for the defence, and yearly counts."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Final

import forensics
from forensics.custody.case_document import Case
from forensics.custody.corrections import recorded_corrections
from forensics.custody.log import Chain, find_log_fault, head, read_chain
from forensics.custody.mandate import mandate_status
from forensics.custody.result_retention import removal_statement, results_removed
from forensics.faces.published_rates import calibration_for
from forensics.faces.review_rules import state_of
from forensics.json_object import JsonObject, decode_json
from forensics.tables.evidence import load_evidence
from forensics.tables.manifest import read_manifest
from forensics.tables.searched_scope import is_mandate_changed, is_scope_changed
from forensics.tables.stale_evidence import stale_evidence
from pipelines.custody.case_store import denial_reason
from pipelines.custody.earlier_denials import denial_facts
from pipelines.custody.entries import load_entries
from pipelines.custody.entry_additions import added_entries
from pipelines.custody.keys import find_key
from pipelines.custody.mandate_text import record_facts
from pipelines.custody.outputs import written_files
from pipelines.proof.disclosed_candidates import disclosed_candidates, verdicts_on_other_lists
from pipelines.proof.disclosed_footage import not_searched, searched
from pipelines.proof.uses import count_uses, unless_few
from pipelines.review.reviews import load_reviews, select_reviews
from pipelines.run.record import newest_record
from pipelines.search.published_lists import load_published_lists

__all__ = ["annual_counts", "annual_uses", "build_disclosure"]

_RECORD_FIELDS: Final = ("run", "settings", "model", "faces", "methods", "libraries", "hardware")
_MADE: Final = ("begin", "case init")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LIMITS: Final = (
    "Every row is a candidate for examination, not a finding: the software proposes, people decide.",
    "Public studies of surveillance footage report the right person on rank 1 in about 72 % of searches.",
    "Small, turned and badly lit faces do far worse than that.",
    "The published false alarm rates come from press photographs; on other footage they are higher.",
    "Errors differ between groups of people, so no single rate holds for everybody.",
    "no_face rows are people whose face could not be compared; a result without candidates does not prove absence.",
)


_LIMITS_OF_DETECTION: Final = (
    "No faces were compared, so nobody was searched for by face.",
    "A detector misses objects, and takes things for objects that are none; its model is stated under `with`.",
    "A sighting is one object at one camera over an interval: nobody was followed from camera to camera.",
    "Frames that were not detected are listed under `looked_at` with the reason.",
)
_LIMIT_OF_DLIB: Final = "Faces were searched with dlib's detector, which misses faces that YuNet finds."
_HEADING: Final = "Candidates for examination"
_HEADING_OF_SCENES: Final = "Footage in which objects were detected"


def build_disclosure(case: Case) -> JsonObject:
    """Build the disclosure of a case: footage, methods, entries, all results, files that left it, known limits.

    It holds no picture and no template. What the command that writes it adds to the log is not in it.
    """
    record, chain = newest_record(case.folder), read_chain(case.folder.audit_file)
    published = case.folder.manifest.exists()
    candidates, withheld = disclosed_candidates(case) if published else ([], _why_no_tables(case))
    return {
        "heading": _HEADING if case.mandate.mode.compares_faces else _HEADING_OF_SCENES,
        "case": {"case_id": case.case_id, **_mandate_facts(case), **denial_facts(case)},
        "searched": searched(case) if published else [],
        "not_searched": not_searched(case, "" if published else _why_no_tables(case)),
        "changed_since_the_run": _changes(case) if published else {},
        "clocks": _clocks(case),
        "corrections": [each.facts for each in recorded_corrections(chain.lines)],
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
        "verdicts_on_other_lists": verdicts_on_other_lists(case, candidates) if find_key(case) else [],
        "published_lists": load_published_lists(case) if find_key(case) else [],
        "known_limits": _limits(case, record),
        "files_given_out": written_files(chain.lines),
        "log": _log_facts(case, chain, candidates),
    }


def _limits(case: Case, record: JsonObject) -> list[str]:
    """Return the known limits of what the newest run did."""
    if not case.mandate.mode.compares_faces:
        return list(_LIMITS_OF_DETECTION)
    detector = (record.get("faces") or {}).get("detector", {}).get("name")
    return [*_LIMITS, _LIMIT_OF_DLIB] if detector == "dlib" else list(_LIMITS)


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
    amended = [each for each in recorded_corrections(lines) if each.correction.name == "authority"]
    history = [{"at_utc": line.at_utc.isoformat(), "authority": authority} for line, authority in stated if authority]
    return [*history, *({"at_utc": each.at_utc.isoformat(), "authority": each.correction.after} for each in amended)]


def _instant(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def _changes(case: Case) -> JsonObject:
    """Return what was changed after the run whose candidates and footage are listed."""
    return {
        "evidence_with_another_camera_or_clock": stale_evidence(case),
        "cameras_hours_or_clocks_of_the_case": _or_unknown(is_scope_changed(case)),
        "cameras_or_hours_of_the_mandate": _or_unknown(is_mandate_changed(case)),
    }


def _or_unknown(is_changed: bool | None) -> bool | str:
    return "unknown" if is_changed is None else is_changed


def _camera_clock(microseconds: int) -> str:
    """Return a reading of a camera's own clock, without a zone, because it is not UTC."""
    return (_EPOCH + timedelta(microseconds=microseconds)).replace(tzinfo=None).isoformat()


def _clocks(case: Case) -> list[JsonObject]:
    """Return the correction of every camera's clock; who set it, when and why is among the corrections."""
    cameras = sorted({item.camera_id for item in load_evidence(case.folder)} | set(case.cameras))
    sections = [
        {"section": f"{evidence_id}#{number}", "start_camera_clock": _camera_clock(at)}
        for evidence_id, starts in case.section_starts.items()
        for number, at in starts.items()
    ]
    return [*(asdict(case.camera(name)) for name in cameras), *sections]


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
