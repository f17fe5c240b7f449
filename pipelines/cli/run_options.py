"""Options of `scan`, `ingest`, `run` and `reproduce` as frozen values, and what follows from them."""

import os
from dataclasses import dataclass
from datetime import datetime, tzinfo
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from forensics.custody.case_folder import CaseFolder
from forensics.errors import UsageError
from forensics.footage.evidence import Reader
from forensics.hardware import instruction_set
from forensics.models.model_store import Model, resolve
from pipelines.cli.durations import DurationOrUnknown
from pipelines.cli.option_values import gathered
from pipelines.cli.output import StartTime, new_camera_option, path_type, say
from pipelines.cli.time_zone_option import remember_zone
from pipelines.custody.outputs import check_output_place
from pipelines.intake.start_times import StartRule
from pipelines.intake.time_cells import FROM_NAME
from pipelines.intake.time_zones import parse_zone
from pipelines.intake.unknown import Stated, Unknown
from pipelines.run.metrics import METRICS_SUFFIX, RunMetrics, is_metrics_file
from pipelines.runners.local_workers import LocalHost
from pipelines.runners.serial import SerialRunner
from pipelines.runners.worker_pool import WorkerPool
from pipelines.settings import Settings
from pipelines.stages.model_loaders import ModelLoaders
from pipelines.stages.port import Runner

if TYPE_CHECKING:  # Ray takes a second to import, which other runners need not wait for
    from pipelines.runners.ray import RayHost

__all__ = [
    "IngestOptions",
    "ModelOptions",
    "RunOptions",
    "RunnerOptions",
    "metrics_for",
    "model_loaders",
    "runner_for",
    "try_cluster",
    "with_ingest_options",
    "with_model_options",
    "with_run_options",
    "with_runner_choice",
    "with_runner_options",
]


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How footage is read.

    Attributes:
        start: time of the first frame as stated; `FROM_NAME` reads it from each file's name; `UNKNOWN` takes an
            earlier one back; None if not stated.
        start_zone: zone of the recorder's clock; None if not given.
        starts: CSV file of start times; None if there is none.
        footage_list: CSV file of footage with cameras and start times; None if paths are given.
        clock_error_ms: largest error of these times; `UNKNOWN` takes an earlier one back; None if not stated.
        assumed_rate: frames per second where the file states no times.
        stream_index: video stream to read; None reads the default one.
        reader: library that decodes.
        is_new_camera: whether a camera whose name looks like a known one is another one.
    """

    start: datetime | str | Unknown | None
    start_zone: tzinfo | None
    starts: Path | None
    footage_list: Path | None
    clock_error_ms: Stated
    assumed_rate: Fraction | None
    stream_index: int | None
    reader: Reader
    is_new_camera: bool

    @property
    def start_rule(self) -> StartRule:
        """How the start times of the footage are stated."""
        at = None if isinstance(self.start, str) else self.start
        is_in_names = self.start == FROM_NAME
        tables = [each for each in (self.starts, self.footage_list) if each is not None]
        if self.footage_list is not None and (self.start is not None or self.starts is not None):
            raise click.UsageError("--list states the start of each file; leave --start and --starts out")
        if self.start_zone is not None and self.start is None and not tables:
            raise click.UsageError("--start-zone needs --start, --starts or --list, whose times it is for")
        if at is not None and self.starts is not None:
            raise click.UsageError("--start with one time and --starts exclude each other; leave one of them out")
        return StartRule(at, is_in_names, self.start_zone, self.starts, self.clock_error_ms)


@dataclass(frozen=True, slots=True)
class RunnerOptions:
    """Where the work is done.

    Attributes:
        runner: ``local``, ``ray`` or ``serial``; None lets `runner_for` choose.
        address: of a running Ray cluster; None starts a local one.
        workers: how many; None takes one for each core.
        quiet: whether no progress is shown.
    """

    runner: str | None
    address: str | None
    workers: int | None
    quiet: bool

    def __post_init__(self) -> None:
        if self.address is not None and self.runner not in (None, "ray"):
            raise UsageError(f"--ray and --runner {self.runner} exclude each other", "leave one of them out")


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """Which model is loaded, and which `.pt` files may be.

    Attributes:
        model: name or path; None takes the one of the settings.
        trusted: SHA-256 of files that can run code when they are loaded.
    """

    model: str | None
    trusted: tuple[str, ...]

    def resolve(self, default: str) -> Model:
        """Return the named model, or the default; a `.pt` file only if its digest is trusted."""
        return resolve(self.model or default, trusted_sha256=frozenset(self.trusted))


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a run looks for, and what it reports.

    Attributes:
        profile: settings as a TOML file.
        assignments: single settings, each NAME=VALUE.
        unset: names of settings that have their defaults again.
        metrics_file: for Prometheus; None writes none.
        dry_run: whether only the plan is shown.
    """

    profile: Path | None
    assignments: tuple[str, ...]
    unset: tuple[str, ...]
    metrics_file: Path | None
    dry_run: bool


def _frames_per_second(ctx: click.Context, param: click.Parameter, text: str | None) -> Fraction | None:
    try:
        rate = None if text is None else Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise click.BadParameter(f"{text!r} is not a rate; give 25 or 30000/1001", ctx, param) from error
    if rate is not None and rate <= 0:
        raise click.BadParameter(f"{text!r} is not above zero", ctx, param)
    return rate


def _zone(ctx: click.Context, param: click.Parameter, text: str | None) -> tzinfo | None:
    """Return the zone, and keep it for a --start without one."""
    if text is None:
        return None
    try:
        zone = parse_zone(text)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error
    remember_zone(ctx, zone)
    return zone


with_ingest_options = gathered(
    "ingest_options",
    IngestOptions,
    click.option(
        "--start",
        type=StartTime(),
        metavar="TIME|from-name|unknown",
        help="Time of the first frame, of stills the first picture that has a time, such as 2026-05-01T10:00:00Z or "
        "with --start-zone 2026-05-01T12:00:00, for one file; or from-name: the time in each file's name, such as "
        "ch01_20260501_100000.mp4; or unknown, which takes an earlier start back.",
    ),
    click.option(
        "--start-zone",
        callback=_zone,
        is_eager=True,
        metavar="ZONE",
        help="Zone of the recorder's clock, for start times without one, such as Europe/Berlin or +02:00.  "
        "[default: UTC for times in names]",
    ),
    click.option(
        "--starts",
        type=path_type,
        metavar="FILE.csv",
        help="Table of start times with the columns file, start and, if wanted, clock_error.",
    ),
    click.option(
        "--list",
        "footage_list",
        type=path_type,
        metavar="FILE.csv",
        help="Table of the footage instead of FOOTAGE, with the columns file, camera, start (a time, from-name, "
        "unknown or nothing) and clock_error.",
    ),
    click.option(
        "--clock-error",
        "clock_error_ms",
        type=DurationOrUnknown(),
        metavar="DURATION",
        help="Largest error of that time, such as 2s or 500 (milliseconds); or unknown.",
    ),
    click.option(
        "--fps",
        "assumed_rate",
        callback=_frames_per_second,
        metavar="RATE",
        help="Frames per second where the file states no times.",
    ),
    click.option("--stream", "stream_index", type=click.IntRange(0), help="Number of the video stream to read."),
    click.option(
        "--reader",
        type=click.Choice([Reader.PYAV.value, Reader.DECORD.value]),
        callback=lambda _, __, value: Reader(value),
        default=Reader.PYAV.value,
        show_default=True,
        help="Library that decodes; decord only where it is proven exact on this file.",
    ),
    new_camera_option,
)

with_runner_choice = click.option(
    "--runner",
    type=click.Choice(["local", "ray", "serial"]),
    help="Where the work is done: local, by processes of this machine; ray, by a cluster; serial, in this process.  "
    "[default: local; ray with --ray or detect.device=cuda]",
)

with_runner_options = gathered(
    "runner_options",
    RunnerOptions,
    with_runner_choice,
    click.option("--ray", "address", metavar="ADDRESS", help="Join a running cluster."),
    click.option("--workers", type=click.IntRange(1), help="Number of workers; it changes no table."),
    click.option("--quiet", is_flag=True, help="Show no progress."),
)

with_model_options = gathered(
    "model_options",
    ModelOptions,
    click.option(
        "--model",
        help="Detector: a registered name, a path, or builtin.  [default: that of the last run; in a new case the "
        "best that is installed]",
    ),
    click.option(
        "--trust-model",
        "trusted",
        multiple=True,
        metavar="SHA256",
        help="Load the .pt file with this digest; loading it can run code.",
    ),
)

with_run_options = gathered(
    "run_options",
    RunOptions,
    click.option("--profile", type=path_type, help="Settings as a TOML file; configs/ holds examples."),
    click.option(
        "--set",
        "assignments",
        multiple=True,
        metavar="NAME=VALUE",
        help="One setting, such as detect.fps=5; `forensics settings` lists them. Can be given several times.",
    ),
    click.option(
        "--unset",
        multiple=True,
        metavar="NAME",
        help="Go back to the default of a setting of the last run or of the profile; all means every setting but "
        "the models. Can be given several times.",
    ),
    click.option(
        "--metrics",
        "metrics_file",
        type=path_type,
        metavar="FILE.prom",
        help="Write metrics for Prometheus to this file.",
    ),
    click.option("--dry-run", is_flag=True, help="Show what a run would do, or what prevents it; change nothing."),
)


def model_loaders() -> ModelLoaders:
    """Return what opens models: the object of the command line's context, if it was started with one."""
    return click.get_current_context().find_object(ModelLoaders) or ModelLoaders()


def metrics_for(folder: CaseFolder, file: Path | None) -> RunMetrics:
    """Return the metrics of a run; without a file they are written nowhere."""
    if file is not None and file.suffix != METRICS_SUFFIX:
        raise UsageError(
            "Prometheus' textfile collector reads no such name", f"give a name that ends in {METRICS_SUFFIX}", file
        )
    return RunMetrics(None if file is None else _metrics_file(folder, file.absolute()), folder.root.name)


def _metrics_file(folder: CaseFolder, file: Path) -> Path:
    """Return the path if no file is there, or one with metrics of an earlier run.

    Raises:
        UsageError: it is in the case, its evidence or keys, is not writable, or is another file.
    """
    check_output_place(folder, file)
    if file.exists() and not is_metrics_file(file):
        raise UsageError("exists and holds no metrics of a run", "give another name, or move the file away", file)
    return file


def runner_for(settings: Settings, runner: str | None, address: str | None = None) -> Runner:
    """Return the runner; nothing is started before it has work.

    Args:
        settings: how many workers, how many retries, on what device.
        runner: ``local``, ``ray`` or ``serial``; None for ray if there is an address or GPUs are to be shared out.
        address: of a running cluster; None lets ray start a local one.
    """
    if runner == "serial":
        return SerialRunner(settings.run.retries)
    is_ray = runner == "ray" or address is not None or settings.detect.device == "cuda"
    host = _ray_host(settings, address) if is_ray else LocalHost(settings.run.workers or _n_cores())
    return WorkerPool(host, retries=settings.run.retries, stall_s=settings.run.stall_s, on_wait=say)


def try_cluster(settings: Settings, address: str) -> None:
    """Connect to a cluster and leave it again.

    Raises:
        CannotStart: it does not answer, or refuses the token.
    """
    host = _ray_host(settings, address)
    try:
        host.connect()
    finally:
        host.close()


def _ray_host(settings: Settings, address: str | None) -> "RayHost":
    from pipelines.runners.ray import RayCluster, RayHost

    workers = settings.run.workers or (_n_cores() if address is None else None)
    hardware = None if settings.run.mixed_hardware else instruction_set()
    return RayHost(RayCluster(address, workers or _n_cores()), workers, hardware=hardware)


def _n_cores() -> int:
    return len(os.sched_getaffinity(0))
