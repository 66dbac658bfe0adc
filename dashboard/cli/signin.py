"""The link that signs a person in: the token is in the fragment, which no server and no log sees."""

from __future__ import annotations

from dashboard.cli.home import Home
from dashboard.security.token import TOKEN_FILE, SignInToken


def sign_in_link(home: Home, port: int) -> str:
    """Makes the token when there is none; raises TokenFileError when its file cannot be trusted."""
    SignInToken.load(home.run_dir)
    token = (home.run_dir / TOKEN_FILE).read_text().strip()
    return f"http://127.0.0.1:{port}/login#token={token}"
