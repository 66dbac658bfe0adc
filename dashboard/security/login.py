"""Sign-in and sign-out: one small page that needs nothing else from the server.

The token may come in the address after `#`: that part never leaves the browser, so it is in no log; the
page's script takes it from there, posts it and wipes the address.
"""

from __future__ import annotations

import json
import logging
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from dashboard.security.guard import COOKIE_NAME
from dashboard.security.headers import script_hash
from dashboard.security.sessions import ABSOLUTE_S, Sessions
from dashboard.security.throttle import Throttle
from dashboard.security.token import TOKEN_LENGTH_MAX, SignInToken

log = logging.getLogger("arbdeck.web")

LOGIN_SCRIPT = """
const form = document.querySelector("form"), field = document.querySelector("#token"),
      answer = document.querySelector("#answer");
async function signIn(token) {
  answer.textContent = "Signing in ...";
  let response;
  try {
    response = await fetch("/login", {method: "POST", body: JSON.stringify({token}),
      headers: {"Content-Type": "application/json", "Accept": "application/json"}});
  } catch (error) { answer.textContent = "The dashboard does not answer: is it running?"; return; }
  if (response.ok) { location.replace("/"); return; }
  const body = await response.json().catch(() => null);
  answer.textContent = body ? body.error.message : "Not accepted (" + response.status + ").";
  field.focus();
}
form.addEventListener("submit", (event) => { event.preventDefault(); signIn(field.value.trim()); });
function takeFromAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) { history.replaceState(null, "", "/login"); signIn(token); }
}
// Opening the printed link in a tab that shows this page already changes only the part after #.
window.addEventListener("hashchange", takeFromAddress);
takeFromAddress();
"""

LOGIN_STYLE = """
:root { color-scheme: dark light; --page: #14171c; --panel: #1b1f26; --line: #3a424e; --text: #e6e9ee;
  --soft: #a3abb5; --key: #56b4e9; --key-text: #0b0d10; --bad: #f0703a; }
@media (prefers-color-scheme: light) {
  :root { --page: #f3f5f7; --panel: #fff; --line: #8a94a6; --text: #14171c; --soft: #5a6472;
    --key: #0067a6; --key-text: #fff; --bad: #b23a00; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--page);
  color: var(--text); font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
main { width: min(420px, 92vw); padding: 28px; background: var(--panel); border: 1px solid var(--line);
  border-radius: 8px; }
h1 { font-size: 20px; margin: 0 0 4px; }
p { color: var(--soft); margin: 0 0 16px; }
label { display: block; font-size: 13px; color: var(--soft); margin-bottom: 4px; }
input { width: 100%; height: 44px; padding: 0 12px; font: inherit; color: var(--text);
  background: var(--page); border: 1px solid var(--line); border-radius: 6px; }
input:focus-visible, button:focus-visible { outline: 2px solid var(--key); outline-offset: 2px; }
button { width: 100%; height: 44px; margin-top: 12px; font: inherit; font-weight: 600; border: 0;
  border-radius: 6px; background: var(--key); color: var(--key-text); }
#answer { min-height: 24px; margin: 12px 0 0; color: var(--bad); }
code { color: var(--text); }
"""

LOGIN_PAGE = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · arbdeck</title>
<link rel="icon" href="data:,">
<style>{LOGIN_STYLE}</style>
</head>
<body>
<main>
<h1>arbdeck</h1>
<p>The sign-in token is printed at start; <code>arbdeck login</code> prints it again.</p>
<form method="post" action="/login">
<input name="username" value="operator" autocomplete="username" hidden>
<label for="token">Sign-in token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button type="submit">Sign in</button>
</form>
<p id="answer" role="status"></p>
</main>
<script>{LOGIN_SCRIPT}</script>
</body>
</html>
"""

LOGIN_SCRIPT_HASH = script_hash(LOGIN_SCRIPT)


class Login:
    """The handlers of GET and POST /login and POST /logout."""

    def __init__(self, token: SignInToken, sessions: Sessions, throttle: Throttle) -> None:
        self._token = token
        self._sessions = sessions
        self._throttle = throttle

    async def page(self, request: Request) -> Response:
        if self._sessions.valid(request.cookies.get(COOKIE_NAME)):
            return RedirectResponse("/", status_code=303)
        return HTMLResponse(LOGIN_PAGE)

    async def sign_in(self, request: Request) -> Response:
        is_form = not request.headers.get("content-type", "").startswith("application/json")
        token = _token_of(await request.body(), is_form=is_form)
        client = request.client.host if request.client is not None else "unknown"
        if token is None:
            return _refused(422, "TOKEN", "Send the sign-in token as `token`: text of at most 256 characters.")
        if not self._token.matches(token):
            return self._wrong(client)
        self._throttle.succeeded(client)
        old = request.cookies.get(COOKIE_NAME)
        if old:
            self._sessions.close(old)
        session_id = self._sessions.open()
        log.info("signed in from %s", client)
        wants_page = is_form and "text/html" in request.headers.get("accept", "")
        response: Response = RedirectResponse("/", 303) if wants_page else JSONResponse({"data": {"signed_in": True}})
        response.set_cookie(
            COOKIE_NAME,
            session_id,
            max_age=ABSOLUTE_S,
            path="/",
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    async def sign_out(self, request: Request) -> Response:
        session_id = request.cookies.get(COOKIE_NAME)
        if session_id:
            self._sessions.close(session_id)
        response = RedirectResponse("/login", status_code=303)
        response.delete_cookie(COOKIE_NAME, path="/", httponly=True, samesite="strict")
        return response

    def _wrong(self, client: str) -> Response:
        wait_s = self._throttle.wait_s(client)
        if wait_s > 0:
            response = _refused(429, "TOO_MANY_TRIES", f"Too many wrong tokens: wait {wait_s:.0f} s.")
            response.headers["retry-after"] = str(int(wait_s) + 1)
            return response
        self._throttle.failed(client)
        log.warning("wrong sign-in token from %s", client)
        return _refused(401, "TOKEN", "This is not the token of this desk. `arbdeck login` prints it.")


def _refused(status: int, code: str, sentence: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": sentence}}, status_code=status)


def _token_of(body: bytes, *, is_form: bool) -> str | None:
    """The token in a sign-in body, or None when there is none that could be one."""
    if len(body) > 4 * TOKEN_LENGTH_MAX:
        return None
    try:
        content = parse_qs(body.decode(), strict_parsing=True) if is_form else json.loads(body)
    except (ValueError, RecursionError):
        return None
    value = content.get("token") if isinstance(content, dict) else None
    if is_form and isinstance(value, list):
        value = value[0] if len(value) == 1 else None
    return value.strip() if isinstance(value, str) and 0 < len(value) <= TOKEN_LENGTH_MAX else None
