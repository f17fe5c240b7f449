"""Who may see the page: one browser, on this machine, that came with the address that was printed."""

import hmac
import secrets
from dataclasses import dataclass, field

__all__ = ["COOKIE", "PageAccess"]

COOKIE = "forensics_review"


@dataclass(slots=True)
class PageAccess:
    """One token that works once, then one session.

    Attributes:
        port: of the page.
        token: in the address; empty once it was used.
        session: in the cookie.
        form: in every form, so that no other page can send one.
    """

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    form: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def address(self) -> str:
        """What the reviewer opens, once."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    def is_host(self, host: str) -> bool:
        """Whether the request was meant for this page, and not sent here by another name."""
        return host in {f"127.0.0.1:{self.port}", f"localhost:{self.port}"}

    def is_origin(self, origin: str) -> bool:
        """Whether a form came from this page."""
        return origin in {f"http://127.0.0.1:{self.port}", f"http://localhost:{self.port}"}

    def admits(self, token: str) -> bool:
        """Whether the token opens the session; it works once."""
        is_it = bool(self.token) and hmac.compare_digest(self.token.encode(), token.encode())
        if is_it:
            self.token = ""
        return is_it

    def knows(self, cookie: str) -> bool:
        """Whether the browser is the one that was admitted."""
        return not self.token and hmac.compare_digest(self.session.encode(), cookie.encode())

    def is_form(self, value: str) -> bool:
        """Whether a form is one of ours."""
        return hmac.compare_digest(self.form.encode(), value.encode())
