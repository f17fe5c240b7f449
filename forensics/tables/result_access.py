"""Whether results about people may be read, from the case's files alone: for the library and for commands."""

import tomllib
from datetime import datetime
from typing import Any, Final

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.custody.mandate import Mandate, MandateStatus, Mode, mandate_status
from forensics.custody.registered_files import accepted_contents
from forensics.digests import sha256_of_bytes
from forensics.errors import IntegrityBroken, NotAuthorised
from forensics.spelling import in_shell
from forensics.tables.manifest import read_manifest

__all__ = ["refuse_stale_scope", "refuse_unless_active", "scope_digest"]

_DATES: Final = ("expires_utc", "first_run_utc", "denied_utc", "erased_utc")


def refuse_unless_active(folder: CaseFolder, now: datetime) -> None:
    """Return only if results about people may be read now.

    Raises:
        NotAuthorised: the mandate is over, lapsed or denied, or a clock was corrected since.
        IntegrityBroken: `case.toml` is not what the log knows.
    """
    data = folder.case_file.read_bytes()
    if sha256_of_bytes(data) not in accepted_contents(read_chain(folder.audit_file).lines).get(
        folder.case_file.name, ()
    ):
        raise IntegrityBroken(
            "was changed by other means than these commands", "restore it from a copy", folder.case_file
        )
    refuse_stale_scope(folder)
    standing = MandateStatus.DENIED if folder.denied_file.exists() else mandate_status(_mandate(data), now)
    if standing is not MandateStatus.ACTIVE:
        raise NotAuthorised(f"its mandate is {standing.value}", "see `forensics case show`", folder.root)


def _mandate(data: bytes) -> Mandate:
    """What of it decides by the date."""
    stored: dict[str, Any] = tomllib.loads(data.decode())
    dates = {name: stored[name] for name in _DATES if name in stored}
    said = {name: stored.get(name, "") for name in ("title", "purpose", "operator", "authority", "hold")}
    return Mandate(Mode(stored["mode"]), **said, **dates)


def scope_digest(folder: CaseFolder) -> str:
    """The name of what decides which frames may be looked at: cameras, time, and clocks as `case.toml` has them."""
    stored = tomllib.loads(folder.case_file.read_text())
    return sha256_of_bytes(repr([stored.get("scope"), sorted(stored.get("cameras", {}).items())]).encode())


def refuse_stale_scope(folder: CaseFolder) -> None:
    """Return only if nothing was compared, or under the same clocks.

    Raises:
        NotAuthorised: a clock was corrected since, so that what was compared may lie outside.
    """
    published = read_manifest(folder)["scope"] if folder.manifest.exists() else None
    if published is not None and published != scope_digest(folder):
        raise NotAuthorised(
            "a camera's clock was corrected since faces were compared, so some may lie outside the case's time",
            f"compare again within the corrected time: forensics run {in_shell(folder.root)}",
        )
