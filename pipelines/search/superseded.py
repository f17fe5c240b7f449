"""After a run no face is kept but those of the published candidates, and of candidates that people have decided."""

from pathlib import Path

from pipelines.custody.erasure import destroy_files
from pipelines.custody.work import Work
from pipelines.review.reviews import load_reviews
from pipelines.run import RunResult
from pipelines.search.candidate_faces import parts_but_for

__all__ = ["forget_superseded"]


def forget_superseded(work: Work, result: RunResult) -> Path | None:
    """Parts of comparisons and candidates of other runs, watch-lists or clocks are gone; returns the certificate.

    None if there are none, or the case is on hold. The caller holds the case's lock.
    """
    if work.case.mandate.hold:
        return None
    own = result.folder.root
    decided = {(review.sighting_id, review.entry_id) for review in load_reviews(work.case)}
    parts = set(work.folder.runs.glob("*/parts/recognise/*")) - set(result.recognise_parts)
    tables = [path for path in work.folder.runs.glob("*/tables/candidates/*") if not path.is_relative_to(own)]
    paths = sorted([*parts_but_for(parts, decided), *tables])
    if not paths:
        return None
    why = f"run {result.folder.run_id} was published"
    return destroy_files(
        work.case, work.files, paths, reason="superseded", why=why, who=work.who, now=work.recorded.log.now()
    )
