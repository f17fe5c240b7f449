"""After a run no face is kept but those of the published candidates."""

from pathlib import Path

from pipelines.casework import Work
from pipelines.erasure import destroy_files
from pipelines.run import RunResult

__all__ = ["forget_superseded"]


def forget_superseded(work: Work, result: RunResult) -> Path | None:
    """Parts of comparisons and candidates of other runs, watch-lists or clocks are gone; returns the certificate.

    None if there are none, or the case is on hold. The caller holds the case's lock.
    """
    if work.case.mandate.hold:
        return None
    own = result.folder.root
    parts = set(work.folder.runs.glob("*/parts/recognise/*")) - set(result.recognise_parts)
    tables = {path for path in work.folder.runs.glob("*/tables/candidates/*") if not path.is_relative_to(own)}
    if not parts | tables:
        return None
    why = f"run {result.folder.run_id} was published"
    paths = sorted(parts | tables)
    return destroy_files(
        work.case, work.files, paths, reason="superseded", why=why, who=work.who, now=work.recorded.log.now()
    )
