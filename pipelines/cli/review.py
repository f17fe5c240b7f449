"""`reviewer` and `review`: two people decide about each candidate."""

from pathlib import Path
from typing import Any, Final

import click

from forensics.reviewing import CHECKLIST, Agreement, Verdict
from pipelines.case_lock import locked
from pipelines.casework import Need, casework, os_user
from pipelines.cli.output import emit, json_option, path_type, reason_option, say, table_text
from pipelines.review_desk import Candidate, ReviewDesk
from pipelines.reviewers import add_reviewer, reviewer_named, reviewers_of, revoke_reviewer

__all__ = ["review", "reviewer"]

_HOW_TO_DECIDE: Final = f"--verdict {'|'.join(Verdict)} --check nose=agrees ... --reason TEXT"


@click.group()
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
    with casework(root, "reviewer add", need=Need.WORK, facts=facts) as work, locked(work.folder):
        added, path = add_reviewer(work.case, name, now=work.now, who=os_user())
        work.recorded.outputs["key_id"] = added.key_id
    text = (
        f"{added.name}: key {added.key_id} at {path}\nnext: forensics review {root} --as {added.name!r} --reason TEXT"
    )
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
    with casework(root, "reviewer list", need=Need.LOOK) as work:
        known = reviewers_of(work.folder)
    columns = ["name", "key_id", "added_utc", "added_by", "revoked_utc", "revoked_why"]
    rows = [[getattr(each, column) for column in columns] for each in known]
    facts = [dict(zip(columns, row, strict=True)) for row in rows]
    emit({"reviewers": facts}, table_text(columns, rows), as_json)


@reviewer.command("revoke")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("name", metavar="NAME")
@click.option("--reason", required=True, metavar="TEXT", help="Why the key counts no more.")
@json_option
def revoke(root: Path, name: str, reason: str, as_json: bool) -> None:
    """Let a reviewer's key count no more; verdicts that it signed before stay.

    \b
    Example:
      forensics reviewer revoke my-case "B. Becker" --reason "left the office"
    """
    facts = {"reviewer": name}
    with casework(root, "reviewer revoke", need=Need.CHANGE, reason=reason, facts=facts) as work, locked(work.folder):
        gone = revoke_reviewer(work.case, name, why=reason, now=work.now)
    emit({"reviewer": gone.name, "key_id": gone.key_id}, f"{gone.name}: key {gone.key_id} counts no more", as_json)


@reviewer.command("replace")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("name", metavar="NAME")
@click.option("--reason", required=True, metavar="TEXT", help="What became of the old key.")
@json_option
def replace_command(root: Path, name: str, reason: str, as_json: bool) -> None:
    """Revoke a lost key and make a new one; who has given a verdict with the old one gives no second.

    \b
    Example:
      forensics reviewer replace my-case "B. Becker" --reason "the machine was lost"
    """
    facts = {"reviewer": name}
    with casework(root, "reviewer replace", need=Need.WORK, reason=reason, facts=facts) as work, locked(work.folder):
        gone = revoke_reviewer(work.case, name, why=reason, now=work.now)
        added, path = add_reviewer(work.case, gone.name, now=work.now, who=os_user())
        work.recorded.outputs |= {"revoked": gone.key_id, "key_id": added.key_id}
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

    Without --candidate it lists what waits for you. A verdict needs pictures that you have opened, on the page or
    with --pictures, and is never changed. Features: face_shape, forehead, brows, eyes, nose, mouth, ears, chin_jaw,
    marks. Answers: agrees, differs, not_seen.

    \b
    Example:
      forensics review my-case --as "B. Becker" --page --reason "candidates of run 1"
    """
    facts = {"reviewer": name, "candidate": wanted}
    with casework(root, "review", need=Need.RESULTS, reason=options["reason"], facts=facts) as work:
        reviewer_named(work.folder, name)
        desk = ReviewDesk.at(work, name)
        if options["page"]:
            from pipelines.review_page.server import serve

            serve(desk, port=options["port"])
        elif wanted is None:
            _emit_waiting(desk, as_json)
        else:
            _examine(desk, desk.candidate(wanted), options, as_json)


def _emit_waiting(desk: ReviewDesk, as_json: bool) -> None:
    waiting = desk.waiting()
    columns = ["candidate", "camera", "first_utc", "faces", "quality"]
    rows = [[c.name, *(c.facts[name] for name in ("camera_id", "first_utc", "n_faces", "quality"))] for c in waiting]
    say(f"{len(waiting)} wait for {desk.reviewer.name}, {len(desk.decided())} are decided by you")
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
    visible = desk.visible(candidate)
    facts: dict[str, Any] = {"candidate": candidate.name, **candidate.facts}
    if visible:
        facts |= {**candidate.scores, "verdicts": [f"{r.reviewer}: {r.verdict.value}" for r in visible]}
        state = desk.state(candidate)
        facts["state"] = state.value if state else None
    lines = [f"{name.replace('_', ' '):>26}  {value}" for name, value in facts.items()]
    if not visible:
        lines.append("score and other verdicts are shown once your own verdict is in")
    lines.append("This is a candidate for examination, not a finding: the machine proposes, people decide.")
    emit(facts, "\n".join(lines), as_json)


def _write_pictures(desk: ReviewDesk, candidate: Candidate, target: Path) -> None:
    from forensics.adapters.contact_sheet import write_side_by_side

    pictures = desk.pictures(candidate)
    write_side_by_side(pictures.faces, pictures.references, target)
    say(f"{target}: {len(pictures.faces)} faces beside {len(pictures.references)} references")
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
