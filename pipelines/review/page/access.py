"""Access to the review page: one browser session on this machine, started by an address with a one-time token.

A browser sends a cookie to every port of a host, so another user's server would receive it. The paths of all pages
therefore start with a random name that only the printed address has, and the cookie belongs to that path.
"""

import hmac
import secrets
from dataclasses import dataclass, field

__all__ = ["COOKIE", "PageAccess"]

COOKIE = "forensics_review"


@dataclass(slots=True)
class PageAccess:
    """Secrets of one page: its path, a one-time token, a session cookie and a form token.

    Attributes:
        port: port of the page on 127.0.0.1.
        base: random start of the path of every page.
        token: token in the printed address; empty after its use.
        session: value of the session cookie.
        form_token: value in every form, so that another page cannot send one (CSRF).
    """

    port: int
    base: str = field(default_factory=lambda: f"/{secrets.token_urlsafe(32)}")
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    form_token: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def address(self) -> str:
        """Address that the reviewer opens; it works once."""
        return f"http://127.0.0.1:{self.port}{self.base}/?token={self.token}"

    def is_host(self, host: str) -> bool:
        """Whether a request is addressed to this page by its own host name."""
        return host in {f"127.0.0.1:{self.port}", f"localhost:{self.port}"}

    def is_origin(self, origin: str) -> bool:
        """Whether a form was sent from this page."""
        return origin in {f"http://127.0.0.1:{self.port}", f"http://localhost:{self.port}"}

    def redeem_token(self, token: str) -> bool:
        """Use up the one-time token if it is this one; return whether it was."""
        is_valid = bool(self.token) and hmac.compare_digest(self.token.encode(), token.encode())
        if is_valid:
            self.token = ""
        return is_valid

    def is_session(self, cookie: str) -> bool:
        """Whether the cookie belongs to the browser that used the token."""
        return not self.token and hmac.compare_digest(self.session.encode(), cookie.encode())

    def is_form_token(self, value: str) -> bool:
        """Whether the value is the form token of this page."""
        return hmac.compare_digest(self.form_token.encode(), value.encode())
