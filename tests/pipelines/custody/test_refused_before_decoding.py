"""What a case does not allow: each is tried, each has its exit code, and no decoder starts.

A row is a state of a case, a command on it, its exit code and a word of what is said. The case is a search with
footage of one camera, one entry, one candidate and two reviewers; each row has a copy of it, of its keys and its clock.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines import clock
from testing.audit_events import started_programs
from testing.commands import ENTRY_LAST_DAY, MANDATE_ENDS, TRAINING, Call, authority_words
from testing.face_case import FaceCase, fake_loaders, write_reference


@dataclass(frozen=True, slots=True)
class Prepared:
    """A search case after its first run, with its keys."""

    root: Path
    keys: Path
    reviewer_keys: Path


@dataclass(frozen=True, slots=True)
class Copy:
    """One row's own copy.

    Attributes:
        root: the case.
        call: calls a command on it, its words filled in.
        pass_time: moves the clock.
        set_keys: names another folder of keys.
    """

    root: Path
    call: Call
    pass_time: Callable[[timedelta], None]
    set_keys: Callable[[Path], None]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Prepared]:
    """By authority: granted, and pending."""
    made = {}
    with pytest.MonkeyPatch.context() as patched:
        for name, authority in (("granted", "12 Gs 3/26"), ("pending", "pending")):
            folder = tmp_path_factory.mktemp(name)
            patched.setenv("FORENSICS_KEYS", str(folder / "keys"))
            patched.setenv("FORENSICS_REVIEWER_KEYS", str(folder / "reviewer-keys"))
            made[name] = Prepared(_make_case(folder, authority), folder / "keys", folder / "reviewer-keys")
    return made


def _make_case(folder: Path, authority: str) -> Path:
    case = FaceCase.make(folder, Call(), n_people=2, authority=authority)
    case.enrol("E0", 0, folder)
    case.run()
    for name in ("B. Becker", "C. Cole"):
        case.reviewer(name)
    for number in (1, 2, 3, 4, 5):
        write_reference(number, folder / f"{number}.png")
    (folder / "thumbnail.jpg").write_bytes(case.thumbnails()[0])
    return case.root


@pytest.fixture
def copy_of(
    prepared: dict[str, Prepared],
    tmp_path: Path,
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], Copy]:
    """Return a function that copies a prepared case with its keys."""

    def copy(authority: str) -> Copy:
        source = prepared[authority]
        shutil.copytree(source.root.parent, tmp_path / "copy")
        root = tmp_path / "copy" / source.root.name
        monkeypatch.setenv("FORENSICS_KEYS", str(tmp_path / "copy" / "keys"))
        monkeypatch.setenv("FORENSICS_REVIEWER_KEYS", str(tmp_path / "copy" / "reviewer-keys"))
        call.loaders, _ = fake_loaders(tmp_path / "copy", n_people=2)
        started = clock.utc_now
        return Copy(
            root,
            call,
            lambda by: monkeypatch.setattr(clock, "utc_now", lambda: started() + by),
            lambda folder: monkeypatch.setenv("FORENSICS_KEYS", str(folder)),
        )

    return copy


# ---- states


def _as_it_is(copy: Copy) -> None:
    """The mandate is active."""


def _expired(copy: Copy) -> None:
    copy.pass_time(MANDATE_ENDS + timedelta(days=1) - clock.utc_now())


def _erased(copy: Copy) -> None:
    copy.pass_time(MANDATE_ENDS + timedelta(days=99) - clock.utc_now())


def _lapsed(copy: Copy) -> None:
    copy.pass_time(timedelta(hours=48, minutes=1))


def _denied(copy: Copy) -> None:
    assert copy.call("case", "deny", copy.root, "--reason", "refused").code == 0


def _held(copy: Copy) -> None:
    assert copy.call("case", "hold", copy.root, "--reason", "trial").code == 0


def _yesterday(copy: Copy) -> None:
    copy.pass_time(timedelta(days=-1))


def _files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _without_key(copy: Copy) -> None:
    for path in _files_of(copy.root.parent / "keys"):
        if path.suffix != ".json":
            path.unlink()


def _readable_key(copy: Copy) -> None:
    for path in _files_of(copy.root.parent / "keys"):
        path.chmod(0o644)


def _other_keys(copy: Copy) -> None:
    copy.set_keys(copy.root.parent / "elsewhere")


def _edited(copy: Copy) -> None:
    path = copy.root / "case.toml"
    path.write_text(path.read_text().replace('"gate",', '"gate", "street",'))


def _older(copy: Copy) -> None:
    kept = copy.root.parent / "kept"
    copy.root.rename(kept)
    shutil.copytree(kept, copy.root)
    assert copy.call("case", "policy", copy.root, "--watchlist-limit", 6, "--reason", "r").code == 0
    shutil.rmtree(copy.root)
    kept.rename(copy.root)


def _without_log(copy: Copy) -> None:
    (copy.root / "audit.jsonl").unlink()


def _full(copy: Copy) -> None:
    assert copy.call("case", "policy", copy.root, "--watchlist-limit", 1, "--reason", "r").code == 0


def _lacking(name: str) -> Callable[[Copy], None]:
    def lack(copy: Copy) -> None:
        path = copy.root / "case.toml"
        lines = path.read_text().splitlines()
        heads = [head for head in (f"{name} =", f"[{name}]") if any(line.startswith(head) for line in lines)]
        start = next(number for number, line in enumerate(lines) if line.startswith(heads[0]))
        stop = start + 1
        while lines[start].startswith("[") and lines[stop]:
            stop += 1
        while lines[start].endswith("[") and lines[stop - 1] != "]":
            stop += 1
        path.write_text("\n".join([*lines[:start], *lines[stop:]]))

    lack.__name__ = f"_lacking_{name}"
    return lack


# ---- commands

_RUN = ("run", "{case}", "--runner", "serial", "--quiet")
_DRY = (*_RUN, "--dry-run")
_SCAN = ("scan", "{folder}/gate.mp4", "--case", "{case}", "--runner", "serial", "--quiet")
_INGEST = ("ingest", "{case}", "{folder}/1.png", "--camera", "gate")
_ADD = ("watchlist", "add", "{case}", "E9", "{folder}/1.png", "--basis", "b", "--expires", ENTRY_LAST_DAY)
_CALIBRATE = ("watchlist", "calibrate", "{case}", "{folder}", "--reason", "r")
_POLICY = ("case", "policy", "{case}", "--watchlist-limit", "6", "--reason", "r")
_REVIEWER = ("reviewer", "add", "{case}", "D. Diaz", *TRAINING)
_QUERY = ("query", "{case}", "candidates", "--reason", "r")
_REVIEW = ("review", "{case}", "--as", "B. Becker", "--reason", "r")
_AUTHORISE = ("case", "authorise", "{case}", *authority_words("12 Gs 9/26"))
_DENY = ("case", "deny", "{case}", "--reason", "refused")
_REMOVE = ("watchlist", "remove", "{case}", "E0", "--reason", "r")

_REPRODUCE = ("reproduce", "{case}", "--runner", "serial", "--quiet")
_FRAME = ("verify", "{case}", "--frame", "0#0", "--reason", "r")

_WORK = (_RUN, _DRY, _SCAN, _INGEST, _ADD, _CALIBRATE, _POLICY, _REVIEWER, _QUERY, _REVIEW, _REPRODUCE, _FRAME)
_SAID = {_expired: "has expired", _erased: "destroyed", _lapsed: "pending", _denied: "refused"}


def _from(picture: str) -> tuple[str, ...]:
    return tuple(picture if word == "{folder}/1.png" else word for word in _ADD)


_ROWS: tuple[tuple[Callable[[Copy], None], tuple[str, ...], int, str], ...] = (
    *((state, command, 3, said) for state, said in _SAID.items() for command in _WORK),
    *((_denied, command, 3, "refused" if command is _AUTHORISE else "denied") for command in (_AUTHORISE, _DENY)),
    (_as_it_is, _AUTHORISE, 3, "no authority is pending"),
    (_as_it_is, ("query", "{case}", "candidates"), 3, "reason"),
    (_as_it_is, ("review", "{case}", "--as", "B. Becker"), 3, "reason"),
    (_as_it_is, _FRAME[:-2], 3, "reason"),
    (_as_it_is, ("review", "{case}", "--as", "E. Evans", "--reason", "r"), 3, "not a reviewer"),
    (_as_it_is, (*_RUN, "--set", "recognise.against=everybody"), 3, "watch-list"),
    (_as_it_is, (*_RUN, "--set", "recognise.against=each_other"), 3, "watch-list"),
    (_as_it_is, (*_RUN, "--set", "recognise.false_candidate_rate=1"), 2, "false_candidate_rate"),
    (_as_it_is, (*_RUN, "--set", "recognise.minimum_faces=1"), 2, "minimum_faces"),
    (_as_it_is, (*_RUN, "--set", "recognise.model=DeepID"), 2, "DeepID"),
    (_as_it_is, _from("{folder}/thumbnail.jpg"), 3, "footage"),
    (_as_it_is, _from("{folder}/gate.mp4"), 3, "footage"),
    (_as_it_is, _from("{case}/case.toml"), 3, "footage"),
    (_as_it_is, _from("{folder}/E0.png"), 2, "entry E0"),
    (_as_it_is, _from("{folder}/absent.png"), 2, "absent.png"),
    (_as_it_is, (*_ADD[:3], "E9", "--from-sighting", "s:E0", *_ADD[5:]), 3, "two reviewers"),
    (_as_it_is, (*_ADD[:3], "../E9", *_ADD[4:]), 2, "not a valid entry name"),
    (_as_it_is, (*_ADD[:-1], f"{MANDATE_ENDS + timedelta(days=1):%Y-%m-%d}"), 2, "after the last day of the case"),
    (_as_it_is, (*_ADD[:-1], "2020-01-01"), 2, "is in the past"),
    (_as_it_is, (*_POLICY[:-2], "--reason", " "), 2, "reason"),
    (_full, _ADD, 3, "allows 1"),
    (_held, _REMOVE, 3, "on hold"),
    (_held, ("case", "hold", "{case}", "--reason", "another"), 2, "on hold already"),
    *((_yesterday, command, 3, "clock") for command in (_RUN, _ADD, _QUERY)),
    *((_without_key, command, 3, "key") for command in (_RUN, _ADD)),
    *((_readable_key, command, 3, "other users can read") for command in (_RUN, _ADD)),
    *(
        (_other_keys, command, 3, "FORENSICS_KEYS")
        for command in (_RUN, _SCAN, _INGEST, _ADD, _QUERY, _REVIEW, _DENY, _REPRODUCE, _FRAME)
    ),
    *((_edited, command, 5, "case.toml") for command in (_RUN, _INGEST, _ADD, _QUERY, _REVIEW, _REPRODUCE, _FRAME)),
    *((_older, command, 5, "") for command in (_RUN, _QUERY)),
    *((_without_log, command, 5, "") for command in (_RUN, _QUERY)),
    *(
        (_lacking(name), _RUN, 3, word)
        for name, word in (
            *(("purpose", "purpose"), ("operator", "operator"), ("title", "title"), ("legal_basis", "legal-basis")),
            *(("reference", "reference"), ("cameras", "camera"), ("from_utc", "from"), ("to_utc", "to")),
            *(("expires_utc", "expires"), ("authority", "authority"), ("case_id", "case_id"), ("mode", "mode")),
        )
    ),
)


@pytest.mark.parametrize(
    ("state", "command", "code", "said"),
    _ROWS,
    ids=[f"{number}-{row[0].__name__.strip('_')}-{'-'.join(row[1][:2])}" for number, row in enumerate(_ROWS)],
)
def test_it_is_refused_and_nothing_is_decoded(
    copy_of: Callable[[str], Copy],
    *,
    state: Callable[[Copy], None],
    command: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    copy = copy_of("pending" if state is _lapsed else "granted")
    state(copy)
    published = {path: path.read_bytes() for path in copy.root.glob("tables/*.parquet")}
    with started_programs() as started:
        answer = copy.call(*(word.format(case=copy.root, folder=copy.root.parent) for word in command))
    assert (answer.code, said in answer.err) == (code, True), answer.err
    assert started == []
    now = {path: path.read_bytes() for path in copy.root.glob("tables/*.parquet")}
    assert now.items() <= published.items(), "nothing was published"


def test_the_table_is_long_enough() -> None:
    assert len(_ROWS) >= 60
    assert len({(state.__name__, command) for state, command, _, _ in _ROWS}) == len(_ROWS)


def test_a_run_that_is_allowed_starts_a_decoder(copy_of: Callable[[str], Copy]) -> None:
    """The same observation of a run that is allowed, so that the tests above can fail."""
    copy = copy_of("granted")
    for path in copy.root.glob("runs/*/parts/*/*"):
        path.unlink()
    with started_programs() as started:
        assert copy.call("run", copy.root, "--runner", "serial", "--quiet").code == 0
    assert started
