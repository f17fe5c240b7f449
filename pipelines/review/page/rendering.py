"""HTTP responses of the review page: security headers, style sheet, icon, pictures, HTML-escaped templates."""

import base64
import hashlib
from importlib import resources
from typing import Any, Final

__all__ = ["HEADERS", "finished_page", "icon", "picture", "render_page", "style"]

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def render_page(template: str, status: int, values: dict[str, Any]) -> Any:
    """Render a template; a missing value is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from starlette.responses import HTMLResponse

    templates = Environment(loader=PackageLoader("pipelines.review.page"), autoescape=True, undefined=StrictUndefined)
    return HTMLResponse(templates.get_template(template).render(**values), status, headers=HEADERS)


def finished_page() -> Any:
    """Render the last page.

    The server stops after it, so the page contains its style; the content policy allows that style by its digest.
    """
    css = _file("page.css")
    answer = render_page("finished.html", 200, {"style": css})
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    answer.headers["Content-Security-Policy"] = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'"
    return answer


def style() -> Any:
    """Return the style sheet."""
    from starlette.responses import Response

    return Response(_file("page.css"), media_type="text/css", headers=HEADERS)


def icon() -> Any:
    """Return the icon of the page."""
    from starlette.responses import Response

    return Response(_file("icon.svg"), media_type="image/svg+xml", headers=HEADERS)


def picture(data: bytes) -> Any:
    """Return a picture unchanged; browsers must not store it."""
    from starlette.responses import Response

    kind = "png" if data.startswith(b"\x89PNG") else "webp" if data[8:12] == b"WEBP" else "jpeg"
    return Response(data, media_type=f"image/{kind}", headers=HEADERS)


def _file(name: str) -> str:
    return resources.files("pipelines.review.page").joinpath(f"templates/{name}").read_text()
