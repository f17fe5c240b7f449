"""Every setting of a run: closed, typed, with its default and one line that says what it does.

Evidence settings (`detect`, `gate`, `track`, `recognise`) decide what the tables say; they make the digest and every
id.
Execution settings (`chunk`, `run`) decide how fast it goes; they are recorded and enter nothing.
A flag beats a profile beats the default.
"""

import tomllib
from copy import deepcopy
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from forensics.digests import digest_of
from forensics.errors import NotAuthorised, UsageError
from forensics.faces.face import QualityLimits
from forensics.footage.motion_gate import GateRules
from forensics.methods import METHODS
from forensics.tracking.association import TrackParameters

__all__ = [
    "ChunkSettings",
    "DetectSettings",
    "GateSettings",
    "RecogniseSettings",
    "RunSettings",
    "Settings",
    "TrackSettings",
    "load_settings",
    "settings_text",
]


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DetectSettings(_Closed):
    """What is looked for, and in which frames."""

    model: str = Field("builtin", description="a registered name, a path (.pt, .onnx, an OpenVINO folder) or builtin")
    classes: tuple[str, ...] = Field((), description="names to keep; none given keeps all the model knows")
    min_score: float = Field(0.1, ge=0, le=1, description="boxes below are dropped, on the detector's own scale")
    nms_iou: float = Field(0.7, gt=0, le=1, description="two boxes of one class that overlap more are one")
    fps: float | None = Field(
        None, ge=0.001, le=1000, description="frames looked at per second of media time; unset: every frame"
    )
    gate: Literal["off", "motion"] = Field(
        "off", description="off looks at every chosen frame; motion at those in which something may have changed"
    )
    precision: Literal["f32", "bf16", "f16"] = Field("f32", description="arithmetic of the network")
    threads: int = Field(1, ge=1, description="threads per inference stream; more may change the last digits")
    rectangular: bool = Field(
        False, description="the network's input fits the shape of the footage instead of being padded to a square"
    )
    device: Literal["cpu", "cuda"] = Field("cpu", description="where the network runs")
    batch: int = Field(1, ge=1, le=256, description="frames looked at together; .pt models only, 32 to 128 on a GPU")
    hang_s: int = Field(
        60,
        ge=1,
        description="processor seconds a decoder may work on a frame, per 100 that it must decode for it; footage "
        "that keeps it busy longer, alone and twice, is a gap",
    )

    @property
    def frames_per_second(self) -> Fraction | None:
        """`fps` as the nearest fraction that a camera could mean, such as 24000/1001 for 23.976023976."""
        return None if self.fps is None else Fraction(str(self.fps)).limit_denominator(1001)


class GateSettings(_Closed):
    """Which frames are not looked at where `detect.gate` is motion, and how many of them are looked at all the same."""

    window_s: float = Field(
        10, ge=1, le=3600, description="media time after which the gate begins anew with a look, at the next keyframe"
    )
    step_ms: int = Field(
        500, ge=1, le=60_000, description="from the first movement to the next look; shorter stays may pass unseen"
    )
    follow_score: float = Field(
        0.25, ge=0, le=1, description="boxes from here up are followed to the frame; at most track.activation_score"
    )
    audit_share: float = Field(
        0.01, ge=0, le=1, description="share of the frames not looked at that are looked at afterwards, by lot"
    )
    audit_frames: int = Field(300, ge=0, description="how many of them at least, of the whole run")
    audit_seed: int = Field(0, ge=0, lt=1 << 32, description="of the lot that chooses them")


_TRACK = TrackParameters()


class TrackSettings(_Closed):
    """When detections are one object."""

    method: Literal["bytetrack", "none"] = Field(
        "bytetrack", description="the tracker; none: every detection is an object of its own"
    )
    activation_score: float = Field(_TRACK.activation_score, description="lowest score that starts a track")
    high_score: float = Field(_TRACK.high_score, description="boxes from here up are associated first")
    minimum_iou: float = Field(_TRACK.minimum_iou, description="least overlap with where a track is expected")
    buffer_ms: int = Field(_TRACK.buffer_ms, description="how long a track waits for its next detection")
    minimum_detections: int = Field(_TRACK.minimum_detections, description="tracks with fewer are dropped")
    minimum_duration_ms: int = Field(_TRACK.minimum_duration_ms, description="tracks that are shorter are dropped")
    cuts: bool = Field(_TRACK.cuts, description="tracks end where edited footage is cut to another picture")

    @model_validator(mode="after")
    def _fit_each_other(self) -> "TrackSettings":
        self.parameters()
        return self

    def parameters(self) -> TrackParameters:
        """The same values as the association takes them."""
        return TrackParameters(**self.model_dump(exclude={"method"}))


class RecogniseSettings(_Closed):
    """How faces of sighted people are compared with the watch-list, in modes that may."""

    model: Literal["Dlib", "SFace", "Facenet512", "ArcFace"] = Field(
        "Dlib", description="what describes a face; Dlib needs no download"
    )
    detector: Literal["auto", "yunet", "dlib"] = Field(
        "auto", description="what finds a face in a person's box; auto: yunet where it is at hand, else dlib"
    )
    against: str = Field("watchlist", description="whom faces are compared with; nothing but the watch-list is allowed")
    false_candidate_rate: float = Field(
        0.01, gt=0, le=0.05, description="share of strangers' sightings that may pass the threshold, of the whole list"
    )
    looks: int = Field(16, ge=1, le=64, description="frames of each person's track that are searched for a face")
    second_looks: int = Field(
        48, ge=0, le=256, description="frames searched again where a face was seen, but too seldom for a candidate"
    )
    faces: int = Field(5, ge=1, le=16, description="best faces of a track that are compared")
    apart_ms: int = Field(500, ge=500, description="how far apart the compared faces of a track are at least")
    minimum_eyes_px: float = Field(18, ge=8, description="least distance between the eyes, in the footage")
    minimum_sharpness: float = Field(15, ge=0, description="least variance of the Laplacian of the aligned face")
    maximum_yaw_degrees: float = Field(80, gt=0, le=90, description="most turning away from the camera")
    minimum_score: float = Field(0.5, ge=0, le=1, description="least score of the face detector")
    minimum_faces: int = Field(3, ge=3, description="fewer faces make a lead, never a candidate")
    minimum_span_ms: int = Field(1000, ge=1000, description="a shorter time makes a lead, never a candidate")

    def limits(self) -> QualityLimits:
        """What is called good enough in footage."""
        return QualityLimits(
            eyes_px=self.minimum_eyes_px,
            sharpness=self.minimum_sharpness,
            yaw_degrees=self.maximum_yaw_degrees,
            score=self.minimum_score,
        )

    @field_validator("against")
    @classmethod
    def _is_targeted(cls, value: str) -> str:
        if value != "watchlist":
            raise NotAuthorised(
                f"recognise.against={value}: faces are compared with the case's watch-list and with nothing else",
                "add who is looked for with `forensics watchlist add`; comparing or grouping everybody is not built",
            )
        return value


class ChunkSettings(_Closed):
    """How the work is cut."""

    seconds: float = Field(10, ge=0.1, le=86_400, description="media time of one chunk; chunks begin on keyframes")


class RunSettings(_Closed):
    """How the work is done."""

    workers: int | None = Field(None, ge=1, description="workers; unset: one per processor core, of the whole cluster")
    decoders: int = Field(
        1, ge=1, le=64, description="decoding children of each worker, for a network that is faster than one of them"
    )
    retries: int = Field(1, ge=0, description="how often a chunk that lost its worker is tried again")
    stall_s: int = Field(
        120, ge=1, description="seconds a decoder may say nothing, busy or not, per 100 frames; a worker 10 times that"
    )
    index_stall_s: int = Field(120, ge=1, description="seconds that indexing may take, per 16 MiB of a file")
    decoder_memory_bytes: int = Field(4 << 30, ge=1 << 28, description="memory a decoder may hold before it is killed")
    cache_bytes: int = Field(
        256 << 20, ge=0, description="of footage from an object store, kept on the local disk by each decoder"
    )
    mixed_hardware: bool = Field(False, description="allow workers whose processors give other last digits")


class Settings(_Closed):
    """All settings of a run."""

    detect: DetectSettings = DetectSettings()
    gate: GateSettings = GateSettings()
    track: TrackSettings = TrackSettings()
    recognise: RecogniseSettings = RecogniseSettings()
    chunk: ChunkSettings = ChunkSettings()
    run: RunSettings = RunSettings()

    @model_validator(mode="after")
    def _starts_are_followed(self) -> "Settings":
        if self.is_gated and self.gate.follow_score > self.track.activation_score:
            raise ValueError(
                f"gate.follow_score {self.gate.follow_score} is above track.activation_score "
                f"{self.track.activation_score}: tracks would begin where nobody looks closer"
            )
        return self

    @property
    def is_gated(self) -> bool:
        """Whether some frames may not be looked at because nothing changed in them."""
        return self.detect.gate != "off"

    @property
    def gate_rules(self) -> GateRules | None:
        """What decides which frames are looked at; None where every chosen one is."""
        if not self.is_gated:
            return None
        return GateRules(
            window_us=round(self.gate.window_s * 1_000_000),
            step_us=self.gate.step_ms * 1_000,
            follow_score=self.gate.follow_score,
            start_score=self.track.activation_score,
        )

    def evidence_settings(self) -> dict[str, Any]:
        """What decides the tables, without where the model lies: its digest stands beside this."""
        detect = self.detect.model_dump(mode="json", exclude={"model"})
        detect["classes"] = sorted(set(self.detect.classes))
        sections = ("track", "recognise", "gate") if self.is_gated else ("track", "recognise")
        return {"detect": detect, **{name: getattr(self, name).model_dump(mode="json") for name in sections}}

    def methods(self, *, compares_faces: bool) -> dict[str, int]:
        """The number of each method of our own that decides the tables; see `forensics.methods`."""
        return {name: METHODS[name] for name in self.evidence_settings() if compares_faces or name != "recognise"}

    def digest(self, model_sha256: str, *, compares_faces: bool) -> str:
        """The name of these evidence settings with this model; what faces ask counts only where they are compared."""
        methods, settings = self.methods(compares_faces=compares_faces), self.evidence_settings()
        return digest_of({**{name: settings[name] for name in methods}, "methods": methods, "model": model_sha256})


def load_settings(profile: Path | None, assignments: tuple[str, ...], base: dict[str, Any] | None = None) -> Settings:
    """Defaults, then `base`, then the profile, then each `name=value`.

    Args:
        profile: a TOML file; None for none.
        base: sections of an earlier run's settings; a profile replaces them, but for a model that it does not name.
        assignments: texts such as ``detect.min_score=0.4``; lists are separated by commas.

    Raises:
        UsageError: an unknown name, with the known ones, or a value that does not fit.
    """
    before = deepcopy(base or {})
    values = before if profile is None else _with_model(profile, before.get("detect", {}).get("model"))
    for assignment in assignments:
        _assign(values, assignment)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise _explained(error) from error


def _with_model(profile: Path, model: str | None) -> dict[str, Any]:
    """The profile, and the model that was used before where it names none."""
    values = _from_file(profile)
    detect = values.setdefault("detect", {})
    if model is not None and isinstance(detect, dict):
        detect.setdefault("model", model)
    return values


def settings_text(sections: dict[str, dict[str, Any]]) -> list[str]:
    """Every setting of these sections that is not the default, as ``section.name=value``; the model apart.

    >>> told_settings({"detect": {"model": "builtin", "fps": 2.0, "classes": ["person"]}})
    ['detect.fps=2.0', 'detect.classes=person']
    """
    usual = Settings().model_dump(mode="json")
    return [
        f"{section}.{name}={','.join(value) if isinstance(value, list) else value}"
        for section, values in sections.items()
        for name, value in values.items()
        if (section, name) != ("detect", "model") and value != usual.get(section, {}).get(name)
    ]


def _from_file(profile: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(profile.read_text())
    except FileNotFoundError as error:
        raise UsageError("there is no such profile", f"check the path; {_examples()}", profile) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"not a TOML file ({error})", f"mend it; {_examples()}", profile) from error
    except OSError as error:
        raise UsageError(f"{error.strerror}", f"name a readable TOML file; {_examples()}", profile) from error


def _examples() -> str:
    """Where profiles lie that can be used as they are."""
    return f"{Path(__file__).resolve().parents[1] / 'configs'} holds examples"


def _assign(values: dict[str, Any], assignment: str) -> None:
    name, equals, text = assignment.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (equals and dot):
        raise UsageError(f"setting {assignment!r} is not of the form section.name=value", "say --set detect.fps=5")
    kept = values.setdefault(section, {})
    if not isinstance(kept, dict):
        raise UsageError(f"setting {section!r} is not a section", f"known sections: {_known_sections()}")
    kept[key] = _value(section, key, text.strip())


def _value(section: str, key: str, text: str) -> Any:
    if (section, key) == ("detect", "classes"):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return None if text in {"", "unset"} else text


def _explained(error: ValidationError) -> UsageError:
    """All that is wrong with the settings."""
    faults = error.errors()
    told = "; ".join(map(_fault, faults))
    if any(fault["type"] == "extra_forbidden" for fault in faults):
        return UsageError(told, f"known settings: {', '.join(known_names())}")
    return UsageError(told, "give a value that fits")


def _fault(fault: Any) -> str:
    name = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"unknown setting {name}"
    if not name or isinstance(fault["input"], (dict, BaseModel)):  # two settings that do not fit each other
        return str(fault["ctx"]["error"]) if "ctx" in fault else str(fault["msg"])
    return f"setting {name}: {fault['msg'].lower()}, got {fault['input']!r}"


def _known_sections() -> str:
    return ", ".join(Settings.model_fields)


def known_names() -> list[str]:
    """Every setting as ``section.name``, in the order of the sections."""
    defaults = Settings()
    return [
        f"{section}.{name}"
        for section in Settings.model_fields
        for name in type(getattr(defaults, section)).model_fields
    ]
