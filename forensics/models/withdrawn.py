"""Refusal of models from training sets that were withdrawn because the people in them had not consented."""

import re
from pathlib import Path
from typing import Final

from forensics.errors import UsageError

__all__ = ["WITHDRAWN_DIGESTS", "refuse_withdrawn", "refuse_withdrawn_digest", "withdrawn_set_in"]

# Spelling of each set without case and punctuation; MS1M is the usual short name of MS-Celeb-1M.
_SPELLINGS: Final = {
    "brainwash": "Brainwash",
    "dukemtmc": "DukeMTMC",
    "msceleb": "MS-Celeb-1M",
    "ms1m": "MS-Celeb-1M",
    "oxfordtowncent": "Oxford Town Centre",
}

# SHA-256 of model files that come from these sets, but have other names.
WITHDRAWN_DIGESTS: Final[frozenset[str]] = frozenset()


def withdrawn_set_in(text: str) -> str | None:
    """Return the name of the withdrawn set that a text mentions; None if there is none.

    >>> withdrawn_set_in("osnet_Duke-MTMC_reid.onnx")
    'DukeMTMC'
    >>> withdrawn_set_in("trained on COCO 2017") is None
    True
    """
    plain = re.sub(r"[\W_]+", "", text).lower()
    return next((name for spelling, name in _SPELLINGS.items() if spelling in plain), None)


def refuse_withdrawn(text: str, where: str) -> None:
    """Refuse a text that mentions a withdrawn set; `where` names the text in the message.

    Raises:
        UsageError: the text mentions one.
    """
    name = withdrawn_set_in(text)
    if name:
        raise _refusal(f"{where} names {name}")


def refuse_withdrawn_digest(path: Path, sha256: str, withdrawn: frozenset[str] = WITHDRAWN_DIGESTS) -> None:
    """Refuse the digest of a model that was made from a withdrawn set.

    Raises:
        UsageError: it is one.
    """
    if sha256 in withdrawn:
        raise _refusal(f"{path}: a model with SHA-256 {sha256[:12]} was trained on a withdrawn set")


def _refusal(problem: str) -> UsageError:
    return UsageError(
        f"{problem}, a training set that was withdrawn because the people in it had not consented",
        "choose another model",
    )
