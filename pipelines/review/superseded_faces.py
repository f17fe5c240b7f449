"""After a run no face is kept but those of the published candidates, and of candidates that people have decided."""

from collections.abc import Collection
from pathlib import Path

from pipelines.custody.entry_removal import replace_parts
from pipelines.custody.erasure import destroy_files
from pipelines.custody.session import Session
from pipelines.review.reviews import load_reviews

__all__ = ["forget_superseded"]


def forget_superseded(session: Session, run_id: str, parts_in_use: Collection[Path]) -> Path | None:
    """Destroy compared faces of other runs, watch-lists or clocks; returns the certificate, None if there are none.

    Nothing is destroyed while the case is on hold. The caller holds the case's lock.

    Args:
        session: the command on the case.
        run_id: the run that was published.
        parts_in_use: parts of the stage `recognise` from which its candidates were made.
    """
    if session.case.mandate.hold:
        return None
    own = session.folder.run(run_id).root
    decided = {(review.sighting_id, review.entry_id) for review in load_reviews(session.case)}
    parts = set(session.folder.runs.glob("*/parts/recognise/*")) - set(parts_in_use)
    tables = [path for path in session.folder.runs.glob("*/tables/candidates/*") if not path.is_relative_to(own)]
    paths = sorted([*replace_parts(parts, decided), *tables])
    if not paths:
        return None
    why = f"run {run_id} was published"
    return destroy_files(
        session.case,
        session.files,
        paths,
        reason="superseded",
        why=why,
        who=session.who,
        now=session.recorded.log.now(),
    )
