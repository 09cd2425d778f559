"""scripted.py - a daemon that says what a test tells it to, line by line.

answers maps a command to a list of what follows its request: objects to be
sent (the id is filled in), numbers (seconds to wait), strings (raw bytes), or
"CLOSE".  What clients sent is in .requests.
"""
import json
import os
import socket
import threading

HELLO = {"hello": {"protocol": 1, "version": "9.8.7"}}


class Scripted:
    def __init__(self, path, hello=HELLO):
        self.path = path
        self.hello = hello
        self.answers = {}
        self.requests = []
        self.hellos = []
        self.gone = threading.Event()       # A client left before the end.
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.server.bind(path)
        self.server.listen(8)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        lines = client.makefile("rb")
        try:
            if self.hello is None:          # Says nothing for a minute.
                self.pause(client, 60)
            self.send(client, self.hello)
            self.hellos.append(json.loads(lines.readline()))
            line = lines.readline()
            if line:
                request = json.loads(line)
                self.requests.append(request)
                self.play(client, request)
        except (OSError, ValueError):
            self.gone.set()
        finally:
            client.close()

    def send(self, client, what):
        if what == "CLOSE":
            client.shutdown(socket.SHUT_RDWR)
        elif isinstance(what, str):
            client.sendall(what.encode())
        else:
            client.sendall(json.dumps(what).encode() + b"\n")

    def play(self, client, request):
        error = {"error": {"code": "not-found", "message": "nothing by that name"}}
        for step in self.answers.get(request["cmd"], [error]):
            if isinstance(step, (int, float)):
                self.pause(client, step)
            elif isinstance(step, dict):
                self.send(client, dict(step, id=request["id"]))
            else:
                self.send(client, step)

    def pause(self, client, seconds):
        """Wait, unless the client goes."""
        client.settimeout(seconds)
        try:
            while client.recv(4096) != b"":
                pass
            self.gone.set()
            raise OSError("gone")
        except socket.timeout:
            pass
        finally:
            client.settimeout(None)

    def one(self, cmd, value, end=None):
        self.answers[cmd] = [{"data": value}, {"end": end or {}}]

    def many(self, cmd, values, end=None):
        self.answers[cmd] = [{"data": v} for v in values] + [{"end": end or {}}]

    def close(self):
        self.server.close()
        if os.path.exists(self.path):
            os.unlink(self.path)
