"""The layers of the project, bottom up, as data: which package may import which, and which libraries.

A module imports from its own layer and from layers below. `tests/architecture` holds this for every import, and
`scripts/fix` writes the table of ARCHITECTURE.md from it.
"""

from dataclasses import dataclass, field
from typing import Final

__all__ = ["FORBIDDEN", "LAYERS", "Layer", "layer_of", "layer_table"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer.

    Attributes:
        package: whose modules, with those of its subpackages unless these are layers of their own.
        holds: what belongs there, for people.
        libraries: what its modules may import beside the standard library.
    """

    package: str
    holds: str
    libraries: frozenset[str] = field(default=frozenset())


def _layer(package: str, holds: str, *libraries: str) -> Layer:
    return Layer(package, holds, frozenset(libraries))


LAYERS: Final = (
    _layer("forensics", "errors, digests, spelling, places of footage, hardware, method numbers"),
    _layer("forensics.models", "names, digests and licences of models", "platformdirs", "pydantic"),
    _layer("forensics.footage", "timeline, frames, chunks, evidence, coverage, motion gate", "numpy"),
    _layer("forensics.detection", "boxes, the detector port, network input and output", "numpy"),
    _layer("forensics.tracking", "association, sightings, MOT export", "numpy"),
    _layer("forensics.sampling", "which frames are detected behind the gate, and the spot check", "numpy"),
    _layer("forensics.faces", "selection, comparison, error rates, rules of the review", "numpy", "scipy"),
    _layer(
        "forensics.custody", "case folder, case.toml, log, mandate, scope, checkpoints", "numpy", "pydantic", "tomli_w"
    ),
    _layer("forensics.tables", "Arrow schemas, atomic files, Polars", "numpy", "pyarrow", "polars", "pydantic"),
    _layer(
        "forensics.adapters",
        "one file per heavy library, implementing a port",
        *("numpy", "cv2", "av", "PIL", "decord", "openvino", "trackers", "supervision", "torch", "ultralytics", "yaml"),
        *("cryptography", "dlib", "lir", "scipy", "fsspec", "aiohttp", "botocore", "platformdirs", "setproctitle"),
    ),
    _layer("forensics.decoding", "decoding in a child process that a watchdog can kill", "numpy", "psutil"),
    _layer("pipelines", "settings, clock, paths, library versions", "pydantic"),
    _layer("pipelines.stages", "one kind of work each, and the ports of stage and runner", "numpy", "pyarrow"),
    _layer(
        "pipelines.runners",
        "where a stage executes: in this process, in workers of this machine or of a Ray cluster",
        "ray",
        "psutil",
    ),
    _layer("pipelines.demo", "the demo's own footage", "numpy", "cv2", "av"),
    _layer(
        "pipelines.custody",
        "sessions on a case: lock, log, keys, retention, erasure",
        *("pyarrow", "platformdirs"),
    ),
    _layer("pipelines.intake", "footage becomes evidence of a case"),
    _layer("pipelines.search", "watch-list, references, what faces are compared with", "numpy", "polars", "pyarrow"),
    _layer(
        "pipelines.review",
        "two reviewers decide: keys, verdicts, desk, page",
        *("polars", "starlette", "jinja2", "uvicorn"),
    ),
    _layer(
        "pipelines.run",
        "plan, stages in order, integrity, record, metrics",
        *("numpy", "pyarrow", "rich", "prometheus_client"),
    ),
    _layer(
        "pipelines.proof",
        "verify, one frame, reproduce, disclosure, reports",
        *("numpy", "pyarrow", "polars", "pydantic", "jinja2"),
    ),
    _layer("pipelines.desk", "status of a case, doctor for the machine, installing models", "polars", "psutil"),
    _layer("pipelines.cli", "parse, call one function, print", "click", "polars", "rich"),
)

# (layer, layer below it): why the one knows nothing of the other all the same.
FORBIDDEN: Final = {
    ("forensics.tables", "forensics.models"): "tables hold what a model returned, not models",
    ("forensics.adapters", "forensics.tables"): "adapters return values; the driver stores them",
    ("forensics.decoding", "forensics.tables"): "the child decodes; the driver writes",
    ("forensics.decoding", "forensics.models"): "the child decodes; it runs no model",
    ("pipelines.runners", "forensics.adapters"): "a runner carries any stage",
    ("pipelines.runners", "forensics.tables"): "a runner carries any stage",
    ("pipelines.runners", "pipelines"): "a runner carries any stage",
}

_PACKAGES: Final = tuple(layer.package for layer in LAYERS)


def layer_of(module: str) -> str:
    """Return the package of the layer a module belongs to: the longest that contains it.

    >>> layer_of("forensics.adapters.video.pyav_open"), layer_of("forensics.errors")
    ('forensics.adapters', 'forensics')
    """
    return max((each for each in _PACKAGES if module == each or module.startswith(f"{each}.")), key=len)


def layer_table() -> str:
    """Return the table of ARCHITECTURE.md, top layer first."""
    rows = (f"| `{each.package.replace('.', '/')}/` | {each.holds} | {_named(each)} |" for each in reversed(LAYERS))
    return "\n".join(["| package | holds | libraries |", "|---|---|---|", *rows])


def _named(layer: Layer) -> str:
    return ", ".join(sorted(layer.libraries, key=str.casefold)) or "none"
