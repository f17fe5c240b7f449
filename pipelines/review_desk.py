"""What a reviewer works with: the candidates that wait, their pictures, and a place for the verdict.

Every opening of pictures is recorded before they are shown, and a verdict needs pictures that were opened.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from forensics.audit import read_chain
from forensics.comparison import Decision
from forensics.digests import canonical_json, sha256_of_bytes
from forensics.errors import NotAuthorised, UsageError
from forensics.reviewing import CHECKLIST, Agreement, Review, State, Verdict, refusal, same_name, state_of, visible_to
from forensics.tables.open import OpenCase, candidates_of
from pipelines import clock
from pipelines.candidate_faces import candidate_faces
from pipelines.casework import Work
from pipelines.keys import keyring_for
from pipelines.reviewers import Reviewer, reviewer_named, reviewers_of
from pipelines.reviews import add_review, load_reviews, of_candidate
from pipelines.watchlist import entries_of, reference_pictures

__all__ = ["Candidate", "Pictures", "ReviewDesk"]

_PICTURES_OPENED = "pictures opened"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One row of `candidates`, with where and when it was seen.

    Attributes:
        sighting_id, entry_id: its name.
        facts: what everybody may see: camera, times, faces, quality.
        scores: what nobody sees before the own verdict: decision, similarity, rank, margin, threshold.
    """

    sighting_id: str
    entry_id: str
    facts: dict[str, Any]
    scores: dict[str, Any]

    @property
    def name(self) -> str:
        """How it is called on the command line."""
        return f"{self.sighting_id}:{self.entry_id}"


@dataclass(frozen=True, slots=True)
class Pictures:
    """What is laid side by side.

    Attributes:
        faces: JPEG, of the sighting.
        references: as they were given with the entry.
        seen: digest of all of them and of the candidate's name.
    """

    faces: tuple[bytes, ...]
    references: tuple[bytes, ...]
    seen: str


@dataclass(slots=True)
class ReviewDesk:
    """A case opened for one reviewer.

    Attributes:
        work: the command that opened it.
        reviewer: who sits at it.
    """

    work: Work
    reviewer: Reviewer
    _opened: dict[str, Pictures] = field(default_factory=dict)

    @classmethod
    def at(cls, work: Work, name: str) -> "ReviewDesk":
        """The desk of the reviewer of that name.

        Raises:
            NotAuthorised: there is no such reviewer.
        """
        return cls(work, reviewer_named(work.folder, name))

    def candidates(self) -> list[Candidate]:
        """All that asks for examination or has a verdict, of entries that are on the list, in the table's order."""
        opened = OpenCase.at(self.work.folder.root)
        listed = [entry.entry_id for entry in entries_of(self.work.folder)]
        asks = pl.col("decision").is_in([Decision.CANDIDATE.value, Decision.LEAD.value])
        decided = {f"{each.sighting_id}:{each.entry_id}" for each in load_reviews(self.work.case)}
        asks |= pl.concat_str("sighting_id", "entry_id", separator=":").is_in(sorted(decided))
        asks &= pl.col("entry_id").is_in(listed)
        where = opened.sightings().select("sighting_id", "camera_id", "first_utc", "last_utc", "clock_error_ms")
        rows = candidates_of(self.work.folder).filter(asks).join(where, on="sighting_id", maintain_order="left")
        return [_candidate(row) for row in rows.collect().to_dicts()]

    def candidate(self, name: str) -> Candidate:
        """The one of that name, ``sighting:entry``.

        Raises:
            UsageError: there is none.
        """
        for candidate in self.candidates():
            if candidate.name == name:
                return candidate
        raise UsageError(f"there is no candidate {name!r}", "`forensics review CASE --as NAME` lists them")

    def reviews(self, candidate: Candidate) -> list[Review]:
        """All verdicts on a candidate, for the rules; people see `visible`."""
        return of_candidate(load_reviews(self.work.case), candidate.sighting_id, candidate.entry_id)

    def visible(self, candidate: Candidate) -> list[Review]:
        """The verdicts that this reviewer may see."""
        return list(visible_to(self.reviews(candidate), self.reviewer.name))

    def state(self, candidate: Candidate) -> State | None:
        """How far it is; None while this reviewer may not know."""
        visible = self.visible(candidate)
        return state_of(visible) if visible else None

    def refusal(self, candidate: Candidate) -> str:
        """Why this reviewer may give no verdict on it; empty if they may."""
        revoked = [each.key_id for each in reviewers_of(self.work.folder) if each.revoked_utc]
        return refusal(
            self.reviews(candidate),
            reviewer=self.reviewer.name,
            key_id=self.reviewer.key_id,
            submitters=self._submitters(),
            revoked=revoked,
        )

    def _submitters(self) -> list[str]:
        """Who answers for the case, and under which names its runs were started."""
        runs = [line for line in read_chain(self.work.folder.audit_file).lines if line.command in {"run", "scan"}]
        users = {line.who.get("user", "") for line in runs if line.kind == "begin"}
        return sorted({self.work.case.mandate.operator, *users} - {""})

    def pictures(self, candidate: Candidate) -> Pictures:
        """The pictures of a candidate; that they were opened is recorded first."""
        self.work.recorded.note(
            _PICTURES_OPENED,
            {"reviewer": self.reviewer.name, "key_id": self.reviewer.key_id, "candidate": candidate.name},
        )
        key = keyring_for(self.work.folder, self.work.case.case_id).load()
        faces = candidate_faces(self.work.folder, key, sighting_id=candidate.sighting_id, entry_id=candidate.entry_id)
        references = tuple(reference_pictures(self.work.folder, key, candidate.entry_id))
        digests = [sha256_of_bytes(picture) for picture in (*faces, *references)]
        seen = sha256_of_bytes(canonical_json([candidate.name, digests]).encode())
        self._opened[candidate.name] = Pictures(faces, references, seen)
        return self._opened[candidate.name]

    def decide(self, candidate: Candidate, verdict: Verdict, checklist: dict[str, str], note: str) -> Review:
        """This reviewer's verdict, signed and stored.

        Raises:
            UsageError: the checklist names what it has not, or confirms what was not compared.
            NotAuthorised: a rule refuses it, or the pictures were not opened.
        """
        _check(checklist, verdict, note)
        if candidate.name not in self._opened:
            raise NotAuthorised(
                "a verdict is given by somebody who has looked at the pictures", "open them first, and then decide"
            )
        unsigned = Review(
            case_id=self.work.case.case_id,
            run_id=OpenCase.at(self.work.folder.root).run_id,
            sighting_id=candidate.sighting_id,
            entry_id=candidate.entry_id,
            reviewer=self.reviewer.name,
            key_id=self.reviewer.key_id,
            verdict=verdict,
            checklist=dict(sorted(checklist.items())),
            note=note,
            at_utc_us=_now_us(),
            seen=self._opened[candidate.name].seen,
            previous="",
        )
        review = add_review(self.work.case, self.reviewer, unsigned, submitters=self._submitters())
        self.work.recorded.note(
            "verdict",
            {
                "reviewer": review.reviewer,
                "key_id": review.key_id,
                "candidate": candidate.name,
                "sha256": _digest(review),
            },
        )
        return review

    def waiting(self) -> list[Candidate]:
        """The candidates that this reviewer may decide now."""
        return [candidate for candidate in self.candidates() if not self.refusal(candidate)]

    def decided(self) -> list[Candidate]:
        """The candidates that this reviewer has decided."""
        return [c for c in self.candidates() if any(same_name(r.reviewer, self.reviewer.name) for r in self.reviews(c))]


def _check(checklist: dict[str, str], verdict: Verdict, note: str) -> None:
    known = {agreement.value for agreement in Agreement}
    for feature, agreement in checklist.items():
        if feature not in CHECKLIST:
            raise UsageError(f"the checklist has no {feature!r}", f"it has: {', '.join(CHECKLIST)}")
        if agreement not in known:
            raise UsageError(f"{feature}: {agreement!r} is no answer", f"answers are: {', '.join(sorted(known))}")
    compared = [value for value in checklist.values() if value != Agreement.NOT_SEEN.value]
    if verdict is not Verdict.UNDECIDED and not compared:
        raise UsageError("no feature was compared", "compare at least one, or say undecided")
    if verdict is Verdict.CONFIRM and Agreement.DIFFERS.value in compared and not note.strip():
        raise UsageError("a feature differs and you confirm", "say why in the note")


def _candidate(row: dict[str, Any]) -> Candidate:
    shown = ("camera_id", "first_utc", "last_utc", "clock_error_ms", "n_faces", "n_people", "span_ms", "quality")
    hidden = ("decision", "rank", "similarity", "margin", "threshold", "expected_false_candidates")
    return Candidate(
        row["sighting_id"],
        row["entry_id"],
        facts={name: _told(row[name]) for name in (*shown, "model_id", "reason")},
        scores={name: row[name] for name in (*hidden, "log10_likelihood_ratio")},
    )


def _told(value: Any) -> Any:
    return f"{value:%Y-%m-%d %H:%M:%S} UTC" if isinstance(value, datetime) else value


def _now_us() -> int:
    return int(clock.utc_now().timestamp() * 1_000_000)


def _digest(review: Review) -> str:
    return sha256_of_bytes(review.encoded())
