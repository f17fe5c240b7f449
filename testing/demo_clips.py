"""The demo's footage, cut short: a camera sees only its first walk."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.demo import footage as demo_footage

__all__ = ["make_clips"]


def make_clips(folder: Path, *, n_frames: dict[str, int]) -> list[Path]:
    """Write clips of the named cameras with that many frames; after 132 the first person has passed."""
    scenes = {scene.camera_id: scene for scene in demo_footage._scenes()}
    cut = [replace(scenes[name], n_frames=n, passes=scenes[name].passes[:1]) for name, n in n_frames.items()]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(demo_footage, "_scenes", lambda: cut)
        return [clip.path for clip in demo_footage.make_footage(folder)]
