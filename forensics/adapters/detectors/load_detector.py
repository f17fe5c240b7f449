"""Choice of the detector for a model, by its format."""

from forensics.adapters.libraries.opencv import load_opencv
from forensics.detection.detector import Detector, DetectorOptions
from forensics.errors import UsageError
from forensics.models.labels import refuse_undeclared
from forensics.models.model_store import Model, check

__all__ = ["load_detector"]


def load_detector(model: Model, options: DetectorOptions) -> Detector:
    """Load the detector of a resolved model, after another check of the digest of its file.

    Raises:
        NotAuthorised: a class that would be detected is of no known list, and not declared.
        UsageError: the settings ask for something that this kind of model cannot do.
    """
    check(model)
    load_opencv()  # before the decoding child starts, which inherits the library search path
    detector = _load_by_format(model, options)
    refuse_undeclared(options.classes or detector.class_names, options.declared_labels, model.name)
    return detector


def _load_by_format(model: Model, options: DetectorOptions) -> Detector:
    """Check the options against the format of the model, and load its detector."""
    if options.rectangular and model.format in ("builtin", "pt"):
        raise UsageError(
            f"{model.name} has no rectangular input", "leave out detect.rectangular, or give an exported network"
        )
    if model.format != "pt" and options.batch != 1:
        raise UsageError(
            f"{model.name} processes one frame at a time",
            f"use {_published_file(model)}, or leave out --set detect.batch",
        )
    if model.format != "pt" and options.device != "cpu":
        raise UsageError(
            f"{model.name} runs on the CPU only, not on {options.device}",
            f"use {_published_file(model)}, or set detect.device to cpu",
        )
    if model.format == "builtin" and options.precision != "f32":
        raise UsageError(
            f"{model.name} does not support precision {options.precision}",
            "leave out --set detect.precision, or use a model file or folder",
        )
    if model.format == "builtin":
        from forensics.adapters.detectors.builtin import CLASS_NAMES, load_builtin

        return load_builtin(classes=options.classes or CLASS_NAMES, min_score=options.min_score)
    if model.format == "pt":
        from forensics.adapters.detectors import ultralytics_detector

        return ultralytics_detector.load(model, options)
    from forensics.adapters.detectors import openvino_detector

    return openvino_detector.load(model, options)


def _published_file(model: Model) -> str:
    """Return which `.pt` file to use: the one that a model was converted from, or any."""
    return "a .pt file" if model.conversion is None else f"--model {model.conversion.source}"
