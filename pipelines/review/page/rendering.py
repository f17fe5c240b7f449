"""What every answer of the page has in common: headers, style, and templates that escape whatever they show."""

import base64
import hashlib
from importlib import resources
from typing import Any, Final

__all__ = ["HEADERS", "finished", "icon", "picture", "rendered", "style"]

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def rendered(template: str, status: int, values: dict[str, Any]) -> Any:
    """A page; a value that a template names and nobody gave is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from starlette.responses import HTMLResponse

    templates = Environment(loader=PackageLoader("pipelines.review.page"), autoescape=True, undefined=StrictUndefined)
    return HTMLResponse(templates.get_template(template).render(**values), status, headers=HEADERS)


def finished() -> Any:
    """The last page. The server ends with it, so its style comes with it, named by its digest."""
    css = _file("page.css")
    answer = rendered("finished.html", 200, {"style": css})
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    answer.headers["Content-Security-Policy"] = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'"
    return answer


def style() -> Any:
    """The style sheet."""
    from starlette.responses import Response

    return Response(_file("page.css"), media_type="text/css", headers=HEADERS)


def icon() -> Any:
    """What browsers show beside the title."""
    from starlette.responses import Response

    return Response(_file("icon.svg"), media_type="image/svg+xml", headers=HEADERS)


def picture(data: bytes) -> Any:
    """A picture as it is, to be shown and not kept."""
    from starlette.responses import Response

    kind = "png" if data.startswith(b"\x89PNG") else "webp" if data[8:12] == b"WEBP" else "jpeg"
    return Response(data, media_type=f"image/{kind}", headers=HEADERS)


def _file(name: str) -> str:
    return resources.files("pipelines.review.page").joinpath(f"templates/{name}").read_text()
