"""Who may talk to the dashboard: sign-in token, sessions, and the guard in front of every route."""

from dashboard.security.guard import Guard
from dashboard.security.sessions import Sessions
from dashboard.security.throttle import Throttle
from dashboard.security.token import SignInToken, TokenFileError

__all__ = ["Guard", "Sessions", "SignInToken", "Throttle", "TokenFileError"]
