#!/usr/bin/env python3
"""System calls that fail in the middle of a run: the N-th of each kind.

strace makes the call fail once.  Whatever the run makes of it - done, failed,
a daemon that does not start - no torn snapshot is listed, the source is as it
was, and a daemon without faults finds a world that it can put in order.
"""
import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "crash"))
sys.dont_write_bytecode = True

import crash                                    # noqa: E402
import rig                                      # noqa: E402
import tree                                     # noqa: E402

KINDS = [("fsync,fdatasync", "EIO"), ("pwrite64", "ENOSPC"), ("write", "ENOSPC"),
         ("rename,renameat,renameat2", "EIO"), ("mkdir,mkdirat", "ENOSPC"),
         ("openat", "EMFILE"), ("unlink,unlinkat", "EIO")]
TIMES = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)


def setup(w):
    if not shutil.which("strace"):
        raise rig.Skipped("strace is not installed (test/deps fault)")
    tree.make_lightrag(w.path("data"), 2)
    w.local = w.store()
    w.configure(stores={"local": w.local}, jobs={"documents": {
        "source": {"type": "directory", "paths": [w.path("data")]},
        "stores": [{"store": "local", "keep": {"last": 2}}]}})
    w.want = tree.describe(w.path("data"))


class Faulty(rig.Daemon):
    """A daemon whose N-th call of a kind fails."""

    def __init__(self, w, calls, error, n):
        super().__init__(w, w.path("ragbackup.yaml"), dict(w.env))
        self.words = ["strace", "-D", "-f", "-qq", "-o", "/dev/null",
                      "-e", "trace=" + calls,
                      "-e", "inject=%s:error=%s:when=%d" % (calls, error, n)]

    def start(self, is_ready=False):
        with open(self.log, "ab") as log:
            self.proc = rig.subprocess.Popen(
                self.words + [os.path.join(rig.BUILD, "ragbackupd"), "--config",
                              self.config],
                stdin=rig.subprocess.DEVNULL, stdout=log, stderr=log, env=self.env,
                cwd=self.world.dir, start_new_session=True)
        return self


def one_fault(w, calls, error, n):
    d = Faulty(w, calls, error, n)
    w.daemons.append(d)
    d.start()
    rig.wait_until(lambda: d.proc.poll() is not None or w.ctl("ping").status == 0, 30,
                   "the daemon answers or has ended")
    outcome = "did not start"
    if d.proc.poll() is None:
        answer = w.ctl("trigger", "documents")
        outcome = "not triggered: " + answer.err.strip()
        if answer.status == 0:
            rig.wait_until(lambda: d.proc.poll() is not None or
                           crash.is_over(w, "documents"), 60, "the run ends")
            answer = w.ctl("history", "documents", "--limit", "1", "--json")
            row = answer.json[0] if answer.status == 0 else {}
            outcome = "%s %s" % (row.get("state"), row.get("error") or "")
    elif d.proc.returncode != -signal.SIGABRT:
        # libuv aborts without a word when its own wake-up cannot be written.
        rig.check(d.text().strip(), "a daemon that does not start says why")
    rig.check(not rig.SANITIZER.search(d.text()), "a bug", d.text()[-3000:])
    print("# %s %s at %d: %s" % (calls, error, n, outcome))
    d.end()
    w.daemon()
    crash.no_run_is_left(w, "documents")
    crash.no_debt_is_left(w)
    # A removal that failed too is made good by the next run.
    rig.equal(w.backup("documents")["state"], "done", "the next run")
    crash.stores_are_whole(w, w.local["path"])
    rig.check(not tree.differences(w.want, tree.describe(w.path("data"))),
              "the source was changed")
    w.daemons[-1].stop()
    w.daemons = []


def scenario_of(calls, error):
    def scenario(w):
        for n in TIMES:
            one_fault(w, calls, error, n)
    scenario.__doc__ = "the N-th %s fails with %s" % (calls, error)
    scenario.limit = 600
    return scenario


for _n, (_calls, _error) in enumerate(KINDS):
    globals()["test_%d" % _n] = scenario_of(_calls, _error)

if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    rig.main(globals(), limit=600)
