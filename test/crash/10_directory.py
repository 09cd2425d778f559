#!/usr/bin/env python3
"""Killed at every crash point of a folder's backup."""
import crash
import rig
import tree


def setup(w):
    tree.make_lightrag(w.path("data"), 2)
    w.local = w.store()
    w.configure(stores={"local": w.local}, jobs={"documents": {
        "source": {"type": "directory", "paths": [w.path("data")],
                   "deadman": {"lease": "4s", "max_downtime": "1m"}},
        "stores": [{"store": "local", "keep": {"last": 2}}]}})
    w.want = tree.describe(w.path("data"))


def alone(w):
    """Without a daemon there is nothing to give back."""


def after(w):
    rig.check(not tree.differences(w.want, tree.describe(w.path("data"))),
              "the source was changed")
    left = rig.wait_until(lambda: staging(w) == [], 30,
                          "staging is gone: %s" % staging(w))
    rig.check(left, "staging")


def staging(w):
    """Copies, leases and locks that are still in the daemon's reach."""
    found = []
    for top in (w.home, w.state):
        for folder, dirs, names in rig.os.walk(top):
            found += [rig.os.path.join(folder, n) for n in dirs + names
                      if "staging" in n or n in ("beat", "armed", "captured")]
    return found


if __name__ == "__main__":
    crash.walk({"setup": setup, "job": "documents", "alone": alone, "after": after})
