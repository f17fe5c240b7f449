"""Mandate and clocks by which a published run chose the frames to search, compared with those of the case now."""

from dataclasses import dataclass
from datetime import UTC, datetime

from forensics.custody.case_document import Case, digest_scope
from forensics.custody.corrections import MANDATE, recorded_corrections
from forensics.custody.log import read_chain
from forensics.custody.mandate import Mandate
from forensics.json_object import JsonObject
from forensics.tables.manifest import read_manifest

__all__ = ["SearchedScope", "is_mandate_changed", "is_scope_changed"]

# Amendments of a mandate that change which frames are in scope, as `corrections` names them.
_LIMITS = frozenset({"cameras", "from", "to"})


@dataclass(frozen=True, slots=True)
class SearchedScope:
    """What decided which frames a run searched, as the manifest states it.

    Attributes:
        sha256: digest of the cameras, the time span and the clocks.
        mandate: cameras and time span of the mandate.
    """

    sha256: str
    mandate: JsonObject

    @classmethod
    def of(cls, case: Case) -> "SearchedScope":
        """Return the scope of a case as it is now."""
        return cls(digest_scope(case.folder), _mandate_facts(case.mandate))


def is_scope_changed(case: Case) -> bool | None:
    """Whether cameras, time span or clocks of the case were changed after the published run; None if unknown.

    Raises:
        UsageError: nothing was published.
    """
    published = read_manifest(case.folder).get("scope")
    return None if published is None else bool(published != digest_scope(case.folder))


def is_mandate_changed(case: Case) -> bool | None:
    """Whether cameras or time span of the mandate were changed after the published run; None if unknown.

    Older versions published no mandate. Then it is unknown only if the scope differs and the mandate was ever amended.

    Raises:
        UsageError: nothing was published.
    """
    published = read_manifest(case.folder).get("mandate")
    if published is not None:
        return bool(published != _mandate_facts(case.mandate))
    if is_scope_changed(case) is False:
        return False
    corrections = (each.correction for each in recorded_corrections(read_chain(case.folder.audit_file).lines))
    return None if any(each.of == MANDATE and each.name in _LIMITS for each in corrections) else False


def _mandate_facts(mandate: Mandate) -> JsonObject:
    return {
        "cameras": sorted(mandate.cameras),
        "from_utc": _text(mandate.from_utc),
        "to_utc": _text(mandate.to_utc),
    }


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat()
