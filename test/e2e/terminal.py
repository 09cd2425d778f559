"""terminal.py - ragbackupctl on a terminal: what it draws, keys, another size."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

import rig


class Terminal:
    def __init__(self, words, env, columns=80):
        self.raw = b""
        argv = [os.path.join(rig.BUILD, "ragbackupctl")] + words
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            os.execve(argv[0], argv, env)
        self.status = None

    def resize(self, columns):
        """The kernel tells the program by SIGWINCH."""
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def read_some(self, seconds):
        """False at the end."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return True
        try:
            got = os.read(self.fd, 65536)
        except OSError:
            return False
        self.raw += got
        return got != b""

    def read_for(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.read_some(until - time.monotonic()):
            pass

    def read_until(self, words, seconds):
        until = time.monotonic() + seconds
        while words not in self.text():
            rig.check(time.monotonic() < until and self.read_some(0.2),
                      "never drawn: %s" % words, self.text())

    def wait(self, seconds):
        """The exit status; what it drew until then is read."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.read_some(0.2):
            pass
        while time.monotonic() < until:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)
        raise rig.Failed("it did not end within %g s\n%s" % (seconds, self.text()))

    def text(self):
        return self.raw.decode("utf-8", "replace")

    def screen(self):
        """The lines that were drawn, one after the other."""
        return [line for line in re.split(r"\r|\n|\x1b\[\d*[AJ]", self.text()) if line]
