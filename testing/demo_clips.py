"""Short versions of the demo footage, with only the first person of each camera."""

from dataclasses import replace
from pathlib import Path

from pipelines.demo.footage import demo_scenes, make_footage

__all__ = ["make_clips"]


def make_clips(folder: Path, *, n_frames: dict[str, int]) -> list[Path]:
    """Write clips of the named cameras with so many frames; the first person has left after frame 132."""
    scenes = {scene.camera_id: scene for scene in demo_scenes()}
    short = [replace(scenes[name], n_frames=n, walks=scenes[name].walks[:1]) for name, n in n_frames.items()]
    return [clip.path for clip in make_footage(folder, short)]
