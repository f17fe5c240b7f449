"""Which adapter drives which kind of model."""

from typing import Final

from forensics.detector import Detector
from forensics.errors import UsageError
from forensics.models.forbidden import refuse_protected
from forensics.models.shelf import Model, check

__all__ = ["load_detector"]

# large enough to fill a GPU, small enough for its memory at 640 pixels
_CUDA_BATCH_FRAMES: Final = 16


def load_detector(
    model: Model,
    *,
    classes: tuple[str, ...],
    min_score: float,
    iou: float,
    threads: int,
    precision: str,
    device: str,
) -> Detector:
    """The detector of a resolved model, whose file is checked once more before it is loaded.

    Args:
        model: as `forensics.models.shelf.resolve` returned it.
        classes: names of the wanted classes; empty for all.
        min_score: the least score that is kept, on the detector's own scale.
        iou: overlap above which two boxes of one class are one; networks only.
        threads: of the one inference stream; networks only.
        precision: ``f32``, ``bf16`` or ``f16``; networks only.
        device: ``cpu``, or ``cuda`` for a `.pt` file.

    Raises:
        NotAuthorised: the model has a class that tells what a person is.
    """
    check(model)
    refuse_protected(classes, "detect.classes")
    detector = _loaded(
        model,
        classes=classes,
        min_score=min_score,
        iou=iou,
        threads=threads,
        precision=precision,
        device=device,
    )
    refuse_protected(detector.class_names, model.name)
    return detector


def _loaded(
    model: Model,
    *,
    classes: tuple[str, ...],
    min_score: float,
    iou: float,
    threads: int,
    precision: str,
    device: str,
) -> Detector:
    if model.format == "builtin":
        from forensics.adapters.builtin import CLASS_NAMES, load_builtin

        return load_builtin(classes=classes or CLASS_NAMES, min_score=min_score)
    if model.format == "pt":
        from forensics.adapters import ultralytics_detector

        batch_frames = 1 if device == "cpu" else _CUDA_BATCH_FRAMES
        return ultralytics_detector.load(
            model,
            classes=classes,
            min_score=min_score,
            iou=iou,
            threads=threads,
            precision=precision,
            device=device,
            batch_frames=batch_frames,
        )
    if device != "cpu":
        raise UsageError(f"{model.name} runs on the processor only, not on {device}", "give a .pt file, or device cpu")
    from forensics.adapters import openvino_detector

    return openvino_detector.load(
        model, classes=classes, min_score=min_score, iou=iou, threads=threads, precision=precision
    )
