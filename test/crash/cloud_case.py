"""cloud_case.py - killed at every crash point with a second store behind HTTP.

After each death: what is listed there is whole, by a deep verify; the newest
proven one is not lost, but to two newer ones; and after a last run there are
neither unfinished uploads nor objects of snapshots that never became one.
"""
import os

import crash
import rig
from rig import check, equal


def names(service):
    """All objects, as somebody else sees them; none where nobody can."""
    if not hasattr(service, "direct"):
        return []
    return service.direct.names(getattr(service, "bucket", None) or service.container)


def same(w, name):
    """What both stores have is one snapshot, also of a run that was carried on."""
    path = os.path.join(w.local["path"], name, "MANIFEST.sha256")
    if not hasattr(w.service, "direct") or not os.path.exists(path):
        return
    where = getattr(w.service, "bucket", None) or w.service.container
    status, body = w.service.direct.ask("GET", "/%s/%s/MANIFEST.sha256" % (where, name))
    with open(path, "rb") as f:
        equal((status, body), (200, f.read()), "%s in both stores" % name)


def walk(make):
    def setup(w):
        w.service = make(w)
        w.local = w.store()
        big = w.path("data")
        os.makedirs(big)
        with open(os.path.join(big, "random.bin"), "wb") as f:
            f.write(os.urandom(12 << 20))
        w.proven = []
        keep = {"last": 2}
        w.configure(
            stores={"local": w.local, "cloud": w.service.entry(part_size="5MiB")},
            jobs={"documents": {
                "source": {"type": "directory", "paths": [big],
                           "deadman": {"lease": "4s", "max_downtime": "1m"}},
                "compress": {"level": "fast", "where": "here"},
                "stores": [{"store": "local", "keep": keep}, {"store": "cloud", "keep": keep}]}})

    def alone(w):
        """Without a daemon there is nothing to see."""

    def after(w):
        """What the source's host is left with, other walks look at."""

    def whole(w):
        there = sorted(s["snapshot"] for s in w.ask("snapshots", "--store", "cloud"))
        for name in there:
            if name not in w.proven:
                found = w.ask("verify", name, "--store", "cloud", "--deep")["results"]
                equal([r["verdict"] for r in found], ["ok"], "%s is whole" % name)
            same(w, name)
        if w.proven:
            newer = [name for name in there if name > w.proven[-1]]
            check(w.proven[-1] in there or len(newer) >= 2,
                  "the last proven one is there", w.proven, there)
        w.proven = there

    def clean(w):
        """The run that ends the walk has swept."""
        left = w.service.unfinished()
        check(left in (None, []), "unfinished uploads", left)
        there = [s["snapshot"] for s in w.ask("snapshots", "--store", "cloud")]
        halves = sorted({n.split("/")[0] for n in names(w.service)} - set(there))
        equal(halves, [], "what is of no snapshot")

    crash.walk({"setup": setup, "job": "documents", "alone": alone, "after": after,
                "whole": whole, "clean": clean})
