"""Random attempts to give two verdicts as one person: many names and keys, but one account of the system each."""

import random
from dataclasses import dataclass

import pytest

from forensics.faces.review_rules import Excluded, Review, Signer, Verdict, refusal_reason

_NAMES = ("B. Becker", "b.  BECKER", "B\u00ad. Becker", "C. Cole", "c. cole", "D. Diaz", "A. Ahmed", "a.  ahmed")
_OPERATOR = "A. Ahmed"


@dataclass(frozen=True)
class _Person:
    """Someone with one account, and with as many names and keys as they like."""

    account: str
    keys: tuple[str, ...]

    def attempt(self, rng: random.Random) -> Signer:
        return Signer(rng.choice(_NAMES), rng.choice(self.keys), self.account)


def _people(rng: random.Random) -> list[_Person]:
    """Return two to four people; keys may have been handed around."""
    keys = [f"key{number}" for number in range(5)]
    return [_Person(f"user{number}@host", tuple(rng.sample(keys, 3))) for number in range(rng.randint(2, 4))]


def _review(signer: Signer) -> Review:
    return Review("c", "r", "s", "e", signer.name, signer.key_id, Verdict.CONFIRM, {}, "", 0, "", "")


@pytest.mark.parametrize("seed", range(200))
def test_two_verdicts_come_from_two_people(seed: int) -> None:
    """Each person tries again and again; who started the run tries as well."""
    rng = random.Random(seed)
    people = _people(rng)
    submitter = rng.choice(people)
    reviews: list[Review] = []
    accepted: list[Signer] = []
    for _ in range(60):
        signer = rng.choice(people).attempt(rng)
        accounts = [submitter.account, *(each.account for each in accepted)]
        if not refusal_reason(reviews, signer, Excluded([_OPERATOR], accounts)):
            reviews.append(_review(signer))
            accepted.append(signer)
    assert len(accepted) <= 2
    if len(accepted) == 2:
        first, second = accepted
        assert first.account != second.account
        assert first.key_id != second.key_id
        assert second.account != submitter.account
        letters = ["".join(each.name.replace("\u00ad", "").lower().split()) for each in accepted]
        assert letters[0] != letters[1]
        assert letters[1] != "a.ahmed", "the person responsible for the case never gives the second verdict"


def test_the_attempts_do_end_in_two_verdicts_of_two_people() -> None:
    """The rules do not refuse everybody: two people with their own names, keys and accounts may decide."""
    one, other = Signer("B. Becker", "key1", "user1@host"), Signer("C. Cole", "key2", "user2@host")
    excluded = Excluded([_OPERATOR], ["user0@host", one.account])
    assert (refusal_reason([], one, excluded), refusal_reason([_review(one)], other, excluded)) == ("", "")
