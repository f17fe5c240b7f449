"""`reviewer` and `review`: two people decide about each candidate."""

from pathlib import Path
from typing import Any, Final

import click

from forensics.errors import UsageError
from forensics.faces.face import worth_in_words
from forensics.faces.review_rules import CHECKLIST, Agreement, Review, Verdict
from forensics.spelling import in_shell
from pipelines.cli.groups import Group
from pipelines.cli.output import (
    counted,
    emit,
    json_option,
    one_line,
    path_type,
    reason_option,
    required_reason,
    say,
    table_text,
)
from pipelines.custody.open_session import open_session
from pipelines.custody.outputs import output_file
from pipelines.custody.session import Need, os_user
from pipelines.review.candidate_text import STATES, faces_in_words, quality_in_words, seen_in_words
from pipelines.review.desk import Candidate, ReviewDesk
from pipelines.review.reviewers import add_reviewer, replace_reviewer, reviewer_named, reviewers_of, revoke_reviewer

__all__ = ["review", "reviewer"]

_RATIO: Final = "log10_likelihood_ratio"
_HOW_TO_DECIDE: Final = f"--verdict {'|'.join(Verdict)} --check nose=agrees ... --reason TEXT"


@click.group(cls=Group)
def reviewer() -> None:
    """Who may review a case; each has a key of their own, outside the case.

    \b
    Example:
      forensics reviewer add my-case "B. Becker"
      forensics reviewer list my-case
    """


@reviewer.command("add")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("name", metavar="NAME")
@json_option
def add(root: Path, name: str, as_json: bool) -> None:
    """Give a reviewer a key; it lies in the folder of whoever runs this command, readable by nobody else.

    \b
    Example:
      forensics reviewer add my-case "B. Becker"
    """
    facts = {"reviewer": name}
    with open_session(root, "reviewer add", need=Need.WORK, facts=facts) as session, session.alone():
        added, path = add_reviewer(session.case, session.files, name, now=session.now, who=os_user())
        session.recorded.outputs["key_id"] = added.key_id
    following = f"next: forensics review {in_shell(root)} --as {added.name!r} --reason TEXT"
    text = f"{added.name}: key {added.key_id} at {path}\n{following}"
    emit({"reviewer": added.name, "key_id": added.key_id, "path": str(path)}, text, as_json)


@reviewer.command("list")
@click.argument("root", metavar="CASE", type=path_type)
@json_option
def list_command(root: Path, as_json: bool) -> None:
    """All keys, revoked ones too.

    \b
    Example:
      forensics reviewer list my-case
    """
    with open_session(root, "reviewer list", need=Need.LOOK) as session:
        known = reviewers_of(session.folder)
    columns = ["name", "key_id", "added_utc", "added_by", "revoked_utc", "revoked_why"]
    rows = [[getattr(each, column) for column in columns] for each in known]
    facts = [dict(zip(columns, row, strict=True)) for row in rows]
    emit({"reviewers": facts}, table_text(columns, rows), as_json)


@reviewer.command("revoke")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("name", metavar="NAME")
@required_reason("Why the key counts no more.")
@json_option
def revoke(root: Path, name: str, reason: str, as_json: bool) -> None:
    """Let a reviewer's key count no more; verdicts that it signed before stay.

    \b
    Example:
      forensics reviewer revoke my-case "B. Becker" --reason "left the office"
    """
    facts = {"reviewer": name}
    with (
        open_session(root, "reviewer revoke", need=Need.CHANGE, reason=reason, facts=facts) as session,
        session.alone(),
    ):
        gone = revoke_reviewer(session.case, session.files, name, why=reason, now=session.now)
    emit({"reviewer": gone.name, "key_id": gone.key_id}, f"{gone.name}: key {gone.key_id} counts no more", as_json)


@reviewer.command("replace")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("name", metavar="NAME")
@required_reason("What became of the old key.")
@json_option
def replace_command(root: Path, name: str, reason: str, as_json: bool) -> None:
    """Revoke a lost key and make a new one; who has given a verdict with the old one gives no second.

    \b
    Example:
      forensics reviewer replace my-case "B. Becker" --reason "the machine was lost"
    """
    facts = {"reviewer": name}
    with open_session(root, "reviewer replace", need=Need.WORK, reason=reason, facts=facts) as session, session.alone():
        gone, added, path = replace_reviewer(
            session.case, session.files, name, why=reason, now=session.now, who=os_user()
        )
        session.recorded.outputs |= {"revoked": gone.key_id, "key_id": added.key_id}
    emit(
        {"reviewer": added.name, "key_id": added.key_id, "path": str(path)},
        f"{added.name}: key {added.key_id}",
        as_json,
    )


@click.command()
@click.argument("root", metavar="CASE", type=path_type)
@click.option("--as", "name", required=True, metavar="NAME", help="Which reviewer you are.")
@click.option("--page", is_flag=True, help="Show the pictures and the form on a page of this machine's browser.")
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Of the page; any free one unless told.")
@click.option("--candidate", "wanted", metavar="SIGHTING:ENTRY", help="Which candidate to look at.")
@click.option("--pictures", type=path_type, metavar="FILE.png", help="Write its faces beside the references.")
@click.option("--verdict", type=click.Choice([verdict.value for verdict in Verdict]), help="What you say of it.")
@click.option("--check", "checks", multiple=True, metavar="FEATURE=ANSWER", help="One feature, such as nose=agrees.")
@click.option("--note", default="", help="In words.")
@reason_option
@json_option
def review(root: Path, name: str, wanted: str | None, as_json: bool, **options: Any) -> None:
    """Decide about candidates: two different people, the second without knowing the first.

    Who submitted the run, or answers for the case, may give the first verdict and never the second.

    Without --candidate it lists what waits for you. A verdict needs pictures that you have opened, on the page or
    with --pictures, in a command before, and is never changed. Features: face_shape, forehead, brows, eyes, nose,
    mouth, ears, chin_jaw, marks. Answers: agrees, differs, not_seen.

    \b
    Example:
      forensics review my-case --as "B. Becker" --page --reason "candidates of run 1"
      forensics review my-case --as Becker --candidate 5460:E1 --pictures E1.png --reason "run 1"
      forensics review my-case --as Becker --candidate 5460:E1 --verdict undecided --reason "run 1"
    """
    if options["pictures"] is not None and options["verdict"] is not None:
        raise UsageError(
            "one looks first and decides then",
            f"write {options['pictures']} without --verdict, look at it, and give the verdict in a command of its own",
        )
    facts = {"reviewer": name, "candidate": wanted}
    with open_session(root, "review", need=Need.RESULTS, reason=options["reason"], facts=facts) as session:
        reviewer_named(session.folder, name)
        if options["pictures"] is not None:
            output_file(session.folder, options["pictures"])
        desk = ReviewDesk.at(session, name)
        if options["page"]:
            from pipelines.review.page.server import serve

            serve(desk, port=options["port"])
        elif wanted is None:
            _emit_waiting(desk, as_json)
        else:
            _examine(desk, desk.candidate(wanted), options, as_json)


def _emit_waiting(desk: ReviewDesk, as_json: bool) -> None:
    waiting = desk.waiting()
    columns = ["candidate", "camera", "seen", "faces", "quality"]
    rows = [
        [
            candidate.name,
            candidate.facts["camera_id"],
            seen_in_words(candidate.facts),
            faces_in_words(candidate.facts),
            worth_in_words(candidate.facts["quality"]),
        ]
        for candidate in waiting
    ]
    waits = counted(len(waiting), "candidate waits", "candidates wait")
    say(f"{waits} for {desk.reviewer.name}, {counted(len(desk.decided()), 'is', 'are')} decided by you")
    listed = [{"candidate": candidate.name, **candidate.facts} for candidate in waiting]
    emit({"waiting": listed}, table_text(columns, rows), as_json)


def _examine(desk: ReviewDesk, candidate: Candidate, options: dict[str, Any], as_json: bool) -> None:
    if options["pictures"] is not None:
        _write_pictures(desk, candidate, options["pictures"])
        if options["verdict"] is None and not desk.refusal(candidate):
            say(f"next: {desk.command(candidate)} {_HOW_TO_DECIDE}")
    if options["verdict"] is not None:
        checks = dict(_check(text) for text in options["checks"])
        desk.decide(candidate, Verdict(options["verdict"]), checks, options["note"])
        say("your verdict is stored")
    emit(_facts(desk, candidate), _described(desk, candidate), as_json)


def _facts(desk: ReviewDesk, candidate: Candidate) -> dict[str, Any]:
    """What this reviewer may see, as data."""
    facts: dict[str, Any] = {"candidate": candidate.name, **candidate.facts}
    visible, state = desk.visible(candidate), desk.state(candidate)
    if visible and state:
        verdicts = [f"{review.reviewer}: {review.verdict.value}" for review in visible]
        facts |= {**candidate.scores, "verdicts": verdicts, "state": state.value}
    return facts


def _described(desk: ReviewDesk, candidate: Candidate) -> str:
    """What this reviewer may see, for people."""
    told = candidate.facts
    lines = [
        ("candidate", candidate.name),
        ("entry", candidate.entry_id),
        ("camera", told["camera_id"]),
        ("seen", seen_in_words(told)),
        ("faces", faces_in_words(told)),
        *([("people", f"the track seems to hold {told['n_people']}")] if told["n_people"] > 1 else []),
        ("quality", quality_in_words(told["quality"])),
        *([("not compared", told["reason"])] if told["reason"] else []),
        ("model", told["model_id"]),
    ]
    visible, state = desk.visible(candidate), desk.state(candidate)
    if visible and state:
        lines += [*_scores(candidate.scores), *(("verdict", _verdict(review)) for review in visible)]
        lines.append(("state", f"{state.value}: {STATES[state]}"))
    text = [f"{name:>12}  {one_line(str(value))}" for name, value in lines]
    if not visible:
        text.append("score and other verdicts are shown once your own verdict is in")
    return "\n".join(
        (*text, "This is a candidate for examination, not a finding: the machine proposes, people decide.")
    )


def _scores(scores: dict[str, Any]) -> list[tuple[str, str]]:
    """What the machine says, as far as it says anything."""
    margin, expected, ratio = (scores[name] for name in ("margin", "expected_false_candidates", _RATIO))
    told = [
        ("decision", scores["decision"]),
        ("similarity", f"{scores['similarity']:.3f}, threshold {scores['threshold']:.3f}"),
        ("rank", f"{scores['rank']}" if margin is None else f"{scores['rank']}, margin {margin:.3f}"),
    ]
    told += [] if expected is None else [("by chance", f"{expected:.3f} false candidates are expected in this run")]
    return told + ([] if ratio is None else [("ratio", f"10^{ratio:.3f} (likelihood ratio)")])


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


def _write_pictures(desk: ReviewDesk, candidate: Candidate, target: Path) -> None:
    from forensics.adapters.pictures.contact_sheet import require_picture_name, write_side_by_side

    require_picture_name(target)  # before anything is opened
    pictures = desk.pictures(candidate)
    where = f"{candidate.entry_id}, camera {candidate.facts['camera_id']}, {seen_in_words(candidate.facts)}"
    title = f"{where}\nCandidate for examination, not a finding: {candidate.name}"
    write_side_by_side(pictures.faces, pictures.references, target, title=title)
    faces = counted(len(pictures.faces), "face", "faces")
    say(f"{target}: {faces} beside {counted(len(pictures.references), 'reference', 'references')}")
    say("this file lies outside the case, so the case's erasure does not reach it: delete it when you have decided")


def _check(text: str) -> tuple[str, str]:
    feature, equals, answer = text.partition("=")
    if not equals:
        raise click.BadParameter(
            f"{text!r} is not FEATURE=ANSWER; features: {', '.join(CHECKLIST)}; "
            f"answers: {', '.join(answer.value for answer in Agreement)}",
            param_hint="--check",
        )
    return feature.strip(), answer.strip()
