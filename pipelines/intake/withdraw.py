"""Withdrawal of paths that were ingested by mistake."""

from forensics.errors import UsageError
from forensics.footage.evidence import Source
from forensics.place import Place
from forensics.tables.evidence import load_evidence, load_sources, sources_table, stored_evidence_table
from forensics.tables.files import encode_table
from pipelines.custody.deciding_files import DecidingFiles

__all__ = ["withdraw"]


def withdraw(files: DecidingFiles, path: Place) -> list[Source]:
    """Remove the sources of a path that was ingested by mistake and of which no frame could ever be read.

    Returns:
        the removed sources.

    Raises:
        UsageError: the path was never given to ingest, or frames of it were read.
    """
    folder = files.folder
    sources, evidence = load_sources(folder), load_evidence(folder)
    given = [source for source in sources if source.path == path]
    if not given:
        raise UsageError(f"{path} was never ingested", "see the footage of the case with `forensics status CASE`")
    # a recording whose repair failed is rejected as well, but stays
    was_read = {item.evidence_id for item in evidence if item.readable is not None}
    unread = [source for source in given if source.evidence_id not in was_read]
    if not unread:
        read = " and ".join(source.evidence_id or "" for source in given)
        raise UsageError(
            f"{path} cannot be withdrawn: it is evidence {read}, of which frames were read",
            "evidence stays in its case; only footage without readable frames can be withdrawn",
        )
    left = [source for source in sources if source not in unread]
    withdrawn = {source.evidence_id for source in unread} - {source.evidence_id for source in left}
    remaining = [item for item in evidence if item.evidence_id not in withdrawn]
    lists = {folder.evidence_file: stored_evidence_table(folder, remaining), folder.sources_file: sources_table(left)}
    files.write_together({file: encode_table(table) for file, table in lists.items()})
    return unread
