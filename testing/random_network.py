"""A detection network with random weights that finds something, as a published `.pt` file, and a catalogue with it."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from forensics.digests import sha256_of_file
from forensics.footage.frames import RgbArray
from forensics.models.labels import known_labels

__all__ = ["make_random_network", "noise_pictures", "write_catalogue"]

_N_CLASSES: Final = 80
_BOXES_PER_PICTURE: Final = 60
_SPREAD: Final = 4
"""Factor of the last weights, so that scores differ from place to place."""


def noise_pictures(count: int, height_px: int, width_px: int, seed: int = 0) -> RgbArray:
    """Return (N, h, w, 3) uint8 RGB pictures of smooth random patches."""
    import cv2

    small = np.random.default_rng(seed).integers(0, 256, (count, 12, 16, 3), dtype=np.uint8)
    return np.stack([cv2.resize(each, (width_px, height_px), interpolation=cv2.INTER_LINEAR) for each in small])


def make_random_network(path: Path, seed: int = 0) -> Path:
    """Write YOLO11n with random weights and known labels; it finds about 60 boxes in a picture of noise.

    The statistics of its normalisation are those of such pictures: without them, what it computes hardly depends on
    its input. The bias of its classes is set so that few places pass a threshold.
    """
    import torch
    from ultralytics.models.yolo.model import YOLO

    torch.manual_seed(seed)
    network = YOLO("yolo11n.yaml", task="detect")
    model: Any = network.model
    model.names = dict(enumerate(sorted(known_labels())[:_N_CLASSES]))
    pictures = torch.from_numpy(noise_pictures(4, 640, 640)).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        model.train()
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None
                module.reset_running_stats()
        model(pictures)
        model.eval()
        last_layers = [branch[-1] for branch in model.model[-1].cv3]
        for layer in last_layers:
            layer.weight.mul_(_SPREAD)
            layer.bias.zero_()
        scores = model(pictures)[0][:, 4:].amax(1).flatten().logit(eps=1e-7).sort(descending=True).values
        for layer in last_layers:
            layer.bias.fill_(-float(scores[len(pictures) * _BOXES_PER_PICTURE]) - 0.8)
    network.save(path)
    return path


_ENTRY: Final = """
[[model]]
name = "{name}"
task = "detect"
format = "pt"
labels = "coco80"
licence = "AGPL-3.0"
training_data = "none, its weights are random"
accuracy = "mAP 50-95 0.1 on COCO val (a test)"

[model.preference]
order = {order}
reason = "made for a test"

[[model.files]]
name = "{name}.pt"
source = "{address}/{name}.pt"
sha256 = "{sha256}"
"""


def write_catalogue(path: Path, published: Path, address: str, *names: str) -> Path:
    """Write a catalogue that registers one published file under each name, the first choice first."""
    sha256 = sha256_of_file(published)
    entries = (
        _ENTRY.format(name=name, order=order, address=address, sha256=sha256) for order, name in enumerate(names, 1)
    )
    path.write_text("".join(entries))
    return path
