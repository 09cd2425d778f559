#!/usr/bin/env python3
"""A server that misbehaves by path, for http_test.

usage: http_server.py DIR     prints "PORT TLSPORT"; ends with its stdin.
DIR gets ca.pem, the CA of the TLS port's certificate (for "localhost").
"""
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

connections = 0
lock = threading.Lock()


def make_certificates(d):
    def run(*args):
        subprocess.run(("openssl",) + args, cwd=d, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    with open(os.path.join(d, "ext"), "w") as f:
        f.write("subjectAltName=DNS:localhost\n")
    run("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem",
        "-days", "2", "-subj", "/CN=test CA")
    run("req", *key, "-keyout", "key.pem", "-out", "req.pem",
        "-subj", "/CN=localhost")
    run("x509", "-req", "-in", "req.pem", "-CA", "ca.pem", "-CAkey", "ca.key",
        "-CAcreateserial", "-days", "2", "-extfile", "ext",
        "-out", "cert.pem")


class Client:
    def __init__(self, sock, number):
        self.sock, self.number, self.requests = sock, number, 0
        self.rest = b""

    def read_head(self):
        while b"\r\n\r\n" not in self.rest:
            data = self.sock.recv(65536)
            if not data:
                return None
            self.rest += data
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        return head.decode("latin-1")

    def read_body(self, n):
        while len(self.rest) < n:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self.rest += data
        body, self.rest = self.rest[:n], self.rest[n:]
        return body

    def answer(self, body, status="200 OK", extra=""):
        if isinstance(body, str):
            body = body.encode()
        self.sock.sendall((
            "HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n"
            % (status, len(body), extra)).encode() + body)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()

    def serve_one(self):
        head = self.read_head()
        if head is None:
            return False
        self.requests += 1
        method, target, _ = head.split("\r\n")[0].split(" ", 2)
        path, _, query = target.partition("?")
        length = 0
        for line in head.split("\r\n")[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                length = int(value)
        if path == "/early":
            self.answer("no", "403 Forbidden", "Connection: close\r\n")
            time.sleep(0.2)
            return False
        if path == "/slam":
            self.answer("no", "403 Forbidden", "Connection: close\r\n")
            self.reset()
            return False
        if path == "/deaf":
            time.sleep(30)
            return False
        body = self.read_body(length)
        handler = getattr(self, "do_" + path[1:].replace("-", "_"), None)
        if handler is None:
            self.answer("no such path " + target, "404 Not Found")
            return True
        return handler(method, query, head, body) is not False

    def do_hello(self, method, query, head, body):
        self.answer(b"" if method == "HEAD" else "hello", extra="X-Test:   a b  \r\n")

    def do_echo(self, method, query, head, body):
        self.answer(body, extra="X-Method: %s\r\n" % method)

    def do_head(self, method, query, head, body):
        self.answer(head)

    def do_count(self, method, query, head, body):
        self.answer("%d %d" % (self.number, self.requests))

    def do_hang(self, method, query, head, body):
        time.sleep(30)
        return False

    def do_stall(self, method, query, head, body):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        time.sleep(30)
        return False

    def do_trickle(self, method, query, head, body):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        for c in b"0123456789":
            time.sleep(0.06)
            self.sock.sendall(bytes([c]))

    def do_reset(self, method, query, head, body):
        self.reset()
        return False

    def do_close(self, method, query, head, body):
        return False

    def do_redirect(self, method, query, head, body):
        self.answer("", "302 Found", "Location: /hello\r\n")

    def do_status(self, method, query, head, body):
        self.answer("status " + query, query + " Said so")

    def do_slow(self, method, query, head, body):
        time.sleep(int(query) / 1000)
        self.answer("slow " + query)

    def do_big(self, method, query, head, body):
        n = int(query)
        self.sock.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % n)
        part = bytes(range(251)) * 1000
        for at in range(0, n, len(part)):
            self.sock.sendall(part[:n - at])

    def do_short(self, method, query, head, body):
        self.sock.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 50)
        return False

    def do_chunked(self, method, query, head, body):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                          b"\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n")

    def do_cut_chunk(self, method, query, head, body):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                          b"\r\n5\r\nhello\r\n")
        return False

    def do_bad_chunk(self, method, query, head, body):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                          b"\r\nzz\r\nhello\r\n")
        return False

    def do_headers(self, method, query, head, body):
        line = "X-Fill: " + "y" * 1000 + "\r\n"
        self.answer("", extra=line * int(query))

    def do_garbage(self, method, query, head, body):
        self.sock.sendall(b"+PONG this is not HTTP\r\n\r\n")
        return False

    def do_interim(self, method, query, head, body):
        self.sock.sendall(b"HTTP/1.1 103 Early Hints\r\nX-Test: early\r\n\r\n")
        self.answer("final", extra="X-Test: late\r\n")

    def do_last(self, method, query, head, body):
        """Answer, then close without having said so, a moment later."""
        self.answer("last")
        time.sleep(0.1)
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


def accept_all(listener, context):
    global connections
    while True:
        sock, _ = listener.accept()
        with lock:
            connections += 1
            number = connections
        threading.Thread(target=serve_client, daemon=True,
                         args=(sock, number, context)).start()


def serve_client(sock, number, context):
    try:
        if context is not None:
            sock = context.wrap_socket(sock, server_side=True)
    except (OSError, ssl.SSLError):
        return
    Client(sock, number).serve()


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
