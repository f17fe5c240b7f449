"""Stores verdicts: signed, chained by digest, sealed, appended under the case's lock, verified at each reading."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

from forensics.adapters.crypto.signing import is_signed_by, sign
from forensics.custody.case_document import Case
from forensics.custody.log import read_chain
from forensics.custody.mandate import MandateStatus, mandate_status
from forensics.custody.sealer import Sealer
from forensics.digests import sha256_of_bytes
from forensics.errors import IntegrityBroken, NotAuthorised
from forensics.faces.review_rules import Excluded, Review, Signer, Verdict, refusal_reason, state_of
from forensics.json_object import decode_json
from forensics.spelling import in_shell
from pipelines import clock
from pipelines.custody.accounts import account_in, are_accounts_mapped
from pipelines.custody.case_lock import lock_case
from pipelines.custody.case_store import load_case
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.keys import key_of
from pipelines.review.reviewers import Reviewer, load_private_key, load_reviewers

__all__ = [
    "accounts_of",
    "add_review",
    "load_reviews",
    "refusal_of",
    "review_states",
    "select_reviews",
    "verdict_reference",
]

_CONTEXT: Final = "verdicts"
_NOTE: Final = ("note", "verdict")
# digest in the place of a predecessor, for the first verdict of a case
_NO_PREVIOUS: Final = "0" * 64
_FIELD_NAMES: Final = {field.name for field in fields(Review)}
_FIELD_NAMES_BEFORE_0_3: Final = _FIELD_NAMES - {"account"}


def load_reviews(case: Case) -> list[Review]:
    """Return all verdicts of a case, in order; each signature is verified once while the file does not change.

    Raises:
        IntegrityBroken: a verdict was changed, removed or moved, or was not signed by a reviewer of the case.
        NotAuthorised: the key of the case cannot be used.
    """
    file = case.folder.reviews_file
    if not file.exists():
        return []
    data = key_of(case).unseal(file.read_bytes(), _CONTEXT)
    return list(_verify(file, data, case.case_id, tuple(load_reviewers(case.folder))))


def verdict_reference(review: Review, key: Sealer) -> str:
    """Return the keyed digest by which the log names a verdict."""
    return key.reference("verdict", review.encoded().decode())


@lru_cache(maxsize=4)
def _verify(file: Path, data: bytes, case_id: str, reviewers: tuple[Reviewer, ...]) -> tuple[Review, ...]:
    """Return the verified verdicts in the bytes of a file; the path is used in messages only.

    Raises:
        IntegrityBroken: a verdict was changed, removed or moved, or was not signed by a reviewer of the case.
    """
    by_key = {reviewer.key_id: reviewer for reviewer in reviewers}
    reviews: list[Review] = []
    for number, raw in enumerate(data.splitlines(), start=1):
        previous = sha256_of_bytes(reviews[-1].encoded()) if reviews else _NO_PREVIOUS
        try:
            review = _decode(raw)
            problem = _find_problem(review, case_id, by_key.get(review.key_id), previous)
        except (ValueError, TypeError, KeyError) as error:
            raise _broken(file, number, f"cannot be read ({error})") from error
        if problem:
            raise _broken(file, number, problem)
        earlier = select_reviews(reviews, review.sighting_id, review.entry_id)
        refused = refusal_reason(earlier, Signer(review.reviewer, review.key_id), Excluded())
        if refused:
            raise _broken(file, number, f"breaks a rule of the review ({refused})")
        reviews.append(review)
    return tuple(reviews)


def _decode(raw: bytes) -> Review:
    """Decode one line of the file.

    Raises:
        ValueError: it has other fields, or is not the canonical encoding.
    """
    stored = decode_json(raw)
    if set(stored) not in (_FIELD_NAMES, _FIELD_NAMES_BEFORE_0_3):
        raise ValueError("its fields are not those of a verdict")
    review = Review(**{**stored, "verdict": Verdict(stored["verdict"])})
    if review.encoded() != raw:
        raise ValueError("it is not in canonical form")
    return review


def _find_problem(review: Review, case_id: str, reviewer: Reviewer | None, previous: str) -> str:
    """Return what is wrong with a stored verdict; empty if nothing is.

    Raises:
        ValueError: its signature is not hexadecimal.
    """
    if review.case_id != case_id:
        return "belongs to another case"
    if review.previous != previous:
        return "does not have the digest of the verdict before it"
    if reviewer is None or reviewer.name != review.reviewer:
        return "was not signed by a reviewer of this case"
    if reviewer.revoked_utc and review.at_utc_us >= _microseconds(reviewer.revoked_utc):
        return "was signed after its key was revoked"
    if not is_signed_by(bytes.fromhex(reviewer.public_hex), review.signed_bytes(), bytes.fromhex(review.signature)):
        return "has no valid signature of its reviewer"
    return ""


def _microseconds(instant: str) -> int:
    return int(datetime.fromisoformat(instant).timestamp() * 1_000_000)


def _broken(file: Path, number: int, problem: str) -> IntegrityBroken:
    return IntegrityBroken(f"verdict {number} {problem}", "restore the file from a backup", file)


def select_reviews(reviews: Sequence[Review], sighting_id: str, entry_id: str) -> list[Review]:
    """Return the verdicts on one candidate, in order."""
    return [review for review in reviews if (review.sighting_id, review.entry_id) == (sighting_id, entry_id)]


def review_states(case: Case) -> dict[tuple[str, str], str]:
    """Return the state of the review of every pair with a verdict, by sighting id and entry id.

    Raises what `load_reviews` raises.
    """
    by_pair = defaultdict[tuple[str, str], list[Review]](list)
    for review in load_reviews(case):
        by_pair[review.sighting_id, review.entry_id].append(review)
    return {pair: state_of(given).value for pair, given in by_pair.items()}


def accounts_of(case: Case, reviews: Sequence[Review]) -> list[str]:
    """Return the account of the system under which each verdict was given; empty if it is not on record.

    A verdict states its account. That of a verdict of an earlier version is in the log, in a note that names the
    verdict by its reference or, before version 0.3, by its SHA-256.
    """
    key = key_of(case)
    noted = [line for line in read_chain(case.folder.audit_file).lines if (line.kind, line.command) == _NOTE]
    known = {line.facts.get("verdict", line.facts.get("sha256")): account_in(line.who) for line in noted}
    names = ((verdict_reference(each, key), sha256_of_bytes(each.encoded())) for each in reviews)
    logged = (known.get(reference, known.get(sha256, "")) for reference, sha256 in names)
    return [review.account or account for review, account in zip(reviews, logged, strict=True)]


def excluded_from(case: Case, reviews: Sequence[Review]) -> Excluded:
    """Return who may not give the second verdict on a candidate with these verdicts."""
    runs = [line for line in read_chain(case.folder.audit_file).lines if line.command in {"run", "scan"}]
    started = [line.who for line in runs if line.kind == "begin"]
    users = {who.get(name, "") for who in started for name in ("user", "login")}
    accounts = {*accounts_of(case, reviews), *map(account_in, started)}
    return Excluded(
        submitters=sorted({case.mandate.operator, *users} - {""}),
        accounts=() if case.allows_one_account else sorted(accounts - {""}),
        revoked=[each.key_id for each in load_reviewers(case.folder) if each.revoked_utc],
    )


def refusal_of(case: Case, earlier: Sequence[Review], signer: Signer) -> str:
    """Return why somebody may not give the next verdict on a candidate with these verdicts; empty if they may."""
    if not case.allows_one_account and are_accounts_mapped():
        return "the account of the system cannot be known in a user namespace: who makes one can take any number in it"
    return refusal_reason(earlier, signer, excluded_from(case, earlier))


def add_review(case: Case, files: DecidingFiles, reviewer: Reviewer, unsigned: Review) -> Review:
    """Sign and store a verdict if the mandate and the rules allow it.

    Args:
        case: the case.
        files: writes the file of verdicts.
        reviewer: the reviewer, whose private key signs.
        unsigned: the verdict, with the account under which it is given, without previous digest and signature.

    Returns:
        The verdict as stored.

    Raises:
        NotAuthorised: the mandate has ended, a rule refuses the verdict, or the private key is missing.
        CannotStart: another command holds the lock of the case.
    """
    private_key = load_private_key(case, reviewer)
    with lock_case(case.folder):
        now = load_case(case.folder.root)
        status = mandate_status(now.mandate, clock.utc_now())
        if status is not MandateStatus.ACTIVE:
            raise NotAuthorised(f"the mandate is {status.value}", "see the mandate with `forensics case show CASE`")
        reviews = load_reviews(case)
        earlier = select_reviews(reviews, unsigned.sighting_id, unsigned.entry_id)
        signer = Signer(reviewer.name, reviewer.key_id, unsigned.account)
        refused = refusal_of(now, earlier, signer)
        if refused:
            raise NotAuthorised(
                refused,
                "another reviewer may give it, logged in under another account of the system, also with sudo; where "
                "there is only one account: `forensics case policy "
                f"{in_shell(case.folder.root)} --one-account --reason TEXT`; see docs/recognition.md, Two reviewers",
            )
        previous = sha256_of_bytes(reviews[-1].encoded()) if reviews else _NO_PREVIOUS
        chained = replace(unsigned, previous=previous, signature="")
        review = replace(chained, signature=sign(private_key, chained.signed_bytes()).hex())
        stored = b"".join(each.encoded() + b"\n" for each in (*reviews, review))
        files.write(case.folder.reviews_file, key_of(case).seal(stored, _CONTEXT))
    return review
