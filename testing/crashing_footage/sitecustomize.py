"""Makes decoders crash or hang on chosen frames, in decoding children with this folder on their import path.

`$POISON` holds entries ``NAME FRAME ACTION [MARKER]``, separated by semicolons. After FRAME of a file whose name
contains NAME is decoded, the decoder performs ACTION: the name of a signal, ``spin``, ``sleep`` or ``raise``. With
MARKER, a file that is then created, this happens only once. `$POISON_DETECTOR`, ``FRAME ACTION``, does the same in the
builtin detector, and `$POISON_INDEX`, ``NAME ACTION``, before a file is indexed.
"""

import functools
import importlib.abc
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Callable
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

_READER = "forensics.adapters.video.reading.group_decoder"
_DETECTOR = "forensics.adapters.detectors.builtin"
_INDEX = "forensics.adapters.footage_index"


def _perform(action: str) -> None:
    if action == "spin":
        while True:
            pass
    if action == "sleep":
        time.sleep(3600)
    if action == "raise":
        raise ZeroDivisionError("nobody expected this picture")
    os.kill(os.getpid(), signal.Signals[action])


def _claim_turn(marker: list[str]) -> bool:
    """Create the marker file, if there is one; return False if it existed before."""
    if marker and Path(marker[0]).exists():
        return False
    if marker:
        Path(marker[0]).touch()
    return True


def _poison_reader(module: ModuleType) -> None:
    decoded = module._decode

    def poisonous(source, index, state):  # type: ignore[no-untyped-def]
        entries = [entry.split() for entry in os.environ.get("POISON", "").split(";") if entry.strip()]
        for found in decoded(source, index, state):
            for name, at, action, *marker in entries:
                if name in source.path.name and int(at) == found.number and _claim_turn(marker):
                    _perform(action)
            yield found

    module._decode = poisonous


def _poison_detector(module: ModuleType) -> None:
    detect_frames = module._Builtin._detect_frames

    def poisonous(self, frames, windows, references):  # type: ignore[no-untyped-def]
        at, _, action = os.environ.get("POISON_DETECTOR", "").partition(" ")
        for number, boxes in detect_frames(self, frames, windows, references):
            if at and int(at) == number:
                _perform(action)
            yield number, boxes

    module._Builtin._detect_frames = poisonous


def _poison_index(module: ModuleType) -> None:
    index_footage = module.index_footage

    @functools.wraps(index_footage)  # its name, by which the driver's request to the child is pickled
    def poisonous(path, **options):  # type: ignore[no-untyped-def]
        name, _, action = os.environ.get("POISON_INDEX", "").partition(" ")
        if name and name in path.name:
            _perform(action)
        return index_footage(path, **options)

    module.index_footage = poisonous


_POISONS: dict[str, Callable[[ModuleType], None]] = {
    _READER: _poison_reader,
    _DETECTOR: _poison_detector,
    _INDEX: _poison_index,
}


class _Loader(importlib.abc.Loader):
    def __init__(self, real: importlib.abc.Loader) -> None:
        self._real = real

    def exec_module(self, module: ModuleType) -> None:
        self._real.exec_module(module)
        _POISONS[module.__name__](module)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):  # type: ignore[no-untyped-def]
        real = PathFinder.find_spec(name, path) if name in _POISONS else None
        if real is None or real.loader is None:
            return None
        return ModuleSpec(name, _Loader(real.loader), origin=real.origin)


if {"POISON", "POISON_DETECTOR", "POISON_INDEX"} & os.environ.keys():
    sys.meta_path.insert(0, _Finder())
