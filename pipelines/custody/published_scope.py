"""Whether the published candidates still come from frames that the mandate covers, by the clocks as they are now."""

from dataclasses import asdict

from forensics.digests import digest_of
from forensics.errors import NotAuthorised
from forensics.tables.open import read_manifest
from pipelines.custody.case_file import Case

__all__ = ["refuse_stale_scope", "scope_digest"]


def scope_digest(case: Case) -> str:
    """The name of what decides which frames may be looked at."""
    mandate = case.mandate
    ends = [None if end is None else end.isoformat() for end in (mandate.from_utc, mandate.to_utc)]
    clocks = [asdict(clock) for _, clock in sorted(case.cameras.items())]
    return digest_of({"cameras": list(mandate.cameras), "ends": ends, "clocks": clocks})


def refuse_stale_scope(case: Case) -> None:
    """Return only if nothing was compared, or under the same clocks.

    Raises:
        NotAuthorised: a clock was corrected since, so that what was compared may lie outside.
    """
    if not case.folder.manifest.exists():
        return
    published = read_manifest(case.folder).get("scope")
    if published is not None and published != scope_digest(case):
        raise NotAuthorised(
            "a camera's clock was corrected since faces were compared, so some may lie outside the case's time",
            f"compare again within the corrected time: forensics run {case.folder.root}",
        )
