"""Choice of the face models: resolved when a case first compares faces, then kept like the detector's model."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final

from forensics.adapters.faces.face_models import YUNET, FaceModels, is_yunet_installed
from forensics.custody.case_folder import CaseFolder
from forensics.errors import CannotStart
from forensics.json_object import JsonObject
from forensics.models.model_store import places_text
from forensics.spelling import in_shell
from pipelines.settings import RecogniseSettings

__all__ = ["choose_face_models", "faces_text", "find_face_models_of_run"]

_DETECTOR: Final = "recognise.detector"
_SETTINGS: Final = {"detector": _DETECTOR, "embedder": "recognise.model"}
_FindModels = Callable[[str, str], FaceModels]


def choose_face_models(
    folder: CaseFolder,
    record: JsonObject,
    settings: RecogniseSettings,
    find_models: _FindModels,
    *,
    named: Collection[str] = (),
) -> FaceModels:
    """Return the face models of the next comparison, which know why they were chosen.

    A case that has compared faces keeps both models, by name and digest, unless a setting names others. For a case that
    has not, `auto` is YuNet if it is installed, else dlib.

    Args:
        folder: the case, for the next step of an error.
        record: record of the last run; empty before the first.
        settings: settings of the comparison.
        find_models: finds face models by the names of detector and embedder.
        named: names of settings that this command gives, such as ``recognise.detector``.

    Raises:
        CannotStart: a model is missing, or is another one than that of the last run.
    """
    last = record.get("faces") or {}
    wanted: dict[str, str] = {"detector": settings.detector, "embedder": settings.model}
    if last and settings.detector == "auto" and _DETECTOR not in named:
        wanted["detector"] = last["detector"]["name"]
    kept = [
        role for role, setting in _SETTINGS.items()
        if last and setting not in named and last[role]["name"] == wanted[role]
    ]  # fmt: skip
    next_step = (
        f"put it there again, or choose another one on purpose: forensics run {in_shell(folder.root)} "
        f"--set {_DETECTOR}=dlib (or yunet, or auto)"
    )
    models = _find_kept(record, wanted, kept, find_models, next_step)
    if "detector" in kept:
        return replace(models, choice=f"that of run {record['run']}")
    return replace(models, choice=_why_chosen(models.detector, wanted["detector"]))


def find_face_models_of_run(record: JsonObject, settings: RecogniseSettings, find_models: _FindModels) -> FaceModels:
    """Return the face models with which a recorded run compared faces, or those of its settings if it recorded none.

    Raises:
        CannotStart: one is missing, or is another one.
    """
    if not record.get("faces"):
        return find_models(settings.detector, settings.model)
    names = {role: record["faces"][role]["name"] for role in _SETTINGS}
    return _find_kept(record, names, list(names), find_models, "put it there, then run the same command again")


def _find_kept(
    record: JsonObject, wanted: dict[str, str], kept: Collection[str], find_models: _FindModels, next_step: str
) -> FaceModels:
    """Find the models, and check that those in `kept` have the digests that a run recorded.

    Raises:
        CannotStart: a model is missing, or is another one.
    """
    try:
        models = find_models(wanted["detector"], wanted["embedder"])
    except CannotStart as error:
        if len(kept) < len(wanted):
            raise
        raise CannotStart(f"{_compared_text(record, kept)}; {error.problem}", next_step, error.where) from error
    for role in kept:
        here, then = models.described[role], record["faces"][role]
        if here["sha256"] != then["sha256"]:
            problem = f"{_compared_text(record, [role])}; the {role} {here['name']} here has {here['sha256'][:12]}"
            raise CannotStart(f"{problem} (searched: {places_text()})", next_step)
    return models


def _compared_text(record: JsonObject, roles: Collection[str]) -> str:
    """Return with which models a run compared faces.

    >>> faces = {"detector": {"name": "dlib", "sha256": "c4b1e9804792707d"}}
    >>> _compared_text({"run": "6f0c", "faces": faces}, ["detector"])
    'run 6f0c compared faces with the detector dlib (SHA-256 c4b1e9804792)'
    """
    models = [f"the {role} {record['faces'][role]['name']} {_digest_text(record['faces'][role])}" for role in roles]
    return f"run {record['run']} compared faces with {' and '.join(models)}"


def _why_chosen(detector: str, wanted: str) -> str:
    """Return why a case takes this detector; `wanted` is the value of the setting."""
    if wanted != "auto":
        return f"named with {_DETECTOR}"
    if detector == "yunet":
        return "YuNet is installed, and no face detector was named"
    return f"{YUNET} was not in {places_text()}, and no face detector was named"


def faces_text(faces: JsonObject) -> str:
    """Return the recorded detector and embedder of faces, and whether a better detector is on this machine.

    Args:
        faces: what the record of a run has about its face models; empty if it compared no faces.

    >>> yunet, dlib = {"name": "yunet", "sha256": "ebafce4e3c118d65"}, {"name": "Dlib", "sha256": "55533b28a95800a5"}
    >>> faces_text({"detector": yunet, "embedder": dlib})
    'detector yunet (SHA-256 ebafce4e3c11), embedder Dlib (SHA-256 55533b28a958)'
    >>> faces_text({})
    ''
    """
    if not faces:
        return ""
    models = ", ".join(f"{role} {faces[role]['name']} {_digest_text(faces[role])}" for role in _SETTINGS)
    if faces["detector"]["name"] != "dlib":
        return models
    return f"{models}; YuNet, which finds more faces, was not used, and {_yunet_state()}"


def _yunet_state() -> str:
    how = f"--set {_DETECTOR}=yunet uses it"
    return f"is installed: {how}" if is_yunet_installed() else f"is absent: `forensics models pull {YUNET}`, then {how}"


def _digest_text(model: JsonObject) -> str:
    return f"(SHA-256 {model['sha256'][:12]})"
