"""An auth server for silent-refresh, with FastAPI.

    apt install python3-fastapi python3-uvicorn python3-jwt    (or: pip install fastapi uvicorn pyjwt)
    python3 server.py

Replace: the database by your own (tables and transaction below), the table of users by yours.
"""

import asyncio
import base64
import hashlib
import hmac
import logging
import os
import secrets
import sqlite3
import time
import unicodedata
import uuid
from contextlib import contextmanager
from http.client import responses

import jwt
import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

PORT = int(os.environ.get("PORT", "4000"))
ACCESS_TTL = int(os.environ.get("ACCESS_TTL", "900"))
GRACE = float(os.environ.get("GRACE", "10"))
SESSION_SECONDS = 30 * 86_400
# Where your pages are. In production: ORIGINS=https://app.example.com
ORIGINS = os.environ.get("ORIGINS", f"http://127.0.0.1:{PORT},http://localhost:5173").split(",")
HTTPS = ORIGINS[0].startswith("https:")
# Set it in production, to the same value in every process: without it a restart makes all access tokens invalid.
SECRET = os.environ.get("SECRET", secrets.token_hex(32)).encode()
ACCESS_KEY = hmac.digest(SECRET, b"access token", "sha256")
SUCCESSOR_KEY = hmac.digest(SECRET, b"successor", "sha256")
ISSUER, AUDIENCE = "https://auth.example.com", "https://api.example.com"
# With __Host- no sibling subdomain can plant a cookie of this name. Browsers take such a name over https only.
COOKIE, PATH = ("__Host-refresh_token", "/") if HTTPS else ("refresh_token", "/auth")

# 2: so many seconds a request waits for a lock, and the whole server with it.
db = sqlite3.connect(os.environ.get("DATABASE", ":memory:"), 2, isolation_level=None, check_same_thread=False)
db.row_factory = sqlite3.Row
db.executescript("""
    CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, email TEXT UNIQUE, name TEXT, password TEXT);
    CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, user_id TEXT, expires_at REAL, ended INTEGER DEFAULT 0);
    CREATE TABLE IF NOT EXISTS refresh_tokens (hash TEXT PRIMARY KEY, session_id TEXT, used_at REAL);
""")


@contextmanager
def transaction():
    """Takes the write lock before it reads. Otherwise two refreshes could both find a token unused."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


class Refused(Exception):
    def __init__(self, status: int, error: str, headers: "dict[str, str] | None" = None):
        self.status, self.error, self.headers = status, error, headers


# Users


def hash_password(password: str, salt: bytes) -> str:
    text = unicodedata.normalize("NFKC", password).encode()
    key = hashlib.scrypt(text, salt=salt, n=2**15, r=8, p=3, maxmem=2**26, dklen=32)
    return f"{salt.hex()}.{key.hex()}"


def add_user(email: str, name: str, password: str) -> None:
    row = (str(uuid.uuid4()), email, name, hash_password(password, secrets.token_bytes(16)))
    db.execute("INSERT OR IGNORE INTO users VALUES (?, ?, ?, ?)", row)


add_user("ada@example.com", "Ada Lovelace", "correct horse battery staple")
NOBODY = hash_password(secrets.token_hex(), secrets.token_bytes(16))


async def sign_in(email: str, password: str) -> "sqlite3.Row | None":
    """An unknown user takes as long as a wrong password."""
    user = db.execute("SELECT * FROM users WHERE email = ?", (email.strip().lower(),)).fetchone()
    stored = user["password"] if user else NOBODY
    salt = bytes.fromhex(stored.split(".")[0])
    # In another thread: the event loop has other requests to answer.
    given = await asyncio.get_running_loop().run_in_executor(None, hash_password, password, salt)
    return user if user and hmac.compare_digest(given, stored) else None


# Refresh tokens


def sha256(token: str) -> str:
    """The database holds hashes only: a stolen copy of it opens no session."""
    return hashlib.sha256(token.encode()).hexdigest()


def successor_of(token: str) -> str:
    """Only the server can compute it. So a lost answer can be repeated, although the database has no token."""
    return base64.urlsafe_b64encode(hmac.digest(SUCCESSOR_KEY, token.encode(), "sha256")).decode().rstrip("=")


def find_token(token: str) -> "sqlite3.Row | None":
    return db.execute(
        """SELECT t.used_at, t.session_id, s.expires_at, s.ended, u.id, u.email, u.name FROM refresh_tokens t
        JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = s.user_id WHERE t.hash = ?""",
        (sha256(token),),
    ).fetchone()


def add_token(token: str, session: str) -> None:
    db.execute("INSERT INTO refresh_tokens (hash, session_id) VALUES (?, ?)", (sha256(token), session))


def start_session(user: sqlite3.Row) -> str:
    """Returns the first refresh token of the session."""
    session, token, now = str(uuid.uuid4()), secrets.token_urlsafe(32), time.time()
    with transaction():
        db.execute(
            "DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE expires_at < ?)", (now,)
        )
        db.execute("DELETE FROM sessions WHERE expires_at < ?", (now,))
        db.execute(
            "INSERT INTO sessions (id, user_id, expires_at) VALUES (?, ?, ?)",
            (session, user["id"], now + SESSION_SECONDS),
        )
        add_token(token, session)
    return token


def end_session(token: "str | None") -> None:
    """Of a used token too: after a lost answer the browser still has the one from before."""
    row = find_token(token) if token else None
    if row:
        db.execute("UPDATE sessions SET ended = 1 WHERE id = ?", (row["session_id"],))


def rotate(token: str) -> "tuple[sqlite3.Row, str] | str":
    """Each refresh token is used once. A second use within the grace gets the same successor; a later one ends the
    session. Returns a text if the token is refused. It raises nothing: that would undo the end of the session."""
    with transaction():
        row, now = find_token(token), time.time()
        if not row:
            return "invalid_refresh_token"
        if row["ended"]:
            return "session_revoked"
        if row["expires_at"] <= now:
            return "session_expired"
        successor = successor_of(token)
        if row["used_at"] is None:
            db.execute("UPDATE refresh_tokens SET used_at = ? WHERE hash = ?", (now, sha256(token)))
            add_token(successor, row["session_id"])
        else:
            following = find_token(successor)
            if now - row["used_at"] >= GRACE or not following or following["used_at"] is not None:
                db.execute("UPDATE sessions SET ended = 1 WHERE id = ?", (row["session_id"],))
                logging.warning("A used refresh token came again: session %s is ended", row["session_id"])
                return "reuse_detected"
        return row, successor


# Answers


def grant(response: Response, user: sqlite3.Row, token: str, max_age: int = SESSION_SECONDS) -> dict:
    set_refresh_cookie(response, token, max_age)
    shown, now = {"sub": user["id"], "email": user["email"], "name": user["name"]}, int(time.time())
    claims = {**shown, "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + ACCESS_TTL, "jti": str(uuid.uuid4())}
    access_token = jwt.encode(claims, ACCESS_KEY, "HS256", headers={"typ": "at+jwt"})
    return {"access_token": access_token, "token_type": "Bearer", "expires_in": ACCESS_TTL, "user": shown}


def set_refresh_cookie(response: Response, token: str, max_age: int) -> None:
    response.set_cookie(COOKIE, token, max_age=max_age, path=PATH, httponly=True, samesite="strict", secure=HTTPS)


def read_refresh_cookie(request: Request) -> "str | None":
    """By its exact name. `request.cookies` removes spaces, and a sibling subdomain can set a name with one."""
    pairs = (pair.partition("=") for pair in request.headers.get("cookie", "").split("; "))
    return next((value for name, _, value in pairs if name == COOKIE), None)


def own_page(request: Request) -> None:
    """The browser adds the cookie by itself. So the server asks which page has sent the request."""
    origin = request.headers.get("origin")
    is_own = origin in ORIGINS if origin else request.headers.get("sec-fetch-site") == "same-origin"
    if not is_own:
        raise Refused(403, "forbidden_origin")


def current_user(request: Request) -> dict:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Refused(401, "unauthorized", {"WWW-Authenticate": 'Bearer realm="api"'})
    try:
        claims = jwt.decode(
            token.strip(),
            ACCESS_KEY,
            algorithms=["HS256"],
            issuer=ISSUER,
            audience=AUDIENCE,
            options={"require": ["exp", "sub"]},
        )
    except jwt.InvalidTokenError as error:
        challenge = 'Bearer realm="api", error="invalid_token"'
        raise Refused(401, "invalid_token", {"WWW-Authenticate": challenge}) from error
    return {name: claims[name] for name in ("sub", "email", "name")}


class Credentials(BaseModel):
    email: str
    password: str


auth = APIRouter(prefix="/auth", dependencies=[Depends(own_page)])


@auth.post("/login")
async def login(credentials: Credentials, request: Request, response: Response):
    user = await sign_in(credentials.email, credentials.password)
    if not user:
        raise Refused(401, "invalid_credentials")
    # The new cookie replaces the one of an older session. Nobody could end that session later.
    end_session(read_refresh_cookie(request))
    return grant(response, user, start_session(user))


@auth.post("/refresh_token")
async def refresh_token(request: Request, response: Response):
    token = read_refresh_cookie(request)
    if not token:
        raise Refused(401, "missing_refresh_token")
    result = rotate(token)
    # No cookie is cleared here: the refusal may arrive after a new login.
    if isinstance(result, str):
        raise Refused(401, result)
    row, successor = result
    return grant(response, row, successor, int(row["expires_at"] - time.time()))


@auth.post("/logout", status_code=204, response_class=Response)
async def logout(request: Request, response: Response):
    end_session(read_refresh_cookie(request))
    set_refresh_cookie(response, "", 0)


app = FastAPI()
app.include_router(auth)


# Your API: every route that has the user of `current_user` needs an access token.
@app.get("/user/whoami")
async def whoami(user: dict = Depends(current_user)):
    return user


@app.middleware("http")
async def no_store(request: Request, call_next):
    response = await call_next(request)
    response.headers["Cache-Control"] = "no-store"
    return response


def fail(status: int, error: str, headers: "dict[str, str] | None" = None) -> JSONResponse:
    return JSONResponse({"error": error, "message": error.replace("_", " ")}, status, headers)


@app.exception_handler(Refused)
async def refused(_request: Request, refusal: Refused):
    return fail(refusal.status, refusal.error, refusal.headers)


@app.exception_handler(RequestValidationError)
async def malformed(_request: Request, _error: RequestValidationError):
    """FastAPI's own answer quotes what was sent, the password too."""
    return fail(400, "invalid_request")


@app.exception_handler(sqlite3.OperationalError)
async def outage(_request: Request, error: sqlite3.OperationalError):
    """The database is locked or away: a 503 signs nobody out. Replace: the errors of your own database."""
    logging.error("The database has failed", exc_info=error)
    return fail(503, "temporarily_unavailable", {"Retry-After": "5"})


@app.exception_handler(HTTPException)
async def other(_request: Request, error: HTTPException):
    name = responses.get(error.status_code, "error").lower().replace(" ", "_")
    return JSONResponse({"error": name, "message": error.detail}, error.status_code, error.headers)


@app.exception_handler(Exception)
async def crashed(_request: Request, _error: Exception):
    """Starlette logs the error. The middleware above does not see this answer."""
    return fail(500, "server_error", {"Cache-Control": "no-store"})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT)
