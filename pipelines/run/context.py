"""Values that the stages of a run share: the immutable context, and the ledger of failures and figures."""

from dataclasses import dataclass, field

from forensics.adapters.crypto.case_key import Key
from forensics.custody.case_document import Case
from forensics.decoding.child import Limits
from forensics.json_object import JsonObject
from forensics.models.model_store import Model
from forensics.tables.outcomes import Failure
from forensics.tables.searched_scope import SearchedScope
from pipelines.custody.part_records import PartRecords
from pipelines.run.cancellation import StopRequest
from pipelines.run.footage_integrity import FootageChecker
from pipelines.run.metrics import RunMetrics
from pipelines.run.part_integrity import PartChecker
from pipelines.run.plan import RunPlan
from pipelines.run.progress import Progress
from pipelines.search.recognition import Recognition
from pipelines.settings import Settings
from pipelines.stages.detection_context import DetectorLoader
from pipelines.stages.port import Runner

__all__ = ["RunContext", "RunLedger", "limits_of_run"]


def limits_of_run(settings: Settings) -> Limits:
    """Return the limits of time and memory of a decoding child."""
    run = settings.run
    return Limits(run.stall_s, settings.detect.hang_s, run.decoder_memory_bytes, run.cache_bytes)


@dataclass(frozen=True, slots=True)
class RunContext:
    """Inputs and services of one run.

    Attributes:
        case: the case whose footage is processed.
        settings: all settings of the run.
        model: the detector's model.
        plan: chunks, parts and their names.
        runner: executes the stages.
        progress: shows progress to the user.
        stop: the request to cancel the run.
        metrics: Prometheus metrics of the run.
        recognition: references that faces are compared with; None if no faces are compared.
        searched: mandate and clocks that decide which frames are in scope.
        load_detector: loads the detector in a worker.
        parts: checks which stored parts may be used.
        records: stores parts, and records them until the run publishes.
        footage: checks that footage has not changed since ingest.
    """

    case: Case
    settings: Settings
    model: Model
    plan: RunPlan
    runner: Runner
    progress: Progress
    stop: StopRequest
    metrics: RunMetrics
    recognition: Recognition | None
    searched: SearchedScope
    load_detector: DetectorLoader
    parts: PartChecker
    records: PartRecords
    footage: FootageChecker

    @property
    def key(self) -> Key | None:
        """The key of the case, in modes that compare faces."""
        return None if self.recognition is None else self.recognition.key

    @property
    def limits(self) -> Limits:
        """Limits of time and memory of a decoding child."""
        return limits_of_run(self.settings)

    def has_part(self, stage: str, unit: str) -> bool:
        """Whether the part of this unit of work is stored."""
        return self.plan.folder.part(stage, unit).exists()


@dataclass(slots=True)
class RunLedger:
    """Failures and figures of a run so far.

    Attributes:
        failures: units of work that yielded no part, by stage and unit.
        figures: seconds by stage, frames, peak memory; written into the record of the run.
        peak_bytes: largest peak memory of a worker.
    """

    failures: dict[tuple[str, str], Failure] = field(default_factory=dict)
    figures: JsonObject = field(default_factory=dict)
    peak_bytes: int = 0
