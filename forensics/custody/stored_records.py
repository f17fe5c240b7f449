"""Authority and report of a missing person as tables in case.toml, and the text that earlier versions stored."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from forensics.custody.authority import GRANTED, PENDING, REFERENCE_ONLY, Authority, is_pending_text
from forensics.custody.missing_report import MissingReport
from forensics.json_object import JsonObject

__all__ = ["Instant", "StoredAuthority", "StoredReport", "Strict", "table_of_text"]

# Grace periods are added to these instants, and Python dates end with the year 9999.
Instant = Annotated[AwareDatetime, Field(lt=datetime(9001, 1, 2, tzinfo=UTC))]
_Digest = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]


class Strict(BaseModel):
    """A table of case.toml: unknown names and other types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class StoredAuthority(Strict):
    """Authority in case.toml; see `Authority`."""

    state: Annotated[str, Field(pattern=rf"^({PENDING}|{GRANTED}|{REFERENCE_ONLY})$")]
    decided_by: str = ""
    body: str = ""
    reference: str = ""
    requested_utc: Instant | None = None
    granted_utc: Instant | None = None
    document_sha256: _Digest = ""

    def decode(self) -> Authority:
        """Return the authority."""
        return Authority(**self.model_dump(exclude={"state"}), is_pending=self.state == PENDING)

    @staticmethod
    def encode(authority: Authority) -> JsonObject:
        """Return an authority as a table."""
        fields = {name: getattr(authority, name) for name in StoredAuthority.model_fields if name != "state"}
        return {"state": authority.state, **fields}


class StoredReport(Strict):
    """Report of a missing person in case.toml; see `MissingReport`."""

    body: str
    reported_utc: Instant
    document_sha256: _Digest = ""

    def decode(self) -> MissingReport:
        """Return the report."""
        return MissingReport(**self.model_dump())


def table_of_text(stored: object) -> object:
    """Return the authority that versions before 0.3 stored as a text as a table; anything else unchanged.

    >>> table_of_text(" Pending"), table_of_text("12 Gs 3/26")
    ({'state': 'pending'}, {'state': 'reference only', 'reference': '12 Gs 3/26'})
    """
    if not isinstance(stored, str):
        return stored
    if is_pending_text(stored):
        return {"state": PENDING}
    return {"state": REFERENCE_ONLY, "reference": stored.strip()} if stored.strip() else None
