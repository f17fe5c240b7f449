"""Prometheus metrics of a run, in a file for node_exporter's textfile collector, so that no port is opened.

Every metric has the name of the case's folder as a label, so that several cases can share one folder of metrics. The
metrics contain nothing that was detected.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from forensics.footage.coverage import State
from forensics.tables.files import write_bytes
from pipelines.stages.port import Done, Failed

__all__ = ["METRICS_SUFFIX", "RunMetrics", "is_metrics_file"]

METRICS_SUFFIX: Final = ".prom"
"""The only suffix that the textfile collector reads."""

_INTERVAL_S: Final = 5
_BEGIN_BYTES: Final = 256
_DAMAGED: Final = pa.array([State.GAP.value, State.DOUBTFUL.value])
_MODE: Final = 0o644  # the collector is another user


def is_metrics_file(path: Path) -> bool:
    """Whether a file is empty or was written by `RunMetrics`."""
    with path.open("rb") as file:
        begin = file.read(_BEGIN_BYTES)
    return not begin or b"# HELP forensics_" in begin


class RunMetrics:
    """Metrics of one command, written at most every five seconds.

    Args:
        file: the file to write; None writes none.
        case: name of the case's folder.

    Attributes:
        fault: the last error of writing the file; empty if there was none.
    """

    def __init__(self, file: Path | None, case: str) -> None:
        self._file, self._case = file, case
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._is_working, self._last_answer_s, self._published_s = True, 0.0, 0.0
        self._items = Counter[tuple[str, str]]()
        self._done = Counter[tuple[str, str]]()
        self._busy_s, self._cpu_s = defaultdict[tuple[str], float](float), defaultdict[tuple[str], float](float)
        self._gaps = Counter[tuple[str]]()
        self._backlog_s, self._peak_bytes = 0.0, 0
        self._written_s = 0.0
        self.fault = ""

    def begin(self, stage: str, n_items: int, n_done: int = 0) -> None:
        """Start a stage with this many items to do and `n_done` items done by earlier commands."""
        self._items[stage, "waiting"], self._items[stage, "done"] = n_items, n_done
        self._items[stage, "in_hand"] = self._items[stage, "failed"] = 0
        self._write()

    def set_backlog(self, media_s: float) -> None:
        """Set the seconds of footage that wait for the detector."""
        self._backlog_s = max(0.0, media_s)

    def items_refused(self, stage: str, n_items: int) -> None:
        """Count items as failed that are not started because their footage is missing or altered."""
        self._items[stage, "failed"] += n_items
        self._write()

    def item_started(self, stage: str) -> None:
        """Count an item that a worker has taken."""
        self._move(stage, "waiting", "in_hand")

    def item_ended(self, stage: str, outcome: Done[Any, Any] | Failed[Any], size: int, unit: str) -> None:
        """Count the outcome of an item.

        If the file is due, it is written before the counters change, so that all its metrics are of one moment.

        Args:
            stage: the stage.
            outcome: its result or failure.
            size: number of frames, files or people in the item.
            unit: what `size` counts.
        """
        if time.monotonic() > self._written_s + _INTERVAL_S:
            self._write()
        self._last_answer_s = time.time()
        if isinstance(outcome, Done):
            self._move(stage, "in_hand", "done")
            self._done[stage, unit] += size
            self._busy_s[stage,] += outcome.seconds
            self._cpu_s[stage,] += outcome.cpu_s
            self._peak_bytes = max(self._peak_bytes, outcome.peak_bytes)
        else:
            self._move(stage, "in_hand", "failed")

    def part_stored(self, part: pa.Table) -> None:
        """Count the gap and doubtful frames of a stored detect part, by reason."""
        gaps = part.filter(pc.is_in(part["state"], _DAMAGED))["reason"]
        self._gaps.update({(each["values"],): each["counts"] for each in pc.value_counts(gaps).to_pylist()})

    def tables_published(self) -> None:
        """Record the time of publication."""
        self._published_s = time.time()

    def run_ended(self) -> None:
        """Record the end of the run, successful or not."""
        self._is_working = False
        self._write()

    def _move(self, stage: str, before: str, after: str) -> None:
        self._items[stage, before] -= 1
        self._items[stage, after] += 1

    def _write(self) -> None:
        """Write the file; an error is kept in `fault` and does not end the run."""
        self._written_s = time.monotonic()
        if self._file is None:
            return
        try:
            write_bytes(self._file, generate_latest(self._registry), mode=_MODE)
        except OSError as error:
            self.fault = f"{self._file}: {error.strerror}"

    def collect(self) -> Iterator[Metric]:
        """Yield every metric; called by the registry when the file is written."""
        yield self._gauge("run_working", "1 while the command runs, 0 after it has ended by itself.", self._is_working)
        yield self._gauge("last_result_timestamp_seconds", "When a worker last answered.", self._last_answer_s)
        yield self._gauge("last_published_timestamp_seconds", "When this command published tables.", self._published_s)
        yield self._gauge(
            "backlog_media_seconds", "Media time of footage that waits for the detector.", self._backlog_s
        )
        yield self._gauge("worker_peak_bytes", "Peak memory of a worker process.", self._peak_bytes)
        yield self._gauges("items", "Chunks, files or groups of people, by state.", ("stage", "state"), self._items)
        yield self._counters(
            "done", "Frames, files or people processed by this command.", ("stage", "unit"), self._done
        )
        yield self._counters(
            "busy_seconds", "Worker time; its rate is the number of busy workers.", ("stage",), self._busy_s
        )
        yield self._counters("cpu_seconds", "Processor time of workers and their decoders.", ("stage",), self._cpu_s)
        yield self._counters("gap_frames", "Frames that could not be read or detected.", ("reason",), self._gaps)

    def _gauge(self, name: str, text: str, value: float) -> Metric:
        return self._gauges(name, text, (), {(): value})

    def _gauges(self, name: str, text: str, labels: tuple[str, ...], values: Mapping[Any, float]) -> Metric:
        return self._fill(GaugeMetricFamily(f"forensics_{name}", text, labels=("case", *labels)), values)

    def _counters(self, name: str, text: str, labels: tuple[str, ...], values: Mapping[Any, float]) -> Metric:
        return self._fill(CounterMetricFamily(f"forensics_{name}", text, labels=("case", *labels)), values)

    def _fill(self, family: GaugeMetricFamily | CounterMetricFamily, values: Mapping[Any, float]) -> Metric:
        for labels, value in values.items():
            family.add_metric((self._case, *labels), value)
        return family
