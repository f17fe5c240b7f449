"""Versions of the libraries that a run computes with."""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Final

__all__ = ["installed", "libraries"]

# The libraries whose arithmetic reaches a table: another version of one is another run.
_LIBRARIES: Final = (
    "av",
    "decord",
    "numpy",
    "onnxruntime",
    "opencv-python",
    "openvino",
    "pillow",
    "torch",
    "trackers",
    "ultralytics",
)


def libraries() -> dict[str, str]:
    """Return the installed version of each library whose arithmetic reaches a table."""
    return installed(_LIBRARIES)


def installed(names: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each distribution, ``absent`` where it is not installed.

    >>> installed(["no-such-thing"])
    {'no-such-thing': 'absent'}
    """
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found
