"""Search with pictures of unknown people: crops of random frames of the footage, edited at random, as references.

The attacker is an operator who wants to follow somebody whom nobody has named. He cuts a face out of any frame, edits
it so that no digest gives it away, and puts it on the watch-list of a case in mode missing.
"""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest.mock import patch

import av
import cv2
import numpy as np
from PIL import Image

from forensics.adapters.faces.face_models import resolve_face_models
from forensics.footage.frames import RgbArray
from testing.commands import ENTRY_LAST_DAY, Answer, RedirectingCall, search_case
from testing.project import SHARED

__all__ = ["CopyAttack", "edited_crop", "follow_unknown_people"]

_CLIP: Final = SHARED / "footage" / "short_hamilton_clip.mp4"
_MODEL: Final = SHARED / "models" / "yolo11n_int8_openvino_model"
_GENUINE: Final = "lin-manuel-miranda"
_MOST_TRIES: Final = 40
_FIRST_TRACKED: Final = 20
"""The clip begins with a shot of 20 frames, too short for a sighting; a face that nobody tracked has no origin."""
_ENTRIES_PER_CASE: Final = 4


@dataclass(frozen=True, slots=True)
class CopyAttack:
    """Result of one picture.

    Attributes:
        edit: what was done to the crop, in words.
        decisions: decisions about its entry, sorted; empty if the picture was refused.
        refusal: why the picture was refused.
        is_control: whether it is a genuine photograph of a man in the footage.
    """

    edit: str
    decisions: tuple[str, ...]
    refusal: str = ""
    is_control: bool = False


def follow_unknown_people(folder: Path, n_cases: int, rng: np.random.Generator) -> Iterator[CopyAttack]:
    """Yield the result of each crop, four in each case, and of a genuine photograph as the control of each case."""
    keys = {"FORENSICS_KEYS": str(folder / "keys"), "FORENSICS_MODELS": str(SHARED / "models")}
    with patch.dict(os.environ, keys):
        with av.open(str(_CLIP)) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        for number in range(n_cases):
            yield from _attack_one_case(folder / f"case-{number}", frames, rng)


def _attack_one_case(root: Path, frames: list[RgbArray], rng: np.random.Generator) -> Iterator[CopyAttack]:
    call, case = RedirectingCall(), search_case(root, mode="missing")
    stated = ("--camera", "gate", "--start", "2026-05-01T10:00:00Z", "--clock-error", 500)
    _must(call("ingest", case, _CLIP, *stated))
    edits = {_GENUINE: "a photograph of a man in the footage"}
    _must(_add(call, case, _GENUINE, SHARED / "faces" / f"{_GENUINE}.png"))
    for tried in range(_MOST_TRIES):
        if len(edits) > _ENTRIES_PER_CASE:
            break
        name = f"crop-{tried}"
        data, edit = edited_crop(frames, rng)
        picture = root.with_name(f"{root.name}-{name}.picture")
        picture.write_bytes(data)
        added = _add(call, case, name, picture)
        if added.code == 0:
            edits[name] = edit
        elif "own footage" in added.err:
            yield CopyAttack(edit, (), added.err.splitlines()[0])
    ran = call("run", case, "--model", _MODEL, "--set", "detect.classes=person", "--runner", "serial", "--quiet")
    _must(ran)
    rows = _must(call("query", case, "candidates", "--reason", "attack", "--json")).json["rows"]
    for name, edit in edits.items():
        decisions = tuple(sorted(row["decision"] for row in rows if row["entry_id"] == name))
        yield CopyAttack(edit, decisions, is_control=name == _GENUINE)


def _add(call: RedirectingCall, case: Path, name: str, picture: Path) -> Answer:
    return call("watchlist", "add", case, name, picture, "--basis", "attack", "--expires", ENTRY_LAST_DAY)


def _must(answer: Answer) -> Answer:
    assert answer.code == 0, answer.err
    return answer


def edited_crop(frames: list[RgbArray], rng: np.random.Generator) -> tuple[bytes, str]:
    """Return a face of a random frame with a margin, enlarged and edited, as JPEG; and what was done to it."""
    detector, _ = resolve_face_models("yunet", "Dlib").load()
    while True:
        number = int(rng.integers(_FIRST_TRACKED, len(frames)))
        faces = detector.faces(frames[number])
        if faces:
            break
    left, top, right, bottom = faces[int(rng.integers(len(faces)))].xyxy
    margin = float(rng.uniform(0.3, 1.0)) * float(right - left)
    rows = slice(max(0, int(top - margin)), int(bottom + margin))
    crop = frames[number][rows, max(0, int(left - margin)) : int(right + margin)]
    crop, words = _edited(crop, rng)
    encoded = io.BytesIO()
    quality = int(rng.integers(40, 96))
    Image.fromarray(np.ascontiguousarray(crop)).save(encoded, "JPEG", quality=quality)
    return encoded.getvalue(), f"frame {number}: {words}, quality {quality}"


def _edited(crop: RgbArray, rng: np.random.Generator) -> tuple[RgbArray, str]:
    """Enlarge a crop two to five times, stretched by up to 4 %, then make one to three random edits."""
    scale, stretch = float(rng.uniform(2, 5)), float(rng.uniform(0.96, 1.04))
    method = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4]))
    crop = np.asarray(cv2.resize(crop, None, fx=scale, fy=scale * stretch, interpolation=method), dtype=np.uint8)
    chosen = rng.choice(len(_EDITS), size=int(rng.integers(1, 4)), replace=False).tolist()
    for edit in (_EDITS[index] for index in chosen):
        crop = edit(crop, rng)
    names = ", ".join(_EDITS[index].__name__.removeprefix("_") for index in chosen)
    return crop, f"{scale:.1f} times, {names}"


def _mirrored(rgb: RgbArray, rng: np.random.Generator) -> RgbArray:
    return rgb[:, ::-1]


def _brightened(rgb: RgbArray, rng: np.random.Generator) -> RgbArray:
    changed = rgb.astype(np.float32) * rng.uniform(0.75, 1.3) + rng.uniform(-15, 15)
    return changed.clip(0, 255).astype(np.uint8)


def _grey(rgb: RgbArray, rng: np.random.Generator) -> RgbArray:
    return np.repeat(rgb.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)


def _sharpened(rgb: RgbArray, rng: np.random.Generator) -> RgbArray:
    amount = float(rng.uniform(0.3, 1.0))
    blurred = cv2.GaussianBlur(rgb, (0, 0), 3)
    return np.asarray(cv2.addWeighted(rgb, 1 + amount, blurred, -amount, 0), dtype=np.uint8)


def _turned(rgb: RgbArray, rng: np.random.Generator) -> RgbArray:
    height, width = rgb.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(-8, 8)), 1)
    return np.asarray(cv2.warpAffine(rgb, turn, (width, height), borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)


def _noisy(rgb: RgbArray, rng: np.random.Generator) -> RgbArray:
    return (rgb + rng.normal(0, 6, rgb.shape)).clip(0, 255).astype(np.uint8)


_EDITS: Final = (_mirrored, _brightened, _grey, _sharpened, _turned, _noisy)
