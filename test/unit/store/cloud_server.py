#!/usr/bin/env python3
"""A server that does what its URL says, for tests of lib/store/cloud.

usage: cloud_server.py DIR     prints "PORT TLSPORT"; ends with its stdin.
DIR gets ca.pem, the CA of the TLS port's certificate (for "localhost").

Path: /NAME/STEP,STEP,...  Each request for a NAME takes the next step, the last
one again and again.  Steps:
  200 503 ...       answer with that status, code "Code<status>"
  503:after=2       ... and "Retry-After: 2" (date=3: 3 s after X-Date)
  reset close hang  no answer: RST, FIN, silence
  stall:5           200, 5 bytes of 1000, then silence
  cut:5             200, 5 bytes of 1000, then RST
  big:N             200 and N bytes
  early:403         said before the body, to those who wait; the others are cut
                    off in the middle of it
  garbage           something that is not HTTP
  auth:TOKEN        200 if "Authorization: TOKEN" was sent, else 403
GET /log/NAME tells of each request for it: method, target, the body's length,
its Content-Length, Authorization, X-Date and "E" if it said Expect.
"""
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from email.utils import formatdate, parsedate_to_datetime

taken = {}
seen = {}
lock = threading.Lock()


def make_certificates(d):
    def run(*args):
        subprocess.run(("openssl",) + args, cwd=d, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    with open(os.path.join(d, "ext"), "w") as f:
        f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    run("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem",
        "-days", "2", "-subj", "/CN=test CA")
    run("req", *key, "-keyout", "key.pem", "-out", "req.pem",
        "-subj", "/CN=localhost")
    run("x509", "-req", "-in", "req.pem", "-CA", "ca.pem", "-CAkey", "ca.key",
        "-CAcreateserial", "-days", "2", "-extfile", "ext",
        "-out", "cert.pem")


class Client:
    def __init__(self, sock):
        self.sock, self.rest = sock, b""

    def read_until(self, is_enough):
        while not is_enough():
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self.rest += data

    def answer(self, status, body=b"", extra=""):
        self.sock.sendall((
            "HTTP/1.1 %s Said so\r\nContent-Length: %d\r\n%s\r\n"
            % (status, len(body), extra)).encode() + body)

    def serve_one(self):
        self.read_until(lambda: b"\r\n\r\n" in self.rest)
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers = dict((line.split(":", 1)[0].lower(),
                        line.split(":", 1)[1].strip()) for line in lines[1:])
        n = int(headers.get("content-length", "0"))
        if "/early:" in target:
            n = 0
        self.read_until(lambda: len(self.rest) >= n)
        body, self.rest = self.rest[:n], self.rest[n:]
        parts = target.split("?")[0].split("/")
        if parts[1] == "log":
            with lock:
                text = "\n".join(seen.get(parts[2], []))
            self.answer(200, text.encode())
            return True
        return self.take_step(method, target, parts, headers, body)

    def take_step(self, method, target, parts, headers, body):
        name, steps = parts[1], parts[2].split(",")
        with lock:
            at = taken.get(name, 0)
            taken[name] = at + 1
            seen.setdefault(name, []).append("%s %s %d %s %s %s%s" % (
                method, target, len(body),
                headers.get("content-length", "-"),
                headers.get("authorization", "-"),
                headers.get("x-date", "-"),
                " E" if "expect" in headers else ""))
        step, _, arg = steps[min(at, len(steps) - 1)].partition(":")
        if step.isdigit():
            return self.do_status(int(step), arg, headers)
        return getattr(self, "do_" + step)(arg, headers) is not False

    def do_status(self, status, arg, headers):
        extra = "x-amz-request-id: REQ%d\r\n" % status
        if arg.startswith("after="):
            extra += "Retry-After: %s\r\n" % arg[6:]
        if arg.startswith("date="):
            extra += "Retry-After: %s\r\n" % formatdate(
                parsedate_to_datetime(headers["x-date"]).timestamp()
                + float(arg[5:]), usegmt=True)
        if status >= 400:
            extra += "X-Code: Code%d\r\n" % status
        self.answer(status, b"" if status == 204 else b"body", extra)
        return True

    def do_early(self, arg, headers):
        if "expect" in headers:
            self.do_status(int(arg), "", headers)
            return False
        return self.do_reset(arg, headers)

    def do_auth(self, token, headers):
        if headers.get("authorization", "") == token:
            return self.do_status(200, "", headers)
        return self.do_status(403, "", headers)

    def do_reset(self, arg, headers):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        return False

    def do_close(self, arg, headers):
        return False

    def do_hang(self, arg, headers):
        time.sleep(30)
        return False

    def begin(self, n):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
                          + b"x" * n)

    def do_stall(self, arg, headers):
        self.begin(int(arg))
        time.sleep(30)
        return False

    def do_cut(self, arg, headers):
        self.begin(int(arg))
        time.sleep(0.05)
        return self.do_reset(arg, headers)

    def do_big(self, arg, headers):
        n = int(arg)
        self.sock.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % n)
        while n > 0:
            part = b"y" * min(n, 1 << 20)
            self.sock.sendall(part)
            n -= len(part)

    def do_garbage(self, arg, headers):
        self.sock.sendall(b"+PONG this is not HTTP\r\n\r\n")
        return False

    def serve(self):
        try:
            while self.serve_one():
                pass
        except (OSError, EOFError):
            pass
        try:
            self.sock.close()
        except OSError:
            pass


def serve_client(sock, context):
    try:
        if context is not None:
            sock = context.wrap_socket(sock, server_side=True)
    except (OSError, ssl.SSLError):
        return
    Client(sock).serve()


def accept_all(listener, context):
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve_client, daemon=True,
                         args=(sock, context)).start()


def listen(context):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    threading.Thread(target=accept_all, daemon=True,
                     args=(listener, context)).start()
    return listener.getsockname()[1]


def main():
    d = sys.argv[1]
    make_certificates(d)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(d, "cert.pem"),
                            os.path.join(d, "key.pem"))
    print(listen(None), listen(context), flush=True)
    sys.stdin.read()


main()
