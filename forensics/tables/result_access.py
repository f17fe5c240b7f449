"""Access to results about people: allowed or refused from the files of the case alone, for library and commands."""

from datetime import datetime

from forensics.custody.case_document import decode_case, digest_scope, read_case
from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.custody.mandate import MandateStatus, mandate_status
from forensics.custody.registered_files import accepted_contents
from forensics.digests import sha256_of_bytes
from forensics.errors import IntegrityBroken, NotAuthorised
from forensics.spelling import in_shell
from forensics.tables.manifest import read_manifest

__all__ = ["refuse_stale_scope", "refuse_unless_active"]


def refuse_unless_active(folder: CaseFolder, now: datetime) -> None:
    """Raise unless results about people may be read now.

    Raises:
        NotAuthorised: the mandate is over, lapsed or denied, or a clock was corrected since faces were compared.
        IntegrityBroken: `case.toml` was changed by other means than commands.
    """
    data = folder.case_file.read_bytes()
    if sha256_of_bytes(data) not in accepted_contents(read_chain(folder.audit_file).lines).get(
        folder.case_file.name, ()
    ):
        raise IntegrityBroken(
            "was changed by other means than the commands of this program",
            "restore it from a backup, then run `forensics verify`",
            folder.case_file,
        )
    refuse_stale_scope(folder)
    status = (
        MandateStatus.DENIED if folder.denied_file.exists() else mandate_status(decode_case(folder, data).mandate, now)
    )
    if status is not MandateStatus.ACTIVE:
        raise NotAuthorised(
            f"results about people cannot be read, because the mandate is {status.value}",
            "see the mandate with `forensics case show CASE`",
            folder.root,
        )


def refuse_stale_scope(folder: CaseFolder) -> None:
    """Raise if a camera, a start, a clock or the scope has changed since the published run compared faces.

    Raises:
        NotAuthorised: compared faces may lie outside of the time that the case now allows.
    """
    manifest = read_manifest(folder) if folder.manifest.exists() else {}
    if manifest.get("candidates") is None:  # no faces were compared
        return
    from forensics.tables.stale_evidence import stale_evidence  # loads the schemas of all tables

    if manifest["scope"] != digest_scope(folder) or stale_evidence(read_case(folder)):
        raise NotAuthorised(
            "a camera, its clock or the scope of the case was changed after faces were compared, "
            "so some may lie outside of what the case allows",
            f"run `forensics run {in_shell(folder.root)}` to compare faces within the present scope",
        )
