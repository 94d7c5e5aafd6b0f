"""Rulrr's proxy in Python's standard library: the contract of openapi.yaml in one file.

    RULRR_CLIENT_ID=… RULRR_CLIENT_SECRET=… RULRR_API_BASE_URL=… python3 proxy.py

To make it yours, change authorize() and send_ereceipt(). Its limits are in README.md beside it.
"""

import contextlib
import hashlib
import http.client
import json
import os
import re
import secrets
import signal
import socket
import sqlite3
import sys
import threading
import time
import traceback
import urllib.parse
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TTL = 1800
TILL_WAITS = 8


class Refusal(Exception):
    def __init__(self, status, code, detail, retry_after=None):
        super().__init__(detail)
        self.status, self.code, self.detail, self.retry_after = status, code, detail, retry_after


def setting(name, default=None):
    value = os.environ.get(name, "").strip() or default
    if value is None:
        raise SystemExit(f"{name} is not set.")
    return value


CLIENT_ID, CLIENT_SECRET = setting("RULRR_CLIENT_ID"), setting("RULRR_CLIENT_SECRET")
API = urllib.parse.urlsplit(setting("RULRR_API_BASE_URL"))
# Every URL of Rulrr's API is a secret.
if API.scheme != "https" and not (API.scheme == "http" and re.fullmatch(r"(.+\.)?localhost|127(\.\d{1,3}){3}|::1", API.hostname or "")):
    raise SystemExit("RULRR_API_BASE_URL must be https (http is for loopback addresses).")
CONNECT = setting("RULRR_CONNECT_BASE_URL", "https://connect.rulrr.com/")
BASE = setting("RULRR_BASE_PATH", "/rulrr").rstrip("/")
# As browsers see it; behind https it cannot be told from the request. They write an origin in lower case, without a slash at its end.
OWN_ORIGIN = setting("RULRR_ORIGIN", "").lower().rstrip("/")
ALLOWED_ORIGINS = [origin.rstrip("/") for origin in setting("RULRR_ALLOWED_ORIGINS", "").lower().replace(",", " ").split()]
DATABASE = setting("RULRR_DATABASE", "rulrr.db")


# ── yours ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def authorize(headers):
    """Whose store asks: from your own session, and from nothing else in the request. Here the demo's cookie stands for one."""
    # Not by SimpleCookie, which drops all of them where it dislikes one that somebody else has set.
    found = re.search(r"(?:^|;)\s*session=(till-[0-9]{1,6})\s*(?:;|$)", headers.get("Cookie", ""))
    return found[1] if found else None


def send_ereceipt(access_token, order_id, phone_number, seconds):
    """Sends the receipt, in the seconds that are left until the till prints. Rulrr does not publish how the number reaches it; here the order carries it, as the sandbox takes it."""
    order = {"orderId": order_id, "ereceipt": {"phoneNumber": phone_number}}
    status, text = upstream("POST", "/v1/orders", {"access_token": access_token}, order, seconds)
    # Rulrr says in the body how it went. One that was cut, or is a gateway's page, says nothing.
    answer = read_json(text) if is_good(status) else {}
    if answer and not says_no(answer):
        return
    # A refusal is a refusal; an error of the server, or a time that ran out, may stand for a message that went out.
    if answer.get("success") is False or status == 0 or (400 <= status < 500 and status not in (408, 499)):
        raise Refusal(502, "send_failed", "The receipt was not sent.")
    raise Refusal(504, "send_unconfirmed", "It is not known whether the receipt was sent. Print it.")


# How a text begins, or a status of HTTP, that says no.
SAYS_NO = re.compile(
    r"[\W_]*(?!none\b|no[\W_]*(err|fail))(err|fail|rej|canc|expir|inval|insuf|den(y|ied)|declin|refus|forbid|block|drop|tim(ed?|ing)[\W_]*out|"
    r"throttl|opt(ed)?[\W_]*out|abort|bounc|skip|suppress|un(del|kno|s[eu]|auth|reach)|(no|not|nok|ko|false|[345]\d\d)(?![a-z\d]))",
    re.IGNORECASE,
)


def says_no(answer):
    """Whether an answer of 200 says in one of the usual ways that it did not come off, or that one of a list did not."""
    if isinstance(answer, list):
        return any(says_no(part) for part in answer)
    if not isinstance(answer, dict):
        return answer is False or bool(isinstance(answer, str) and SAYS_NO.match(answer))
    words = [str(answer.get(name, True)).strip() for name in ("success", "ok", "sent")]
    if any(re.fullmatch(r"(0(\.0+)?|null|none)?", word, re.IGNORECASE) or SAYS_NO.match(word) for word in words):
        return True
    if any(SAYS_NO.match(str(answer.get(name))) for name in ("status", "statusCode")):
        return True
    # What is left of an error that was written as JSON may be {}.
    if answer.get("error") or answer.get("error") == {} or answer.get("errors"):
        return True
    return says_no(answer.get("data"))


# ── Rulrr ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def upstream(method, path, query, body=None, seconds=10):
    """One call: status and text; 0 if it surely never left, -1 if that is unclear. Never retried, never redirected.

    The URL holds the client secret, so no exception of it may go further than this function.
    """
    kind = http.client.HTTPSConnection if API.scheme == "https" else http.client.HTTPConnection
    connection, until = kind(API.hostname, API.port, timeout=seconds), time.monotonic() + seconds
    try:
        connection.connect()
    except OSError:
        return 0, ""
    # The connection's own limit begins anew with each byte.
    limit = threading.Timer(until - time.monotonic(), hang_up, [connection.sock])
    limit.start()
    try:
        # Names are looked up, and addresses tried one after the other, without regard to the time: nothing goes out that nobody waits for.
        if time.monotonic() > until:
            return 0, ""
        target = f"{API.path.rstrip('/')}{path}?{urllib.parse.urlencode(query)}"
        sent = None if body is None else json.dumps(body)
        connection.request(method, target, sent, {"Accept": "application/json", "Content-Type": "application/json"})
        answer, text = connection.getresponse(), b""
        while len(text) < 65_536:
            piece = answer.read1(8192)
            text += piece
            # An object says itself where it ends: one that came whole counts, however its connection ends, or does not.
            if read_json(text):
                break
            if time.monotonic() > until:
                return -1, ""
            if not piece:
                break
        return answer.status, text.decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return -1, ""
    finally:
        limit.cancel()
        connection.close()


def hang_up(connection):
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def is_good(status):
    """Nothing says which of them Rulrr answers with."""
    return 200 <= status < 300


def credentials(**more):
    return {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **more}


def upstream_refusal(status):
    if status == 429:
        return Refusal(429, "rate_limited", "Rulrr asks for fewer calls.", 5)
    if status == -1:
        return Refusal(504, "upstream_timeout", "Rulrr did not answer in time.", 3)
    return Refusal(502, "upstream_error", "Rulrr cannot be reached or answered with an error.", 3)


def read_json(text):
    try:
        # A byte order mark, or a byte that is no UTF-8, must not cost an answer that comes once.
        value = json.loads((text.decode("utf-8", "replace") if isinstance(text, bytes) else text).lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


# ── the store: one file, readable by this user only ────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def database():
    connection = sqlite3.connect(DATABASE, timeout=10, isolation_level=None)
    try:
        # "finished" is answered after this commit: it must have reached the disk, and its journal must be gone from there.
        connection.execute("PRAGMA synchronous = EXTRA")
        yield connection
    finally:
        connection.close()


def prepare():
    os.close(os.open(DATABASE, os.O_CREAT | os.O_RDWR, 0o600))
    os.chmod(DATABASE, 0o600)
    with database() as db:
        db.execute("CREATE TABLE IF NOT EXISTS flows (id TEXT PRIMARY KEY, store TEXT, token TEXT, started REAL, expires REAL, asked REAL, raw TEXT, ended TEXT)")
        db.execute("CREATE TABLE IF NOT EXISTS stores (store TEXT PRIMARY KEY, started REAL, access TEXT, refresh TEXT, expiration TEXT, ereceipt INTEGER)")
        db.execute("CREATE TABLE IF NOT EXISTS sends (key TEXT PRIMARY KEY, about TEXT, sent INTEGER)")


def connection_of(store):
    with database() as db:
        row = db.execute("SELECT ereceipt, expiration FROM stores WHERE store = ? AND access IS NOT NULL", (store,)).fetchone()
    return {"connected": row is not None, "ereceipt": bool(row and row[0]), "expiration": row[1] if row else None}


class Locks:
    """One lock a name. This proxy is one process; several need a lock that they share."""

    def __init__(self):
        self.guard, self.held = threading.Lock(), {}

    @contextlib.contextmanager
    def alone(self, name, seconds):
        """Tells whether the lock was had in this time."""
        with self.guard:
            lock, users = self.held.get(name, (threading.Lock(), 0))
            self.held[name] = (lock, users + 1)
        taken = lock.acquire(timeout=seconds)
        try:
            yield taken
        finally:
            if taken:
                lock.release()
            with self.guard:
                lock, users = self.held[name]
                self.held[name] = (lock, users - 1)
                if users == 1:
                    del self.held[name]


locks = Locks()


# ── routes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def iso(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def start(store):
    status, text = upstream("POST", "/v1/auth/integration", credentials())
    token = read_json(text).get("integrationToken")
    if status in (400, 403):
        raise Refusal(500, "misconfigured", "Rulrr refused the client id or secret.")
    if not is_good(status) or not isinstance(token, str):
        raise upstream_refusal(status)
    # Random and kept here: the standard library has no encryption to seal it with.
    flow, now = secrets.token_urlsafe(32), time.time()
    with database() as db:
        row = (flow, store, token, later(db, store), now + TTL)
        db.execute("INSERT INTO flows (id, store, token, started, expires) VALUES (?, ?, ?, ?, ?)", row)
    return 201, {"id": flow, "status": "pending", **pending(token, now + TTL)}


def pending(token, expires):
    query = urllib.parse.urlencode({"integration_token": token, "client_id": CLIENT_ID})
    return {"connectUrl": f"{CONNECT}{'&' if '?' in CONNECT else '?'}{query}", "expiresAt": iso(expires), "pollAfterMs": 3000}


def status_of(store, flow):
    with database() as db:
        row = db.execute("SELECT store, token, expires FROM flows WHERE id = ?", (flow,)).fetchone()
    if row is None:
        raise Refusal(404, "unknown_integration", "There is no such integration.")
    owner, token, expires = row
    if owner != store:
        raise Refusal(403, "not_yours", "The integration belongs to another store.")
    # One thread at a time for one session: redeemed once, and saved before anybody hears of it. The others are not kept by that for long.
    with locks.alone(f"flow/{flow}", 4) as taken:
        state = ask(flow) if taken else "pending"
    if state == "pending":
        return 200, {"status": state, **pending(token, expires)}
    if state == "expired":
        raise Refusal(410, "expired", "The session is over. Connect again.")
    answer = {"status": state, "expiresAt": iso(expires), "pollAfterMs": 3000}
    if state == "finished":
        answer["connection"] = connection_of(store)
        # Its row may be of a release that did not end sessions then.
        if not answer["connection"]["connected"]:
            raise Refusal(410, "expired", "The session is over. Connect again.")
    return 200, answer


def ask(flow):
    with database() as db:
        row = db.execute("SELECT store, token, started, expires, asked, raw, ended FROM flows WHERE id = ?", (flow,)).fetchone()
        store, token, started, expires, asked, raw, ended = row
        if ended:
            return ended
        # Saved by an attempt that ended before it was read. Where it was cut or is something else, Rulrr is asked again.
        if raw and isinstance(read_json(raw).get("accessToken"), str):
            return keep(db, flow, store, started, raw)
        now = time.time()
        if now > expires:
            return "expired"
        # However many tabs and tills ask, Rulrr is asked once a second.
        if asked and 0 <= now - asked < 1:
            return "pending"
        code, text = upstream("GET", "/v1/auth/integration", credentials(integration_token=token))
        if not is_good(code):
            raise upstream_refusal(code)
        db.execute("UPDATE flows SET asked = ? WHERE id = ?", (now, flow))
        state = read_json(text).get("status")
        if state == "cancelled":
            db.execute("UPDATE flows SET ended = 'cancelled' WHERE id = ?", (flow,))
            return state
        if state != "finished":
            return "pending"
        code, raw = upstream("GET", "/v1/auth/integration/token", credentials(integration_token=token), None, 60)
        if code == 410:
            raise Refusal(409, "tokens_lost", "Rulrr gave the tokens out already, and they are not here. Connect again.")
        if not is_good(code):
            raise upstream_refusal(code)
        save(db, flow, raw)
        return keep(db, flow, store, started, raw)


def save(db, flow, raw):
    """Before it is read, and for as long as it takes: it comes once."""
    while True:
        try:
            db.execute("UPDATE flows SET raw = ? WHERE id = ?", (raw, flow))
            return
        except sqlite3.Error:
            time.sleep(0.25)


def keep(db, flow, store, started, raw):
    """Stores the tokens; an older session never replaces those of a newer one."""
    answer = read_json(raw)
    if not isinstance(answer.get("accessToken"), str):
        raise Refusal(502, "upstream_error", "Rulrr answered in a way that is not understood. It is kept.", 3)
    refresh = answer.get("refreshToken")
    row = (store, started, answer["accessToken"], refresh if isinstance(refresh, str) else None, expiration(answer.get("expiration")), answer.get("ereceipt") is True)
    db.execute("BEGIN IMMEDIATE")
    db.execute(
        "INSERT INTO stores VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (store) DO UPDATE SET started = excluded.started, access = excluded.access,"
        " refresh = excluded.refresh, expiration = excluded.expiration, ereceipt = excluded.ereceipt WHERE excluded.started >= stores.started",
        row,
    )
    # Unless the store was disconnected meanwhile, which ends it.
    db.execute("UPDATE flows SET ended = coalesce(ended, 'finished'), raw = NULL WHERE id = ?", (flow,))
    db.execute("COMMIT")
    return db.execute("SELECT ended FROM flows WHERE id = ?", (flow,)).fetchone()[0]


def expiration(given):
    """A text as Rulrr gave it; a number of seconds or milliseconds as ISO 8601."""
    if isinstance(given, str) and not re.fullmatch(r"[0-9]{10,13}(\.[0-9]+)?", given):
        return given or None
    if isinstance(given, bool) or not isinstance(given, (int, float, str)):
        return None
    try:
        seconds = float(given)
        return iso(seconds if seconds < 1e11 else seconds / 1000)
    except (ValueError, OverflowError, OSError):
        return None


def later(db, store):
    """Now, and after all that the store began: where the clock was set back, a session must not count as older than those before it."""
    begun = "SELECT max(started) FROM (SELECT started FROM stores WHERE store = ? UNION ALL SELECT started FROM flows WHERE store = ?)"
    return max(time.time(), (db.execute(begun, (store, store)).fetchone()[0] or 0) + 0.001)


def forget(store):
    """The time stays, so that no session begun before it brings tokens back; it is over, whoever connects next."""
    with database() as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute("REPLACE INTO stores (store, started, ereceipt) VALUES (?, ?, 0)", (store, later(db, store)))
        db.execute("UPDATE flows SET ended = 'expired', raw = NULL WHERE store = ? AND ended IS NOT 'cancelled'", (store,))
        db.execute("COMMIT")
    return 204, None


def ereceipt(store, headers, body, begun, has_gone):
    if not re.match(r"application/json\s*(;|$)", headers.get("Content-Type", ""), re.IGNORECASE):
        raise Refusal(415, "unsupported_media_type", "Send application/json.")
    if len(body) > 8192:
        raise Refusal(413, "body_too_large", "The body is larger than 8 KiB.")
    given = read_json(body.decode("utf-8", "replace"))
    order_id, number, key = given.get("orderId"), given.get("phoneNumber"), headers.get("Idempotency-Key", "")
    if not isinstance(order_id, str) or not order_id.strip() or len(order_id) > 200 or not isinstance(number, str):
        raise Refusal(400, "bad_request", 'The body must be {"orderId", "phoneNumber"}.')
    if not re.fullmatch(r"[\x21-\x7e]{1,200}", key):
        raise Refusal(400, "bad_request", "The header Idempotency-Key must have 1 to 200 visible characters.")
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", number):
        raise Refusal(422, "invalid_phone_number", "The phone number must be E.164.")
    row, about = (hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest() for parts in ((store, key), (order_id, number)))
    with contextlib.ExitStack() as stack:
        if not stack.enter_context(locks.alone(f"key/{row}", 0)):
            raise Refusal(409, "in_progress", "This receipt is being sent.", 2)
        db = stack.enter_context(database())
        known = db.execute("SELECT about, sent FROM sends WHERE key = ?", (row,)).fetchone()
        if known and known[0] != about:
            raise Refusal(400, "bad_request", "The Idempotency-Key was used for another receipt.")
        if known and known[1]:
            return 200, {"sent": True}
        if known:
            raise Refusal(504, "send_unconfirmed", "It is not known whether the receipt was sent. Print it.")
        found = db.execute("SELECT access, ereceipt FROM stores WHERE store = ?", (store,)).fetchone()
        if not found or not found[1]:
            raise Refusal(403, "ereceipt_disabled", "The store does not text receipts.")
        # Written first: a process that dies while sending leaves a doubt, never a second message.
        db.execute("INSERT INTO sends VALUES (?, ?, 0)", (row, about))
        try:
            left = begun + TILL_WAITS - time.monotonic()
            if left <= 0 or has_gone():
                raise Refusal(502, "send_failed", "The receipt was not sent: the store was slow, and the till has printed.")
            send_ereceipt(found[0], order_id, number, left)
        except Refusal as refusal:
            if refusal.code == "send_failed":
                with contextlib.suppress(sqlite3.Error):
                    db.execute("DELETE FROM sends WHERE key = ?", (row,))
            raise
        # It was sent, also where this cannot be written: whoever asks again hears of a doubt.
        with contextlib.suppress(sqlite3.Error):
            db.execute("UPDATE sends SET sent = 1 WHERE key = ?", (row,))
    return 200, {"sent": True}


# ── the gate, before every route ─────────────────────────────────────────────────────────────────────────────────────


def respond(method, target, headers, body, extra, begun, has_gone):
    path = target.split("?", 1)[0]
    below = path[len(BASE) :] if path.startswith(f"{BASE}/") else ""
    found = re.fullmatch(r"/integrations/((?:[^/?%]|%(?!2[fF]|5[cC]))+)", below)
    methods = ["GET"] if found else {"/integrations": ["POST"], "/connection": ["GET", "DELETE"], "/ereceipts": ["POST"]}.get(below)
    if methods is None:
        raise Refusal(404, "not_found", "The proxy has no such path.")
    origin, own = headers.get("Origin"), OWN_ORIGIN or f"http://{headers.get('Host', '')}"
    allowed = origin is not None and origin in ALLOWED_ORIGINS
    mine = origin == own
    if allowed:
        extra.update({"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"})
        extra["Access-Control-Expose-Headers"] = "Retry-After"
    allow = ", ".join(methods + ["OPTIONS"])
    if method == "OPTIONS":
        if origin is not None and not allowed and not mine:
            raise Refusal(403, "forbidden_origin", "The page is not one of those that may ask.")
        extra["Allow"] = allow
        if allowed:
            extra["Access-Control-Allow-Methods"] = ", ".join(methods)
            extra["Access-Control-Allow-Headers"] = "Rulrr-Embed, Idempotency-Key, Content-Type, Authorization"
            extra["Access-Control-Max-Age"] = "600"
        return 204, None
    if method not in methods:
        extra["Allow"] = allow
        raise Refusal(405, "method_not_allowed", "The path does not take this method.")
    # Whatever the content type: the header that a form cannot send, from a page that is known.
    known = headers.get("Sec-Fetch-Site") == "same-origin" or allowed or mine
    if method != "GET" and (headers.get("Rulrr-Embed") != "1" or not known):
        raise Refusal(403, "forbidden_origin", "Unsafe calls need the header Rulrr-Embed: 1, from the till's own page. Behind https that ends elsewhere, set RULRR_ORIGIN.")
    store = authorize(headers)
    # Also what sessions have in the place of a store where nobody is signed in: all of those would share one.
    if not store:
        raise Refusal(401, "unauthorized", "Nobody is signed in.")
    store = str(store)
    if found:
        return status_of(store, found[1])
    if below == "/integrations":
        return start(store)
    if below == "/ereceipts":
        return ereceipt(store, headers, body, begun, has_gone)
    return forget(store) if method == "DELETE" else (200, connection_of(store))


class Headers(http.client.HTTPMessage):
    """Python reads headers as those of a mail, up to the first line that is none. What is left over tells of it, unless it is taken for parts."""

    def get_content_type(self):
        return "text/plain"

    def are_whole(self):
        return not self.defects and not self.get_payload() and not any("\n" in value for value in self.values())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    MessageClass = Headers
    timeout = 30

    def setup(self):
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self):
        self.server.connections.discard(self.connection)
        super().finish()

    def handle_any(self):
        # Before the body, which may be slow to come.
        extra, kind, begun = {}, "application/json", time.monotonic()
        try:
            lengths = self.headers.get_all("Content-Length", ["0"])
            plain = len(lengths) == 1 and re.fullmatch("[0-9]{1,18}", lengths[0]) and self.headers.are_whole()
            length = int(lengths[0]) if plain else 0
            # What is left of a body must not be read as the next request.
            if not plain or length > 8193 or "Transfer-Encoding" in self.headers:
                self.close_connection = True
            # No more than is needed to see that it is too much.
            body, needed = b"", min(length, 8193)
            with contextlib.suppress(OSError):
                body = self.rfile.read(needed)
            # Too slow, or broken off: what there is of it is no request, however whole it looks.
            if not plain or len(body) < needed:
                self.close_connection = True
                raise Refusal(400, "bad_request", "The body, or its length, cannot be read.")
            # Not by self.path, in which two slashes at the beginning have become one.
            status, answer = respond(self.command, self.requestline.split()[1], self.headers, body, extra, begun, self.has_gone)
        except Exception as error:  # noqa: BLE001
            # What is not a refusal of ours is not shown: it may quote a URL, and every URL of Rulrr's API is a secret. Where it was raised is none.
            refusal = error if isinstance(error, Refusal) else Refusal(500, "internal", "The proxy failed.")
            if isinstance(error, sqlite3.Error):
                refusal = Refusal(503, "store_unavailable", "The store cannot be read or written.", 5)
            elif refusal is not error:
                place = traceback.extract_tb(error.__traceback__)[-1]
                print(f"Rulrr's proxy: {type(error).__name__} in {os.path.basename(place.filename)}, line {place.lineno}", file=sys.stderr, flush=True)
            if refusal.retry_after is not None:
                extra["Retry-After"] = str(refusal.retry_after)
            status, kind = refusal.status, "application/problem+json"
            answer = {"type": "about:blank", "title": refusal.code.replace("_", " "), "status": status, "code": refusal.code, "detail": refusal.detail}
        text = b"" if answer is None else json.dumps(answer).encode()
        if self.server.closing:
            self.close_connection = True
        with contextlib.suppress(OSError):
            self.send_response_only(status)
            extra.update({"Cache-Control": "no-store", "Vary": "Origin, Cookie, Sec-Fetch-Site", "X-Content-Type-Options": "nosniff"})
            extra.update({"Referrer-Policy": "no-referrer", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"})
            if answer is not None:
                extra["Content-Type"] = kind
            if status != 204:
                extra["Content-Length"] = str(len(text))
            if self.close_connection:
                extra["Connection"] = "close"
            for name, value in extra.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)
            if self.close_connection:
                self.take_rest()

    def has_gone(self):
        """Whether the till has hung up, and prints: before it has its answer, it has nothing to say."""
        self.connection.settimeout(0)
        try:
            # What is under way as this proxy stops is answered.
            return not self.connection.recv(1, socket.MSG_PEEK) and not self.server.closing
        except (BlockingIOError, ValueError):
            # TLS lets nobody look ahead.
            return False
        except OSError:
            return True
        finally:
            self.connection.settimeout(self.timeout)

    def take_rest(self):
        """A connection that is closed while some of a body is unread is reset, and the answer may be lost with it."""
        self.connection.shutdown(socket.SHUT_WR)
        until = time.monotonic() + 2
        for _ in range(256):
            self.connection.settimeout(max(until - time.monotonic(), 0.001))
            if not self.rfile.read1(8192):
                break

    def __getattr__(self, name):
        # Every method, so that those of none of the paths are refused as the contract has it.
        if name.startswith("do_"):
            return self.handle_any
        raise AttributeError(name)


class Server(ThreadingHTTPServer):
    # Threads that redeem are waited for when the server stops.
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, *given):
        self.connections, self.closing = set(), False
        super().__init__(*given)

    def handle_error(self, request, client_address):
        # A till that goes away is no defect.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def server_close(self):
        # What is under way is answered; a till that goes on asking on a connection that it keeps is not waited for.
        self.closing = True
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        super().server_close()


def main():
    prepare()
    server = Server((setting("HOST", "127.0.0.1"), int(setting("PORT", "8080"))), Handler)
    # A terminal that is closed says the second, which Windows does not have, unless nohup keeps it away.
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"Listening on port {server.server_address[1]}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    server.server_close()


if __name__ == "__main__":
    main()
