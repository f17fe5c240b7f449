"""Which adapter drives which kind of model."""

from forensics.adapters.libraries.opencv import load_opencv
from forensics.detection.detector import Detector, DetectorOptions
from forensics.errors import UsageError
from forensics.models.forbidden import refuse_protected
from forensics.models.model_store import Model, check

__all__ = ["load_detector"]


def load_detector(model: Model, options: DetectorOptions) -> Detector:
    """The detector of a resolved model, whose file is checked once more before it is loaded.

    Raises:
        NotAuthorised: the model has a class that tells what a person is.
    """
    check(model)
    load_opencv()  # every detector's frames come from a child process that is started after this
    refuse_protected(options.classes, "detect.classes")
    detector = _loaded(model, options)
    refuse_protected(detector.class_names, model.name)
    return detector


def _loaded(model: Model, options: DetectorOptions) -> Detector:
    if options.rectangular and model.format in ("builtin", "pt"):
        raise UsageError(
            f"{model.name} has no rectangular input", "leave out detect.rectangular, or give an exported network"
        )
    if model.format != "pt" and options.batch != 1:
        raise UsageError(f"{model.name} looks at one frame at a time", "give a .pt file, or leave out detect.batch")
    if model.format != "pt" and options.device != "cpu":
        raise UsageError(
            f"{model.name} runs on the processor only, not on {options.device}", "give a .pt file, or device cpu"
        )
    if model.format == "builtin" and options.precision != "f32":
        raise UsageError(f"{model.name} has no {options.precision}", "leave out detect.precision, or give a network")
    if model.format == "builtin":
        from forensics.adapters.detectors.builtin import CLASS_NAMES, load_builtin

        return load_builtin(classes=options.classes or CLASS_NAMES, min_score=options.min_score)
    if model.format == "pt":
        from forensics.adapters.detectors import ultralytics_detector

        return ultralytics_detector.load(model, options)
    from forensics.adapters.detectors import openvino_detector

    return openvino_detector.load(model, options)
