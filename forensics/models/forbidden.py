"""What no model of ours may tell of a person: labels and prompts that name it are refused.

A label is read as words: letters of one width, without marks and unseen signs, parted where letters end, where a small
letter meets a capital, and where two known words were run together. Then:

    always       words that only speak of people (woman, muslim, hijab, Frau): refused wherever they stand
    in doubt     words that also speak of animals and things (asian, male, adult, crying, race): refused, unless another
                 word names an animal or a thing, and none names a person or ties two things together (with, riding).
                 An Asian elephant, lionFemale and a race car pass; asian, asian face and male with dog do not.
    colours      white, black and brown are refused alone; these and others before a person, and with nothing but parts
                 of one. A white car and a brown bear pass; white, a black person and brown eyes do not.
    two scripts  a word whose letters are of two scripts is refused: it was written to look like another one

Whoever wants to get around a list of words finds a way, such as labels that are numbers or of a language that is not
listed. The list keeps honest people from taking a model that tells what it must not.
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from forensics.errors import NotAuthorised
from forensics.models.named_things import names_a_thing
from forensics.models.people_words import ALWAYS, COLOURS, COLOURS_ALONE, IN_DOUBT, PARTS, PEOPLE, TIES
from forensics.spelling import scripts_of, visible

__all__ = ["protected_word_in", "refuse_protected"]

_PHRASES: Final = re.compile(r"\b(?:(?:hair|eye|skin) (?:colou?r|tone|type)|middle (?:eastern|aged))\b")
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Short words that end others by chance (manage, essex) are not looked for inside a word.
_RUN_TOGETHER: Final = frozenset(
    word
    for word in ALWAYS | IN_DOUBT | PEOPLE | COLOURS | {"face"}
    if len(word) > 3 or word in {"man", "men", "boy", "old"}
)
_ENDINGS: Final = ("woman", "women", "girl", "girls")


def protected_word_in(label: str) -> str | None:
    """The word by which a label tells what a person is; None if it does not.

    >>> protected_word_in("happy face"), protected_word_in("hair drier"), protected_word_in("Asian elephant")
    ('happy', None, None)
    >>> protected_word_in("femalePerson"), protected_word_in("white"), protected_word_in("white car")
    ('female', 'white', None)
    """
    mixed = next((word for word in visible(label).split() if len(scripts_of(word)) > 1), None)
    words = _words_of(label)
    phrase = _PHRASES.search(" ".join(words))
    return mixed or (phrase[0] if phrase else None) or _always(words) or _in_doubt(words) or _colour(words)


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
                f"the label {label!r} tells what a person is ({word!r})",
                "nothing here infers that of anybody; use a model that finds people and things",
                where,
            )


def _words_of(label: str) -> list[str]:
    """The small words of a label, in its order; numbers and signs only part them."""
    seen = unicodedata.normalize("NFKD", visible(label))
    bare = "".join(sign for sign in seen if not unicodedata.combining(sign))
    words = re.findall(r"[^\W\d_]+", _HUMP.sub(" ", bare).casefold())
    return [part for word in words for part in _parted(word)]


def _parted(word: str) -> tuple[str, ...]:
    """The two known words that were run together, else the word itself."""
    if word in PEOPLE or names_a_thing(word):
        return (word,)
    for cut in range(3, len(word) - 2):
        if word[:cut] in _RUN_TOGETHER and word[cut:] in _RUN_TOGETHER:
            return word[:cut], word[cut:]
    return (word,)


def _is_in(word: str, known: frozenset[str]) -> bool:
    """Whether a word or its singular is known."""
    return any(form in known for form in (word, word.removesuffix("s"), f"{word.removesuffix('ies')}y"))


def _always(words: list[str]) -> str | None:
    joined = "".join(words)
    if len(words) > 1 and joined in ALWAYS | IN_DOUBT:  # written with something between its letters
        return joined
    return next((word for word in words if _is_in(word, ALWAYS) or word.endswith(_ENDINGS)), None)


def _in_doubt(words: list[str]) -> str | None:
    found = next((word for word in words if _is_in(word, IN_DOUBT)), None)
    rest = [word for word in words if not _is_in(word, IN_DOUBT)]
    is_of_a_thing = any(names_a_thing(word) for word in rest)
    is_of_a_person = any(_is_in(word, PEOPLE | TIES) for word in rest)
    return None if is_of_a_thing and not is_of_a_person else found


def _colour(words: list[str]) -> str | None:
    found = next((word for word in words if word in COLOURS), None)
    others = [word for word in words if word not in COLOURS and len(word) > 1]
    if not others:
        return next((word for word in words if word in COLOURS_ALONE), None)
    if all(_is_in(word, PEOPLE | PARTS) for word in others):
        return found
    # a guard dog and a police car are no people
    heads = [word for word, after in pairwise([*words, ""]) if not (_is_in(word, PEOPLE) and names_a_thing(after))]
    return next((word for word, after in pairwise(heads) if word in COLOURS and _is_in(after, PEOPLE)), None)
