"""Settings of a run, each with type, default and description. Unknown names are refused.

Evidence settings (`detect`, `gate`, `track`, `sight`, `recognise`) decide the content of the tables and enter the
digest of the run and every id. Execution settings (`chunk`, `run`) only decide speed and resources; they are recorded
and enter no digest.

This is the only list of settings: `forensics settings`, docs/settings.md, completion and errors are made from it. The
description of a setting states its meaning in a few words; details may follow after a semicolon.
"""

from fractions import Fraction
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from forensics.digests import digest_of
from forensics.errors import NotAuthorised
from forensics.faces.face import QualityLimits
from forensics.footage.motion_gate import GateRules
from forensics.json_object import JsonObject
from forensics.methods import METHODS
from forensics.tracking.association import TrackParameters

__all__ = [
    "ChunkSettings",
    "DetectSettings",
    "GateSettings",
    "RecogniseSettings",
    "RunSettings",
    "Settings",
    "SightSettings",
    "TrackSettings",
]


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DetectSettings(_Closed):
    """Settings of detection: the detector, its classes and the sampled frames."""

    model: str = Field(
        "builtin",
        description="model of the detector; a registered name, a path (.pt, .onnx or an OpenVINO folder) or builtin, "
        "which needs no file",
    )
    classes: tuple[str, ...] = Field(
        (), description="classes whose boxes are kept; empty keeps all classes of the model"
    )
    declared_labels: tuple[str, ...] = Field(
        (),
        description="labels of the model that are allowed although no known list has them; declaring them states "
        "that they do not describe what a person is, and needs a --reason",
    )
    min_score: float = Field(
        0.1, ge=0, le=1, description="lowest score of a box that is kept; on the detector's own scale"
    )
    nms_iou: float = Field(0.7, gt=0, le=1, description="IoU above which two boxes of one class are merged into one")
    fps: float | None = Field(
        None, ge=0.001, le=1000, description="frames sampled per second of media time; unset samples every frame"
    )
    gate: Literal["off", "motion"] = Field(
        "off",
        description="which sampled frames are detected; off detects all of them, motion skips those in which nothing "
        "changed",
    )
    damaged: Literal["gap", "show"] = Field(
        "gap",
        description="what is done with damaged frames; gap detects nothing in them, show detects in what the decoder "
        "makes of them and marks the rows doubtful; show needs detect.gate=off",
    )
    precision: Literal["f32", "bf16", "f16"] = Field("f32", description="number format of the network's arithmetic")
    threads: int = Field(
        1, ge=1, description="CPU threads per inference stream; more may change the last digits of scores"
    )
    rectangular: bool = Field(
        False,
        description="whether the network's input has the shape of the footage; false pads it to a square",
    )
    device: Literal["cpu", "cuda"] = Field("cpu", description="device on which the network runs")
    batch: int = Field(
        1, ge=1, le=256, description="frames per inference; more than 1 for .pt models only, 32 to 128 on a GPU"
    )
    hang_s: int = Field(
        60,
        ge=1,
        description="CPU seconds that a decoder may spend on a frame; as many more per 100 frames decoded for it; a "
        "frame that takes longer, alone and twice, is a gap",
    )

    @model_validator(mode="after")
    def _check_damaged(self) -> "DetectSettings":
        if self.damaged == "show" and self.gate != "off":
            raise ValueError(
                "detect.damaged=show needs detect.gate=off, because the gate cannot compare damaged frames with others"
            )
        return self

    @property
    def frames_per_second(self) -> Fraction | None:
        """`fps` as the nearest fraction with a denominator up to 1001, such as 24000/1001 for 23.976023976."""
        return None if self.fps is None else Fraction(str(self.fps)).limit_denominator(1001)


class GateSettings(_Closed):
    """Settings of the motion gate and of the spot check of skipped frames; used if `detect.gate` is motion."""

    window_s: float = Field(
        10,
        ge=1,
        le=3600,
        description="seconds of media time after which the gate restarts; it does with a detected keyframe",
    )
    step_ms: int = Field(
        500,
        ge=1,
        le=60_000,
        description="ms of media time from movement to the next detected frame; shorter stays may be missed",
    )
    follow_score: float = Field(
        0.25,
        ge=0,
        le=1,
        description="lowest score of a box that is followed to its first and last frame; at most "
        "track.activation_score",
    )
    audit_share: float = Field(
        0.01, ge=0, le=1, description="share of the skipped frames that the spot check detects afterwards"
    )
    audit_frames: int = Field(300, ge=0, description="lowest number of spot-checked frames in the whole run")
    audit_seed: int = Field(0, ge=0, lt=1 << 32, description="random seed of the sample of spot-checked frames")


_TRACK = TrackParameters()


class TrackSettings(_Closed):
    """Settings of tracking: which detections are one object."""

    method: Literal["bytetrack", "none"] = Field(
        "bytetrack", description="tracker; none makes every detection an object of its own"
    )
    activation_score: float = Field(
        _TRACK.activation_score, ge=0, le=1, description="lowest score that starts a track; at least track.high_score"
    )
    high_score: float = Field(
        _TRACK.high_score,
        ge=0,
        le=1,
        description="score from which detections are associated first; those below only continue tracks",
    )
    minimum_iou: float = Field(
        _TRACK.minimum_iou, gt=0, le=1, description="lowest IoU of a detection with the predicted box of its track"
    )
    buffer_ms: int = Field(
        _TRACK.buffer_ms, ge=0, description="ms of media time without a detection after which a track ends"
    )
    minimum_detections: int = Field(
        _TRACK.minimum_detections,
        ge=1,
        description="lowest number of detections of a track; tracks with fewer are dropped",
    )
    minimum_duration_ms: int = Field(
        _TRACK.minimum_duration_ms,
        ge=0,
        description="shortest track in ms of media time; shorter tracks are dropped",
    )
    single_frame_score: float = Field(
        0.25,
        ge=0,
        le=1,
        description="lowest score of a detection that is a sighting without another frame; applies to stills, and "
        "where frames are more than buffer_ms apart",
    )
    cuts: bool = Field(_TRACK.cuts, description="whether all tracks end at shot cuts of edited footage")

    @model_validator(mode="after")
    def _check_parameters(self) -> "TrackSettings":
        if self.activation_score < self.high_score:
            raise ValueError(
                f"track.activation_score {self.activation_score} is below track.high_score {self.high_score}"
            )
        return self

    def parameters(self) -> TrackParameters:
        """Return the parameters of the association."""
        return TrackParameters(**self.model_dump(exclude={"method", "single_frame_score"}))


class SightSettings(_Closed):
    """Settings of sightings."""

    thumbnails: Literal["all", "none"] = Field(
        "all",
        description="which pictures are stored; all stores one of the best detection of every track, none stores no "
        "picture, also none of people",
    )


class RecogniseSettings(_Closed):
    """Settings of the comparison of faces with the watch-list, in modes that compare faces."""

    model: Literal["Dlib", "SFace", "Facenet512", "ArcFace"] = Field(
        "Dlib", description="face recognition model that computes templates; Dlib needs no download"
    )
    detector: Literal["auto", "yunet", "dlib"] = Field(
        "auto",
        description="face detector inside a person's box; auto uses yunet if it is installed, else dlib, and the case "
        "keeps what its first run used",
    )
    against: str = Field("watchlist", description="set that faces are compared with; only watchlist is allowed")
    false_candidate_rate: float = Field(
        0.01,
        gt=0,
        le=0.05,
        description="largest share of sightings of strangers that may be candidates by chance; for the whole list",
    )
    looks: int = Field(16, ge=1, le=64, description="largest number of frames per track that are searched for a face")
    second_looks: int = Field(
        48, ge=0, le=256, description="extra frames per track that are searched if too few faces were found"
    )
    faces: int = Field(5, ge=1, le=16, description="largest number of faces per track that are compared; the best ones")
    apart_ms: int = Field(500, ge=500, description="shortest time in ms between two compared faces of a track")
    minimum_eyes_px: float = Field(
        18, ge=8, description="shortest distance between the eyes of a compared face; in pixels of the footage"
    )
    minimum_sharpness: float = Field(
        15,
        ge=0,
        description="lowest sharpness of a compared face; variance of the Laplacian of its box, scaled to 96 px",
    )
    maximum_yaw_degrees: float = Field(
        80, gt=0, le=90, description="largest yaw of a compared face, in degrees away from the camera"
    )
    minimum_score: float = Field(
        0.5, ge=0, le=1, description="lowest score of a compared face; on the face detector's scale"
    )
    minimum_faces: int = Field(
        3, ge=3, description="lowest number of compared faces of a candidate; with fewer it is a lead"
    )
    minimum_span_ms: int = Field(
        1000,
        ge=1000,
        description="shortest time in ms from first to last compared face of a candidate; with less it is a lead",
    )

    def limits(self) -> QualityLimits:
        """Return the quality that a face in footage must have."""
        return QualityLimits(
            eyes_px=self.minimum_eyes_px,
            sharpness=self.minimum_sharpness,
            yaw_degrees=self.maximum_yaw_degrees,
            score=self.minimum_score,
        )

    @field_validator("against")
    @classmethod
    def _check_against(cls, value: str) -> str:
        if value != "watchlist":
            raise NotAuthorised(
                f"recognise.against={value} is not allowed, faces are compared with the watch-list of the case only",
                "remove the setting, and add the person to search for with `forensics watchlist add`",
            )
        return value


class ChunkSettings(_Closed):
    """Settings of chunks, the units of parallel work."""

    seconds: float = Field(
        10, ge=0.1, le=86_400, description="seconds of media time per chunk; chunks start on keyframes"
    )


class RunSettings(_Closed):
    """Settings of execution: workers, limits and retries; a run takes over none of them from the last one."""

    workers: int | None = Field(
        None, ge=1, description="number of workers; unset uses one per processor core of the machine or cluster"
    )
    decoders: int = Field(
        1, ge=1, le=64, description="decoding children per worker; more help if the network is faster than decoding"
    )
    retries: int = Field(1, ge=0, description="number of retries of a unit of work that lost its worker")
    stall_s: int = Field(
        120,
        ge=1,
        description="seconds without progress after which a decoder is killed; as many more per 100 frames; a "
        "worker has 10 times as long",
    )
    index_stall_s: int = Field(120, ge=1, description="seconds that indexing a file may take; as many more per 16 MiB")
    decoder_memory_bytes: int = Field(
        4 << 30, ge=1 << 28, description="bytes of memory above which a decoder is killed"
    )
    cache_bytes: int = Field(
        256 << 20, ge=0, description="bytes of footage of an object store that a decoder caches on the disk"
    )
    mixed_hardware: bool = Field(
        False, description="whether workers may have other processors; the last digits of scores may differ"
    )


class Settings(_Closed):
    """All settings of a run."""

    detect: DetectSettings = DetectSettings()
    gate: GateSettings = GateSettings()
    track: TrackSettings = TrackSettings()
    sight: SightSettings = SightSettings()
    recognise: RecogniseSettings = RecogniseSettings()
    chunk: ChunkSettings = ChunkSettings()
    run: RunSettings = RunSettings()

    @model_validator(mode="after")
    def _check_follow_score(self) -> "Settings":
        if self.is_gated and self.gate.follow_score > self.track.activation_score:
            raise ValueError(
                f"gate.follow_score {self.gate.follow_score} is above track.activation_score "
                f"{self.track.activation_score}, so tracks could start in frames that are not refined"
            )
        return self

    @property
    def is_gated(self) -> bool:
        """Whether the motion gate may skip sampled frames in which nothing changed."""
        return self.detect.gate != "off"

    @property
    def gate_rules(self) -> GateRules | None:
        """Rules of the motion gate; None without a gate."""
        if not self.is_gated:
            return None
        return GateRules(
            window_us=round(self.gate.window_s * 1_000_000),
            step_us=self.gate.step_ms * 1_000,
            follow_score=self.gate.follow_score,
            start_score=self.track.activation_score,
        )

    def evidence_settings(self) -> JsonObject:
        """Return the settings that decide the tables, without the name of the model, which its digest replaces."""
        detect = self.detect.model_dump(mode="json", exclude={"model", "declared_labels"})
        detect["classes"] = sorted(set(self.detect.classes))
        sections = ("track", "recognise", "gate") if self.is_gated else ("track", "recognise")
        return {"detect": detect, **{name: getattr(self, name).model_dump(mode="json") for name in sections}}

    def methods(self, *, compares_faces: bool) -> dict[str, int]:
        """Return the version of each method that decides the tables; see `forensics.methods`."""
        return {name: METHODS[name] for name in self.evidence_settings() if compares_faces or name != "recognise"}

    def digest(self, model_sha256: str, *, compares_faces: bool, faces_sha256: str = "") -> str:
        """Return the digest of the evidence settings and the models.

        `recognise` counts only if faces are compared, and `sight` only if it is not the default, which runs of earlier
        versions did not state.

        Args:
            model_sha256: digest of the detector's model.
            compares_faces: whether faces are compared.
            faces_sha256: digest of face detector and embedder; empty in runs of earlier versions and without faces.
        """
        return digest_of(self.digest_content(model_sha256, compares_faces=compares_faces, faces_sha256=faces_sha256))

    def digest_content(self, model_sha256: str, *, compares_faces: bool, faces_sha256: str = "") -> JsonObject:
        """Return what `digest` is the digest of: sections of settings, the version of methods, and the models."""
        methods, settings = self.methods(compares_faces=compares_faces), self.evidence_settings()
        chosen = {name: settings[name] for name in methods}
        if self.sight != SightSettings():
            chosen["sight"] = self.sight.model_dump(mode="json")
        faces = {"faces": faces_sha256} if faces_sha256 else {}
        return {**chosen, **faces, "methods": methods, "model": model_sha256}
