"""remote.py - a private SSH server, and a cable to it that can be cut."""
import os
import select
import socket
import subprocess
import threading

import rig


class Cable:
    """Forwards connections of a loopback port to another, until it is cut."""

    def __init__(self, w, to_port):
        self.to_port = to_port
        self.is_cut = False
        self.pairs = []
        self.lock = threading.Lock()
        self.bytes = 0
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(50)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()
        w.later(self.listener.close)

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if self.is_cut:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.to_port), 5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self.lock:
                self.pairs.append((near, far))
            threading.Thread(target=self.carry, args=(near, far), daemon=True).start()

    def carry(self, near, far):
        other = {near: far, far: near}
        try:
            while True:
                for s in select.select([near, far], [], [])[0]:
                    data = s.recv(1 << 16)
                    if not data:
                        return
                    self.bytes += len(data)
                    other[s].sendall(data)
        except (OSError, ValueError):
            pass
        finally:
            for s in (near, far):
                s.close()
            with self.lock:
                if (near, far) in self.pairs:
                    self.pairs.remove((near, far))

    def cut(self):
        """All that is connected breaks, and nothing new gets through."""
        self.is_cut = True
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            for s in pair:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def mend(self):
        self.is_cut = False


class Sshd:
    """test/services/sshd in the world's folder."""

    def __init__(self, w):
        self.w = w
        self.dir = w.path("sshd")
        self.script = os.path.join(rig.TOP, "test", "services", "sshd")
        w.later(self.stop)
        # Its sessions have the world's home: nothing is put into the real one.
        done = subprocess.run([self.script, "start", self.dir, "--config",
                               "SetEnv HOME=" + w.home], timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        rig.check(done.returncode == 0, "test/services/sshd start",
                  done.stdout.decode("utf-8", "replace"))
        with open(os.path.join(self.dir, "port")) as f:
            self.port = int(f.read())

    def stop(self):
        subprocess.run([self.script, "stop", self.dir], timeout=30,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def host(self, port=None, **more):
        """A "hosts" entry; ${port}: by another way, such as a cable."""
        port = port or self.port
        known = self.known_hosts(port)
        return dict({"ssh": "%s@127.0.0.1" % user(), "port": port,
                     "identity": os.path.join(self.dir, "id"), "known_hosts": known,
                     "agent": False, "connect_timeout": "5s"}, **more)

    def known_hosts(self, port, key=None):
        """The server's key, known under the port of the way there."""
        key = key or self.host_key()
        path = self.w.path("known_hosts_%d" % port)
        with open(path, "w") as f:
            f.write("[127.0.0.1]:%d %s\n" % (port, key))
        return path

    def host_key(self):
        with open(os.path.join(self.dir, "host.pub")) as f:
            return " ".join(f.read().split()[:2])


def user():
    return subprocess.check_output(["id", "-un"]).decode().strip()


def make_key(path, passphrase=""):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", path],
                   check=True)
    with open(path + ".pub") as f:
        return " ".join(f.read().split()[:2])
