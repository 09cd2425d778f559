"""crash.py - kill the daemon at its N-th crash point, for N = 1, 2, ...

Needs programs with crash points (make HOOKS=1, or any SAN=).  A case is a
table with setup(w), a job's name, and alone(w) / after(w) to look at the world:
after the death without a daemon, and once a daemon has come back; words(w) are
what is asked for where that is not the job's backup; whole(w) and clean(w) may
look at other stores then, and after the run that ends the walk.
RAGBACKUP_CRASH_FROM, _STEP narrow the walk.
"""
import atexit
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
sys.dont_write_bytecode = True

import rig                                      # noqa: E402
import snapshots                                # noqa: E402
from rig import check, equal                    # noqa: E402

POINTS_MAX = 2000


def die_at(w, case, n):
    """Run the job under a daemon that dies at point ${n}; whether it did."""
    job = case["job"]
    words = case["words"](w) if "words" in case else ["trigger", job]
    log = w.path("points")
    if os.path.exists(log):
        os.unlink(log)
    d = w.daemon(env={"RAGBACKUP_CRASH_AT": str(n), "RAGBACKUP_CRASH_LOG": log},
                 is_ready=False)
    until = time.monotonic() + 120
    triggered = False
    while d.proc.poll() is None:
        check(time.monotonic() < until, "neither dead nor done", d.text()[-3000:])
        if not triggered:
            triggered = w.ctl(*words).status == 0
        elif w.ctl("ping").status == 0 and is_over(w, job):
            d.stop()
            return False, last_point(log)
        time.sleep(0.05)
    equal(d.proc.returncode, -signal.SIGKILL, "how the daemon ended: %s" %
          d.text()[-3000:])
    return True, last_point(log)


def is_over(w, job):
    answer = w.ctl("history", job, "--limit", "1", "--json")
    return answer.status == 0 and answer.json and answer.json[0]["state"] != "running"


def last_point(log):
    with open(log) as f:
        return f.read().splitlines()[-1]


def no_run_is_left(w, job):
    def closed():
        rows = w.ask("history", job, "--limit", "50")
        return all(r["state"] != "running" for r in rows) and rows is not None
    rig.wait_until(closed, 60, "no run stays running")


def no_debt_is_left(w):
    def settled():
        return not w.ask("status").get("debts")
    rig.wait_until(settled, 60, "debts are settled")


def begun(folder):
    """Halves of snapshots with something whole in them, a claim at least."""
    return [h for h in snapshots.halves(folder) if any(
        ".rbtmp-" not in n for n in os.listdir(os.path.join(folder, h)))]


def stores_are_whole(w, folder):
    """What has a manifest is whole, what has none is gone, both listed so."""
    rig.wait_until(lambda: not begun(folder), 30,
                   "leftovers are collected: %s" % begun(folder))
    there = snapshots.sealed(folder)
    for name in there:
        snapshots.verify(os.path.join(folder, name))
    listed = w.ctl("snapshots").out
    for name in there:
        check(name in listed, "%s is listed" % name, listed)
    left = [n for n in os.listdir(folder) if ".tmp" in n]
    equal(left, [], "temporary files in the store")


def one_death(w, case, n):
    died, point = die_at(w, case, n)
    print("# point %d: %s%s" % (n, point, "" if died else " (not reached: complete)"))
    if died:
        case["alone"](w)
        w.daemon()
        no_run_is_left(w, case["job"])
        no_debt_is_left(w)
        case["after"](w)
        stores_are_whole(w, case["store"])
        if "whole" in case:
            case["whole"](w)
        w.daemons[-1].stop()
    elif n > 1:
        # What a death left half-written is nobody's: the store keeps it for 10 s,
        # to be sure that its writer is gone, and the next run sweeps it.
        time.sleep(11)
        w.daemon()
        w.backup(case["job"])
        equal(snapshots.halves(case["store"]), [], "what a whole run leaves")
        if "clean" in case:
            case["clean"](w)
        w.daemons[-1].stop()
    w.daemons = w.daemons[-1:]
    return died


def walk(case, limit=180):
    """TAP: a test for each point, until a run completes untouched."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    w = rig.World()
    atexit.register(w.end)
    try:
        case["setup"](w)
        case["store"] = w.local["path"]
    except rig.Skipped as e:
        print("1..0 # SKIP %s" % e)
        return
    good, count, died = True, 0, True
    n = int(os.environ.get("RAGBACKUP_CRASH_FROM", "1"))
    step = int(os.environ.get("RAGBACKUP_CRASH_STEP", "1"))
    while died and n < POINTS_MAX:
        answers = []
        count += 1

        def scenario(world, n=n):
            answers.append(one_death(world, case, n))
        scenario.__doc__ = "killed at point %d" % n
        good = rig.run_scenario(w, count, scenario, limit) and good
        for d in w.daemons:
            d.end()
        died = answers[0] if answers else True
        n += step
    print("1..%d" % count, flush=True)
    if not good or n >= POINTS_MAX:
        sys.exit(1)
