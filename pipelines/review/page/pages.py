"""Pages of the review as a Starlette application; the review desk decides what is shown and what is refused.

Every form is answered with a redirect (303), also a refused one, so that Back and Reload do not send it again. The
answers of a form that is not stored are kept in memory, so that the reviewer can correct them.
"""

from collections.abc import Callable
from typing import Any, Final

from forensics.errors import ForensicsError, NotAuthorised, UsageError
from forensics.faces.review_rules import CHECKLIST, Agreement
from pipelines.review.candidate_text import (
    STATES,
    VERDICTS,
    faces_in_words,
    origin_in_words,
    quality_in_words,
    seen_in_words,
)
from pipelines.review.desk import Candidate, Pictures, ReviewDesk
from pipelines.review.page import rendering
from pipelines.review.page.access import COOKIE, PageAccess
from pipelines.review.page.forms import FILL, VerdictForm, parse_fields, submit_verdict

__all__ = ["application"]

_LARGEST_FORM_BYTES: Final = 64 << 10
_ANSWERS: Final = {Agreement.AGREES: "agrees", Agreement.DIFFERS: "differs", Agreement.NOT_SEEN: "not seen"}
_SIDES: Final = {"face": "Face {} in the footage", "reference": "Reference picture {}"}
_WORDS: Final = {word.__name__: word for word in (seen_in_words, faces_in_words, quality_in_words, origin_in_words)}
_NO_SESSION: Final = "This browser has no access. Open the address that the command printed."
_USED_ADDRESS: Final = (
    "This address was already opened, and it works only once. Run the command again for a new address."
)
_FOREIGN_FORM: Final = (
    "This form was not sent from this page. Nothing was stored. Open the candidate again and repeat your answers."
)


class _Pages:
    def __init__(self, desk: ReviewDesk, access: PageAccess, finish: Callable[[], None]) -> None:
        self._desk, self._access, self._finish = desk, access, finish
        self._opened: dict[str, Pictures] = {}
        self._kept = VerdictForm()

    def _render(self, template: str, status: int = 200, **values: Any) -> Any:
        case = self._desk.session.case.mandate
        common = {"reviewer": self._desk.reviewer.name, "title": case.title}
        common |= {"base": self._access.base, "form_token": self._access.form_token}
        return rendering.render_page(template, status, {**common, **_WORDS, **values})

    def _forbidden(self, text: str) -> Any:
        """Answer a request without access; do not show the names of the case and the reviewer."""
        return self._render("refused.html", 403, text=text, reviewer="", title="")

    async def style(self, request: Any) -> Any:
        return rendering.style()

    async def icon(self, request: Any) -> Any:
        return rendering.icon()

    async def overview(self, request: Any) -> Any:
        token = request.query_params.get("token")
        if token is not None:
            if not self._access.redeem_token(token):
                return self._forbidden(_USED_ADDRESS)
            answer = _redirect(f"{self._access.base}/")
            answer.set_cookie(COOKIE, self._access.session, path=self._access.base, httponly=True, samesite="strict")
            return answer
        if not self._has_session(request):
            return self._forbidden(_NO_SESSION)
        return self._render("overview.html", waiting=self._desk.waiting(), decided=self._desk.decided())

    async def candidate(self, request: Any) -> Any:
        if not self._has_session(request):
            return self._forbidden(_NO_SESSION)
        candidate = self._desk.candidate(request.path_params["name"])
        pictures = self._opened[candidate.name] = self._desk.pictures(candidate)
        state = self._desk.state(candidate)
        return self._render(
            "candidate.html",
            candidate=candidate,
            n_faces=len(pictures.faces),
            n_references=len(pictures.references),
            checklist=CHECKLIST,
            fill=FILL,
            answers=[(answer.value, text) for answer, text in _ANSWERS.items()],
            verdicts={verdict.value: text for verdict, text in VERDICTS.items()},
            refusal=self._desk.refusal(candidate),
            visible=self._desk.visible(candidate),
            own=self._desk.own_review(candidate),
            state=STATES[state] if state else "",
            form=self._kept if self._kept.candidate == candidate.name else VerdictForm(),
            following=self._next_waiting(candidate),
        )

    def _next_waiting(self, candidate: Candidate) -> Candidate | None:
        """Return the next waiting candidate in table order, starting again at the top; None if no other waits."""
        names = [each.name for each in self._desk.candidates()]
        waiting = [each for each in self._desk.waiting() if each.name != candidate.name]
        position = names.index(candidate.name)
        return min(waiting, key=lambda each: (names.index(each.name) < position, names.index(each.name)), default=None)

    async def large(self, request: Any) -> Any:
        """Show one picture on a page of its own."""
        if not self._has_session(request):
            return self._forbidden(_NO_SESSION)
        candidate, _ = self._picture(request)
        caption = _SIDES[request.path_params["side"]].format(request.path_params["number"])
        return self._render("picture.html", candidate=candidate, caption=caption, address=f"{request.url.path}/picture")

    async def picture(self, request: Any) -> Any:
        if not self._has_session(request):
            return self._forbidden(_NO_SESSION)
        return rendering.picture(self._picture(request)[1])

    def _picture(self, request: Any) -> tuple[Candidate, bytes]:
        """Return the candidate and one of its pictures, if they were opened on this page.

        Raises:
            UsageError: no such picture was opened.
        """
        candidate = self._desk.candidate(request.path_params["name"])
        side, number = request.path_params["side"], request.path_params["number"]
        opened = self._opened.get(candidate.name)
        sides = {"face": opened.faces, "reference": opened.references} if opened else {}
        if not 1 <= number <= len(sides.get(side, ())):
            raise UsageError("this picture has not been opened", "open the candidate first")
        return candidate, sides[side][number - 1]

    async def decide(self, request: Any) -> Any:
        form = await _read_form(request)
        if not (self._is_own_form(request, form) and self._access.is_origin(request.headers.get("origin", ""))):
            return self._forbidden(_FOREIGN_FORM)
        candidate = self._desk.candidate(request.path_params["name"])
        kept = submit_verdict(self._desk, candidate, form)
        self._kept = kept or VerdictForm()
        place = "stored" if kept is None else "problem" if kept.problem else "verdict"
        return _redirect(f"{self._access.base}/candidate/{candidate.name}#{place}")

    async def finish(self, request: Any) -> Any:
        if not self._is_own_form(request, await _read_form(request)):
            return self._forbidden(_FOREIGN_FORM)
        self._finish()
        return rendering.finished_page()

    async def explain_error(self, request: Any, error: Exception) -> Any:
        """Show an error instead of a page, such as after the mandate has ended."""
        statuses = ((NotAuthorised, 403), (UsageError, 404))
        status = next((status for kind, status in statuses if isinstance(error, kind)), 409)
        return self._render("refused.html", status, text=str(error))

    def _has_session(self, request: Any) -> bool:
        return self._access.is_session(request.cookies.get(COOKIE, ""))

    def _is_own_form(self, request: Any, form: dict[str, str]) -> bool:
        return self._has_session(request) and self._access.is_form_token(form.get("form_token", ""))


async def _read_form(request: Any) -> dict[str, str]:
    """Read the fields of a form; return none if it is too large."""
    body = b""
    async for block in request.stream():
        body += block
        if len(body) > _LARGEST_FORM_BYTES:
            return {}
    return parse_fields(body)


def _redirect(address: str) -> Any:
    from starlette.responses import RedirectResponse

    return RedirectResponse(address, 303, headers=rendering.HEADERS)


def application(desk: ReviewDesk, access: PageAccess, finish: Callable[[], None]) -> Any:
    """Return the Starlette application for one reviewer.

    Args:
        desk: review desk of the reviewer.
        access: access to the page.
        finish: called when the reviewer finishes.
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.routing import Mount, Route

    pages = _Pages(desk, access, finish)
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
        routes=[Mount(access.base, routes=routes)],
        middleware=[Middleware(_HostCheck, access=access)],
        exception_handlers={ForensicsError: pages.explain_error},
    )


class _HostCheck:
    """Refuses requests under another host name (DNS rebinding)."""

    def __init__(self, app: Any, access: PageAccess) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from starlette.requests import Request
        from starlette.responses import PlainTextResponse

        if scope["type"] == "http" and not self._access.is_host(Request(scope).headers.get("host", "")):
            await PlainTextResponse(
                "unknown host name: open the address that the command printed", 403, headers=rendering.HEADERS
            )(scope, receive, send)
            return
        await self._app(scope, receive, send)
