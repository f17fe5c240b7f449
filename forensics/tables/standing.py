"""Whether a case may be read by somebody who opens it as a library, from its `case.toml` and its log alone."""

import tomllib
from datetime import datetime
from typing import Any, Final

from forensics.audit import read_chain
from forensics.case import CaseFolder
from forensics.digests import sha256_of_bytes
from forensics.errors import IntegrityBroken, NotAuthorised
from forensics.mandate import Mandate, Mode, Standing, standing_of
from forensics.registered import accepted

__all__ = ["refuse_unless_active"]

_DATES: Final = ("expires_utc", "first_run_utc", "denied_utc", "erased_utc")


def refuse_unless_active(folder: CaseFolder, now: datetime) -> None:
    """Return only if results about people may be read now.

    Raises:
        NotAuthorised: the mandate is over, lapsed or denied.
        IntegrityBroken: `case.toml` is not what the log knows.
    """
    data = folder.case_file.read_bytes()
    if sha256_of_bytes(data) not in accepted(read_chain(folder.audit_file).lines).get(folder.case_file.name, ()):
        raise IntegrityBroken(
            f"{folder.case_file}: was changed by other means than these commands", "restore it from a copy"
        )
    standing = Standing.DENIED if folder.denied_file.exists() else standing_of(_mandate(data), now)
    if standing is not Standing.ACTIVE:
        raise NotAuthorised(f"{folder.root}: its mandate is {standing.value}", "see `forensics case show`")


def _mandate(data: bytes) -> Mandate:
    """What of it decides by the date."""
    stored: dict[str, Any] = tomllib.loads(data.decode())
    dates = {name: stored[name] for name in _DATES if name in stored}
    said = {name: stored.get(name, "") for name in ("title", "purpose", "operator", "authority", "hold")}
    return Mandate(Mode(stored["mode"]), **said, **dates)
