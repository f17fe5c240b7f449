"""Refusal of labels and prompts that describe protected characteristics of a person.

A label is split into words: lower-case letters of one width, without diacritics and invisible characters, split at
other characters, at a change from lower to upper case, and where two listed words are joined. Then:

    always       words that only describe people (woman, muslim, hijab, Frau) are refused anywhere
    ambiguous    words that also describe animals and things (asian, male, adult, crying, race) are refused, unless
                 another word names an animal or a thing, and no word names a person or connects two things (with,
                 riding). An Asian elephant, lionFemale and a race car pass; asian, asian face and male with dog do not.
    colours      white, black and brown are refused alone; these and others are refused before a person, and with
                 nothing but body parts. A white car and a brown bear pass; white, a black person and brown eyes do not.
    two scripts  a word with letters of two scripts is refused, because it was written to look like another one

A list of words can be evaded, for instance by numbers as labels or by other languages. It keeps honest users from
choosing a model that infers what must not be inferred.
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from forensics.errors import NotAuthorised
from forensics.models.named_things import names_a_thing
from forensics.models.people_words import ALWAYS, AMBIGUOUS, COLOURS, COLOURS_ALONE, CONNECTORS, PARTS, PEOPLE
from forensics.spelling import scripts_of, strip_invisible

__all__ = ["protected_word_in", "refuse_protected"]

_PHRASES: Final = re.compile(r"\b(?:(?:hair|eye|skin) (?:colou?r|tone|type)|middle (?:eastern|aged))\b")
_CASE_CHANGE: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Words that are found inside joined words; not the short ones that occur in others by chance (manage, essex).
_JOINABLE: Final = frozenset(
    word
    for word in ALWAYS | AMBIGUOUS | PEOPLE | COLOURS | {"face"}
    if len(word) > 3 or word in {"man", "men", "boy", "old"}
)
_ENDINGS: Final = ("woman", "women", "girl", "girls")


def protected_word_in(label: str) -> str | None:
    """Return the word of a label that describes a protected characteristic; None if there is none.

    >>> protected_word_in("happy face"), protected_word_in("hair drier"), protected_word_in("Asian elephant")
    ('happy', None, None)
    >>> protected_word_in("femalePerson"), protected_word_in("white"), protected_word_in("white car")
    ('female', 'white', None)
    """
    mixed = next((word for word in strip_invisible(label).split() if len(scripts_of(word)) > 1), None)
    words = _words_of(label)
    phrase = _PHRASES.search(" ".join(words))
    return (
        mixed or (phrase[0] if phrase else None) or _find_always(words) or _find_ambiguous(words) or _find_colour(words)
    )


def refuse_protected(labels: Iterable[str], where: str) -> None:
    """Refuse labels that describe protected characteristics of a person.

    Args:
        labels: class names of a model, or prompts.
        where: name of the model or the setting, for the message.

    Raises:
        NotAuthorised: a label describes one.
    """
    for label in labels:
        word = protected_word_in(label)
        if word:
            raise NotAuthorised(
                f"the label {label!r} describes what a person is ({word!r})",
                "use a model whose labels name only people, animals and objects; such properties are never inferred",
                where,
            )


def _words_of(label: str) -> list[str]:
    """Return the lower-case words of a label, in order; digits and punctuation separate them."""
    decomposed = unicodedata.normalize("NFKD", strip_invisible(label))
    bare = "".join(each for each in decomposed if not unicodedata.combining(each))
    words = re.findall(r"[^\W\d_]+", _CASE_CHANGE.sub(" ", bare).casefold())
    return [part for word in words for part in _split_joined(word)]


def _split_joined(word: str) -> tuple[str, ...]:
    """Return the two listed words that are joined in a word, else the word itself."""
    if word in PEOPLE or names_a_thing(word):
        return (word,)
    for cut in range(3, len(word) - 2):
        if word[:cut] in _JOINABLE and word[cut:] in _JOINABLE:
            return word[:cut], word[cut:]
    return (word,)


def _is_in(word: str, listed: frozenset[str]) -> bool:
    """Whether a word or its singular is listed."""
    return any(form in listed for form in (word, word.removesuffix("s"), f"{word.removesuffix('ies')}y"))


def _find_always(words: list[str]) -> str | None:
    joined = "".join(words)
    if len(words) > 1 and joined in ALWAYS | AMBIGUOUS:  # spelled with separators between its letters
        return joined
    return next((word for word in words if _is_in(word, ALWAYS) or word.endswith(_ENDINGS)), None)


def _find_ambiguous(words: list[str]) -> str | None:
    found = next((word for word in words if _is_in(word, AMBIGUOUS)), None)
    rest = [word for word in words if not _is_in(word, AMBIGUOUS)]
    is_about_thing = any(names_a_thing(word) for word in rest)
    is_about_person = any(_is_in(word, PEOPLE | CONNECTORS) for word in rest)
    return None if is_about_thing and not is_about_person else found


def _find_colour(words: list[str]) -> str | None:
    found = next((word for word in words if word in COLOURS), None)
    others = [word for word in words if word not in COLOURS and len(word) > 1]
    if not others:
        return next((word for word in words if word in COLOURS_ALONE), None)
    if all(_is_in(word, PEOPLE | PARTS) for word in others):
        return found
    # guard dog and police car name no people
    heads = [word for word, after in pairwise([*words, ""]) if not (_is_in(word, PEOPLE) and names_a_thing(after))]
    return next((word for word, after in pairwise(heads) if word in COLOURS and _is_in(after, PEOPLE)), None)
