#!/usr/bin/env python3
"""A blob service that fails as it is told, for azure_test.

usage: azure_server.py     prints "PORT"; ends with its stdin.

POST /_fault?on=WHAT&act=ACT[&times=N][&status=S&word=W&after=SECONDS]
                           the next N requests of kind WHAT meet ACT
POST /_plant?KEY           blocks of another client on KEY, its body one of them
GET /_log                  a line for each request since the last time

Everything else is account "acct", container "box", with an account of its own
in the path, and must be signed by KEY, by SAS, or with TOKEN.
"""
import base64
import hashlib
import hmac
import re
import sys
import threading
import time
import urllib.parse as up
from email.utils import formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

KEY = base64.b64decode("Y2FuYXJ5LW9mLXRoZS1hY2NvdW50LWtleQ==")
SIG = "canary%2Fof%2Bthe%3Dsas"
TOKEN = "canary.of.the.token"
HEADER = "canary-of-the-identity-header"
ASSERTION = "canary.of.the.assertion"
BASE = "/acct/box"

lock = threading.RLock()
blobs = {}      # name: Blob that was committed
staged = {}     # name: {id: bytes}
faults = []     # [on, act, times, options]
log = []
late = []       # what to do once somebody has looked
serial = [0]
state = {"ahead": 0, "sas": SIG, "token": TOKEN}


class Blob:
    def __init__(self, data, headers, blocks=()):
        serial[0] += 1
        self.data, self.blocks = data, list(blocks)
        self.etag = '"0x%X"' % serial[0]
        self.meta = {k: v for k, v in headers.items()
                     if k.startswith("x-ms-meta-")}
        self.md5 = headers.get("x-ms-blob-content-md5", "")
        self.tier = headers.get("x-ms-access-tier", "")


def md5(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


class Lost(Exception):
    """The connection goes without an answer."""


class Refused(Exception):
    def __init__(self, status, word, text="as told", extra="", headers=()):
        super().__init__(word)
        self.status, self.word, self.text = status, word, text
        self.extra, self.headers = extra, dict(headers)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def date_time_string(self, timestamp=None):
        return formatdate(time.time() + state["ahead"], usegmt=True)

    def send(self, status, body=b"", headers=()):
        headers = dict(headers)
        self.send_response(status)
        length = headers.pop("Content-Length", str(len(body)))
        self.send_header("Content-Length", length)
        self.send_header("x-ms-request-id", "req-%d" % len(log))
        for k, v in headers.items():
            self.send_header(k, v)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_any(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.h = {k.lower(): v for k, v in self.headers.items()}
        self.raw, _, query = self.path.partition("?")
        self.query = up.parse_qsl(query, keep_blank_values=True)
        self.q = dict(self.query)
        try:
            self.answer(query)
        except Lost:
            self.close_connection = True
        except Refused as r:
            text = ("\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?><Error>"
                    "<Code>%s</Code><Message>%s\nRequestId:1\nTime:2</Message>"
                    "%s</Error>" % (r.word, escape(r.text), r.extra))
            headers = dict(r.headers)
            if r.word:
                headers["x-ms-error-code"] = r.word
            self.send(r.status, text.encode(), headers)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_any

    # --- Which call it is, whether it is signed, what it meets.

    def kind(self):
        comp = self.q.get("comp", "")
        if self.command == "PUT":
            return {"block": "block", "blocklist": "commit"}.get(comp, "put")
        if self.command == "GET" and comp:
            return {"list": "list", "blocklist": "blocks"}[comp]
        return self.command.lower()

    def string_to_sign(self):
        length = self.h.get("content-length", "")
        lines = [self.command, "", "", "" if length == "0" else length]
        lines += [self.h.get(k, "") for k in (
            "content-md5", "content-type", "none", "if-modified-since",
            "if-match", "if-none-match", "if-unmodified-since", "range")]
        lines += ["%s:%s" % (k, self.h[k].strip())
                  for k in sorted(self.h) if k.startswith("x-ms-")]
        text = "\n".join(lines) + "\n/acct" + self.raw
        for k, v in sorted((k.lower(), v) for k, v in self.query):
            text += "\n%s:%s" % (k, v)
        return text

    def authorize(self):
        auth = self.h.get("authorization", "")
        if "sig" in self.q:
            # It must come as it was given, not encoded anew.
            if "sig=" + state["sas"] in self.path.split("?", 1)[1].split("&"):
                return
            raise Refused(403, "AuthenticationFailed", "refused",
                          "<AuthenticationErrorDetail>Signature did not match: "
                          "sig=%s</AuthenticationErrorDetail>" % self.q["sig"])
        if auth.startswith("Bearer "):
            if auth == "Bearer " + state["token"]:
                return
            raise Refused(401, "InvalidAuthenticationInfo", "no such token")
        text = self.string_to_sign()
        want = base64.b64encode(hmac.new(KEY, text.encode(), hashlib.sha256)
                                .digest()).decode()
        sent = parsedate_to_datetime(self.h["x-ms-date"]).timestamp()
        skew = abs(sent - time.time() - state["ahead"])
        if auth != "SharedKey acct:" + want or skew > 900:
            raise Refused(403, "AuthenticationFailed", "Server failed to "
                          "authenticate the request.",
                          "<AuthenticationErrorDetail>The MAC signature found "
                          "in the HTTP request '%s' is not the same: '%s'"
                          "</AuthenticationErrorDetail>"
                          % (auth.split(":")[-1], escape(text)))

    def meet(self, kind):
        for f in faults:
            if f[0] != kind or f[2] == 0:
                continue
            f[2] -= 1
            act, o = f[1], f[3]
            if act == "drop":
                raise Lost
            if act == "refuse":
                head = {"Retry-After": o["after"]} if "after" in o else {}
                raise Refused(int(o["status"]), o.get("word", ""),
                              headers=head)
            return act
        return ""

    def answer(self, query):
        if self.raw.startswith("/_"):
            self.control(query)
            return
        if self.raw.startswith("/metadata/") or "oauth2" in self.raw \
                or self.raw == "/msi":
            with lock:
                log.append("%s %s" % (self.command, self.raw))
                self.identity()
            return
        with lock:
            kind = self.kind()
            name = up.unquote(self.raw[len(BASE) + 1:])
            log.append("%s %s%s" % (kind, name, " if" if "if-none-match" in
                                    self.h or "if-match" in self.h else ""))
            if self.raw != BASE and not self.raw.startswith(BASE + "/"):
                raise Refused(404, "ContainerNotFound")
            act = self.meet(kind)
            if act == "late":
                late.append((name, self.body, dict(self.h)))
                raise Lost
            self.authorize()
            try:
                getattr(self, "on_" + kind)(name, act)
            finally:
                if kind == "head" and late:
                    self.commit(*late.pop())

    def control(self, query):
        with lock:
            if self.raw == "/_fault":
                times = int(self.q.pop("times", "1"))
                faults.append([self.q.pop("on"), self.q.pop("act"), times,
                               self.q])
            elif self.raw == "/_set":
                state.update((k, type(state[k])(v))
                             for k, v in self.q.items())
            elif self.raw == "/_plant":
                staged.setdefault(up.unquote(query), {})["Zm9yZWlnbg=="] = \
                    self.body
            elif self.raw == "/_reset":
                blobs.clear()
                staged.clear()
                faults.clear()
                late.clear()
                state.update(ahead=0, sas=SIG, token=TOKEN)
            if self.raw != "/_log":
                log.clear()
                self.send(200)
                return
            text = "".join(line + "\n" for line in log)
            text += "".join("blob %s %d %s\n" % (k, len(b.data), b.tier)
                            for k, b in sorted(blobs.items()))
            text += "".join("staged %s %d\n" % (k, len(v))
                            for k, v in sorted(staged.items()))
            log.clear()
            self.send(200, text.encode())

    # --- Tokens.

    def identity(self):
        if self.meet("token"):
            return
        now = int(time.time())
        body = '{"access_token": "%s", "token_type": "Bearer", ' \
            % state["token"]
        if self.raw.startswith("/metadata/"):
            good = self.h.get("metadata") == "true" and \
                self.q.get("api-version") == "2018-02-01" and \
                self.q.get("resource") == "https://storage.azure.com/"
            body += '"expires_on": "%d"}' % (now + 3600)
        elif self.raw == "/msi":
            good = self.h.get("x-identity-header") == HEADER and \
                self.q.get("client_id") == "my client"
            body += '"expires_on": %d}' % (now + 3600)
        else:
            form = dict(up.parse_qsl(self.body.decode()))
            good = self.raw == "/tenant/oauth2/v2.0/token" and \
                form.get("client_assertion") == ASSERTION and \
                form.get("client_id") == "app" and \
                form.get("grant_type") == "client_credentials" and \
                form.get("scope") == "https://storage.azure.com/.default"
            body += '"expires_in": 3599}'
        if not good:
            self.send(400, b'{"error": "invalid_request", '
                      b'"error_description": "not so"}')
            return
        self.send(200, body.encode())

    # --- Blobs.

    def check_md5(self):
        if self.h.get("content-md5", "") != md5(self.body):
            raise Refused(400, "Md5Mismatch")

    def check_absent(self, name):
        if self.h.get("if-none-match") == "*" and name in blobs:
            raise Refused(409, "BlobAlreadyExists")

    def check_match(self, name):
        if name not in blobs:
            raise Refused(404, "BlobNotFound")
        want = self.h.get("if-match")
        if want is not None and want != blobs[name].etag:
            raise Refused(412, "ConditionNotMet")
        return blobs[name]

    def done(self, act, status, data, headers=()):
        if act == "lost":
            raise Lost
        headers = dict(headers)
        headers["Content-MD5"] = md5(data + (b"x" if act == "badmd5" else b""))
        self.send(status, b"", headers)

    def on_put(self, name, act):
        self.check_md5()
        self.check_absent(name)
        if self.h.get("x-ms-blob-type") != "BlockBlob":
            raise Refused(400, "InvalidHeaderValue")
        self.h.setdefault("x-ms-blob-content-md5", md5(self.body))
        blobs[name] = Blob(self.body, self.h)
        staged.pop(name, None)
        self.done(act, 201, self.body, {"ETag": blobs[name].etag})

    def on_block(self, name, act):
        self.check_md5()
        mine = staged.setdefault(name, {})
        ident = self.q["blockid"]
        if not self.body or any(len(k) != len(ident) for k in mine):
            raise Refused(400, "InvalidBlobOrBlock")
        mine[ident] = self.body
        self.done(act, 201, self.body)

    def commit(self, name, body, h):
        ids = re.findall("<Uncommitted>([^<]*)</Uncommitted>", body.decode())
        mine = staged.get(name, {})
        if any(i not in mine for i in ids):
            raise Refused(400, "InvalidBlockList")
        blobs[name] = Blob(b"".join(mine[i] for i in ids), h,
                           [(i, len(mine[i])) for i in ids])
        staged.pop(name, None)

    def on_commit(self, name, act):
        self.check_md5()
        self.check_absent(name)
        if act == "rob":
            staged.pop(name, None)
        self.commit(name, self.body, self.h)
        self.done(act, 201, self.body, {"ETag": blobs[name].etag})

    def on_blocks(self, name, act):
        if name not in blobs and name not in staged:
            raise Refused(404, "BlobNotFound")
        headers = {}
        committed = []
        if name in blobs:
            headers["ETag"] = blobs[name].etag
            committed = blobs[name].blocks
            if act == "fewer":
                committed = committed[:-1]
        waiting = [(k, len(v)) for k, v in staged.get(name, {}).items()]

        def part(tag, blocks):
            return "<%s>%s</%s>" % (tag, "".join(
                "<Block><Name>%s</Name><Size>%d</Size></Block>" % b
                for b in blocks), tag)
        text = "\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>"
        text += part("CommittedBlocks", committed)
        if self.q["blocklisttype"] == "all":
            text += part("UncommittedBlocks", waiting)
        self.send(200, (text + "</BlockList>").encode(), headers)

    def on_head(self, name, act):
        b = self.check_match(name)
        headers = {"ETag": b.etag, "Content-Length": str(len(b.data)),
                   "Last-Modified": formatdate(1e9, usegmt=True)}
        headers.update(b.meta)
        if b.md5:
            headers["Content-MD5"] = b.md5
        self.send(200, b"", headers)

    def on_get(self, name, act):
        b = self.check_match(name)
        first, last = map(int, re.match(r"bytes=(\d+)-(\d+)$",
                                        self.h["x-ms-range"]).groups())
        if first >= len(b.data):
            raise Refused(416, "InvalidRange")
        part = b.data[first:last + 1]
        self.send(206, part, {"ETag": b.etag, "Content-Range": "bytes %d-%d/%d"
                              % (first, first + len(part) - 1, len(b.data))})

    def on_delete(self, name, act):
        self.check_match(name)
        del blobs[name]
        self.send(202)

    def names(self):
        """Two a page, behind each page an empty one that has a marker."""
        prefix = self.q.get("prefix", "")
        cut = self.q.get("delimiter")
        found = set()
        for name in list(blobs) + (list(staged) if "uncommittedblobs" in
                                   self.q.get("include", "") else []):
            if not name.startswith(prefix):
                continue
            at = name.find(cut, len(prefix)) if cut else -1
            found.add(name if at == -1 else name[:at + 1])
        return sorted(found)

    def on_list(self, name, act):
        if self.q.get("restype") != "container":
            raise Refused(400, "InvalidQueryParameterValue")
        names = self.names()
        at, empty = map(int, self.q.get("marker", "0!0").split("!"))
        page = [] if empty else names[at:at + 2]
        at += len(page)
        more = "%d!%d" % (at, 1 - empty) if at < len(names) else ""
        text = "\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?>" \
            "<EnumerationResults ContainerName=\"box\"><Blobs>"
        for n in page:
            # Whatever is odd is encoded, as the service does with what XML
            # cannot hold.
            tag = "<Name>%s</Name>" % escape(n)
            if act == "encode" or re.search("[^ -~]", n):
                tag = "<Name Encoded=\"true\">%s</Name>" % up.quote(n, safe="/")
            if n.endswith("/"):
                text += "<BlobPrefix>%s</BlobPrefix>" % tag
                continue
            size = len(blobs[n].data) if n in blobs else 0
            text += "<Blob>%s<Properties><Last-Modified>%s</Last-Modified>" \
                "<Content-Length>%d</Content-Length></Properties></Blob>" \
                % (tag, formatdate(1e9, usegmt=True), size)
        text += "</Blobs><NextMarker>%s</NextMarker></EnumerationResults>" \
            % more
        self.send(200, text.encode())


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Clients cancel; that is no news."""


def main():
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


main()
