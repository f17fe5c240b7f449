"""Reference pictures of an entry and the template computed from them, both encrypted with the case's key.

The files are in `watchlist/<entry>/`. The encryption binds each picture to its entry and its content, and each template
to its entry and the models that computed it.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from forensics.adapters.crypto.case_key import Key
from forensics.adapters.faces.face_models import FaceModels
from forensics.adapters.faces.face_quality import REFERENCE_LIMITS
from forensics.custody.case_document import Case
from forensics.detection.detections import FloatArray
from forensics.errors import Unfit, UsageError
from forensics.faces.comparison import group_by_person
from forensics.faces.face import FaceDetector, FaceEmbedder, worth
from forensics.faces.pooling import Pools, pool, similarities, single_face_pools
from forensics.faces.published_rates import near_copy_threshold, pairwise_threshold
from forensics.faces.templates import Templates
from forensics.tables.files import write_bytes
from pipelines.custody.entries import Entry, load_entries, people_of
from pipelines.search.reference_pictures import Picture, ReferencePicture, measure_picture, measure_stored_picture

__all__ = ["load_reference_pictures", "store_references", "templates_of"]


def store_references(
    folder: Path, pictures: Sequence[Picture], models: FaceModels, key: Key, *, others: Templates | None
) -> list[ReferencePicture]:
    """Encrypt the pictures and their template into the entry's folder; return the pictures that are used.

    Args:
        folder: folder of the entry; its name is a reference to the entry's id.
        pictures: the given pictures.
        models: face detector and embedder.
        key: the case's key.
        others: templates of the other entries: no picture may be a near copy of theirs, and every picture must be
            usable. None for faces from the footage, of which unusable ones are left out.

    Raises:
        Unfit: a required picture, or every picture, is unusable.
        UsageError: the pictures show two people, or one is nearly a picture of another entry.
    """
    detector, embedder = models.load()
    references = _measure_usable(pictures, detector, require_all=others is not None)
    if others is not None:
        _refuse_near_copies(references, embedder, others, near_copy_threshold(models.embedder, embedder.measure))
    _refuse_two_people(references, embedder, threshold=pairwise_threshold(models.embedder))
    for each in references:
        data = key.seal(each.data, _picture_context(folder.name, each.sha256))
        write_bytes(_picture_file(folder, each.sha256, key), data)
    _write_template(folder, key, _template(references, embedder), models)
    return references


def _refuse_near_copies(
    references: Sequence[ReferencePicture], embedder: FaceEmbedder, others: Templates, near_copy: float
) -> None:
    """Check that no picture is a near copy of a picture of another entry.

    Such entries would compete with each other, and many of them measure one sighting from many sides.

    Raises:
        UsageError: a picture is one.
    """
    if not others.entry_ids:
        return
    each = single_face_pools(_vectors(references, embedder), embedder.measure)
    for reference, similar in zip(references, similarities(each, others.pools, embedder.measure), strict=True):
        if similar.max() >= near_copy:
            raise UsageError(
                f"is nearly the same picture as one of entry {others.entry_ids[int(similar.argmax())]}",
                "use one entry for each person, and give other pictures",
                reference.name,
            )


def _measure_usable(
    pictures: Sequence[Picture], detector: FaceDetector, *, require_all: bool
) -> list[ReferencePicture]:
    """Measure the pictures and return those that are good enough.

    Raises:
        Unfit: a required picture, or every picture, is unusable.
    """
    references: list[ReferencePicture] = []
    unfit: list[Unfit] = []
    for picture in pictures:
        try:
            references.append(measure_picture(picture, detector, REFERENCE_LIMITS))
        except Unfit as error:
            unfit.append(error)
    if unfit and require_all:
        raise unfit[0]
    if unfit and not references:
        raise _no_usable_face(unfit)
    return references


def _no_usable_face(unfit: Sequence[Unfit]) -> Unfit:
    """Return one error with the problems of every face of a confirmed candidate."""
    return Unfit(
        "no face of the candidate is good enough for a reference: " + "; ".join(each.statement for each in unfit),
        "use another confirmed candidate that shows the person larger, sharper or from the front, or give a picture "
        "from another source; this candidate stays confirmed",
        None,
        tuple(dict.fromkeys(problem for each in unfit for problem in each.problems)),
    )


def _refuse_two_people(references: Sequence[ReferencePicture], embedder: FaceEmbedder, *, threshold: float) -> None:
    """Check that all references are of one person: connected by pairs whose similarity reaches the threshold.

    Raises:
        UsageError: they are not; the message names the two most similar pictures of the first group and the others.
    """
    if len(references) < 2:
        return
    vectors = _vectors(references, embedder)
    groups = group_by_person(vectors, embedder.measure, threshold)
    if len(groups) == 1:
        return
    first = groups[0]
    others = np.concatenate(groups[1:])
    measure = embedder.measure
    between = similarities(
        single_face_pools(vectors[first], measure), single_face_pools(vectors[others], measure), measure
    )
    row, column = np.unravel_index(int(between.argmax()), between.shape)
    one, other = references[int(first[row])], references[int(others[column])]
    raise UsageError(
        f"{one.name} and {other.name} seem to show two people: their similarity is {between.max():.3f}, expected at "
        f"least {threshold:.3f}",
        "use one entry for each person, or leave out the picture of the other person",
    )


def _template(references: Sequence[ReferencePicture], embedder: FaceEmbedder) -> Pools:
    """Return the pooled template of the entry, weighted by quality."""
    vectors = _vectors(references, embedder)
    weights = np.array([worth(each.quality, REFERENCE_LIMITS) for each in references])
    return pool(vectors, weights, embedder.measure)


def _vectors(references: Sequence[ReferencePicture], embedder: FaceEmbedder) -> FloatArray:
    """Return one embedding for each picture: (N, D) float32."""
    return embedder.embed([embedder.align(each.rgb, each.face) for each in references])


def load_reference_pictures(entry: Entry, key: Key) -> list[bytes]:
    """Decrypt the reference pictures of an entry, as they were given."""
    return [
        key.unseal(_picture_file(entry.folder, digest, key).read_bytes(), _picture_context(entry.folder.name, digest))
        for digest in (picture["sha256"] for picture in entry.pictures)
    ]


def templates_of(case: Case, key: Key, models: FaceModels, *, now: datetime) -> Templates:
    """Load one template of these models for every entry that has not ended, by entry id.

    A missing template is computed from the entry's pictures and stored.
    """
    entries = [entry for entry in load_entries(case) if entry.expires_utc > now]
    missing = [entry for entry in entries if not _template_file(entry.folder, models).exists()]
    if missing:
        detector, embedder = models.load()
        for entry in missing:
            references = [measure_stored_picture(data, detector) for data in load_reference_pictures(entry, key)]
            _write_template(entry.folder, key, _template(references, embedder), models)
    ids = tuple(entry.entry_id for entry in entries)
    pools = [_load_template(entry.folder, key, models) for entry in entries]
    empty = Pools(np.zeros((0, 1), dtype=np.float32), np.zeros(0, dtype=np.float32))
    return Templates(ids, people_of(case, entries), Pools.stacked(pools) if pools else empty)


def _write_template(folder: Path, key: Key, pool: Pools, models: FaceModels) -> None:
    data = Templates((folder.name,), (folder.name,), pool).encoded()
    write_bytes(_template_file(folder, models), key.seal(data, _template_context(folder.name, models)))


def _load_template(folder: Path, key: Key, models: FaceModels) -> Pools:
    data = key.unseal(_template_file(folder, models).read_bytes(), _template_context(folder.name, models))
    return Templates.decoded((folder.name,), (folder.name,), data).pools


def _picture_file(folder: Path, sha256: str, key: Key) -> Path:
    return folder / f"{key.reference('picture', sha256)}.picture.sealed"


def _picture_context(entry: str, sha256: str) -> str:
    return f"reference:{entry}:{sha256}"


def _template_file(folder: Path, models: FaceModels) -> Path:
    return folder / f"{models.digest}.template.sealed"


def _template_context(entry: str, models: FaceModels) -> str:
    return f"template:{entry}:{models.digest}"
