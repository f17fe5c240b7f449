"""`reviewer` and `review`: two people decide about each candidate."""

from datetime import date
from pathlib import Path
from typing import Final

import click

from forensics.errors import UsageError
from forensics.faces.face import worth_in_words
from forensics.faces.review_rules import CHECKLIST, Agreement, Review, Verdict
from forensics.json_object import JsonObject
from forensics.spelling import in_shell
from forensics.wording import counted
from pipelines.cli.groups import Group
from pipelines.cli.output import (
    emit,
    json_option,
    one_line,
    parse_day,
    path_type,
    reason_option,
    required_reason,
    say,
    table_text,
)
from pipelines.cli.output_options import OutputOptions, with_output_options
from pipelines.custody.accounts import os_user
from pipelines.custody.open_session import open_session
from pipelines.custody.outputs import Outputs
from pipelines.custody.session import Need
from pipelines.review.candidate_text import STATES, faces_in_words, origin_in_words, quality_in_words, seen_in_words
from pipelines.review.desk import Candidate, ReviewDesk
from pipelines.review.reviewers import (
    NOT_ON_RECORD,
    Training,
    add_reviewer,
    find_reviewer,
    load_reviewers,
    replace_reviewer,
    revoke_reviewer,
)

__all__ = ["review", "reviewer"]

_RATIO: Final = "log10_likelihood_ratio"
_EVERY_FEATURE: Final = " ".join(f"--check {feature}=ANSWER" for feature in CHECKLIST)
_HOW_TO_DECIDE: Final = f"--verdict {'|'.join(Verdict)} {_EVERY_FEATURE} --reason TEXT"


@click.group(cls=Group)
def reviewer() -> None:
    """Manage the reviewers of a case; each has a key of their own, outside the case.

    \b
    Example:
      forensics reviewer add my-case "B. Becker" --training "FISWG, 5 days" --trained-on 2026-03-06
      forensics reviewer list my-case
    """


@reviewer.command("add")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("name", metavar="NAME")
@click.option("--training", required=True, help="Training in the comparison of faces that the person has.")
@click.option("--trained-on", type=parse_day(), required=True, help="Day of that training.")
@json_option
def add(root: Path, name: str, training: str, trained_on: date, as_json: bool) -> None:
    """Add a reviewer and make a key, which only the user who runs this command can read.

    The training is kept with the reviewer, in the log and in the file for the defence. It is stated, not checked.

    \b
    Example:
      forensics reviewer add my-case "B. Becker" --training "FISWG, 5 days" --trained-on 2026-03-06
    """
    stated = Training(training, trained_on)
    facts = {"reviewer": name, "training": training, "trained_on": trained_on.isoformat()}
    with open_session(root, "reviewer add", need=Need.WORK, facts=facts) as session, session.lock():
        added, path = add_reviewer(session.case, session.files, name, stated, now=session.now, who=os_user())
        session.record.outputs["key_id"] = added.key_id
    following = f"next: forensics review {in_shell(root)} --as {added.name!r} --reason TEXT"
    text = f"{added.name}: key {added.key_id} at {path}\n{following}"
    emit({"reviewer": added.name, "key_id": added.key_id, "path": str(path)}, text, as_json)


@reviewer.command("list")
@click.argument("root", metavar="CASE", type=path_type)
@json_option
def list_command(root: Path, as_json: bool) -> None:
    """List all reviewers' keys with the training on record, revoked ones as well.

    \b
    Example:
      forensics reviewer list my-case
    """
    with open_session(root, "reviewer list", need=Need.READ) as session:
        known = load_reviewers(session.folder)
    columns = ["name", "key_id", "training", "trained_on", "added_utc", "added_by", "revoked_utc", "revoked_why"]
    facts = [{column: getattr(each, column) for column in columns} for each in known]
    shown = [{**each, "training": each["training"] or NOT_ON_RECORD} for each in facts]
    emit({"reviewers": facts}, table_text(columns, [list(each.values()) for each in shown]), as_json)


@reviewer.command("revoke")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("name", metavar="NAME")
@required_reason("Why the key is revoked.")
@json_option
def revoke(root: Path, name: str, reason: str, as_json: bool) -> None:
    """Revoke a reviewer's key; verdicts that it signed before are kept.

    \b
    Example:
      forensics reviewer revoke my-case "B. Becker" --reason "left the office"
    """
    facts = {"reviewer": name}
    with (
        open_session(root, "reviewer revoke", need=Need.CHANGE, reason=reason, facts=facts) as session,
        session.lock(),
    ):
        gone = revoke_reviewer(session.case, session.files, name, why=reason, now=session.now)
    emit({"reviewer": gone.name, "key_id": gone.key_id}, f"{gone.name}: key {gone.key_id} is revoked", as_json)


@reviewer.command("replace")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("name", metavar="NAME")
@required_reason("What happened to the old key.")
@json_option
def replace_command(root: Path, name: str, reason: str, as_json: bool) -> None:
    """Revoke a lost key and make a new one; a candidate that the old key decided cannot be decided again.

    \b
    Example:
      forensics reviewer replace my-case "B. Becker" --reason "the machine was lost"
    """
    facts = {"reviewer": name}
    with open_session(root, "reviewer replace", need=Need.WORK, reason=reason, facts=facts) as session, session.lock():
        gone, added, path = replace_reviewer(
            session.case, session.files, name, why=reason, now=session.now, who=os_user()
        )
        session.record.outputs |= {"revoked": gone.key_id, "key_id": added.key_id}
    emit(
        {"reviewer": added.name, "key_id": added.key_id, "path": str(path)},
        f"{added.name}: key {added.key_id}",
        as_json,
    )


@click.command()
@click.argument("root", metavar="CASE", type=path_type)
@click.option("--as", "name", required=True, metavar="NAME", help="Your name as a reviewer.")
@click.option("--page", is_flag=True, help="Show pictures and form in a browser on this machine.")
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Port of that page.  [default: any free port]")
@click.option("--candidate", "wanted", metavar="SIGHTING:ENTRY", help="Candidate to examine.")
@click.option(
    "--pictures", type=path_type, metavar="FILE.png", help="Write its faces and the reference pictures to one file."
)
@with_output_options
@click.option("--verdict", type=click.Choice([verdict.value for verdict in Verdict]), help="Your verdict.")
@click.option(
    "--check",
    "checks",
    multiple=True,
    metavar="FEATURE=ANSWER",
    help="Answer for one feature, such as nose=agrees. Give it for every feature.",
)
@click.option("--note", default="", help="Note in your own words.")
@reason_option
@json_option
def review(
    root: Path,
    name: str,
    page: bool,
    port: int,
    wanted: str | None,
    pictures: Path | None,
    verdict: str | None,
    checks: tuple[str, ...],
    note: str,
    reason: str,
    as_json: bool,
    output_options: OutputOptions,
) -> None:
    """Examine candidates and give verdicts: two reviewers, the second without knowing the first verdict.

    The person who submitted the run, or is responsible for the case, may give the first verdict and never the second.

    Without --candidate it lists the candidates that wait for you. Open the pictures first, with --page or --pictures,
    then give the verdict with another command; a verdict cannot be changed. Features: face_shape, forehead, brows,
    eyes, nose, mouth, ears, chin_jaw, marks. Answers: agrees, differs, not_seen. The verdicts confirm and exclude
    need an answer for every feature, each with a --check; undecided needs that too, or a --note.

    \b
    Example:
      forensics review my-case --as "B. Becker" --page --reason "candidates of run 1"
      forensics review my-case --as "B. Becker" --candidate SIGHTING:E1 --pictures a.png --reason r
      forensics review my-case --as Becker --candidate S:E1 --verdict undecided --note dark --reason r
    """
    if pictures is not None and verdict is not None:
        raise UsageError(
            "--pictures and --verdict exclude each other: look first, then decide",
            f"write {pictures} without --verdict, look at it, then give the verdict with another command",
        )
    facts, private = {"reviewer": name, **output_options.facts}, {"candidate": wanted}
    with open_session(root, "review", need=Need.RESULTS, reason=reason, facts=facts, private=private) as session:
        find_reviewer(session.folder, name)
        outputs = output_options.outputs_of(session)
        if pictures is not None:
            outputs.check(pictures)
        desk = ReviewDesk.at(session, name)
        if page:
            from pipelines.review.page.server import serve

            serve(desk, port=port)
        elif wanted is None:
            _emit_waiting(desk, as_json)
        else:
            candidate = desk.candidate(wanted)
            if pictures is not None:
                _write_pictures(desk, candidate, pictures, outputs)
                if not desk.refusal(candidate):
                    say(f"next: {desk.command(candidate)} {_HOW_TO_DECIDE}")
            if verdict is not None:
                desk.decide(candidate, Verdict(verdict), dict(map(_check, checks)), note)
                say("verdict stored")
            emit(_facts(desk, candidate), _described(desk, candidate), as_json)


def _emit_waiting(desk: ReviewDesk, as_json: bool) -> None:
    waiting = desk.waiting()
    columns = ["candidate", "camera", "seen", "faces", "quality", "note"]
    rows = [
        [
            candidate.name,
            candidate.facts["camera_id"],
            seen_in_words(candidate.facts),
            faces_in_words(candidate.facts),
            worth_in_words(candidate.facts["quality"]),
            "near copy" if candidate.facts["is_near_copy"] else "",
        ]
        for candidate in waiting
    ]
    listed = [{"candidate": candidate.name, **candidate.facts} for candidate in waiting]
    n_decided = len(desk.decided())
    if not waiting:
        emit({"waiting": listed}, f"no candidate waits for you; you have decided {n_decided}", as_json)
        return
    waits = counted(len(waiting), "candidate waits", "candidates wait")
    say(f"{waits} for {desk.reviewer.name}; you have decided {n_decided}")
    emit({"waiting": listed}, table_text(columns, rows), as_json)


def _facts(desk: ReviewDesk, candidate: Candidate) -> JsonObject:
    """Return what this reviewer may see, as data."""
    facts: JsonObject = {"candidate": candidate.name, **candidate.facts}
    visible, state = desk.visible(candidate), desk.state(candidate)
    if visible and state:
        verdicts = [f"{review.reviewer}: {review.verdict.value}" for review in visible]
        facts |= {**candidate.scores, "verdicts": verdicts, "state": state.value}
    return facts


def _described(desk: ReviewDesk, candidate: Candidate) -> str:
    """Return what this reviewer may see, as text."""
    facts = candidate.facts
    lines = [
        ("candidate", candidate.name),
        ("entry", candidate.entry_id),
        ("camera", facts["camera_id"]),
        ("seen", seen_in_words(facts)),
        ("faces", faces_in_words(facts)),
        *([("warning", origin_in_words(facts))] if facts["is_near_copy"] else []),
        *([("people", f"the track may show {facts['n_people']} people")] if facts["n_people"] > 1 else []),
        ("quality", quality_in_words(facts["quality"])),
        *([("not compared", facts["reason"])] if facts["reason"] else []),
        ("model", facts["model_id"]),
    ]
    visible, state = desk.visible(candidate), desk.state(candidate)
    if visible and state:
        lines += [*_scores(candidate.scores), *(("verdict", _verdict(review)) for review in visible)]
        lines.append(("state", f"{state.value}: {STATES[state]}"))
    text = [f"{name:>12}  {one_line(str(value))}" for name, value in lines]
    if not visible:
        text.append("scores and other verdicts are shown after you have given your verdict")
    return "\n".join((*text, "This is a candidate for examination, not a finding. People decide."))


def _scores(scores: JsonObject) -> list[tuple[str, str]]:
    """Return the computed values that are known."""
    if scores["similarity"] is None:
        return [("decision", f"{scores['decision']}: no longer similar enough, threshold {scores['threshold']:.3f}")]
    margin, expected, ratio = (scores[name] for name in ("margin", "expected_false_candidates", _RATIO))
    values = [
        ("decision", scores["decision"]),
        ("similarity", f"{scores['similarity']:.3f}, threshold {scores['threshold']:.3f}"),
        ("rank", f"{scores['rank']}" if margin is None else f"{scores['rank']}, margin {margin:.3f}"),
    ]
    values += [] if expected is None else [("by chance", f"{expected:.3f} false candidates expected in this run")]
    return values + ([] if ratio is None else [("ratio", f"10^{ratio:.3f} (likelihood ratio)")])


def _verdict(review: Review) -> str:
    """One verdict with all that was said.

    >>> from forensics.faces.review_rules import Review
    >>> checks = {"nose": "agrees", "eyes": "not_seen"}
    >>> _verdict(Review("c", "r", "s", "e", "B. Becker", "k", Verdict.CONFIRM, checks, "a scar", 1, "", ""))
    'B. Becker: confirm; nose agrees, eyes not seen; "a scar"'
    """
    compared = ", ".join(f"{feature} {answer}".replace("_", " ") for feature, answer in review.checklist.items())
    note = f'"{review.note}"' if review.note.strip() else ""
    return "; ".join(part for part in (f"{review.reviewer}: {review.verdict.value}", compared, note) if part)


def _write_pictures(desk: ReviewDesk, candidate: Candidate, target: Path, outputs: Outputs) -> None:
    from forensics.adapters.pictures.sheet_files import require_picture_name
    from forensics.adapters.pictures.side_by_side import side_by_side

    require_picture_name(target)  # before anything is opened
    pictures = desk.pictures(candidate)
    where = f"{candidate.entry_id}, camera {candidate.facts['camera_id']}, {seen_in_words(candidate.facts)}"
    warning = origin_in_words(candidate.facts).replace(". ", ".\n")
    title = f"{where}\nCandidate for examination, not a finding: {candidate.name}\n{warning}".rstrip()
    outputs.write(target, side_by_side(pictures.faces, pictures.references, target, title=title))
    faces = counted(len(pictures.faces), "face", "faces")
    say(f"{target}: {faces} beside {counted(len(pictures.references), 'reference', 'references')}")
    say("this file is outside the case and is not erased with it; delete it after your verdict")


def _check(text: str) -> tuple[str, str]:
    feature, equals, answer = text.partition("=")
    if not equals:
        raise click.BadParameter(
            f"{text!r} is not FEATURE=ANSWER; features: {', '.join(CHECKLIST)}; "
            f"answers: {', '.join(answer.value for answer in Agreement)}",
            param_hint="--check",
        )
    return feature.strip(), answer.strip()
