"""Checks of the pictures of a new entry: usable, of no other entry, not from the footage, and all of one person."""

from collections.abc import Iterator, Sequence

import numpy as np

import forensics
from forensics.adapters.faces.face_models import FaceModels
from forensics.adapters.faces.face_quality import REFERENCE_LIMITS
from forensics.adapters.stills.pixels import read_pixels
from forensics.custody.case_folder import CaseFolder
from forensics.custody.sealer import Sealer
from forensics.errors import NotAuthorised, SeveralPeople, Unfit, UsageError
from forensics.faces.comparison import group_by_person
from forensics.faces.face import FaceDetector, FaceEmbedder
from forensics.faces.published_rates import near_copy_threshold, pairwise_threshold
from forensics.faces.single_faces import SingleFaces, closeness
from forensics.faces.templates import ReferenceFaces
from forensics.footage.frames import View
from pipelines.search.reference_pictures import Picture, ReferencePicture, embed_references, measure_picture

__all__ = ["measure_references", "refuse_copies_of_entries", "refuse_frames_of_footage", "refuse_several_people"]


def measure_references(
    pictures: Sequence[Picture], models: FaceModels, *, require_all: bool
) -> tuple[list[ReferencePicture], SingleFaces]:
    """Return the pictures that are good enough, and their faces, see `embed_references`.

    Args:
        pictures: the given pictures.
        models: face detector and embedder.
        require_all: whether every picture must be usable; if not, unusable ones are left out.

    Raises:
        Unfit: a required picture, or every picture, is unusable.
    """
    detector, embedder = models.load()
    references = _measure_usable(pictures, detector, require_all=require_all)
    return references, embed_references(references, detector, embedder)


def refuse_copies_of_entries(
    references: Sequence[ReferencePicture], faces: SingleFaces, models: FaceModels, others: ReferenceFaces
) -> None:
    """Check that no picture is a near copy of a picture of another entry.

    Such entries would compete with each other, and many of them measure one sighting from many sides.

    Raises:
        UsageError: a picture is one.
    """
    if not others.entry_ids:
        return
    _, embedder = models.load()
    close = closeness(faces, others.faces, embedder.measure)
    for row, other in np.argwhere(close.is_near_copy(near_copy_threshold(models.embedder))).tolist():
        raise UsageError(
            f"is nearly the same picture as one of entry {others.entry_ids[other]}",
            "use one entry for each person, and give other pictures",
            references[row % len(references)].name,
        )


def refuse_frames_of_footage(
    references: Sequence[ReferencePicture], faces: SingleFaces, models: FaceModels, folder: CaseFolder, key: Sealer
) -> None:
    """Check that no picture is a near copy of a published thumbnail; a run searches the other frames.

    Raises:
        NotAuthorised: a picture is one. Two reviewers must confirm such a face first.
    """
    detector, embedder = models.load()
    for sighting_id, shown in _thumbnail_faces(folder, key, detector, embedder):
        close = closeness(faces, shown, embedder.measure)
        for row, _ in np.argwhere(close.is_near_copy(near_copy_threshold(models.embedder))).tolist():
            raise NotAuthorised(
                f"is nearly the same picture as a frame of the case's own footage, sighting {sighting_id}",
                "let two reviewers confirm the candidate, then use --from-sighting SIGHTING:ENTRY; or give a picture "
                "from another source",
                references[row % len(references)].name,
            )


def refuse_several_people(faces: SingleFaces, n_pictures: int, models: FaceModels) -> None:
    """Check that all pictures are of one person: connected by pairs whose similarity reaches the threshold.

    The answer tells whether two unknown people are one, so the caller must have noted the comparison in the log. The
    error gives no number and no names.

    Args:
        faces: the faces of the pictures, see `embed_references`.
        n_pictures: number of pictures.
        models: face detector and embedder.

    Raises:
        SeveralPeople: they are not.
    """
    _, embedder = models.load()
    vectors, threshold = faces.pools.vectors[:n_pictures], pairwise_threshold(models.embedder)
    if len(vectors) > 1 and len(group_by_person(vectors, embedder.measure, threshold)) > 1:
        raise SeveralPeople(
            f"the {len(vectors)} pictures do not all show one person",
            "use one entry for each person; this comparison counts as one of the entries that the case may add",
        )


def _thumbnail_faces(
    folder: CaseFolder, key: Sealer, detector: FaceDetector, embedder: FaceEmbedder
) -> Iterator[tuple[str, SingleFaces]]:
    """Yield the id of each published sighting whose thumbnail shows faces, and the faces."""
    if not folder.manifest.exists():
        return
    opened = forensics.open_case(folder.root)
    pictures = opened.sightings().filter(class_name="person").drop_nulls("thumbnail").select("sighting_id", "thumbnail")
    for sighting_id, name in pictures.collect().iter_rows():
        rgb, _ = read_pixels(opened.unseal_picture(name, key), View())
        aligned = [embedder.align(rgb, face) for face in detector.faces(rgb)]
        if aligned:
            yield sighting_id, SingleFaces.embedded(aligned, embedder)


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
