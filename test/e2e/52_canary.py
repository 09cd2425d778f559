#!/usr/bin/env python3
"""Secrets stay where they are: each is a word that must be found nowhere else."""
import fnmatch
import http.server
import os
import threading

import canary
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
    hosts["by-file"]["passphrase_file"] = canary.private(w, "pass", FILE_PASS)
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


def run_all(w, jobs):
    """Each job, with its progress, and all that can be asked afterwards."""
    watch = canary.Watch(w, SECRETS, [w.d.pid])
    for job, want in jobs:
        for form in ([], ["--json"]):
            said = w.ctl("trigger", job, "--wait", *form)
            equal(said.status == 0, want, "trigger %s: %s" % (job, said))
            w.said.append(said)
    canary.ask_all(w)
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
                      "api_key_file": canary.private(w, "key", API_KEY), "interval": "200ms"}
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
    text = canary.everything_said(w)
    check("wrong passphrase" in text, "the failed run says why", text[-2000:])
    equal(canary.spotted(SECRETS, text.encode()), [], "secrets said")


def test_written(w):
    """No log, history or snapshot has a secret in it."""
    paths = list(canary.files_of(w))
    for name in ("*.db", "ragbackupd.log", "MANIFEST.sha256", "*.tar.gz"):
        check(fnmatch.filter([os.path.basename(p) for p in paths], name),
              "no file %s was looked at" % name, *paths)
    found = [(p, s) for p in paths
             for s in canary.spotted(SECRETS, canary.contents(p))]
    equal(found, [], "files with a secret")


def test_core(w):
    """The daemon's memory does not become a file."""
    canary.check_no_core(w.d.pid)


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
