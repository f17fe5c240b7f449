"""What a run tells Prometheus: a file that node_exporter's textfile collector reads, so that no port is opened.

Everything is labelled with the name of the case's folder, so that the files of several cases can lie side by side.
Nothing of what was seen is in it.
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

__all__ = ["METRICS_SUFFIX", "RunMetrics"]

METRICS_SUFFIX: Final = ".prom"
"""The collector reads no other files."""

_EVERY_S: Final = 5
_FOR_EVERYBODY: Final = 0o644


class RunMetrics:
    """The metrics of one command, written every five seconds at most.

    Args:
        file: where they are written; None keeps them to itself.
        case: the name of its folder.
    """

    def __init__(self, file: Path | None, case: str) -> None:
        self._file, self._case = file, case
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._is_working, self._heard_s, self._published_s = True, 0.0, 0.0
        self._items = Counter[tuple[str, str]]()
        self._done = Counter[tuple[str, str]]()
        self._busy_s, self._cpu_s = defaultdict[tuple[str], float](float), defaultdict[tuple[str], float](float)
        self._gaps = Counter[tuple[str]]()
        self._backlog_s, self._peak_bytes = 0.0, 0
        self._written_s = 0.0
        self.fault = ""

    def begin(self, stage: str, n_items: int, n_done: int = 0) -> None:
        """A stage has so many items to do; others were done by earlier commands."""
        self._items[stage, "waiting"], self._items[stage, "done"] = n_items, n_done
        self._items[stage, "in_hand"] = self._items[stage, "failed"] = 0
        self._write()

    def backlog(self, media_s: float) -> None:
        """So many seconds of footage have no frame looked at yet."""
        self._backlog_s = max(0.0, media_s)

    def refused(self, stage: str, n_items: int) -> None:
        """So many items are not even tried, since their footage cannot be read or is another."""
        self._items[stage, "failed"] += n_items
        self._write()

    def drawn(self, stage: str) -> None:
        """A worker takes an item."""
        self._moved(stage, "waiting", "in_hand")

    def answered(self, stage: str, outcome: Done[Any, Any] | Failed[Any], size: int, unit: str) -> None:
        """What became of an item of so many frames, files or people.

        What was told before is written first, so that the metrics of one file belong together.
        """
        if time.monotonic() > self._written_s + _EVERY_S:
            self._write()
        self._heard_s = time.time()
        if isinstance(outcome, Done):
            self._moved(stage, "in_hand", "done")
            self._done[stage, unit] += size
            self._busy_s[stage,] += outcome.seconds
            self._cpu_s[stage,] += outcome.cpu_s
            self._peak_bytes = max(self._peak_bytes, outcome.peak_bytes)
        else:
            self._moved(stage, "in_hand", "failed")

    def seen(self, part: pa.Table) -> None:
        """What a detect part says of its frames."""
        gaps = part.filter(pc.equal(part["state"], State.GAP.value))["reason"]
        self._gaps.update({(each["values"],): each["counts"] for each in pc.value_counts(gaps).to_pylist()})

    def published(self) -> None:
        """The tables are in place."""
        self._published_s = time.time()

    def ended(self) -> None:
        """The command is through with its run, one way or another."""
        self._is_working = False
        self._write()

    def _moved(self, stage: str, before: str, after: str) -> None:
        self._items[stage, before] -= 1
        self._items[stage, after] += 1

    def _write(self) -> None:
        """A disk that refuses them ends no run; `fault` says what it said."""
        self._written_s = time.monotonic()
        if self._file is None:
            return
        try:
            write_bytes(self._file, generate_latest(self._registry), mode=_FOR_EVERYBODY)
        except OSError as error:
            self.fault = f"{self._file}: {error.strerror}"

    def collect(self) -> Iterator[Metric]:
        """What the registry asks for: every metric as it is now."""
        yield self._gauge("run_working", "1 while the command works, 0 once it has ended by itself.", self._is_working)
        yield self._gauge("last_result_timestamp_seconds", "When a worker last answered.", self._heard_s)
        yield self._gauge("last_published_timestamp_seconds", "When this command published tables.", self._published_s)
        yield self._gauge(
            "backlog_media_seconds", "Media time of footage that waits for the detector.", self._backlog_s
        )
        yield self._gauge("worker_peak_bytes", "The most memory a worker and its decoders held.", self._peak_bytes)
        yield self._gauges("items", "Chunks, files or groups of people, by state.", ("stage", "state"), self._items)
        yield self._counters("done", "What this command went through.", ("stage", "unit"), self._done)
        yield self._counters("busy_seconds", "Worker time; its rate is how many are busy.", ("stage",), self._busy_s)
        yield self._counters("cpu_seconds", "Processor time of workers and their decoders.", ("stage",), self._cpu_s)
        yield self._counters("gap_frames", "Frames that could not be read or looked at.", ("reason",), self._gaps)

    def _gauge(self, name: str, text: str, value: float) -> Metric:
        return self._gauges(name, text, (), {(): value})

    def _gauges(self, name: str, text: str, labels: tuple[str, ...], values: Mapping[Any, float]) -> Metric:
        return self._filled(GaugeMetricFamily(f"forensics_{name}", text, labels=("case", *labels)), values)

    def _counters(self, name: str, text: str, labels: tuple[str, ...], values: Mapping[Any, float]) -> Metric:
        return self._filled(CounterMetricFamily(f"forensics_{name}", text, labels=("case", *labels)), values)

    def _filled(self, family: GaugeMetricFamily | CounterMetricFamily, values: Mapping[Any, float]) -> Metric:
        for labels, value in values.items():
            family.add_metric((self._case, *labels), value)
        return family
