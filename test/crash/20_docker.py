#!/usr/bin/env python3
"""Killed at every crash point of a Compose project's backup."""
import time

import crash
import rig
import stack

LEASE = 5
turn = [0]


def setup(w):
    w.stack = stack.Stack(w, 8)
    w.local = w.store()
    w.configure(stores={"local": w.local}, jobs={"lightrag": {
        "source": w.stack.source(deadman={"lease": "%ds" % LEASE, "max_downtime": "1m"}),
        "stores": [{"store": "local", "keep": {"last": 2}}]}})


def alone(w):
    """Every second time the lease alone has to do it, else the new daemon."""
    turn[0] += 1
    if w.stack.as_before() or turn[0] % 2:
        return
    began = time.monotonic()
    rig.wait_until(w.stack.as_before, LEASE + 10, "services back without the daemon")
    print("# services back by the lease after %.1f s" % (time.monotonic() - began))


def after(w):
    rig.wait_until(w.stack.as_before, 15, "services as before: %s" % w.stack.running())
    rig.wait_until(lambda: not w.stack.extra(), 30,
                   "staging and helpers are gone: %s" % w.stack.extra())
    w.stack.check_clean()


if __name__ == "__main__":
    crash.walk({"setup": setup, "job": "lightrag", "alone": alone, "after": after})
