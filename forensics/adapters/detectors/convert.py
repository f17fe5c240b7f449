"""Conversion of a registered `.pt` file to an OpenVINO folder, in a child process without network.

A `.pt` file is a pickle, which can run code while it is loaded. So only a copy whose digest is the registered one is
handed to the child. Weights keep 32 bits: the runtime computes in `detect.precision` whatever the file holds, and 16
bits would only change the maker's numbers.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from forensics.adapters.detectors.convert_child import ISOLATION
from forensics.errors import CannotStart, IntegrityBroken
from forensics.models.catalogue import Entry
from forensics.models.conversion import RECORD, Conversion, conversion_folder, encode_conversion, load_conversion
from forensics.models.digest import digest_of
from forensics.models.storage import explain_disk_errors, lock_model, move_into_place, sync_tree

__all__ = ["convert"]

_CHILD: Final = Path(__file__).with_name("convert_child.py")
_LIBRARIES: Final = ("openvino", "torch", "ultralytics")
_LIMIT_S: Final = 900
_BLOCK_BYTES: Final = 1 << 20
_EXPORTED: Final = frozenset({".xml", ".bin", ".yaml"})


def convert(entry: Entry, source: Path, into: Path) -> Path:
    """Convert the published file of an entry once, and return the path of the network.

    The conversion gets its name when it is whole. A second process waits for the first and uses its result; what a
    killed process left is removed.

    Args:
        entry: of the format ``pt``.
        source: the published file.
        into: folder of models to which the conversion is written.

    Raises:
        CannotStart: the conversion failed, took too long, or cannot be written.
        IntegrityBroken: the file has another digest, or an existing conversion has changed.
    """
    target = conversion_folder(into, entry)
    with lock_model(into, entry.name), explain_disk_errors(into):
        prefix = f".{entry.name}.converting-"
        for unfinished in into.glob(f"{prefix}*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        if not target.exists():
            with TemporaryDirectory(prefix=prefix, dir=into) as staging:
                whole = _convert_in(Path(staging), entry, source)
                sync_tree(whole)
                move_into_place(whole, target)
        return load_conversion(target, entry)[0]


def _convert_in(staging: Path, entry: Entry, source: Path) -> Path:
    """Return a folder with the converted network and its record."""
    work, whole = staging / "export", staging / "whole"
    work.mkdir()
    whole.mkdir()
    _copy_checked(source, work / entry.location, entry.sha256)
    _run_child(work, entry)
    exported = _check_export(work / f"{entry.name}_openvino_model", entry)
    network = exported.rename(whole / exported.name)
    _remove_date(network / "metadata.yaml")
    conversion = Conversion(
        source=entry.location,
        source_sha256=entry.sha256,
        network=network.name,
        network_sha256=digest_of(network),
        weights="f32",
        libraries={name: version(name) for name in _LIBRARIES},
        isolation=(work / ISOLATION).read_text(encoding="utf-8"),
    )
    (whole / RECORD).write_text(encode_conversion(conversion), encoding="utf-8")
    return whole


def _copy_checked(source: Path, copy: Path, expected: str) -> None:
    """Copy the file, and check the digest of the bytes that were copied."""
    digest = hashlib.sha256()
    with source.open("rb") as opened, copy.open("xb") as out:
        while block := opened.read(_BLOCK_BYTES):
            digest.update(block)
            out.write(block)
    if digest.hexdigest() != expected:
        raise IntegrityBroken(
            f"SHA-256 is {digest.hexdigest()[:12]}, registered is {expected[:12]}", "remove it and pull again", source
        )


def _run_child(work: Path, entry: Entry) -> None:
    """Run the export in `work`."""
    environment = os.environ | {
        "YOLO_AUTOINSTALL": "false",
        "YOLO_OFFLINE": "true",
        "YOLO_CONFIG_DIR": str(work),
        "MPLCONFIGDIR": str(work),
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "2",  # each thread counts against the limit of memory
    }
    # without -P the folder of the script would be searched for modules
    command = [sys.executable, "-P", str(_CHILD), entry.location, str(os.getpid())]
    try:
        done = subprocess.run(
            command, cwd=work, env=environment, capture_output=True, timeout=_LIMIT_S, check=False, errors="replace"
        )
    except subprocess.TimeoutExpired as error:
        raise _failure(entry, f"it took longer than {_LIMIT_S} s") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise _failure(entry, f"exit status {done.returncode}, {said}")


def _check_export(exported: Path, entry: Entry) -> Path:
    """Check that the export holds one network with its metadata, and nothing else."""
    found = sorted(path.suffix for path in exported.iterdir()) if exported.is_dir() else []
    if found != sorted(_EXPORTED):
        raise _failure(entry, f"the export holds {', '.join(found) or 'nothing'}, expected one .bin, .xml and .yaml")
    return exported


def _remove_date(metadata: Path) -> None:
    """Remove the time of the export, so that the same versions give the same digest on every machine."""
    lines = metadata.read_text(encoding="utf-8").splitlines(keepends=True)
    metadata.write_text("".join(line for line in lines if not line.startswith("date:")), encoding="utf-8")


def _failure(entry: Entry, what: str) -> CannotStart:
    return CannotStart(
        f"{entry.location} could not be converted to OpenVINO: {what}",
        f"free memory and disk space and run again: forensics models pull {entry.name}; or run it unconverted: "
        f"--model {entry.location}",
    )
