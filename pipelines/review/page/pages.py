"""The pages as a Starlette application; what is shown and what is refused is the desk's to say.

A form is answered with the address of a page (303), also where it is refused, so that neither Back nor Reload sends it
again. What was filled in is kept in memory until it is mended.
"""

from collections.abc import Callable
from typing import Any, Final

from forensics.errors import ForensicsError, NotAuthorised, UsageError
from forensics.faces.review_rules import CHECKLIST, Agreement
from pipelines.review.candidate_text import STATES, VERDICTS, faces_in_words, quality_in_words, seen_in_words
from pipelines.review.desk import Candidate, Pictures, ReviewDesk
from pipelines.review.page import rendering
from pipelines.review.page.access import COOKIE, PageAccess
from pipelines.review.page.forms import VerdictForm, fields_of, parse_form

__all__ = ["application"]

_LARGEST_FORM_BYTES: Final = 64 << 10
_ANSWERS: Final = {Agreement.AGREES: "agrees", Agreement.DIFFERS: "differs", Agreement.NOT_SEEN: "not seen"}
_SIDES: Final = {"face": "Face {} in the footage", "reference": "Reference picture {}"}
_WORDS: Final = {"seen_in_words": seen_in_words, "faces_in_words": faces_in_words, "quality_in_words": quality_in_words}
_STRANGER: Final = "Open the address that the command printed."


class _Pages:
    def __init__(self, desk: ReviewDesk, gate: PageAccess, finish: Callable[[], None]) -> None:
        self._desk, self._gate, self._finish = desk, gate, finish
        self._opened: dict[str, Pictures] = {}
        self._sent = VerdictForm()

    def _rendered(self, template: str, status: int = 200, **values: Any) -> Any:
        case = self._desk.session.case.mandate
        common = {"reviewer": self._desk.reviewer.name, "title": case.title, "form_token": self._gate.form}
        return rendering.rendered(template, status, {**common, **_WORDS, **values})

    def _refused(self, status: int, text: str) -> Any:
        return self._rendered("refused.html", status, text=text)

    def _strange(self, text: str) -> Any:
        """The answer to whoever is not known: not even whose case it is."""
        return self._rendered("refused.html", 403, text=text, reviewer="", title="")

    async def style(self, request: Any) -> Any:
        return rendering.style()

    async def icon(self, request: Any) -> Any:
        return rendering.icon()

    async def overview(self, request: Any) -> Any:
        token = request.query_params.get("token")
        if token is not None:
            if not self._gate.admits(token):
                return self._strange("This address was opened before. Start the review again for a fresh one.")
            answer = _to("/")
            answer.set_cookie(COOKIE, self._gate.session, httponly=True, samesite="strict")
            return answer
        if not self._knows(request):
            return self._strange(_STRANGER)
        return self._rendered("overview.html", waiting=self._desk.waiting(), decided=self._desk.decided())

    async def candidate(self, request: Any) -> Any:
        if not self._knows(request):
            return self._strange(_STRANGER)
        candidate = self._desk.candidate(request.path_params["name"])
        pictures = self._opened[candidate.name] = self._desk.pictures(candidate)
        state = self._desk.state(candidate)
        return self._rendered(
            "candidate.html",
            candidate=candidate,
            n_faces=len(pictures.faces),
            n_references=len(pictures.references),
            checklist=CHECKLIST,
            answers=[(answer.value, text) for answer, text in _ANSWERS.items()],
            verdicts={verdict.value: text for verdict, text in VERDICTS.items()},
            refusal=self._desk.refusal(candidate),
            visible=self._desk.visible(candidate),
            own=self._desk.own(candidate),
            state=STATES[state] if state else "",
            sent=self._sent if self._sent.candidate == candidate.name else VerdictForm(),
            following=self._following(candidate),
        )

    def _following(self, candidate: Candidate) -> Candidate | None:
        """The next that waits: in the order of the table, from the start again after its end."""
        names = [each.name for each in self._desk.candidates()]
        waiting = [each for each in self._desk.waiting() if each.name != candidate.name]
        place = names.index(candidate.name)
        return min(waiting, key=lambda each: (names.index(each.name) < place, names.index(each.name)), default=None)

    async def large(self, request: Any) -> Any:
        """One picture on a page of its own, to look at beside the form."""
        if not self._knows(request):
            return self._strange(_STRANGER)
        candidate, _ = self._picture(request)
        what = _SIDES[request.path_params["side"]].format(request.path_params["number"])
        return self._rendered("picture.html", candidate=candidate, what=what, address=f"{request.url.path}/picture")

    async def picture(self, request: Any) -> Any:
        if not self._knows(request):
            return self._strange(_STRANGER)
        return rendering.picture(self._picture(request)[1])

    def _picture(self, request: Any) -> tuple[Candidate, bytes]:
        """One of those that were opened on this page."""
        candidate = self._desk.candidate(request.path_params["name"])
        side, number = request.path_params["side"], request.path_params["number"]
        opened = self._opened.get(candidate.name)
        sides = {"face": opened.faces, "reference": opened.references} if opened else {}
        if not 1 <= number <= len(sides.get(side, ())):
            raise UsageError("no such picture was opened", "open the candidate first")
        return candidate, sides[side][number - 1]

    async def decide(self, request: Any) -> Any:
        form = await _form(request)
        if not (self._is_ours(request, form) and self._gate.is_origin(request.headers.get("origin", ""))):
            return self._strange("This form was not sent by this page.")
        candidate = self._desk.candidate(request.path_params["name"])
        refused = parse_form(self._desk, candidate, form)
        self._sent = refused or VerdictForm()
        return _to(f"/candidate/{candidate.name}#{'problem' if refused else 'stored'}")

    async def finish(self, request: Any) -> Any:
        if not self._is_ours(request, await _form(request)):
            return self._strange("This form was not sent by this page.")
        self._finish()
        return rendering.finished()

    async def explained(self, request: Any, error: Exception) -> Any:
        """The page in place of one that could not be made, such as after the mandate has ended."""
        statuses = ((NotAuthorised, 403), (UsageError, 404))
        status = next((status for kind, status in statuses if isinstance(error, kind)), 409)
        return self._refused(status, str(error))

    def _knows(self, request: Any) -> bool:
        return self._gate.knows(request.cookies.get(COOKIE, ""))

    def _is_ours(self, request: Any, form: dict[str, str]) -> bool:
        return self._knows(request) and self._gate.is_form(form.get("form_token", ""))


async def _form(request: Any) -> dict[str, str]:
    """The fields that were sent; of too much nothing."""
    body = b""
    async for block in request.stream():
        body += block
        if len(body) > _LARGEST_FORM_BYTES:
            return {}
    return fields_of(body)


def _to(address: str) -> Any:
    from starlette.responses import RedirectResponse

    return RedirectResponse(address, 303, headers=rendering.HEADERS)


def application(desk: ReviewDesk, gate: PageAccess, finish: Callable[[], None]) -> Any:
    """The page for one reviewer.

    Args:
        desk: what is shown and decided.
        gate: who may come in.
        finish: called when the reviewer is through.
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.routing import Route

    pages = _Pages(desk, gate, finish)
    routes = [
        Route("/", pages.overview),
        Route("/page.css", pages.style),
        Route("/icon.svg", pages.icon),
        Route("/candidate/{name}", pages.candidate, methods=["GET"]),
        Route("/candidate/{name}", pages.decide, methods=["POST"]),
        Route("/candidate/{name}/{side}/{number:int}", pages.large),
        Route("/candidate/{name}/{side}/{number:int}/picture", pages.picture),
        Route("/finish", pages.finish, methods=["POST"]),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(_OnlyHere, gate=gate)],
        exception_handlers={ForensicsError: pages.explained},
    )


class _OnlyHere:
    """Refuses requests that were sent to this page under another name (DNS rebinding)."""

    def __init__(self, app: Any, gate: PageAccess) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from starlette.requests import Request
        from starlette.responses import PlainTextResponse

        if scope["type"] == "http" and not self._gate.is_host(Request(scope).headers.get("host", "")):
            await PlainTextResponse("not here", 403, headers=rendering.HEADERS)(scope, receive, send)
            return
        await self._app(scope, receive, send)
