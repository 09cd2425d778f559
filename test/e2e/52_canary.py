#!/usr/bin/env python3
"""Secrets stay where they are: each is a word that must be found nowhere else."""
import fnmatch
import gzip
import http.server
import os
import threading
import time

import remote
import rig
import stack
import tree
from rig import check, equal

FILE_PASS = "canary-file-7c1e5f02"
ENV_PASS = "canary-env-93ab44d1"
API_KEY = "canary-key-5e60b8f7"
SECRETS = [s.encode() for s in (FILE_PASS, ENV_PASS, API_KEY)]
ENV_NAME = "RIG_CANARY_PASSPHRASE"


class Pipeline(http.server.BaseHTTPRequestHandler):
    """A LightRAG that is idle for those who have the key."""
    keys = []
    status = 200

    def do_GET(self):
        self.keys.append(self.headers.get("X-API-Key"))
        body = b'{"busy": false, "request_pending": false}'
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Watch(threading.Thread):
    """What ps and /proc tell of all processes, again and again."""

    def __init__(self, w):
        super().__init__(daemon=True)
        self.own = (os.getpid(), w.d.pid)   # The daemon was given one, by us.
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
            if name == "environ" and pid in self.own:
                continue
            self.found += [(pid, name, text[:300]) for s in SECRETS if s in text]

    def run(self):
        while not self.is_over:
            for pid in [int(p) for p in os.listdir("/proc") if p.isdigit()]:
                self.look(pid)
            time.sleep(0.005)

    def end(self):
        self.is_over = True
        self.join()
        check(len(self.seen) > 3, "processes were looked at", self.seen)
        equal(self.found, [], "processes that show a secret")


def private(w, name, text):
    path = w.path("secrets", name)
    with open(path, "w") as f:
        f.write(text + "\n")
    os.chmod(path, 0o600)
    return path


def setup(w):
    os.mkdir(w.path("secrets"), 0o700)
    w.sshd = remote.Sshd(w)
    w.data = w.path("data")
    tree.make_lightrag(w.data, 12)
    hosts = {}
    for name, word in (("by-file", FILE_PASS), ("by-env", ENV_PASS)):
        key = remote.make_key(w.path("secrets", name), word)
        with open(os.path.join(w.sshd.dir, "authorized_keys"), "a") as f:
            f.write(key + "\n")
        hosts[name] = w.sshd.host(identity=w.path("secrets", name))
    hosts["by-file"]["passphrase_file"] = private(w, "pass", FILE_PASS)
    hosts["by-env"]["passphrase_env"] = ENV_NAME
    # The same key, and a passphrase that is another's: it says so in an error.
    hosts["wrong"] = dict(hosts["by-env"])
    del hosts["wrong"]["passphrase_env"]
    hosts["wrong"]["passphrase_file"] = hosts["by-file"]["passphrase_file"]
    w.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pipeline)
    threading.Thread(target=w.server.serve_forever, daemon=True).start()
    w.later(w.server.shutdown)
    stores = [{"store": "local", "keep": {"last": 9}}]
    jobs = {name: {"source": {"type": "directory", "host": name,
                              "paths": [os.path.join(w.data, "lightrag-data")]},
                   "stores": stores} for name in hosts}
    w.configure(stores={"local": w.store()}, hosts=hosts, jobs=jobs,
                daemon={"log_level": "debug"})
    w.d = w.daemon(env={ENV_NAME: ENV_PASS})
    w.said = []


def files_of(w):
    """All that was written, but for the secrets themselves."""
    for top, folders, names in os.walk(w.dir):
        if top == w.dir:
            folders[:] = [f for f in folders if f not in ("secrets", "engine")]
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


def run_all(w, jobs):
    """Each job, with its progress, and all that can be asked afterwards."""
    watch = Watch(w)
    for job, want in jobs:
        for form in ([], ["--json"]):
            said = w.ctl("trigger", job, "--wait", *form)
            equal(said.status == 0, want, "trigger %s: %s" % (job, said))
            w.said.append(said)
    w.said += [w.ctl(*words) for words in (
        ["status"], ["status", "--json"], ["history"], ["history", "--json"],
        ["snapshots", "--json"], ["check"], ["next"])]
    for run in w.ask("history"):
        w.said.append(w.ctl("show", str(run["run"]), "--json"))
        w.said.append(w.ctl("show", str(run["run"])))
    watch.end()


@rig.limited(120)
def test_process_list(w):
    """No process shows a secret in its arguments or environment."""
    if not os.path.isdir("/proc/self"):
        raise rig.Skipped("there is no /proc here")
    run_all(w, [("by-file", True), ("by-env", True), ("wrong", False)])


@rig.limited(180)
def test_idle_key(w):
    """The key for LightRAG, asked from the host, gets there and nowhere else."""
    if not os.path.isdir("/proc/self"):
        raise rig.Skipped("there is no /proc here")
    w.stack = stack.Stack(w, 8)
    source = w.stack.source(host="by-file")
    source["idle"] = {"url": "http://127.0.0.1:%d" % w.server.server_address[1],
                      "api_key_file": private(w, "key", API_KEY), "interval": "200ms"}
    jobs = dict(w.sections["jobs"], lightrag={
        "source": source, "stores": [{"store": "local", "keep": {"last": 9}}]})
    w.configure(jobs=jobs)
    equal(w.ctl("reload").status, 0, "reload")
    run_all(w, [("lightrag", True)])
    Pipeline.status = 403
    run_all(w, [("lightrag", False)])
    equal(set(Pipeline.keys), {API_KEY}, "keys that came")


def test_said(w):
    """No answer, progress line or error has a secret in it."""
    text = "\n".join(str(s.out) + str(s.err) for s in w.said)
    check("wrong passphrase" in text, "the failed run says why", text[-2000:])
    equal([s for s in SECRETS if s in text.encode()], [], "secrets said")


def test_written(w):
    """No log, history or snapshot has a secret in it."""
    paths = list(files_of(w))
    for name in ("*.db", "ragbackupd.log", "MANIFEST.sha256", "*.tar.gz"):
        check(fnmatch.filter([os.path.basename(p) for p in paths], name),
              "no file %s was looked at" % name, *paths)
    found = [(p, s) for p in paths for s in SECRETS if s in contents(p)]
    equal(found, [], "files with a secret")


def test_core(w):
    """The daemon's memory does not become a file."""
    limits = "/proc/%d/limits" % w.d.pid
    if not os.path.exists(limits):
        raise rig.Skipped("there is no /proc here")
    with open(limits) as f:
        line = [x for x in f if x.startswith("Max core file size")][0]
    equal(line.split()[4:6], ["0", "0"], "limit of core files")


def test_reload_refused(w):
    """A configuration with a secret in the wrong place is not quoted."""
    before = dict(w.sections["hosts"])
    bad = dict(before["by-file"], passphrase=FILE_PASS)
    w.configure(name="bad.yaml", hosts=dict(before, bad=bad))
    said = w.ctl("check", w.path("bad.yaml"))
    os.unlink(w.path("bad.yaml"))
    w.sections["hosts"] = before
    check(said.status != 0 and "passphrase" in said.out + said.err, "refused", said)
    equal([s for s in SECRETS if s in (said.out + said.err).encode()], [], "quoted")


if __name__ == "__main__":
    rig.main(globals())
