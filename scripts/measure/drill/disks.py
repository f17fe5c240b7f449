"""Drills with disks: full, failing, or on a network where new file names appear late."""

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from forensics.digests import sha256_of_file
from scripts.measure.drill.drill import Drill
from scripts.measure.drill.job import N_CAMERAS, N_PARTS
from scripts.measure.drill.preload import disturbance_environment
from scripts.measure.drill.trial import MissingRequirement, Trial

__all__ = ["drills"]

_FULL: Final = "the disk becomes full: exit 6 with this reason, and the same command resumes once there is space"
_FAILING: Final = "the disk returns an error: no wrong data is kept, and the same command resumes"
_LATE: Final = (
    "new names appear late, as on a network file system: no wrong data is kept, and the same command succeeds"
)
_DISK_BYTES: Final = 320 << 20
_CANNOT_START: Final = 6
_UNSETTLED: Final = 4
_LATE_MS: Final = 2500

# call, text in the path, number of the first such call, count of calls, effect; see disturbing.c
_FULL_WHEN: Final = {
    "a table is written": f"write,/tables/.detections.parquet,1,99,{errno.ENOSPC}",
    "a picture is written": f"write,/crops/,1,99,{errno.ENOSPC}",
    "the end is logged": f"write,audit.jsonl,3,99,{errno.ENOSPC}",
}
_ERRORS: Final = {
    "writing a part": f"write,/parts/detect/,5,1,{errno.EIO}",
    "syncing a part": f"fsync,/parts/detect/,3,1,{errno.EIO}",
    "naming a part": f"rename,/parts/track/,1,1,{errno.EIO}",
    "reading a part": f"read,/parts/detect/,2,9,{errno.EIO}",
    "writing a table": f"write,/tables/.detections.parquet,1,1,{errno.EIO}",
    "writing the log": f"write,audit.jsonl,2,1,{errno.EIO}",
    "reading an index": f"read,/evidence/index/,2,9,{errno.EIO}",
    "reading a working copy": f"read,/evidence/copies/,9,40,{errno.EIO}",
}
_ERRORS_OF_FOOTAGE: Final = {
    "reading footage to compare its digest": ("pipelines.cli", f"read,gate.mp4,1,1,{errno.EIO}"),
    **{
        f"reading footage to decode it, {nth}th read": ("forensics.decoding", f"read,gate.mp4,{nth},1,{errno.EIO}")
        for nth in (4, 5, 7, 9)
    },
    "reading footage to decode it, for a while": ("forensics.decoding", f"read,hall.mp4,3,40,{errno.EIO}"),
    "reading footage with open groups": ("forensics.decoding", f"read,open.mkv,9,1,{errno.EIO}"),
    "reading footage with fields": ("forensics.decoding", f"read,fields.mkv,90,40,{errno.EIO}"),
    "reading footage without memory": ("forensics.decoding", f"read,gate.mp4,5,1,{errno.ENOMEM}"),
}


_ERRORS_OF_INGEST: Final = {
    **{f"once, {nth}th read": ("gate", f"read,gate.mp4,{nth},1,{errno.EIO}") for nth in (6, 14, 30)},
    "for long": ("gate", f"read,gate.mp4,30,{10**6},{errno.EIO}"),
    "intra refresh": ("refresh", f"read,refresh.ts,70,1,{errno.EIO}"),
    "two sections": ("sections", f"read,sections.ts,70,1,{errno.EIO}"),
}


@contextlib.contextmanager
def _small_disk(trial: Trial) -> Iterator[Path]:
    """Mount a small file system for the case.

    Raises:
        MissingRequirement: no file system can be mounted.
    """
    folder = trial.folder / "disk"
    folder.mkdir()
    if not shutil.which("mount"):
        raise MissingRequirement("no mount")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "drill", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        raise MissingRequirement(f"mount: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def _fill_disk_after(trial: Trial, after: int) -> None:
    """Fill the disk except for a few pages, after so many parts."""
    with _small_disk(trial) as disk:
        trial.root = disk / "case"
        command = trial.start()
        trial.wait_for_parts(command, after, within_s=0.1)
        ballast = disk / "ballast"
        _fill(ballast, spare_bytes=trial.rng.choice((0, 4096, 20_000, 60_000)))
        ended = trial.expect_exit(command, _CANNOT_START)
        trial.check("free some space" in ended.err, f"it does not say what to do: {ended.error_tail}")
        ballast.unlink()
        trial.resume_and_check()


def _fill(ballast: Path, *, spare_bytes: int) -> None:
    """Fill the disk until so many bytes are free."""
    with ballast.open("wb") as file, contextlib.suppress(OSError):
        for step_bytes in (1 << 20, 4096):
            while (free := shutil.disk_usage(ballast.parent).free) > spare_bytes + step_bytes:
                at = os.fstat(file.fileno()).st_size
                os.posix_fallocate(file.fileno(), at, max(step_bytes, (free - spare_bytes) // 2))


def _full_disk_at_call(trial: Trial, rule: str) -> None:
    ended = trial.expect_exit(trial.start(environment=disturbance_environment(trial, rule=rule)), _CANNOT_START)
    trial.check("free some space" in ended.err, f"it does not say what to do: {ended.error_tail}")
    trial.resume_and_check()


def _fail_disk(trial: Trial, rule: str) -> None:
    ended = trial.expect_exit(trial.start(environment=disturbance_environment(trial, rule=rule)), 0, 4, 5, 6)
    if ended.code:
        trial.resume_and_check()
    else:
        trial.check_result()


def _fail_reading_footage(trial: Trial, who: str, rule: str) -> None:
    below = trial.job.footage[0].parent
    ended = trial.expect_exit(
        trial.start(environment=disturbance_environment(trial, below=below, who=who, rule=rule)), 0, 4
    )
    if ended.code:
        trial.resume_and_check()
    else:
        trial.check_result()


def _fail_during_ingest(trial: Trial, camera: str, rule: str) -> None:
    """Fail reads during ingest; the index must equal that of an undisturbed disk, at once or after a second try."""
    trial.run_undisturbed("case", "init", trial.root, "--purpose", "drill", "--operator", "drill")
    clip = trial.job.recording(camera)
    words = ("ingest", trial.root, clip, "--camera", camera)
    disturbed = disturbance_environment(trial, below=clip.parent, who="forensics.decoding", rule=rule)
    if trial.expect_exit(trial.start(*words, environment=disturbed), 0, _UNSETTLED).code:
        trial.check(not _indexes(trial.root), "an index was made from failed reads")
        ended = trial.run_undisturbed(*words)
        trial.check(ended.code == 0, f"the same command again ended with {ended.code}: {ended.error_tail}")
    made, right = _indexes(trial.root), _indexes(trial.job.case)
    trial.check(made and made.items() <= right.items(), f"the index differs from that of an undisturbed disk: {made}")
    trial.check_case_intact()


def _indexes(root: Path) -> dict[str, str]:
    """Return the SHA-256 of each index, by file name."""
    return {path.name: sha256_of_file(path) for path in root.glob("evidence/index/*.parquet")}


def _delay_names(trial: Trial, who: str) -> None:
    ended = trial.expect_exit(
        trial.start(environment=disturbance_environment(trial, below=trial.root / "runs", who=who, late=_LATE_MS)),
        *(0, 4, 5, 6),
    )
    if ended.code:
        trial.resume_and_check()
    else:
        trial.check_result()


def drills() -> Iterator[Drill]:
    """Yield the drills with disks."""
    for after in (0, 2, 5, 9, 12, N_PARTS - N_CAMERAS):
        yield Drill(f"disk full after {after} parts", _FULL, partial(_fill_disk_after, after=after))
    for name, rule in _FULL_WHEN.items():
        full = partial(_full_disk_at_call, rule=rule)
        yield Drill(f"disk full when {name}", _FULL, full, is_short=name == "a table is written")
    for name, rule in _ERRORS.items():
        yield Drill(f"error when {name}", _FAILING, partial(_fail_disk, rule=rule), is_short=name == "naming a part")
    for name, (who, rule) in _ERRORS_OF_FOOTAGE.items():
        failing = partial(_fail_reading_footage, who=who, rule=rule)
        yield Drill(f"error when {name}", _FAILING, failing, is_short=" 5th" in name)
    for name, (camera, rule) in _ERRORS_OF_INGEST.items():
        failing = partial(_fail_during_ingest, camera=camera, rule=rule)
        yield Drill(f"error when footage is ingested, {name}", _FAILING, failing, is_short="30th" in name)
    for name, who, runner in (("a worker", "default_worker", "ray"), ("the driver", "pipelines.cli", "serial")):
        late = partial(_delay_names, who=who)
        yield Drill(f"new names appear late to {name}", _LATE, late, runner, is_short=runner == "serial")
    for name, rule in (
        ("a part", "rename,/parts/detect/,4,1,lost"),
        ("a table", "rename,/tables/sightings.parquet,1,1,lost"),
    ):
        lost = partial(_fail_disk, rule=rule)
        yield Drill(f"{name} is renamed, and the answer is lost", _LATE, lost)
