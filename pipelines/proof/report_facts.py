"""Facts of a case for the documents that its deployer owes: no name of anybody, and no number that points to a person.

Free texts of the case are taken as they stand, except that names of entries, of reviewers and of the operator are left
out of them. Numbers of people and of uses below five are not stated, as in the yearly counts.
"""

import re
from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Final

import numpy as np
import polars as pl

import forensics
from forensics.custody.case_document import Case
from forensics.custody.log import Chain, head, read_chain
from forensics.custody.mandate import ERASURE_GRACE, Mode, mandate_status
from forensics.faces.comparison import Decision
from forensics.faces.review_rules import Review, State, state_of
from forensics.footage.evidence import Evidence, Reader
from forensics.json_object import JsonObject
from forensics.spelling import strip_invisible
from forensics.tables.evidence import load_evidence, load_index, load_sources
from pipelines.custody.earlier_denials import find_denials
from pipelines.custody.entry_additions import added_entries
from pipelines.custody.keys import find_key
from pipelines.custody.mandate_text import authority_text, instant_text, last_day_text, report_text
from pipelines.custody.retention_text import retention_text
from pipelines.proof.uses import count_uses, stated_count
from pipelines.review.reviewers import Reviewer, load_reviewers
from pipelines.review.reviews import load_reviews
from pipelines.run.record import newest_record
from pipelines.search.published_lists import COMPLETE, load_published_lists
from pipelines.setting_catalogue import list_changed_settings

__all__ = ["report_facts", "without_names"]

_PEOPLE: Final = ("person", "pedestrian", "people")
"""Labels of people in the known lists of labels."""

_LEFT_OUT: Final = "(name left out)"
# names of entries have no spaces: erika-mustermann is Erika Mustermann
_BETWEEN_WORDS: Final = r"[\s._-]"


def report_facts(case: Case, now: datetime) -> JsonObject:
    """Return the facts that templates of reports use; what the case does not know is None or empty.

    Args:
        case: the case.
        now: time of the report, UTC.
    """
    chain, reviewers = read_chain(case.folder.audit_file), load_reviewers(case.folder)
    record, names = newest_record(case.folder), _names_in(case, reviewers)
    reviews = load_reviews(case) if find_key(case) else []
    return {
        "written": instant_text(now),
        "program": version("video-forensics"),
        "case": _case_facts(case, names, now),
        "footage": _footage_facts(case),
        "run": _run_facts(record),
        "compares_faces": case.mandate.mode.compares_faces,
        "is_search": case.mandate.mode is Mode.SEARCH,
        "search": _search_facts(case, record, reviews) if case.mandate.mode.compares_faces else None,
        "key_is_here": find_key(case) is not None,
        "reviewers": [_reviewer_facts(each, names, reviews) for each in reviewers],
        "uses": [(use, stated_count(n)) for use, n in sorted(count_uses(chain.lines).items())],
        "log": _log_facts(chain),
    }


def without_names(text: str, names: Collection[str]) -> str:
    r"""Return a text in which whole names are left out, in any case, width and separation of their words.

    >>> without_names("look for e.  EVANS or e-evans, not Evansville", ["E. Evans", "Evans"])
    'look for (name left out) or (name left out), not Evansville'
    """
    plain = strip_invisible(text)
    words = ([word for word in re.split(f"{_BETWEEN_WORDS}+", strip_invisible(name)) if word] for name in names)
    for name in sorted(words, key=lambda each: sum(map(len, each)), reverse=True):
        pattern = f"{_BETWEEN_WORDS}*".join(map(re.escape, name))
        plain = re.sub(rf"(?<!\w){pattern}(?!\w)", _LEFT_OUT, plain, flags=re.IGNORECASE) if name else plain
    return plain.strip()


def _names_in(case: Case, reviewers: list[Reviewer]) -> set[str]:
    """Return the names of the operator, of all reviewers, and, if the key is here, of every entry there ever was."""
    entries = (each.facts.get("entry", "") for each in added_entries(case)) if find_key(case) else ()
    return {case.mandate.operator, *(each.name for each in reviewers), *entries}


def _case_facts(case: Case, names: Collection[str], now: datetime) -> JsonObject:
    mandate = case.mandate
    expires = mandate.expires_utc
    stated = {
        "purpose": mandate.purpose,
        "legal_basis": mandate.legal_basis,
        "reference": mandate.reference,
        "authority": authority_text(mandate, now),
        "report": report_text(mandate),
    }
    return {
        "id": case.case_id,
        "mode": mandate.mode.value,
        "created": f"{case.created_utc:%Y-%m-%d}",
        "state": mandate_status(mandate, now).value,
        **{name: without_names(text, names) for name, text in stated.items()},
        "retention": retention_text(case),
        "denials": [without_names(text, names) for text in _denial_texts(case)],
        "authority_is_pending": mandate.is_authority_pending,
        "cameras": [without_names(camera, names) for camera in mandate.cameras],
        "from": None if mandate.from_utc is None else instant_text(mandate.from_utc),
        "to": None if mandate.to_utc is None else instant_text(mandate.to_utc),
        "last_day": None if expires is None else last_day_text(expires),
        "erased_from": None if expires is None else instant_text(expires + ERASURE_GRACE),
        "is_on_hold": bool(mandate.hold),
        "first_run": None if mandate.first_run_utc is None else instant_text(mandate.first_run_utc),
        "one_account": case.allows_one_account,
    }


def _denial_texts(case: Case) -> list[str]:
    """Return a text for each denied case that this one has something in common with, and how it was acknowledged."""
    return [
        f"{denial}; {'acknowledged on record' if denial.is_acknowledged else 'not acknowledged'}"
        for denial in find_denials(case)
    ]


def _footage_facts(case: Case) -> JsonObject:
    """Return the footage that was given, and what was found in it; counts of people below five are not stated."""
    evidence = load_evidence(case.folder)
    video = [item for item in evidence if item.readable and item.readable.footage.reader is not Reader.STILLS]
    published = case.folder.manifest.exists()
    return {
        "sources": len(load_sources(case.folder)),
        "recordings": sum(item.readable is not None for item in evidence),
        "cameras": len({item.camera_id for item in evidence}),
        "frames": sum(item.n_frames for item in evidence),
        "duration": str(timedelta(seconds=round(sum(_seconds(case, item) for item in video)))),
        "coverage": _coverage(case) if published else [],
        "tracks_of_people": stated_count(_count_tracks_of_people(case)) if published else None,
    }


def _seconds(case: Case, item: Evidence) -> float:
    return float(np.ptp(load_index(case.folder, item).media_us)) / 1e6


def _coverage(case: Case) -> list[tuple[str, int]]:
    frames = (pl.col("stop_frame") - pl.col("start_frame")).sum().alias("frames")
    rows = forensics.open_case(case.folder.root).coverage().group_by("state").agg(frames).sort("state").collect()
    return [(row["state"], row["frames"]) for row in rows.iter_rows(named=True)]


def _count_tracks_of_people(case: Case) -> int:
    rows = forensics.open_case(case.folder.root).sightings().filter(pl.col("class_name").is_in(_PEOPLE))
    return int(rows.select(pl.len()).collect().item())


def _run_facts(record: JsonObject) -> JsonObject | None:
    """Return the system that the newest run used; None before the first run."""
    if not record:
        return None
    faces: JsonObject = record.get("faces") or {}
    return {
        "id": record["run"],
        "version": record["version"],
        "detector": record["model"],
        "faces": [(role, faces[role]) for role in ("detector", "landmarks", "embedder") if role in faces],
        "changed_settings": list_changed_settings(record["settings"]),
        "false_candidate_rate": record["settings"]["recognise"]["false_candidate_rate"],
        "stores_thumbnails": record["settings"].get("sight", {}).get("thumbnails", "all") == "all",
    }


def _search_facts(case: Case, record: JsonObject, reviews: list[Review]) -> JsonObject:
    """Return the numbers of a search; those that need the key are None without it."""
    known: JsonObject = {
        "limit": case.watchlist_limit,
        "entries_ever": stated_count(len(added_entries(case))),
        "entries_now": stated_count(len(case.folder.entry_files())),
        **dict.fromkeys(("threshold", "compared", "candidates", "leads", "decided")),
    }
    if not find_key(case):
        return known
    lists = [each for each in load_published_lists(case) if each["publication"] == COMPLETE]
    if not lists or not record:
        return known
    pairs: JsonObject = lists[-1]["pairs"]
    return known | {
        "threshold": f"{lists[-1]['threshold']:.3f}",
        "compared": stated_count(sum(pairs.values())),
        "candidates": stated_count(pairs.get(Decision.CANDIDATE.value, 0)),
        "leads": stated_count(pairs.get(Decision.LEAD.value, 0)),
        "decided": [(state, stated_count(n)) for state, n in sorted(_decided(reviews).items())],
    }


def _decided(reviews: list[Review]) -> Counter[str]:
    """Count the candidates with two verdicts by outcome; a first verdict must not show before the second."""
    states = [state_of(each).value for each in _by_candidate(reviews)]
    return Counter(state for state in states if state != State.FIRST.value)


def _by_candidate(reviews: list[Review]) -> list[list[Review]]:
    pairs = dict.fromkeys((review.sighting_id, review.entry_id) for review in reviews)
    return [[review for review in reviews if (review.sighting_id, review.entry_id) == pair] for pair in pairs]


def _reviewer_facts(reviewer: Reviewer, names: Collection[str], reviews: list[Review]) -> JsonObject:
    """Return a reviewer by the id of the key: training, and whether the key verified a candidate that is decided."""
    verified = {review.key_id for both in _by_candidate(reviews) if len(both) > 1 for review in both}
    return {
        "key_id": reviewer.key_id,
        "training": without_names(reviewer.training, names),
        "trained_on": reviewer.trained_on,
        "is_revoked": bool(reviewer.revoked_utc),
        "has_verified": reviewer.key_id in verified,
    }


def _log_facts(chain: Chain) -> JsonObject:
    first, last = (datetime.fromtimestamp(chain.lines[place].at_utc_us / 1e6, tz=UTC) for place in (0, -1))
    return {"lines": len(chain.lines), "head": head(chain.lines), "from": instant_text(first), "to": instant_text(last)}
