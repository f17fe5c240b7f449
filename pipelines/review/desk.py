"""What a reviewer works with: the candidates that wait, their pictures, and a place for the verdict.

Every opening of pictures is recorded before they are shown, with the digest of what is shown. A verdict needs such
a record, of this command or an earlier one, of the very pictures that the candidate has when the verdict is given.
A desk may stand for hours: whatever it hands out or takes in, it asks anew whether the mandate still allows it.
"""

import shlex
from dataclasses import dataclass
from typing import Any

import polars as pl

from forensics.custody.log import read_chain
from forensics.custody.mandate import MandateStatus, mandate_status
from forensics.digests import canonical_json, sha256_of_bytes
from forensics.errors import NotAuthorised, UsageError
from forensics.faces.comparison import Decision
from forensics.faces.review_rules import (
    CHECKLIST,
    Agreement,
    Review,
    State,
    Verdict,
    refusal,
    same_name,
    state_of,
    visible_to,
)
from forensics.spelling import in_shell
from forensics.tables.open import OpenCase, candidates_of
from pipelines import clock
from pipelines.custody.case_store import load_case
from pipelines.custody.entries import entries_of, expired_entries
from pipelines.custody.keys import keyring_for
from pipelines.custody.session import Session
from pipelines.review.reviewers import Reviewer, reviewer_named, reviewers_of
from pipelines.review.reviews import add_review, load_reviews, of_candidate
from pipelines.search.candidate_faces import candidate_faces
from pipelines.search.references import reference_pictures

__all__ = ["Candidate", "Pictures", "ReviewDesk"]

_PICTURES_OPENED = "pictures opened"
_ENDED = {
    MandateStatus.LAPSED: "the authority is still pending 48 hours after the first run",
    MandateStatus.EXPIRED: "the mandate has expired",
    MandateStatus.DUE: "the mandate has expired",
    MandateStatus.DENIED: "the authority was refused",
    MandateStatus.ERASED: "the biometric data was destroyed",
}


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
        session: the command that opened it.
        reviewer: who sits at it.
    """

    session: Session
    reviewer: Reviewer

    @classmethod
    def at(cls, session: Session, name: str) -> "ReviewDesk":
        """The desk of the reviewer of that name.

        Raises:
            NotAuthorised: there is no such reviewer.
        """
        return cls(session, reviewer_named(session.folder, name))

    def candidates(self) -> list[Candidate]:
        """All that asks for examination or has a verdict, of entries that are on the list, in the table's order.

        Raises:
            NotAuthorised: the mandate has ended.
        """
        self._require_active()
        opened = OpenCase.at(self.session.folder.root)
        ended = [] if self.session.case.mandate.hold else expired_entries(self.session.folder, clock.utc_now())
        listed = [entry.entry_id for entry in entries_of(self.session.folder) if entry.entry_id not in ended]
        asks = pl.col("decision").is_in([Decision.CANDIDATE.value, Decision.LEAD.value])
        decided = {f"{each.sighting_id}:{each.entry_id}" for each in load_reviews(self.session.case)}
        asks |= pl.concat_str("sighting_id", "entry_id", separator=":").is_in(sorted(decided))
        asks &= pl.col("entry_id").is_in(listed)
        where = opened.sightings().select("sighting_id", "camera_id", "first_utc", "last_utc", "clock_error_ms")
        rows = candidates_of(self.session.folder).filter(asks).join(where, on="sighting_id", maintain_order="left")
        return [_candidate(row) for row in rows.collect().to_dicts()]

    def _require_active(self) -> None:
        """Return only while the case may be reviewed, by its mandate as it is now and as it was when this began.

        Both, because `case.toml` was held against the log when this began: what was written since may end a
        review, and not prolong it.

        Raises:
            NotAuthorised: the mandate has ended, and how.
        """
        for case in (load_case(self.session.folder.root), self.session.case):
            standing = mandate_status(case.mandate, clock.utc_now())
            if standing is not MandateStatus.ACTIVE:
                raise NotAuthorised(f"the review has ended: {_ENDED[standing]}", "see `forensics case show CASE`")

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
        return of_candidate(load_reviews(self.session.case), candidate.sighting_id, candidate.entry_id)

    def visible(self, candidate: Candidate) -> list[Review]:
        """The verdicts that this reviewer may see."""
        return list(visible_to(self.reviews(candidate), self.reviewer.name))

    def own(self, candidate: Candidate) -> Review | None:
        """What this reviewer said of it; None before."""
        mine = [each for each in self.reviews(candidate) if same_name(each.reviewer, self.reviewer.name)]
        return mine[0] if mine else None

    def state(self, candidate: Candidate) -> State | None:
        """How far it is; None while this reviewer may not know."""
        visible = self.visible(candidate)
        return state_of(visible) if visible else None

    def refusal(self, candidate: Candidate) -> str:
        """Why this reviewer may give no verdict on it; empty if they may."""
        revoked = [each.key_id for each in reviewers_of(self.session.folder) if each.revoked_utc]
        return refusal(
            self.reviews(candidate),
            reviewer=self.reviewer.name,
            key_id=self.reviewer.key_id,
            submitters=self._submitters(),
            revoked=revoked,
        )

    def _submitters(self) -> list[str]:
        """Who answers for the case, and under which names its runs were started."""
        runs = [line for line in read_chain(self.session.folder.audit_file).lines if line.command in {"run", "scan"}]
        users = {line.who.get(name, "") for line in runs if line.kind == "begin" for name in ("user", "login")}
        return sorted({self.session.case.mandate.operator, *users} - {""})

    def pictures(self, candidate: Candidate) -> Pictures:
        """The pictures of a candidate; that they are opened, and which they are, is recorded before they are shown.

        Raises:
            NotAuthorised: the mandate has ended, or the key is not at hand.
        """
        self._require_active()
        pictures = self._pictures(candidate)
        self.session.recorded.note(_PICTURES_OPENED, {**self._opening_of(candidate), "seen": pictures.seen})
        return pictures

    def _pictures(self, candidate: Candidate) -> Pictures:
        """What they are now, for no eyes."""
        key = keyring_for(self.session.folder, self.session.case.case_id).load()
        faces = candidate_faces(
            self.session.folder, key, sighting_id=candidate.sighting_id, entry_id=candidate.entry_id
        )
        if not faces:
            again = f"compare again: forensics run {in_shell(self.session.folder.root)}"
            raise NotAuthorised("the faces of this candidate are no longer there", again)
        references = tuple(reference_pictures(self.session.folder, key, candidate.entry_id))
        digests = [sha256_of_bytes(picture) for picture in (*faces, *references)]
        seen = sha256_of_bytes(canonical_json([candidate.name, digests]).encode())
        return Pictures(faces, references, seen)

    def _opening_of(self, candidate: Candidate) -> dict[str, str]:
        return {"reviewer": self.reviewer.name, "key_id": self.reviewer.key_id, "candidate": candidate.name}

    def _seen(self, candidate: Candidate) -> str:
        """The digest of the candidate's pictures, which this reviewer's key has opened.

        Raises:
            NotAuthorised: it has not, or they are others by now.
        """
        told, seen = self._opening_of(candidate), self._pictures(candidate).seen
        lines = read_chain(self.session.folder.audit_file).lines
        opened = [line.facts for line in lines if line.kind == "note" and line.command == _PICTURES_OPENED]
        mine = [
            facts.get("seen") for facts in opened
            if all(facts.get(name) == told[name] for name in ("key_id", "candidate"))
        ]  # fmt: skip
        if seen in mine:
            return seen
        problem = (
            "the pictures are no longer those that you opened"
            if mine
            else "a verdict is given by somebody who has looked at the pictures"
        )
        raise NotAuthorised(
            problem,
            f"open them first, then decide: {self.command(candidate)} --pictures FILE.png --reason TEXT",
        )

    def command(self, candidate: Candidate) -> str:
        """How a candidate is examined in the terminal, up to what is done with it."""
        words = ("forensics", "review", str(self.session.folder.root), "--as", self.reviewer.name)
        return shlex.join((*words, "--candidate", candidate.name))

    def decide(self, candidate: Candidate, verdict: Verdict, checklist: dict[str, str], note: str) -> Review:
        """This reviewer's verdict, signed and stored.

        Raises:
            UsageError: the checklist names what it has not, or confirms what was not compared.
            NotAuthorised: the mandate has ended, a rule refuses it, or the pictures were not opened.
        """
        self._require_active()
        _check(checklist, verdict, note)
        seen = self._seen(candidate)
        unsigned = Review(
            case_id=self.session.case.case_id,
            run_id=OpenCase.at(self.session.folder.root).run_id,
            sighting_id=candidate.sighting_id,
            entry_id=candidate.entry_id,
            reviewer=self.reviewer.name,
            key_id=self.reviewer.key_id,
            verdict=verdict,
            checklist=dict(sorted(checklist.items())),
            note=note,
            at_utc_us=_now_us(),
            seen=seen,
            previous="",
        )
        review = add_review(
            self.session.case, self.session.files, self.reviewer, unsigned, submitters=self._submitters()
        )
        self.session.recorded.note(
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
        return [candidate for candidate in self.candidates() if self.own(candidate)]


def _check(checklist: dict[str, str], verdict: Verdict, note: str) -> None:
    known = {agreement.value for agreement in Agreement}
    for feature, agreement in checklist.items():
        if feature not in CHECKLIST:
            raise UsageError(f"the checklist has no {feature!r}", f"it has: {', '.join(CHECKLIST)}")
        if agreement not in known:
            raise UsageError(f"{agreement!r} is no answer", f"answers are: {', '.join(sorted(known))}", feature)
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
        facts={name: row[name] for name in (*shown, "model_id", "reason")},
        scores={name: row[name] for name in (*hidden, "log10_likelihood_ratio")},
    )


def _now_us() -> int:
    return int(clock.utc_now().timestamp() * 1_000_000)


def _digest(review: Review) -> str:
    return sha256_of_bytes(review.encoded())
