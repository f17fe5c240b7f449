"""Where everything of a case lies. Nothing but this file knows the names inside the folder."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from forensics.errors import IntegrityBroken, UsageError
from forensics.spelling import in_shell, is_text

__all__ = ["CaseFolder", "RunFolder"]

_TOP: Final = ("*", ".*", "evidence/*", "evidence/*/*", "runs/*", "tables/*", "tables/*/*")
_OF_A_RUN: Final = ("*", "parts/*")


def _links_in(root: Path, patterns: Iterable[str]) -> list[str]:
    linked = [path for pattern in patterns for path in sorted(root.glob(pattern)) if path.is_symlink()]
    return [f"{path}: is a link to another place, {path.readlink()}" for path in linked]


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run's folder inside a case.

    Attributes:
        root: `runs/<run>`.
        case_root: the case it belongs to.
    """

    root: Path
    case_root: Path

    @property
    def run_id(self) -> str:
        """The run's name: a digest of its settings, model and libraries."""
        return self.root.name

    def links_out(self) -> list[str]:
        """What of the run is a link to another place, in words: what is written there would be lost to the case."""
        return _links_in(self.root, _OF_A_RUN)

    @property
    def record(self) -> Path:
        """`run.json`: settings, digests, versions, models, figures."""
        return self.root / "run.json"

    @property
    def plan(self) -> Path:
        """Chunk boundaries as they were when each evidence was first planned."""
        return self.root / "plan"

    def boundaries(self, evidence_id: str) -> Path:
        """Those of one evidence."""
        return self.plan / f"{evidence_id}.json"

    @property
    def parts_list(self) -> Path:
        """What the tables of this run were made of, as `sha256sum` writes it."""
        return self.root / "PARTS.sha256"

    def part(self, stage: str, unit: str) -> Path:
        """The immutable output of one unit of work of one stage."""
        return self.root / "parts" / stage / f"{unit}.parquet"

    def crop(self, track_id: str) -> Path:
        """The thumbnail of one track."""
        return self.root / "crops" / f"{track_id}.jpg"

    @property
    def tables(self) -> Path:
        """The tables of this run."""
        return self.root / "tables"

    @property
    def manifest(self) -> Path:
        """Of these tables."""
        return self.tables / "MANIFEST.json"


@dataclass(frozen=True, slots=True)
class CaseFolder:
    """A case on disk.

    Attributes:
        root: absolute path of the folder.
    """

    root: Path

    @classmethod
    def at(cls, path: Path) -> "CaseFolder":
        """The case at `path`.

        Raises:
            UsageError: there is no case.
        """
        folder = cls.to_be_at(path)
        if not folder.case_file.is_file():
            raise UsageError(
                "this is not a case, it has no case.toml",
                f"make one with `forensics case init {in_shell(path)} --purpose ... --operator ...`",
                path,
            )
        return folder

    @classmethod
    def to_be_at(cls, path: Path) -> "CaseFolder":
        """The case that is or will be at `path`.

        Raises:
            UsageError: the path is no text, and what reads tables takes no other.
        """
        root = path.absolute()
        if not is_text(str(root)):
            raise UsageError(
                f"{str(root)!a}: some bytes of this path are not UTF-8, and no case can lie there",
                "rename the folder, or choose another one for the case",
            )
        return cls(root)

    def inside(self, relative: str) -> Path:
        """What a file of the case calls by its path relative to the case.

        Raises:
            IntegrityBroken: it leads out of the case.
        """
        path = self.root / relative
        if ".." in Path(relative).parts or not path.resolve().is_relative_to(self.root.resolve()):
            raise IntegrityBroken(
                f"something in it names {relative!r}, which leads out of the case",
                "restore the case from a copy; nothing outside of it was opened",
                self.root,
            )
        return path

    def links_out(self) -> list[str]:
        """What of the case is a link to another place, in words: what it holds is not the case's."""
        return _links_in(self.root, _TOP)

    def written_to(self) -> Iterator[Path]:
        """Every folder that commands write files of the case to; footage may lie in others."""
        yield self.root
        for top in (self.evidence_file.parent, self.runs, self.tables, self.watchlist, self.certificates):
            yield from (path for path in (top, *top.rglob("*")) if path.is_dir())

    @property
    def case_file(self) -> Path:
        """Who, why, mode, cameras and their clocks."""
        return self.root / "case.toml"

    @property
    def lock_file(self) -> Path:
        """Held while a command changes the case; names the process that holds it."""
        return self.root / ".lock"

    @property
    def cancel_file(self) -> Path:
        """Its existence asks a run to end after the chunks in flight."""
        return self.root / ".cancel"

    @property
    def audit_file(self) -> Path:
        """Who did what, when and why: a line for each begin and end of a command, hash-chained."""
        return self.root / "audit.jsonl"

    @property
    def torn_audit_file(self) -> Path:
        """Half lines that a dying command left in the log."""
        return self.root / "audit.torn"

    @property
    def checkpoints_file(self) -> Path:
        """What installations signed of the log: how far it went, and its head."""
        return self.root / "checkpoints.jsonl"

    @property
    def denied_file(self) -> Path:
        """Its existence ends every run at once: the authority was refused. Says by whom and why."""
        return self.root / ".denied"

    @property
    def certificates(self) -> Path:
        """What was destroyed, when, why and by whom; one file for each time."""
        return self.root / "certificates"

    @property
    def watchlist(self) -> Path:
        """Entries and their sealed reference pictures and templates."""
        return self.root / "watchlist"

    @property
    def reviewers_file(self) -> Path:
        """Public keys of those who may review."""
        return self.root / "reviewers.json"

    @property
    def reviews_file(self) -> Path:
        """Signed verdicts, hash-chained."""
        return self.root / "reviews.jsonl"

    @property
    def calibration_file(self) -> Path:
        """What pairs of one's own said about similarities; sealed, so that nobody edits it."""
        return self.root / "calibration.sealed"

    @property
    def sources_file(self) -> Path:
        """Every path that was given."""
        return self.root / "evidence" / "sources.parquet"

    @property
    def evidence_file(self) -> Path:
        """What every evidence is."""
        return self.root / "evidence" / "evidence.parquet"

    def index_file(self, evidence_id: str) -> Path:
        """The packet index of one evidence."""
        return self.root / "evidence" / "index" / f"{evidence_id}.parquet"

    def working_copy(self, evidence_id: str) -> Path:
        """Where a stream copy of footage that cannot seek is written, without its suffix."""
        return self.root / "evidence" / "copies" / evidence_id

    @property
    def reproduction(self) -> Path:
        """Where a run is made again, to be compared and thrown away."""
        return self.root / ".reproduce"

    @property
    def runs(self) -> Path:
        """One folder per run."""
        return self.root / "runs"

    def run(self, run_id: str) -> RunFolder:
        """The folder of one run."""
        return RunFolder(self.runs / run_id, self.root)

    @property
    def tables(self) -> Path:
        """What analysts read: the tables of one chosen run."""
        return self.root / "tables"

    @property
    def manifest(self) -> Path:
        """Names the chosen run and every published file with its rows and digest."""
        return self.tables / "MANIFEST.json"
