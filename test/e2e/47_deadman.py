#!/usr/bin/env python3
"""The dead-man's switch: services come back whoever died or froze."""
import os
import signal

import rig
import snapshots
import stack
from rig import check, equal

LEASE = 6


def setup(w):
    w.stack = stack.Stack(w, 24, stop_delay=1)
    w.local = w.store()
    w.jobs = {"lightrag": job(w), "twin": job(w)}
    w.configure(stores={"local": w.local}, jobs=w.jobs)
    w.d = w.daemon()


def before_each(w):
    """A scenario that failed leaves no hold and no run to the next one."""
    w.stack.let_go()
    w.settle()


def job(w, **more):
    return {"source": w.stack.source(deadman={"lease": "%ds" % LEASE,
                                              "max_downtime": "2m"}, **more),
            "stores": [{"store": "local", "keep": {"last": 4}}]}



def held_run(w, when, word):
    """A run that waits inside a docker command on its host."""
    w.stack.hold(when, word)
    run = w.ask("trigger", "lightrag")["run"]
    w.stack.wait_held()
    return run


def come_back(w, run, before):
    """The daemon is started again: the run is closed, nothing is left."""
    w.d = w.daemon()
    row = w.ended(run)
    equal(row["state"], "failed", "state")
    check(row["error"] and "\n" not in row["error"], "one line", row["error"])
    rig.wait_until(w.stack.as_before, 30, "services as before")
    rig.wait_until(lambda: not w.stack.extra(), 40, "the host is clean")
    w.stack.check_clean()
    equal(snapshots.sealed(w.local["path"]), before, "snapshots")
    equal(snapshots.halves(w.local["path"]), [], "half snapshots")


@rig.limited(150)
def test_killed_in_quiesce(w):
    """SIGKILL of the daemon's process group in QUIESCE: back by the lease."""
    before = snapshots.sealed(w.local["path"])
    run = held_run(w, "after", stack.STOP)
    w.d.kill()
    w.stack.let_go()
    rig.wait_until(w.stack.as_before, LEASE + 10 + 5, "services back without the daemon")
    come_back(w, run, before)


@rig.limited(150)
def test_killed_in_capture(w):
    """SIGKILL of the daemon's process group in CAPTURE: back by the lease."""
    before = snapshots.sealed(w.local["path"])
    run = held_run(w, "before", stack.COPY)
    check(not w.stack.as_before(), "services are down during the copy")
    w.d.kill()
    w.stack.let_go()
    rig.wait_until(w.stack.as_before, LEASE + 10 + 5, "services back without the daemon")
    come_back(w, run, before)


@rig.limited(150)
def test_killed_cgroup(w):
    """SIGKILL of everything in the daemon's cgroup: the switch is not in it."""
    before = snapshots.sealed(w.local["path"])
    with rig.Cgroup(w, w.d.pid) as group:
        run = held_run(w, "after", stack.STOP)
        group.kill()
        w.d.proc.wait(10)
        w.stack.let_go()
        rig.wait_until(w.stack.as_before, LEASE + 10 + 5,
                       "services back without the daemon")
    come_back(w, run, before)


@rig.limited(150)
def test_killed_and_restarted(w):
    """Killed in CAPTURE and started again: services are back at once."""
    before = snapshots.sealed(w.local["path"])
    run = held_run(w, "before", stack.COPY)
    w.d.kill()
    w.stack.let_go()
    come_back(w, run, before)


@rig.limited(150)
def test_frozen_in_capture(w):
    """Frozen for longer than the lease in CAPTURE: the torn copy is not sealed."""
    before = snapshots.sealed(w.local["path"])
    run = held_run(w, "before", stack.COPY)
    os.kill(w.d.pid, signal.SIGSTOP)
    try:
        rig.wait_until(w.stack.as_before, LEASE + 10 + 5, "the lease fires")
    finally:
        w.stack.let_go()
        os.kill(w.d.pid, signal.SIGCONT)
    row = w.ended(run)
    equal(row["state"], "failed", "state")
    check("lease" in row["error"] or "switch" in row["error"], "the error says why",
          row["error"])
    equal(snapshots.sealed(w.local["path"]), before, "snapshots")
    rig.wait_until(lambda: not w.stack.extra(), 40, "the host is clean")
    w.stack.check_clean()


@rig.limited(150)
def test_fires_while_stopping(w):
    """The lease fires while a stop is in flight: everything runs in the end."""
    before = snapshots.sealed(w.local["path"])
    run = held_run(w, "before", stack.STOP)
    w.d.kill()
    rig.time.sleep(LEASE - 1)
    w.stack.let_go()                    # A stop that comes very late.
    rig.time.sleep(3)
    rig.wait_until(w.stack.as_before, 25, "services run in the end")
    rig.time.sleep(3)
    w.stack.check_as_before("and still run")
    come_back(w, run, before)


@rig.limited(200)
def test_two_jobs_never_mix(w):
    """Two jobs on the same volumes: the second waits or fails naming the first."""
    before = snapshots.sealed(w.local["path"])
    run = held_run(w, "before", stack.COPY)
    other = w.ctl("trigger", "twin", "--wait", "--json", seconds=60).json
    equal(other["state"], "failed", "the second one")
    check("lock" in other["error"] or "lightrag" in other["error"], "names the holder",
          other["error"])
    w.stack.let_go()
    row = w.ended(run)
    equal(row["state"], "done", "the first one (%s)" % row["error"])
    equal(snapshots.sealed(w.local["path"]), before + [row["snapshot"]], "snapshots")
    w.stack.check_as_before()


@rig.limited(200)
def test_host_reboot(w):
    """Engine and switch killed between stop and start: repaired at next contact."""
    before = snapshots.sealed(w.local["path"])
    run = held_run(w, "before", stack.COPY)
    w.d.kill()
    for pid in rig.processes_naming(os.path.join(w.home, ".ragbackup")):
        rig.quietly(os.kill, pid, signal.SIGKILL)
    w.stack.service("kill")
    w.stack.let_go()
    w.stack.start_engine()
    rig.time.sleep(1)
    come_back(w, run, before)
    w.backup("lightrag")
    w.d.stop()


if __name__ == "__main__":
    rig.main(globals(), limit=120)
