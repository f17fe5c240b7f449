"""Footage that does something to its decoder, for decoding children that find this folder on their path.

`$POISON` says what, as ``NAME FRAME DEED [ONCE]``, several separated by semicolons: once the decoder has decoded FRAME
of a file whose name contains NAME, it does DEED: the name of a signal, ``spin``, ``sleep`` or ``raise``. With ONCE, a
file that remembers, it is done the first time only. `$POISON_DETECTOR`, ``FRAME DEED``, does it to the builtin
detector.
"""

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

_READER = "forensics.adapters.video.pyav_reader"
_DETECTOR = "forensics.adapters.detectors.builtin"


def _do(deed: str) -> None:
    if deed == "spin":
        while True:
            pass
    if deed == "sleep":
        time.sleep(3600)
    if deed == "raise":
        raise ZeroDivisionError("nobody expected this picture")
    os.kill(os.getpid(), signal.Signals[deed])


def _is_due(once: list[str]) -> bool:
    if once and Path(once[0]).exists():
        return False
    if once:
        Path(once[0]).touch()
    return True


def _poison_reader(module: ModuleType) -> None:
    decoded = module.PyavReader._decoded

    def poisonous(self, group):  # type: ignore[no-untyped-def]
        deeds = [entry.split() for entry in os.environ.get("POISON", "").split(";") if entry.strip()]
        for number, frame in decoded(self, group):
            for name, at, deed, *once in deeds:
                if name in self._footage.path.name and int(at) == number and _is_due(once):
                    _do(deed)
            yield number, frame

    module.PyavReader._decoded = poisonous


def _poison_detector(module: ModuleType) -> None:
    judged = module._Builtin._judged

    def poisonous(self, frames, windows, small):  # type: ignore[no-untyped-def]
        at, _, deed = os.environ.get("POISON_DETECTOR", "").partition(" ")
        for number, boxes in judged(self, frames, windows, small):
            if at and int(at) == number:
                _do(deed)
            yield number, boxes

    module._Builtin._judged = poisonous


_POISONS: dict[str, Callable[[ModuleType], None]] = {_READER: _poison_reader, _DETECTOR: _poison_detector}


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


if {"POISON", "POISON_DETECTOR"} & os.environ.keys():
    sys.meta_path.insert(0, _Finder())
