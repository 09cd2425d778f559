"""gcs_http.py - the protocol of test/services/gcs: requests and their answers."""
import base64
import gzip
import http.server
import json
import os
import re
import socket
import struct
import subprocess
import tempfile
import time
import urllib.parse

from gcs_store import Answer, refuse
from gcs_upload import Uploads

PIECE = 1024 * 1024
AUDIENCE = "https://oauth2.googleapis.com/token"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPES = ["https://www.googleapis.com/auth/" + s for s in (
    "devstorage.read_write", "devstorage.full_control", "cloud-platform")]


def unb64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def fields_of(mask, at=0):
    """A mask like "items(name,size),next" or "items/name,next" as a tree."""
    tree = {}
    while True:
        here = tree
        while True:
            word = re.compile(r"[\w*]+").match(mask, at)
            if not word:
                raise refuse(400, "invalidParameter", "Invalid field selection " + mask)
            here, at = here.setdefault(word.group(), {}), word.end()
            if mask[at:at + 1] != "/":
                break
            at += 1
        if mask[at:at + 1] == "(":
            inner, at = fields_of(mask, at + 1)
            here.update(inner)
            at += 1
        if mask[at:at + 1] != ",":
            return tree, at
        at += 1


def masked(value, tree):
    if isinstance(value, list):
        return [masked(v, tree) for v in value]
    if not tree or not isinstance(value, dict):
        return value
    chosen = {k: tree.get(k, tree.get("*")) for k in value}
    return {k: masked(v, chosen[k]) for k, v in value.items() if chosen[k] is not None}


class SentAlready(Exception):
    pass


class Handler(Uploads, http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # (method, path, handler, what faults and the log call it, without a token)
    ROUTES = [(m, re.compile("(?:%s)$" % p), h, w, o) for m, p, h, w, o in (
        ("POST", "/storage/v1/b", "bucket_create", "bucket", 0),
        ("GET", "/storage/v1/b/([^/]+)", "bucket_get", "bucket", 0),
        ("DELETE", "/storage/v1/b/([^/]+)", "bucket_delete", "bucket", 0),
        ("GET", "/storage/v1/b/([^/]+)/o", "list", "list", 0),
        ("GET", "(?:/download)?/storage/v1/b/([^/]+)/o/([^/]+)", "get", "get", 0),
        ("DELETE", "/storage/v1/b/([^/]+)/o/([^/]+)", "delete", "delete", 0),
        ("POST|PUT", "(?:/resumable)?/upload/storage/v1/b/([^/]+)/o", "upload", "put", 0),
        ("DELETE", "(?:/resumable)?/upload/storage/v1/b/([^/]+)/o", "cancel", "cancel", 1),
        ("POST", "/token", "token", "token", 1),
        ("GET", "/computeMetadata/v1/instance/service-accounts/default/token",
         "metadata", "metadata", 1),
        ("GET|POST", "/_control", "control", "control", 1))]

    def version_string(self):
        return "UploadServer"

    def log_message(self, *args):
        pass

    # --- The body of a request.

    def setup_body(self):
        self.chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        self.left = -1 if self.chunked else int(self.headers.get("Content-Length", 0))
        self.taken = 0

    def read_some(self):
        """The next bytes of the body; b"" at its end."""
        if self.chunked and self.left <= 0:
            if self.left == 0:
                self.rfile.readline()
            self.left = int(self.rfile.readline().split(b";")[0] or b"0", 16)
            if self.left == 0:
                while self.rfile.readline().strip():
                    pass
                self.chunked = False
        data = self.rfile.read(min(self.left, PIECE)) if self.left else b""
        if self.left and not data:
            raise ConnectionError("the client went away")
        self.left -= len(data)
        self.taken += len(data)
        limit = self.fault.get("reset_at")
        if limit is not None and self.taken >= limit:
            self.reset()
        return data

    def read_all(self, most=64 * PIECE):
        out = b""
        while len(out) <= most:
            data = self.read_some()
            if not data:
                return out
            out += data
        raise refuse(413, "uploadTooLarge", "Too large.")

    def read_json(self):
        text = self.read_all()
        try:
            value = json.loads(text or b"{}")
        except ValueError:
            raise refuse(400, "parseError", "Parse Error") from None
        return value if isinstance(value, dict) else {}

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        raise ConnectionError("a fault: reset")

    # --- From request to answer.

    def handle_request(self):
        self.raw, _, query = self.path.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        self.what, self.fault, self.status = "none", {}, 0
        self.setup_body()
        try:
            self.dispatch()
            answer = Answer(204)
        except Answer as a:
            answer = a
        except SentAlready:
            answer = None
        except ConnectionError:
            self.close_connection = True
            answer = None
        self.note(answer.status if answer else self.status)
        if answer and self.fault.get("no_answer"):
            self.close_connection = True
            answer = None
        try:
            if answer:
                self.drain()
                time.sleep(self.fault.get("late", 0))
                self.send(answer)
        except ConnectionError:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_request

    def drain(self):
        self.fault.pop("reset_at", None)
        while self.left:
            if not self.read_some():
                break

    def note(self, status):
        store = self.server.store
        with store.lock:
            store.log.append({
                "what": self.what, "method": self.command, "status": status,
                "path": self.raw, "range": self.headers.get("Content-Range") or
                self.headers.get("Range") or "", "length": self.taken})

    def send(self, answer):
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if answer.status not in (204, 304):
            self.wfile.write(answer.body)

    def dispatch(self):
        known = False
        for methods, pattern, handler, what, is_open in self.ROUTES:
            m = pattern.match(self.raw)
            known = known or bool(m)
            if not m or self.command not in methods.split("|"):
                continue
            args = [urllib.parse.unquote(g) for g in m.groups()]
            self.what = self.name_what(what)
            name = args[1] if len(args) > 1 else self.session_name() or self.query.get("name", "")
            if what != "control":
                self.meet_fault(name)
            if not is_open and "upload_id" not in self.query:
                self.check_token()
            if self.command in ("POST", "PUT") and "Content-Length" not in self.headers \
                    and not self.chunked:
                self.close_connection = True
                raise refuse(411, "required", "You must provide the Content-Length header.")
            getattr(self, "on_" + handler)(*args)
            return
        raise refuse(405 if known else 404, "notFound", "Not Found")

    def session_name(self):
        session = self.server.store.sessions.get(self.query.get("upload_id"))
        return session.name if session else ""

    def name_what(self, what):
        if what == "get" and self.query.get("alt") != "media" and "/download/" not in self.raw:
            return "stat"
        if what == "put" and "upload_id" in self.query:
            return "status" if "*/" in self.headers.get("Content-Range", "")[:8] else "part"
        if what == "put" and self.query.get("uploadType") == "resumable":
            return "start"
        return what

    def meet_fault(self, name):
        self.fault = dict(self.server.store.take_fault(self.what, name))
        time.sleep(self.fault.get("hang", 0))
        if self.fault.get("reset"):
            self.reset()
        if self.fault.get("lose"):
            lost = self.server.store.sessions.get(self.query.get("upload_id"))
            if lost:
                self.server.store.end_session(lost, 410)
        if "status" in self.fault:
            raise refuse(self.fault["status"], self.fault.get("reason", "backendError"),
                         self.fault.get("message", "A fault that was asked for.").replace(
                             "%ID", self.query.get("upload_id", "")),
                         self.fault.get("headers", ()))

    def check_token(self):
        store = self.server.store
        given = self.headers.get("Authorization", "")
        if not store.options.token and not store.options.account:
            return
        if not given:
            raise refuse(401, "required", "Anonymous caller does not have access.",
                         {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'})
        token = given[len("Bearer "):] if given.startswith("Bearer ") else ""
        if token and token == store.options.token:
            return
        if store.tokens.get(token, 0) < time.time():
            raise refuse(401, "authError", "Invalid Credentials", {
                "WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", '
                                    'error=invalid_token'})

    def origin(self):
        return "%s://%s" % ("https" if self.server.store.options.tls else "http",
                            self.headers.get("Host", ""))

    def shown(self, o):
        o = {k: v for k, v in o.items() if not k.startswith("_")}
        place = "/storage/v1/b/%s/o/%s" % tuple(urllib.parse.quote(o[k], safe="")
                                                for k in ("bucket", "name"))
        o["selfLink"] = self.origin() + place
        o["mediaLink"] = "%s/download%s?generation=%s&alt=media" % (self.origin(), place, o["generation"])
        return o

    def ok(self, value, status=200):
        raise Answer(status, masked(value, fields_of(self.query["fields"])[0])
                     if self.query.get("fields") else value)

    # --- Buckets.

    def bucket_value(self, name):
        return {"kind": "storage#bucket", "id": name, "name": name, "location": "US",
                "locationType": "multi-region", "storageClass": "STANDARD",
                "timeCreated": "2026-01-01T00:00:00.000Z", "updated": "2026-01-01T00:00:00.000Z",
                "metageneration": "1", "etag": "CAE=", "projectNumber": "1"}

    def on_bucket_create(self):
        name, store = self.read_json().get("name", ""), self.server.store
        if not re.match(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", name):
            raise refuse(400, "invalid", "Invalid bucket name: '%s'" % name)
        with store.lock:
            if name in store.buckets:
                raise refuse(409, "conflict", "Your previous request to create the named bucket "
                             "succeeded and you already own it.")
            store.buckets[name] = {}
        self.ok(self.bucket_value(name))

    def on_bucket_get(self, name):
        self.server.store.bucket(name)
        self.ok(self.bucket_value(name))

    def on_bucket_delete(self, name):
        with self.server.store.lock:
            if self.server.store.bucket(name):
                raise refuse(409, "conflict", "The bucket you tried to delete is not empty.")
            del self.server.store.buckets[name]

    # --- Lists.

    def page_start(self):
        token = self.query.get("pageToken")
        if not token:
            return None
        try:
            kind, _, last = unb64url(token).decode().split(":", 2)
        except ValueError:
            kind = last = ""
        if kind != "after":
            raise refuse(400, "invalid", "Invalid Value", ())
        return last

    def page_token(self, last):
        """No two are alike."""
        if self.fault.get("circle") and "pageToken" in self.query:
            return self.query["pageToken"]
        store = self.server.store
        with store.lock:
            store.count += 1
            text = "after:%d:%s" % (store.count, last)
        return base64.urlsafe_b64encode(text.encode()).decode()

    def on_list(self, bucket):
        store, q = self.server.store, self.query
        after, prefix, delimiter = self.page_start(), q.get("prefix", ""), q.get("delimiter", "")
        try:
            most = min(int(q.get("maxResults", 1000)), store.page)
        except ValueError:
            most = 0
        if most <= 0:
            raise refuse(400, "invalid", "Invalid maxResults")
        items, prefixes, last, more = [], [], after, False
        if self.fault.get("empty_page") or self.fault.get("circle"):
            last, more, most = after or "", True, 0
        with store.lock:
            objects = sorted(store.bucket(bucket).items(), key=lambda x: x[0].encode())
        for name, o in objects if most else ():
            if not name.startswith(prefix) or name.encode() < q.get("startOffset", "").encode() \
                    or "endOffset" in q and name.encode() >= q["endOffset"].encode():
                continue
            cut = name.find(delimiter, len(prefix)) if delimiter else -1
            entry = name if cut < 0 else name[:cut + len(delimiter)]
            if after is not None and (entry.encode() <= after.encode()) or prefixes[-1:] == [entry]:
                continue
            if len(items) + len(prefixes) == most:
                more = True
                break
            last = entry
            if cut < 0:
                items.append(self.shown(o))
            else:
                prefixes.append(entry)
        page = {"kind": "storage#objects"}
        if items:
            page["items"] = items
        if prefixes:
            page["prefixes"] = prefixes
        if more:
            page["nextPageToken"] = self.page_token(last)
        self.ok(page)

    # --- One object.

    def on_get(self, bucket, name):
        store, q = self.server.store, self.query
        is_media = self.what == "get"
        with store.lock:
            try:
                o = store.find(bucket, name, q)
            except Answer as a:
                if is_media:            # Without alt=json errors are plain text.
                    text = json.loads(a.body)["error"]["message"]
                    a.body, a.headers = text.encode(), {"Content-Type": "text/html; charset=UTF-8"}
                raise
            store.check_conditions(o, q)
            tag = '"%s"' % o["etag"] if is_media else o["etag"]
            if self.headers.get("If-Match", tag).strip('"') != tag.strip('"'):
                raise refuse(412, "conditionNotMet", "Precondition Failed")
            if self.headers.get("If-None-Match", "").strip('"') == tag.strip('"'):
                raise Answer(304)
            if not is_media:
                self.ok(self.shown(o))
            file = open(o["_path"], "rb")
        with file:
            self.send_media(o, file)

    def send_media(self, o, file):
        size, first = int(o["size"]), 0
        headers = {"Content-Type": o["contentType"], "ETag": '"%s"' % o["etag"],
                   "Content-Disposition": "attachment", "Vary": "Origin",
                   "X-Goog-Generation": o["generation"], "X-Goog-Metageneration": "1",
                   "X-Goog-Hash": "crc32c=%s,md5=%s" % (o["crc32c"], o["md5Hash"]),
                   "X-Goog-Storage-Class": o["storageClass"],
                   "X-Goog-Stored-Content-Encoding": o.get("contentEncoding", "identity"),
                   "X-Goog-Stored-Content-Length": o["size"]}
        if o.get("contentEncoding") == "gzip":
            if "gzip" not in self.headers.get("Accept-Encoding", ""):
                # Decompressive transcoding: the whole, whatever was asked for.
                raise Answer(200, gzip.decompress(file.read()), {
                    **headers, "Warning": "214 UploadServer gunzipped"})
            headers["Content-Encoding"] = "gzip"
        status, end = 200, size
        m = re.match(r"bytes=(\d*)-(\d*)$", self.headers.get("Range", ""))
        if m and m.group(0) != "bytes=-":
            if m.group(1):
                first, end = int(m.group(1)), min(int(m.group(2) or size) + 1, size)
            else:
                first = max(size - int(m.group(2)), 0)
            if first >= size or first >= end:
                raise Answer(416, b"The requested range cannot be satisfied.",
                             {"Content-Range": "bytes */%d" % size})
            status = 206
            headers["Content-Range"] = "bytes %d-%d/%d" % (first, end - 1, size)
        self.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(end - first))
        self.end_headers()
        self.send_bytes(file, first, end)

    def send_bytes(self, file, first, end):
        file.seek(first)
        cut, flip = self.fault.get("cut"), self.fault.get("flip")
        stop = end if cut is None else min(first + cut, end)
        while first < stop:
            data = file.read(min(PIECE, stop - first))
            if flip:
                data, flip = bytes([data[0] ^ 1]) + data[1:], False
            self.wfile.write(data)
            first += len(data)
            time.sleep(self.fault.get("slow", 0))
        if stop < end:
            time.sleep(self.fault.get("stall", 0))
            self.reset()
        raise SentAlready()

    def on_delete(self, bucket, name):
        store = self.server.store
        with store.lock:
            o = store.find(bucket, name, self.query)
            store.check_conditions(o, self.query)
            store.forget(store.bucket(bucket).pop(name))

    # --- Credentials.

    def on_token(self):
        form = dict(urllib.parse.parse_qsl(self.read_all().decode("latin-1")))
        if form.get("grant_type") != GRANT:
            raise Answer(400, {"error": "unsupported_grant_type",
                               "error_description": "Invalid grant_type"})
        wrong = self.judge_grant(form.get("assertion", ""))
        if wrong:
            raise Answer(400, {"error": "invalid_grant", "error_description": wrong})
        raise Answer(200, self.server.store.issue())

    def judge_grant(self, text):
        """What is wrong with a signed grant, None: nothing."""
        try:
            head, claims = (json.loads(unb64url(p)) for p in text.split(".")[:2])
            signature = unb64url(text.split(".")[2])
        except (ValueError, IndexError):
            return "Invalid JWT: not three parts in base64url."
        if "=" in text:
            return "Invalid JWT: padded."
        if head.get("alg") != "RS256" or head.get("typ") != "JWT":
            return "Invalid JWT header."
        email, key = self.server.store.options.account or (None, None)
        if not email or claims.get("iss") != email:
            return "Invalid JWT: no such account."
        # Google's own clients name Google, wherever they ask.
        if claims.get("aud") not in (self.origin() + "/token", AUDIENCE):
            return "Invalid JWT audience: not this token endpoint."
        now, begin, end = time.time(), claims.get("iat", 0), claims.get("exp", 0)
        if not now - 300 - 3600 < begin < now + 300 or not begin < end <= begin + 3600 or end < now:
            return "Invalid JWT: Token must be a short-lived token (60 minutes) and in a " \
                "reasonable timeframe. Check your iat and exp values in the JWT claim."
        if not set(claims.get("scope", "").split()) & set(SCOPES):
            return "Invalid OAuth scope."
        with tempfile.NamedTemporaryFile() as f:
            f.write(signature)
            f.flush()
            done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", key, "-signature",
                                   f.name], input=text.rpartition(".")[0].encode(),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return None if done.returncode == 0 else "Invalid JWT Signature."

    def on_metadata(self):
        if self.headers.get("Metadata-Flavor") != "Google" or "X-Forwarded-For" in self.headers:
            raise Answer(403, b"Missing Metadata-Flavor:Google header.")
        raise Answer(200, self.server.store.issue(), {"Metadata-Flavor": "Google"})

    def on_control(self):
        """
        GET: what was asked so far, and the sessions that are open.
        POST {"faults": [...], "lifetime": seconds of tokens, "expire": true,
        "page": entries of a page at most, "forget": true: the requests so far}.
        """
        store, asked = self.server.store, self.read_json()
        with store.lock:
            if "faults" in asked:
                store.faults = list(asked["faults"])
            store.lifetime = asked.get("lifetime", store.lifetime)
            store.page = asked.get("page", store.page)
            if asked.get("expire"):
                store.tokens.clear()
            value = {"log": list(store.log), "faults": list(store.faults), "sessions": [
                u.name for u in store.sessions.values() if not u.object]}
            if asked.get("forget"):
                store.log.clear()
        raise Answer(200, value)
