"""Reference pictures of an entry, and the faces and template computed from them; all encrypted with the case's key.

The files are in `watchlist/<entry>/`. The encryption binds each picture to its entry and its content, and what was
computed to its entry and its models.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from forensics.adapters.crypto.case_key import Key
from forensics.adapters.faces.face_models import FaceModels
from forensics.adapters.faces.face_quality import REFERENCE_LIMITS
from forensics.custody.case_document import Case
from forensics.faces.compared_people import ComparedPeople
from forensics.faces.face import worth
from forensics.faces.pooling import Pools, pool
from forensics.faces.single_faces import SingleFaces
from forensics.faces.templates import ReferenceFaces, Templates
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.entries import Entry, load_entries, people_of
from pipelines.search.entry_sources import origins_of
from pipelines.search.reference_pictures import ReferencePicture, embed_references, measure_stored_picture

__all__ = ["load_compared_people", "load_reference_pictures", "store_references"]

_TEMPLATE: Final = "template"
_FACES: Final = "faces"


def store_references(
    folder: Path,
    references: Sequence[ReferencePicture],
    faces: SingleFaces,
    models: FaceModels,
    key: Key,
    files: DecidingFiles,
) -> None:
    """Encrypt the pictures, their faces and their template into the entry's folder.

    Args:
        folder: folder of the entry; its name is a reference to the entry's id.
        references: the measured pictures.
        faces: the faces of the pictures, see `embed_references`.
        models: face detector and embedder.
        key: the case's key.
        files: writes the files of a case.
    """
    pictures = {
        _picture_file(folder, each.sha256, key): key.seal(each.data, _picture_context(folder.name, each.sha256))
        for each in references
    }
    files.write_together({**pictures, **_sealed_faces(folder, key, references, faces, models)})


def load_reference_pictures(entry: Entry, key: Key) -> list[bytes]:
    """Decrypt the reference pictures of an entry, as they were given."""
    return [
        key.unseal(_picture_file(entry.folder, digest, key).read_bytes(), _picture_context(entry.folder.name, digest))
        for digest in (picture["sha256"] for picture in entry.pictures)
    ]


def load_compared_people(
    case: Case, key: Key, models: FaceModels, files: DecidingFiles, *, now: datetime
) -> ComparedPeople:
    """Load template and faces by these models of every entry that has not ended, and the origins, by entry id.

    What is missing is computed from the entry's pictures and stored with `files`.
    """
    entries = [entry for entry in load_entries(case) if entry.expires_utc > now]
    for entry in entries:
        if not all(_faces_file(entry.folder, models, kind).exists() for kind in (_TEMPLATE, _FACES)):
            detector, embedder = models.load()
            references = [measure_stored_picture(data, detector) for data in load_reference_pictures(entry, key)]
            faces = embed_references(references, detector, embedder)
            files.write_together(_sealed_faces(entry.folder, key, references, faces, models))
    templates = [Pools.decoded(1, _unseal_faces(entry.folder, key, models, _TEMPLATE)) for entry in entries]
    singles = [SingleFaces.decoded(_unseal_faces(entry.folder, key, models, _FACES)) for entry in entries]
    owners = tuple(entry.entry_id for entry, each in zip(entries, singles, strict=True) for _ in range(len(each)))
    return ComparedPeople(
        Templates(tuple(entry.entry_id for entry in entries), people_of(case, entries), Pools.stacked(templates)),
        ReferenceFaces(owners, SingleFaces.stacked(singles)),
        origins_of(case.folder, entries),
    )


def _sealed_faces(
    folder: Path, key: Key, references: Sequence[ReferencePicture], faces: SingleFaces, models: FaceModels
) -> dict[Path, bytes]:
    """Return the sealed faces of the pictures of an entry, and the sealed template of those that are not mirrored."""
    _, embedder = models.load()
    weights = np.array([worth(each.quality, REFERENCE_LIMITS) for each in references])
    template = pool(faces.pools.vectors[: len(references)], weights, embedder.measure)
    return {
        _faces_file(folder, models, kind): key.seal(data, _faces_context(folder, models, kind))
        for kind, data in ((_TEMPLATE, template.encoded()), (_FACES, faces.encoded()))
    }


def _unseal_faces(folder: Path, key: Key, models: FaceModels, kind: str) -> bytes:
    return key.unseal(_faces_file(folder, models, kind).read_bytes(), _faces_context(folder, models, kind))


def _picture_file(folder: Path, sha256: str, key: Key) -> Path:
    return folder / f"{key.reference('picture', sha256)}.picture.sealed"


def _picture_context(entry: str, sha256: str) -> str:
    return f"reference:{entry}:{sha256}"


def _faces_file(folder: Path, models: FaceModels, kind: str) -> Path:
    return folder / f"{models.digest}.{kind}.sealed"


def _faces_context(folder: Path, models: FaceModels, kind: str) -> str:
    return f"{kind}:{folder.name}:{models.digest}"
