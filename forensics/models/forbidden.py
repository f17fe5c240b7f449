"""What no model of ours may tell of a person: labels and prompts that name it are refused."""

import re
from collections.abc import Iterable
from typing import Final

from forensics.errors import NotAuthorised

__all__ = ["protected_word_in", "refuse_protected"]

# Whole words; plurals count. A hair drier and eyeglasses are things and pass.
_WORDS: Final = (
    *("race", "racial", "ethnic", "ethnicity", "nationality", "caucasian", "asian", "african", "hispanic", "latino"),
    *("latina", "arab", "uyghur", "roma", "sinti", "indigenous", "religion", "religious", "muslim", "christian"),
    *("jewish", "jew", "hindu", "buddhist", "sikh", "gender", "sex", "male", "female", "man", "men", "woman", "women"),
    *("boy", "girl", "transgender", "nonbinary", "homosexual", "gay", "lesbian", "straight", "age", "aged", "elderly"),
    *("teenager", "senior", "infant", "emotion", "emotional", "mood", "happy", "sad", "angry", "fear", "fearful"),
    *("disgust", "surprise", "neutral", "smile", "smiling", "health", "disabled", "disability", "pregnant", "obese"),
    *("ill", "sick", "skin", "complexion", "blond", "blonde", "brunette", "redhead", "attractive", "criminal"),
    *("terrorist", "immigrant", "refugee"),
)
_PHRASES: Final = (
    r"(hair|eye)[\s_-]*colou?r",
    r"(black|white|brown|yellow)[\s_-]*(person|people|face)",
    r"(old|young)\b",
)
_FOUND: Final = re.compile(rf"(?<![a-z])(?:({'|'.join(_WORDS)})s?(?![a-z])|{'|'.join(_PHRASES)})", re.IGNORECASE)


def protected_word_in(label: str) -> str | None:
    """The word by which a label tells what a person is; None if it does not.

    >>> protected_word_in("happy face"), protected_word_in("hair drier")
    ('happy', None)
    """
    found = _FOUND.search(label)
    return found[0] if found else None


def refuse_protected(labels: Iterable[str], where: str) -> None:
    """Return only if no label tells what a person is.

    Args:
        labels: names of a model's classes, or prompts.
        where: whose they are, for the message.

    Raises:
        NotAuthorised: one does.
    """
    for label in labels:
        word = protected_word_in(label)
        if word:
            raise NotAuthorised(
                f"{where}: the label {label!r} tells what a person is ({word!r})",
                "nothing here infers that of anybody; use a model that finds people and things",
            )
