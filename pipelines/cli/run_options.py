"""The options of `scan`, `ingest` and `run`, and what they ask for: settings, model, runner, metrics."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final

import click

from forensics.custody.case_folder import CaseFolder
from forensics.errors import UsageError
from forensics.hardware import instruction_set
from forensics.models.model_store import Model, resolve
from pipelines.cli.output import Command, parse_utc, path_type, say
from pipelines.custody.outputs import output_file
from pipelines.run.metrics import METRICS_SUFFIX, RunMetrics
from pipelines.run.record import newest_record
from pipelines.runners.serial import SerialRunner
from pipelines.settings import Settings, load_settings, settings_text
from pipelines.stages.port import Runner

__all__ = ["ingest_options", "metrics_for", "model_for", "run_options", "runner_for", "settings_for"]

# What a run takes over from the one before; how fast it works is asked for each time.
_OF_LAST_RUN: Final = ("detect", "gate", "track", "recognise", "chunk")


def _together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def apply(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return apply


ingest_options = _together(
    click.option(
        "--start", type=parse_utc(), help="UTC of the first frame, such as 2026-05-01T10:00:00Z; one path only."
    ),
    click.option(
        "--clock-error", "clock_error_ms", type=click.IntRange(0), metavar="MS", help="How far that may be off."
    ),
    click.option(
        "--fps", "assumed_rate", type=str, metavar="RATE", help="Frames per second where the file states no times."
    ),
    click.option(
        "--stream", "stream_index", type=click.IntRange(0), help="Video stream to read, if there are several."
    ),
    click.option(
        "--reader",
        type=click.Choice(["pyav", "decord"]),
        default="pyav",
        show_default=True,
        help="decord is used only where it is proven exact on the very file.",
    ),
)

run_options = _together(
    click.option("--profile", type=path_type, help="Settings as a TOML file; configs/ holds examples."),
    click.option(
        "--set", "assignments", multiple=True, metavar="NAME=VALUE", help="One setting, such as detect.fps=5."
    ),
    click.option("--model", help="Short for --set detect.model=MODEL."),
    click.option(
        "--trust-model", "trusted", multiple=True, metavar="SHA256", help="Load this .pt file, which can run code."
    ),
    click.option(
        "--runner",
        type=click.Choice(["ray", "serial"]),
        default="ray",
        show_default=True,
        help="Where the work is done: by Ray's workers, or by this process alone.",
    ),
    click.option("--ray", "address", metavar="ADDRESS", help="Join a running cluster instead of starting a local one."),
    click.option("--workers", type=click.IntRange(1), help="Short for --set run.workers=N."),
    click.option(
        "--metrics",
        "metrics_file",
        type=path_type,
        metavar="FILE.prom",
        help="Keep metrics for Prometheus in this file.",
    ),
    click.option("--dry-run", is_flag=True, help="Say what would be done, or what stands in its way."),
    click.option("--quiet", is_flag=True, help="No progress."),
)


def settings_for(options: dict[str, Any], root: Path) -> Settings:
    """The settings of the case's last run, or the profile with that run's model; then what the options change."""
    changes = options["assignments"]
    if options["model"] is not None:
        path = Path(options["model"])
        changes = (*changes, f"detect.model={path.absolute() if path.exists() else path}")
    record, profile = newest_record(CaseFolder.to_be_at(root)), options["profile"]
    base = {name: section for name, section in record.get("settings", {}).items() if name in _OF_LAST_RUN}
    if base and profile is None:
        _tell_of_last_run(record, base, changes)
    if options["workers"] is not None:
        changes = (*changes, f"run.workers={options['workers']}")
    settings = load_settings(profile, changes, base)
    if not settings.is_gated:
        for change in changes:
            if change.strip().startswith("gate."):
                say(f"{change} changes nothing without detect.gate=motion")
    if base and profile is not None:
        _tell_of_profile(record, base, settings)
    if base and profile is not None and settings.detect.model != load_settings(profile, changes).detect.model:
        say(f"model {record.get('model', {}).get('name')}, of run {record.get('run')}; the profile names none")
    return settings


def _tell_of_last_run(record: dict[str, Any], sections: dict[str, Any], changes: tuple[str, ...]) -> None:
    """What is taken over from it, and what of that is changed."""
    told = [f"model {record.get('model', {}).get('name')}", *settings_text(sections)]
    other = [change for change in changes if not _is_as_before(change, sections)]
    changed = f"; changed: {', '.join(other)}" if other else ""
    say(f"settings of run {record.get('run')}: {', '.join(told)}{changed}")


def _tell_of_profile(record: dict[str, Any], sections: dict[str, Any], settings: Settings) -> None:
    """What the last run was asked for and this one is not, since a profile says all that is not the default."""
    kept = settings_text(
        {name: section for name, section in settings.model_dump(mode="json").items() if name in sections}
    )
    replaced = [told for told in settings_text(sections) if told not in kept]
    if replaced:
        say(f"the profile replaces what run {record.get('run')} was asked for: {', '.join(replaced)}")


def _is_as_before(change: str, sections: dict[str, Any]) -> bool:
    """Whether NAME=VALUE says what the last run's settings say."""
    return load_settings(None, (change,), sections) == load_settings(None, (), sections)


def model_for(settings: Settings, options: dict[str, Any]) -> Model:
    """The detector's model; a .pt file only where its digest is trusted."""
    return resolve(settings.detect.model, trusted_sha256=frozenset(options["trusted"]))


def metrics_for(folder: CaseFolder, file: Path | None) -> RunMetrics:
    """Where the run's metrics go; None: nowhere."""
    if file is not None and file.suffix != METRICS_SUFFIX:
        raise UsageError(
            "Prometheus' collector reads no such name", f"give it a name that ends in {METRICS_SUFFIX}", file
        )
    return RunMetrics(None if file is None else output_file(folder, file.absolute()), folder.root.name)


def runner_for(settings: Settings, name: str, address: str | None) -> tuple[Runner, AbstractContextManager[None]]:
    """The runner and the cluster it needs for as long as it works.

    Args:
        settings: how many workers, how many retries, on what.
        name: ``ray`` or ``serial``.
        address: of a running cluster; None starts a local one.
    """
    if name == "serial":
        if address is not None:
            raise UsageError("--ray and --runner serial contradict each other", "leave one of them out")
        return SerialRunner(settings.run.retries), nullcontext()
    from pipelines.runners.ray import RayRunner, connected

    cores = len(os.sched_getaffinity(0))
    workers = settings.run.workers or (cores if address is None else None)
    hardware = None if settings.run.mixed_hardware else instruction_set()
    runner = RayRunner(workers, settings.run.retries, settings.run.stall_s, hardware=hardware, on_wait=say)
    return runner, connected(address, workers or cores)
