"""Destroys stored faces of earlier runs; faces of published candidates and of candidates with a verdict are kept."""

from collections.abc import Collection
from pathlib import Path

from pipelines.custody.entry_removal import replace_parts
from pipelines.custody.erasure import destroy_files
from pipelines.custody.session import Session
from pipelines.review.reviews import load_reviews

__all__ = ["destroy_superseded_faces"]


def destroy_superseded_faces(session: Session, run_id: str, parts_in_use: Collection[Path]) -> Path | None:
    """Destroy compared faces of other runs, watch-lists or clocks; return the certificate, None if there are none.

    Nothing is destroyed while deletion is stopped (`case hold`). The caller holds the case's lock.

    Args:
        session: the command on the case.
        run_id: id of the published run.
        parts_in_use: parts of the stage `recognise` with the published candidates.
    """
    if session.case.mandate.hold:
        return None
    own = session.folder.run(run_id).root
    decided = {(review.sighting_id, review.entry_id) for review in load_reviews(session.case)}
    parts = set(session.folder.compared_parts()) - set(parts_in_use)
    tables = [path for path in session.folder.candidate_tables() if not path.is_relative_to(own)]
    paths = sorted([*replace_parts(parts, decided, session.key), *tables])
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
        now=session.record.log.now(),
    )
