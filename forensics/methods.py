"""Version numbers of this project's own algorithms, which are part of run ids and part names.

Increase a number with every change that gives other results for the same footage and settings. Then a run started with
the old rules is another run, none of its parts is reused, and `reproduce` reports the difference. Algorithms of
libraries are covered by the versions of the libraries.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["METHODS"]

METHODS: Final[Mapping[str, int]] = MappingProxyType({"detect": 3, "gate": 3, "recognise": 2, "track": 4})
"""Version by section of the settings.

* ``detect``: decoding (`group_decoder`), sampling (`chunks`), scaling (`letterbox`) and box decoding (`yolo_output`);
* ``gate``: selection of the frames to detect (`motion_gate`, `refinement`, `linking`);
* ``recognise``: selection and comparison of faces (`face_selection`, `comparison`, `pooling`);
* ``track``: association of boxes (`association`, `box_filter`, `iou`, `sparse_footage`, `shot_cuts`), best box
  (`sightings`), instants of stills (`frame_clock`).
"""
