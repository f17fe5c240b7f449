"""Review desk: gives one reviewer the waiting candidates and their pictures, and accepts verdicts.

Each opening of pictures is recorded in the case's log before they are shown, with their digest. A verdict requires such
a record, from this command or an earlier one, with the digest of the pictures that the candidate has at the verdict. A
desk may stay open for hours, so the mandate is checked again for each list, picture and verdict.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import forensics
from forensics.custody.log import read_chain
from forensics.custody.mandate import MandateStatus, mandate_status
from forensics.digests import canonical_json, sha256_of_bytes
from forensics.errors import NotAuthorised, UsageError
from forensics.faces.comparison import Decision
from forensics.faces.review_rules import (
    CHECKLIST,
    Agreement,
    Review,
    Signer,
    State,
    Verdict,
    is_same_name,
    state_of,
    unanswered_features,
    visible_reviews,
)
from forensics.json_object import JsonObject
from forensics.spelling import in_shell
from forensics.tables.manifest import read_manifest
from pipelines import clock
from pipelines.custody.accounts import account_in
from pipelines.custody.case_store import load_case
from pipelines.custody.earlier_denials import refuse_earlier_denials
from pipelines.custody.entries import find_entry
from pipelines.custody.session import Session
from pipelines.review.reviewed_pairs import reviewed_pairs
from pipelines.review.reviewers import Reviewer, find_reviewer
from pipelines.review.reviews import add_review, load_reviews, refusal_of, select_reviews, verdict_reference
from pipelines.search.candidate_faces import load_candidate_faces
from pipelines.search.references import load_reference_pictures

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
    """One row of `candidates`, with camera and times of its sighting.

    Attributes:
        sighting_id, entry_id: the compared pair.
        facts: facts that every reviewer may see: camera, times, faces, quality.
        scores: values hidden until the reviewer has given a verdict: decision, similarity, rank, margin, threshold.
    """

    sighting_id: str
    entry_id: str
    facts: JsonObject
    scores: JsonObject

    @property
    def name(self) -> str:
        """Name on the command line: ``sighting:entry``."""
        return f"{self.sighting_id}:{self.entry_id}"


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures of one candidate, to be compared side by side.

    Attributes:
        faces: JPEG files of the faces in the footage.
        references: reference pictures of the entry, as they were given.
        digest: keyed digest of all pictures and of the candidate's name.
    """

    faces: tuple[bytes, ...]
    references: tuple[bytes, ...]
    digest: str


@dataclass(slots=True)
class ReviewDesk:
    """A case opened for one reviewer.

    Attributes:
        session: the command on the case.
        reviewer: the reviewer.
    """

    session: Session
    reviewer: Reviewer

    @classmethod
    def at(cls, session: Session, name: str) -> "ReviewDesk":
        """Open the desk for the reviewer of that name.

        Raises:
            NotAuthorised: there is no such reviewer.
        """
        return cls(session, find_reviewer(session.folder, name))

    def candidates(self) -> list[Candidate]:
        """Return the pairs that reviewers see, in table order; see `reviewed_pairs`.

        Raises:
            NotAuthorised: the mandate has ended.
        """
        self._require_active()
        opened = forensics.open_case(self.session.folder.root)
        sightings = opened.sightings().select("sighting_id", "camera_id", "first_utc", "last_utc", "clock_error_ms")
        shown = reviewed_pairs(self.session.case, self.session.key)
        rows = shown.join(sightings, on="sighting_id", how="inner", maintain_order="left")
        return [_candidate(row) for row in rows.collect().to_dicts()]

    def _require_active(self) -> None:
        """Check that the mandate is active, both as it is on disk now and as it was when the command started.

        `case.toml` was verified against the log when the command started. A later change may end a review, but must not
        prolong it.

        Raises:
            NotAuthorised: the mandate has ended, or a case about the same was denied meanwhile.
        """
        for case in (load_case(self.session.folder.root), self.session.case):
            status = mandate_status(case.mandate, clock.utc_now())
            if status is not MandateStatus.ACTIVE:
                raise NotAuthorised(
                    f"the review has ended: {_ENDED[status]}", "see the mandate with `forensics case show CASE`"
                )
        refuse_earlier_denials(self.session.case)

    def candidate(self, name: str) -> Candidate:
        """Return the candidate of that name, ``sighting:entry``.

        Raises:
            UsageError: there is no such candidate.
            NotAuthorised: the mandate has ended.
        """
        for candidate in self.candidates():
            if candidate.name == name:
                return candidate
        raise UsageError(
            f"there is no candidate {name!r}", "list the candidates: forensics review CASE --as NAME --reason TEXT"
        )

    def reviews(self, candidate: Candidate) -> list[Review]:
        """Return all verdicts on a candidate, for the rules; show reviewers only `visible`."""
        return select_reviews(load_reviews(self.session.case), candidate.sighting_id, candidate.entry_id)

    def visible(self, candidate: Candidate) -> list[Review]:
        """Return the verdicts that this reviewer may see."""
        return list(visible_reviews(self.reviews(candidate), self.reviewer.name))

    def own_review(self, candidate: Candidate) -> Review | None:
        """Return this reviewer's verdict; None before it is given."""
        mine = [each for each in self.reviews(candidate) if is_same_name(each.reviewer, self.reviewer.name)]
        return mine[0] if mine else None

    def state(self, candidate: Candidate) -> State | None:
        """Return the state of the review; None until this reviewer has given a verdict."""
        visible = self.visible(candidate)
        return state_of(visible) if visible else None

    def refusal(self, candidate: Candidate) -> str:
        """Return why this reviewer may not give a verdict on the candidate; empty if they may."""
        earlier = self.reviews(candidate)
        signer = Signer(self.reviewer.name, self.reviewer.key_id, self.account)
        return refusal_of(load_case(self.session.folder.root), earlier, signer)

    @property
    def account(self) -> str:
        """Account of the system under which this reviewer works."""
        return account_in(self.session.record.line.who)

    def pictures(self, candidate: Candidate) -> Pictures:
        """Return the pictures of a candidate; record the opening and their digest in the log first.

        Raises:
            NotAuthorised: the mandate has ended, or the case's key is missing.
        """
        self._require_active()
        pictures = self._load_pictures(candidate)
        self.session.record.note(_PICTURES_OPENED, {**self._opening_facts(candidate), "seen": pictures.digest})
        return pictures

    def _load_pictures(self, candidate: Candidate) -> Pictures:
        """Decrypt the candidate's present pictures without a record, for the check of a verdict.

        Raises:
            NotAuthorised: the case's key or the faces are missing.
        """
        key = self.session.key
        faces = load_candidate_faces(
            self.session.folder, key, sighting_id=candidate.sighting_id, entry_id=candidate.entry_id
        )
        if not faces:
            next_step = f"compare the faces again: forensics run {in_shell(self.session.folder.root)}"
            raise NotAuthorised("the case no longer contains the faces of this candidate", next_step)
        references = tuple(load_reference_pictures(find_entry(self.session.case, candidate.entry_id), key))
        digests = [sha256_of_bytes(picture) for picture in (*faces, *references)]
        return Pictures(faces, references, key.reference("pictures", canonical_json([candidate.name, digests])))

    def _opening_facts(self, candidate: Candidate) -> dict[str, str]:
        """Return who opened what, for the log; the candidate by reference."""
        name = self.session.key.reference("candidate", candidate.name)
        return {"reviewer": self.reviewer.name, "key_id": self.reviewer.key_id, "candidate": name}

    def _require_opened(self, candidate: Candidate) -> str:
        """Check that this reviewer's key has opened the candidate's present pictures; return their digest.

        Raises:
            NotAuthorised: it has not, or the pictures have changed since.
        """
        expected, digest = self._opening_facts(candidate), self._load_pictures(candidate).digest
        lines = read_chain(self.session.folder.audit_file).lines
        opened = [line.facts for line in lines if line.kind == "note" and line.command == _PICTURES_OPENED]
        own_digests = [
            facts.get("seen") for facts in opened
            if all(facts.get(name) == expected[name] for name in ("key_id", "candidate"))
        ]  # fmt: skip
        if digest in own_digests:
            return digest
        problem = (
            "the pictures have changed since you opened them"
            if own_digests
            else "you have not opened the pictures of this candidate"
        )
        raise NotAuthorised(
            problem,
            f"open the pictures, then give the verdict: {self.command(candidate)} --pictures FILE.png --reason TEXT",
        )

    def command(self, candidate: Candidate) -> str:
        """Return the start of the command for a candidate, without the options for pictures or verdict."""
        words = ("forensics", "review", str(self.session.folder.root), "--as", self.reviewer.name)
        return shlex.join((*words, "--candidate", candidate.name))

    def decide(self, candidate: Candidate, verdict: Verdict, checklist: dict[str, str], note: str) -> Review:
        """Sign and store this reviewer's verdict, and note it in the log.

        Args:
            candidate: the candidate.
            verdict: the verdict.
            checklist: value of `Agreement` for each feature.
            note: free text.

        Raises:
            UsageError: the checklist has an unknown feature or answer, lacks a feature, no feature was compared, or a
                note is missing.
            NotAuthorised: the mandate has ended, a rule refuses the verdict, or the pictures were not opened.
        """
        self._require_active()
        _check_verdict(checklist, verdict, note)
        digest = self._require_opened(candidate)
        unsigned = Review(
            case_id=self.session.case.case_id,
            run_id=read_manifest(self.session.folder)["run"],
            sighting_id=candidate.sighting_id,
            entry_id=candidate.entry_id,
            reviewer=self.reviewer.name,
            key_id=self.reviewer.key_id,
            verdict=verdict,
            checklist=dict(sorted(checklist.items())),
            note=note,
            at_utc_us=_now_us(),
            seen=digest,
            previous="",
            account=self.account,
        )
        review = add_review(self.session.case, self.session.files, self.reviewer, unsigned)
        self.session.record.note(
            "verdict",
            {
                "reviewer": review.reviewer,
                "key_id": review.key_id,
                "candidate": self.session.key.reference("candidate", candidate.name),
                "verdict": verdict_reference(review, self.session.key),
            },
        )
        return review

    def waiting(self) -> list[Candidate]:
        """Return the candidates that this reviewer may decide now."""
        return [candidate for candidate in self.candidates() if not self.refusal(candidate)]

    def decided(self) -> list[Candidate]:
        """Return the candidates that this reviewer has decided."""
        return [candidate for candidate in self.candidates() if self.own_review(candidate)]


def _check_verdict(checklist: dict[str, str], verdict: Verdict, note: str) -> None:
    """Check a verdict before it is signed.

    Raises:
        UsageError: a feature or answer is unknown, a feature has no answer, none was compared, or a note is missing.
    """
    known = {agreement.value for agreement in Agreement}
    for feature, agreement in checklist.items():
        if feature not in CHECKLIST:
            raise UsageError(f"the checklist has no feature {feature!r}", f"features: {', '.join(CHECKLIST)}")
        if agreement not in known:
            raise UsageError(f"{agreement!r} is not a valid answer", f"answers: {', '.join(sorted(known))}", feature)
    missing = unanswered_features(verdict, checklist, note)
    compared = [value for value in checklist.values() if value != Agreement.NOT_SEEN.value]
    if missing:
        raise UsageError(
            f"the verdict {verdict.value} lacks an answer for {', '.join(missing)}",
            f"look at each of them, then add, for example: {_example(verdict, missing, has_compared=bool(compared))} "
            f"(answers: {', '.join(Agreement)})",
        )
    if verdict is not Verdict.UNDECIDED and not compared:
        raise UsageError(
            "no feature was compared",
            "answer agrees or differs for at least one, for example --check nose=agrees, or give the verdict undecided",
        )
    if verdict is Verdict.CONFIRM and Agreement.DIFFERS.value in compared and not note.strip():
        raise UsageError("you confirm although a feature differs", "explain why in the note")


def _example(verdict: Verdict, missing: Sequence[str], *, has_compared: bool) -> str:
    """Return options that complete a verdict.

    >>> _example(Verdict.EXCLUDE, ("nose", "ears"), has_compared=False)
    '--check nose=differs --check ears=not_seen'
    >>> _example(Verdict.UNDECIDED, ("ears",), has_compared=False)
    '--note "too dark to compare"'
    """
    if verdict is Verdict.UNDECIDED:
        return '--note "too dark to compare"'
    answers = dict.fromkeys(missing, Agreement.NOT_SEEN)
    if not has_compared:
        answers[missing[0]] = Agreement.AGREES if verdict is Verdict.CONFIRM else Agreement.DIFFERS
    return " ".join(f"--check {feature}={answer}" for feature, answer in answers.items())


def _candidate(row: JsonObject) -> Candidate:
    shown = ("camera_id", "first_utc", "last_utc", "clock_error_ms", "n_faces", "n_people", "span_ms", "quality")
    hidden = ("decision", "rank", "similarity", "margin", "threshold", "expected_false_candidates")
    return Candidate(
        row["sighting_id"],
        row["entry_id"],
        facts={
            **{name: row[name] for name in (*shown, "model_id", "reason")},
            "is_near_copy": row["decision"] == Decision.NEAR_COPY.value,
        },
        scores={name: row[name] for name in (*hidden, "log10_likelihood_ratio")},
    )


def _now_us() -> int:
    return int(clock.utc_now().timestamp() * 1_000_000)
