"""Which rules of our own decided: a number for each, which stands in the names of runs and of their parts.

Whoever changes what comes of the same footage under the same settings raises the number: then a run that was begun
under the old rules is another run, none of its parts is gone on with, and `reproduce` knows that they differ. What
libraries decide has their versions.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["METHODS"]

METHODS: Final[Mapping[str, int]] = MappingProxyType({"detect": 1, "gate": 3, "recognise": 1, "track": 1})
"""By section of the settings.

* ``detect``: which frames are chosen (`chunks`), how they are scaled (`letterbox`), which boxes stay (`yolo_output`);
* ``gate``: which frames are looked at (`gate`, `closer`, `presence`);
* ``recognise``: which faces are chosen and how they are compared (`face_selection`, `comparison`, `pooling`);
* ``track``: which boxes are one object (`tracking`, `box_filter`, `overlap`).
"""
