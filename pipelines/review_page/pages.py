"""The pages as a Starlette application; what is shown and what is refused is the desk's to say."""

import base64
import hashlib
from collections.abc import Callable
from importlib import resources
from typing import Any, Final
from urllib.parse import parse_qs

from forensics.errors import ForensicsError, NotAuthorised, UsageError
from forensics.reviewing import CHECKLIST, Agreement, State, Verdict
from pipelines.review_desk import Candidate, ReviewDesk
from pipelines.review_page.gate import COOKIE, Gate

__all__ = ["application"]

_LARGEST_FORM_BYTES: Final = 64 << 10
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_ANSWERS = {Agreement.AGREES: "agrees", Agreement.DIFFERS: "differs", Agreement.NOT_SEEN: "not seen"}
_STATES = {
    State.OPEN: "waits for two reviewers",
    State.FIRST: "waits for a second reviewer",
    State.CONFIRMED: "two reviewers confirm it",
    State.EXCLUDED: "two reviewers exclude it",
    State.DISAGREED: "two reviewers disagree",
    State.UNDECIDED: "undecided",
}
_VERDICTS = {
    Verdict.CONFIRM: "The same person, in my opinion",
    Verdict.EXCLUDE: "Not the same person, in my opinion",
    Verdict.UNDECIDED: "Undecided",
}


class _Pages:
    def __init__(self, desk: ReviewDesk, gate: Gate, finish: Callable[[], None]) -> None:
        from jinja2 import Environment, PackageLoader, StrictUndefined

        self._desk, self._gate, self._finish = desk, gate, finish
        self._templates = Environment(
            loader=PackageLoader("pipelines.review_page"), autoescape=True, undefined=StrictUndefined
        )

    def _rendered(self, template: str, status: int = 200, **values: Any) -> Any:
        from starlette.responses import HTMLResponse

        case = self._desk.work.case.mandate
        common = {"reviewer": self._desk.reviewer.name, "title": case.title, "form_token": self._gate.form}
        html = self._templates.get_template(template).render(**common, **values)
        return HTMLResponse(html, status, headers=_HEADERS)

    def _refused(self, status: int, text: str) -> Any:
        return self._rendered("refused.html", status, text=text)

    async def style(self, request: Any) -> Any:
        from starlette.responses import Response

        return Response(_css(), media_type="text/css", headers=_HEADERS)

    async def overview(self, request: Any) -> Any:
        from starlette.responses import RedirectResponse

        token = request.query_params.get("token")
        if token is not None:
            if not self._gate.admits(token):
                return self._refused(403, "This address was opened before. Start the review again for a fresh one.")
            answer = RedirectResponse("/", 303, headers=_HEADERS)
            answer.set_cookie(COOKIE, self._gate.session, httponly=True, samesite="strict")
            return answer
        if not self._knows(request):
            return self._refused(403, "Open the address that the command printed.")
        return self._rendered("overview.html", waiting=self._desk.waiting(), decided=self._desk.decided())

    async def candidate(self, request: Any) -> Any:
        if not self._knows(request):
            return self._refused(403, "Open the address that the command printed.")
        return self._shown(self._desk.candidate(request.path_params["name"]))

    def _shown(self, candidate: Candidate, problem: str = "", status: int = 200) -> Any:
        pictures = self._desk.pictures(candidate)
        visible = self._desk.visible(candidate)
        state = self._desk.state(candidate)
        return self._rendered(
            "candidate.html",
            status,
            candidate=candidate,
            faces=[_inline(picture) for picture in pictures.faces],
            references=[_inline(picture) for picture in pictures.references],
            checklist=CHECKLIST,
            answers=[(answer.value, text) for answer, text in _ANSWERS.items()],
            verdicts=[(verdict.value, text) for verdict, text in _VERDICTS.items()],
            refusal=self._desk.refusal(candidate),
            visible=visible,
            state=_STATES[state] if state else "",
            problem=problem,
        )

    async def decide(self, request: Any) -> Any:
        from starlette.responses import RedirectResponse

        form = await _form(request)
        if not (self._knows(request) and self._gate.is_form(form.get("form_token", ""))):
            return self._refused(403, "This form was not sent by this page.")
        if not self._gate.is_origin(request.headers.get("origin", "")):
            return self._refused(403, "This form was not sent by this page.")
        candidate = self._desk.candidate(request.path_params["name"])
        checks = {name: form[name] for name in CHECKLIST if form.get(name)}
        try:
            verdict = Verdict(form.get("verdict", ""))
            self._desk.decide(candidate, verdict, checks, form.get("note", ""))
        except ValueError:
            return self._shown(candidate, "Choose a verdict.", 400)
        except ForensicsError as error:
            return self._shown(candidate, str(error), 400)
        return RedirectResponse(f"/candidate/{candidate.name}", 303, headers=_HEADERS)

    async def finish(self, request: Any) -> Any:
        form = await _form(request)
        if not (self._knows(request) and self._gate.is_form(form.get("form_token", ""))):
            return self._refused(403, "This form was not sent by this page.")
        self._finish()
        answer = self._rendered("finished.html", style=_css())
        # the server ends with this page, so its style comes with it, named by its digest
        answer.headers["Content-Security-Policy"] = (
            f"default-src 'none'; img-src data:; style-src '{_named_by_digest(_css())}'"
        )
        return answer

    async def explained(self, request: Any, error: Exception) -> Any:
        """The page in place of one that could not be made, such as after the mandate has ended."""
        statuses = ((NotAuthorised, 403), (UsageError, 404))
        status = next((status for kind, status in statuses if isinstance(error, kind)), 409)
        return self._refused(status, str(error))

    def _knows(self, request: Any) -> bool:
        return self._gate.knows(request.cookies.get(COOKIE, ""))


async def _form(request: Any) -> dict[str, str]:
    """The fields of a form as browsers send it; of a field that comes twice the last, of too much nothing."""
    body = b""
    async for block in request.stream():
        body += block
        if len(body) > _LARGEST_FORM_BYTES:
            return {}
    return {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}


def _css() -> str:
    return resources.files("pipelines.review_page").joinpath("templates/page.css").read_text()


def _named_by_digest(style: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}"


def _inline(picture: bytes) -> str:
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def application(desk: ReviewDesk, gate: Gate, finish: Callable[[], None]) -> Any:
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
        Route("/candidate/{name}", pages.candidate, methods=["GET"]),
        Route("/candidate/{name}", pages.decide, methods=["POST"]),
        Route("/finish", pages.finish, methods=["POST"]),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(_OnlyHere, gate=gate)],
        exception_handlers={ForensicsError: pages.explained},
    )


class _OnlyHere:
    """Refuses requests that were sent to this page under another name (DNS rebinding)."""

    def __init__(self, app: Any, gate: Gate) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from starlette.requests import Request
        from starlette.responses import PlainTextResponse

        if scope["type"] == "http" and not self._gate.is_host(Request(scope).headers.get("host", "")):
            await PlainTextResponse("not here", 403, headers=_HEADERS)(scope, receive, send)
            return
        await self._app(scope, receive, send)
