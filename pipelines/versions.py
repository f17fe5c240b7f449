"""Versions of the libraries that compute the tables of a run."""

from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

__all__ = ["installed_versions", "library_versions"]

# Another version of one of these libraries may change a table, so it makes another run.
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


def library_versions() -> dict[str, str]:
    """Return the installed version of each library that can change a table."""
    return installed_versions(_LIBRARIES)


def installed_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each distribution, ``absent`` if it is not installed.

    >>> installed_versions(["no-such-thing"])
    {'no-such-thing': 'absent'}
    """
    return {name: _version(name) for name in names}


@cache  # a plan asks for each evidence, and reading the metadata of ten libraries takes 3 ms
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
