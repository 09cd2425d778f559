"""proxy.py - an HTTP server in front of a real one, which does what rules say.

A rule is looked at for each request, in order; the first that fits and is not
used up does its deed.  Deeds:
  answer(status, headers, body)   without asking the server
  lose()      the connection is cut before the server is asked
  forget()    the server is asked, then the connection is cut: it has happened
  stall(s)    nothing is said for so long, then the connection is cut
  cut(n)      the answer ends after n bytes of its body
  flip(n)     byte n of the answer's body is another one
  twist(n)    byte n of the request's body is another one
  slow(rate)  the request's body is read at so many bytes a second
Signatures stay good because the Host header is passed on as it came.
"""
import http.client
import http.server
import re
import socket
import struct
import threading
import time
import urllib.parse

CHUNK = 64 * 1024
HOP = ("connection", "transfer-encoding", "keep-alive", "expect")


class Rule:
    def __init__(self, pattern, deed, times=None, after=0):
        # Of "METHOD /path?query", and a small body behind it.
        self.pattern = re.compile(pattern, re.S)
        self.deed, self.times, self.after = deed, times, after
        self.used = 0

    def fits(self, what):
        if not self.pattern.search(what):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None and self.used >= self.times:
            return False
        self.used += 1
        return True


class Request:
    """One request: its body read as the deed wants, the server's answer."""

    def __init__(self, handler):
        self.handler = handler
        self.what = "%s %s" % (handler.command, handler.path)
        self.size = int(handler.headers.get("Content-Length") or 0)
        self.taken = None
        if handler.command == "POST" and self.size <= CHUNK:
            self.what += " " + self.body().decode("latin-1")

    def body(self, rate=None):
        if self.taken is None:
            parts, left, began, seen = [], self.size, time.monotonic(), 0
            while left > 0:
                part = self.handler.rfile.read(min(left, 16384 if rate else CHUNK))
                if not part:
                    raise ConnectionError("the client has gone")
                parts.append(part)
                left -= len(part)
                seen += len(part)
                if rate:
                    limit = rate() if callable(rate) else rate
                    if limit:
                        time.sleep(max(0, min(1, seen / limit - (time.monotonic() - began))))
            self.taken = b"".join(parts)
        return self.taken

    def taste(self):
        """Begin to read."""
        if self.taken is None:
            self.handler.rfile.read(min(self.size, 1000))

    def ask(self):
        """The server's answer, whole: status, headers, body."""
        at = self.handler.server.upstream
        server = http.client.HTTPConnection(at.hostname, at.port, timeout=60)
        try:
            server.putrequest(self.handler.command, self.handler.path, skip_host=True,
                              skip_accept_encoding=True)
            for name, value in self.handler.headers.items():
                if name.lower() not in HOP:
                    server.putheader(name, value)
            server.endheaders(self.body() or None)
            answer = server.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            server.close()

    def say(self, status, headers, body, upto=None):
        h = self.handler
        h.send_response_only(status)
        has_length = False
        for name, value in headers:
            if name.lower() in HOP:
                continue
            has_length = has_length or name.lower() == "content-length"
            h.send_header(name, value)
        if not has_length:
            h.send_header("Content-Length", str(len(body)))
        h.end_headers()
        if h.command != "HEAD":
            h.wfile.write(body if upto is None else body[:upto])
        h.wfile.flush()

    def reset(self):
        """RST, not FIN."""
        self.handler.close_connection = True
        try:
            self.handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                               struct.pack("ii", 1, 0))
            self.handler.connection.close()
        except OSError:
            pass


def answer(status, headers=(), body=b""):
    def deed(r):
        r.body()
        r.say(status, list(headers), body)
    return deed


def lose():
    def deed(r):
        r.taste()
        r.reset()
    return deed


def forget():
    def deed(r):
        r.ask()
        r.reset()
    return deed


def stall(seconds):
    def deed(r):
        r.taste()
        time.sleep(seconds)
        r.reset()
    return deed


def cut(n):
    def deed(r):
        status, headers, body = r.ask()
        r.say(status, headers, body, upto=n)
        r.reset()
    return deed


def other(body, n):
    n = min(n, len(body) - 1)
    return body[:n] + bytes([body[n] ^ 1]) + body[n + 1:] if body else body


def flip(n):
    def deed(r):
        status, headers, body = r.ask()
        r.say(status, headers, other(body, n))
    return deed


def twist(n):
    def deed(r):
        r.taken = other(r.body(), n)
        r.say(*r.ask())
    return deed


def slow(rate):
    def deed(r):
        r.body(rate)
        r.say(*r.ask())
    return deed


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def serve(self):
        try:
            r = Request(self)
        except OSError:
            self.close_connection = True
            return
        deed = self.server.proxy.deed_for(r.what)
        try:
            if deed is None:
                r.say(*r.ask())
            else:
                deed(r)
        except (OSError, http.client.HTTPException):
            r.reset()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = serve

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def server_bind(self):
        # A small window, so that a slow reader is felt at the other end.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 128 * 1024)
        super().server_bind()

    def handle_error(self, *_):
        pass


class Proxy:
    def __init__(self, upstream):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.proxy = self
        self.server.upstream = urllib.parse.urlsplit(upstream)
        self.rules, self.seen = [], []
        self.lock = threading.Lock()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.server.server_address[1]

    def set(self, *rules):
        with self.lock:
            self.rules, self.seen = list(rules), []

    def deed_for(self, what):
        with self.lock:
            self.seen.append(what)
            for rule in self.rules:
                if rule.fits(what):
                    return rule.deed
        return None

    def used(self):
        with self.lock:
            return [rule.used for rule in self.rules]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
