"""canary.py - secrets that are words to be found nowhere but in their place.

Found are also their pieces: long ones are cut off where they are quoted.
"""
import gzip
import os
import threading
import time

import rig
from rig import check, equal

PIECE = 24


def pieces(secret):
    """What of it is too much to be seen."""
    if len(secret) <= 2 * PIECE:
        return [secret]
    found = [secret[at:at + PIECE] for at in range(0, len(secret) - PIECE, PIECE)]
    return found + [secret[-PIECE:]]


def spotted(secrets, data):
    """Those of which there is a piece in it."""
    return [s for s in secrets if any(p in data for p in pieces(s))]


class Watch(threading.Thread):
    """What ps and /proc tell of all processes, again and again."""

    def __init__(self, w, secrets, own, pause=0.005):
        super().__init__(daemon=True)
        self.place = b"RIG_DIR=" + os.fsencode(w.dir)   # All that w starts has it.
        self.secrets = secrets
        self.own = set(own) | {os.getpid()}     # They were given some, by us.
        self.pause = pause
        self.found = []
        self.seen = set()
        self.is_over = False
        self.start()

    def look(self, pid):
        for name in ("cmdline", "environ"):
            try:
                with open("/proc/%d/%s" % (pid, name), "rb") as f:
                    text = f.read()
            except OSError:
                continue
            self.seen.add(pid)
            # Other tests run beside us, and some are given the same words.
            if name == "environ" and (pid in self.own or self.place not in text):
                continue
            self.found += [(pid, name, text[:300]) for s in self.secrets if s in text]

    def run(self):
        while not self.is_over:
            for pid in [int(p) for p in os.listdir("/proc") if p.isdigit()]:
                self.look(pid)
            time.sleep(self.pause)

    def end(self):
        self.is_over = True
        self.join()
        check(len(self.seen) > 3, "processes were looked at", self.seen)
        equal(self.found, [], "processes that show a secret")


def private(w, name, text):
    path = w.path("secrets", name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write(text + "\n")
    return path


def files_of(w, skip=lambda name: False):
    """All that was written, but for the secrets themselves."""
    for top, folders, names in os.walk(w.dir):
        if top == w.dir:
            folders[:] = [f for f in folders if f not in ("secrets", "engine")
                          and not skip(f)]
            names = [n for n in names if not skip(n)]
        for name in names:
            path = os.path.join(top, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path


def contents(path):
    with open(path, "rb") as f:
        data = f.read()
    if path.endswith(".gz"):
        data += gzip.decompress(data)
    return data


def ask_all(w, since=0):
    """All that can be asked afterwards, in both forms; the last run there is."""
    w.said += [w.ctl(*words) for words in (
        ["status"], ["status", "--json"], ["history"], ["history", "--json"],
        ["snapshots"], ["snapshots", "--json"], ["check"], ["next"])]
    runs = [row["run"] for row in w.ask("history") if row["run"] > since]
    for run in runs:
        w.said.append(w.ctl("show", str(run), "--json"))
        w.said.append(w.ctl("show", str(run)))
    return max(runs, default=since)


def everything_said(w):
    return "\n".join(str(s.out) + str(s.err) for s in w.said)


def check_no_core(pid):
    """Its memory does not become a file."""
    limits = "/proc/%d/limits" % pid
    if not os.path.exists(limits):
        raise rig.Skipped("there is no /proc here")
    with open(limits) as f:
        line = [x for x in f if x.startswith("Max core file size")][0]
    equal(line.split()[4:6], ["0", "0"], "limit of core files")
