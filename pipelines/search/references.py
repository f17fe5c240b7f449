"""What an entry is compared by: its reference pictures and the template made of them, both sealed.

They lie in `watchlist/<entry>/`. Every picture is bound to its entry and its content, every template to its entry and
the models that made it.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from forensics.adapters.crypto.sealing import Key, seal, unseal
from forensics.adapters.faces.face_models import FaceModels, open_faces
from forensics.adapters.faces.face_quality import REFERENCE_LIMITS
from forensics.custody.case_folder import CaseFolder
from forensics.detection.detections import FloatArray
from forensics.errors import UnfitPicture, UsageError
from forensics.faces.comparison import people_in
from forensics.faces.face import FaceDetector, FaceEmbedder, worth
from forensics.faces.pooling import Pools, pool, similarities, single_face_pools
from forensics.faces.published_rates import pairwise_threshold
from forensics.faces.templates import Templates
from forensics.tables.files import write_bytes
from pipelines.custody.case_document import Case
from pipelines.custody.entries import entries_of, entry_named, people_of
from pipelines.search.reference_pictures import Picture, ReferencePicture, measure_again, measure_picture

__all__ = ["keep_references", "reference_pictures", "templates_of"]


def keep_references(
    folder: Path, pictures: Sequence[Picture], models: FaceModels, key: Key, *, all_of_them: bool
) -> list[ReferencePicture]:
    """The pictures and their template are sealed in the entry's folder; returns those that serve.

    Args:
        folder: of the entry, which is named like it.
        pictures: what was given.
        models: what finds and describes faces.
        key: of the case.
        all_of_them: whether every picture must serve; else those that do not are left out.

    Raises:
        UnfitPicture: one of them does not serve, or none does, and why.
        UsageError: the pictures show two people.
    """
    detector, embedder = open_faces(models)
    references = _fit(pictures, detector, embedder, all_of_them=all_of_them)
    _refuse_two_people(references, embedder, one_person=pairwise_threshold(models.embedder))
    for each in references:
        data = seal(key, each.data, _picture_context(folder.name, each.sha256))
        write_bytes(_picture_file(folder, each.sha256), data)
    _write_template(folder, key, _template(references, embedder), models)
    return references


def _fit(
    pictures: Sequence[Picture], detector: FaceDetector, embedder: FaceEmbedder, *, all_of_them: bool
) -> list[ReferencePicture]:
    """Those that are good enough; what a person chose must all be, what was found in footage at least once."""
    references: list[ReferencePicture] = []
    unfit: list[UnfitPicture] = []
    for picture in pictures:
        try:
            references.append(measure_picture(picture, detector, embedder, REFERENCE_LIMITS))
        except UnfitPicture as error:
            unfit.append(error)
    if unfit and all_of_them:
        raise unfit[0]
    if unfit and not references:
        raise _no_face_serves(unfit)
    return references


def _no_face_serves(unfit: Sequence[UnfitPicture]) -> UnfitPicture:
    """Every face of a confirmed candidate with what is wrong with it; of that moment there is no better picture."""
    return UnfitPicture(
        "no face of the candidate can be a reference: " + "; ".join(each.statement for each in unfit),
        "have another candidate confirmed that shows the person larger, sharper or from the front, or give a picture "
        "from elsewhere; the candidate itself stays confirmed",
        None,
        tuple(dict.fromkeys(problem for each in unfit for problem in each.problems)),
    )


def _refuse_two_people(references: Sequence[ReferencePicture], embedder: FaceEmbedder, *, one_person: float) -> None:
    """References that are no more alike than strangers', directly or through others, are of two people."""
    if len(references) < 2:
        return
    vectors = _vectors(references, embedder)
    groups = people_in(vectors, embedder.measure, one_person)
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
        f"{one.name} and {other.name} are {between.max():.3f} alike, as two people are; one person's are at least "
        f"{one_person:.3f}",
        "an entry is one person: give each an entry of their own, or leave out the picture that shows somebody else",
    )


def _template(references: Sequence[ReferencePicture], embedder: FaceEmbedder) -> Pools:
    """The one pool that stands for the entry."""
    vectors = _vectors(references, embedder)
    weights = np.array([worth(each.quality, REFERENCE_LIMITS) for each in references])
    return pool(vectors, weights, embedder.measure)


def _vectors(references: Sequence[ReferencePicture], embedder: FaceEmbedder) -> FloatArray:
    return embedder.embed([embedder.aligned(each.rgb, each.face) for each in references])


def reference_pictures(folder: CaseFolder, key: Key, entry_id: str) -> list[bytes]:
    """The entry's reference pictures as they were given.

    Raises:
        UsageError: there is no such entry.
    """
    entry = entry_named(folder, entry_id)
    return [
        unseal(key, _picture_file(folder.watchlist / entry_id, digest).read_bytes(), _picture_context(entry_id, digest))
        for digest in (picture["sha256"] for picture in entry.pictures)
    ]


def templates_of(case: Case, key: Key, models: FaceModels, *, now: datetime) -> Templates:
    """One vector by these models for every entry that has not ended; made anew from the pictures where needed."""
    entries = [entry for entry in entries_of(case.folder) if entry.expires_utc > now]
    missing = [e for e in entries if not _template_file(case.folder.watchlist / e.entry_id, models).exists()]
    if missing:
        detector, embedder = open_faces(models)
        for entry in missing:
            references = [
                measure_again(data, detector, embedder) for data in reference_pictures(case.folder, key, entry.entry_id)
            ]
            _write_template(case.folder.watchlist / entry.entry_id, key, _template(references, embedder), models)
    ids = tuple(entry.entry_id for entry in entries)
    pools = [_load_template(case.folder.watchlist / entry_id, key, models) for entry_id in ids]
    nobody = Pools(np.zeros((0, 1), dtype=np.float32), np.zeros(0, dtype=np.float32))
    return Templates(ids, people_of(case.folder, entries), Pools.stacked(pools) if pools else nobody)


def _write_template(folder: Path, key: Key, pool: Pools, models: FaceModels) -> None:
    data = Templates((folder.name,), (folder.name,), pool).encoded()
    write_bytes(_template_file(folder, models), seal(key, data, _template_context(folder.name, models)))


def _load_template(folder: Path, key: Key, models: FaceModels) -> Pools:
    data = unseal(key, _template_file(folder, models).read_bytes(), _template_context(folder.name, models))
    return Templates.decoded((folder.name,), (folder.name,), data).pools


def _picture_file(folder: Path, sha256: str) -> Path:
    return folder / f"{sha256[:16]}.picture.sealed"


def _picture_context(entry_id: str, sha256: str) -> str:
    return f"reference:{entry_id}:{sha256}"


def _template_file(folder: Path, models: FaceModels) -> Path:
    return folder / f"{models.digest}.template.sealed"


def _template_context(entry_id: str, models: FaceModels) -> str:
    return f"template:{entry_id}:{models.digest}"
