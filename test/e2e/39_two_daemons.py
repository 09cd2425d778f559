#!/usr/bin/env python3
"""Two daemons that know nothing of each other, one bucket, one prefix, one job."""
import hashlib
import json
import os
import threading

import clouds
import rig
import snapshots
from rig import check, equal

MEGABYTES = 15              # Three seconds at the pace of "slow".
STRANGERS = {
    "readme.txt": b"of somebody else",
    "notes/odd key +%20?&.txt": b"of somebody else",
    "20200101-000000/data.bin": b"no claim",
    "20200102-000000/.claim": json.dumps({"instance": "another", "run": "1"}).encode(),
    "20200102-000000/data.tar.gz": b"a stranger's, on its way",
    "20200103-000000/.claim": b"no JSON",
    "20200103-000000/odd name [1].bin": b"\0",
    "20200104-000000": b"an object that is called like a folder",
}
LEGACY = "20200201-040000"  # As the runbook makes them.


class Side:
    """A daemon with its own instance; it calls the bucket "cloud"."""

    def __init__(self, w, service, name, megabytes, world=None):
        self.w = world or rig.World()
        if world is None:
            w.later(self.w.end)
        self.name, self.service = name, service
        data = self.w.path("data")
        os.makedirs(data, exist_ok=True)
        with open(os.path.join(data, "%s.bin" % name), "wb") as f:
            f.write(os.urandom(megabytes << 20))
        self.job = {"source": {"type": "directory", "paths": [data]},
                    "compress": {"level": "fast", "where": "here"}}
        part = {"part_size": "5MiB", "path": "shared/"}
        self.stores = {"cloud": service.entry(**part), "local": self.w.store(),
                       "slow": service.entry(bandwidth="5MiB", **part)}
        self.keep(9)
        self.d = self.w.daemon()
        self.instance = self.w.ask("ping")["instance"]

    def keep(self, n):
        """So many stay; one job by way of "cloud", the same one at leisure."""
        self.w.configure(stores=self.stores, jobs={
            "documents": dict(self.job, stores=[{"store": "cloud", "keep": {"last": n}}])})

    def reload(self, n, store="cloud"):
        self.keep(n)
        self.w.sections["jobs"]["documents"]["stores"][0]["store"] = store
        self.w.configure()
        equal(self.w.ctl("reload").status, 0, "reload")

    def listed(self):
        return {s["snapshot"]: s for s in self.w.ask("snapshots", "--store", "cloud")}

    def verdict(self, name, store="cloud"):
        row = self.w.ctl("verify", name, "--store", store, "--deep", "--json").json
        return row["results"][0]["verdict"]


def both(*calls):
    """At the same time; what they return, in order."""
    found = [None] * len(calls)

    def run(n):
        try:
            found[n] = calls[n]()
        except Exception as e:          # Told by the main thread.
            found[n] = e
    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(calls))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for f in found:
        if isinstance(f, Exception):
            raise f
    return found


def names(w, folder=""):
    found = w.s3.direct.names(w.s3.bucket, "shared/" + folder)
    return sorted(n[len("shared/"):] for n in found)


def path(w, name):
    return "/%s/shared/%s" % (w.s3.bucket, name)


def setup(w):
    w.s3 = clouds.Ceph(w)
    w.a = Side(w, w.s3, "a", MEGABYTES, w)
    w.b = Side(w, w.s3, "b", 6)


def race(a, b, rounds):
    """Backups at the same time; all of them are whole, whoever looks."""
    ids = []
    for _ in range(rounds):
        ids += [run["snapshot"] for run in
                both(lambda: a.w.backup("documents"), lambda: b.w.backup("documents"))]
    equal(len(set(ids)), len(ids), "each has its own: %s" % ids)
    for side in (a, b):
        equal(sorted(side.listed()), sorted(ids), "what %s lists" % side.name)
    for name in ids[:2]:
        equal((a.verdict(name), b.verdict(name)), ("ok", "ok"), "%s is whole" % name)
    return ids


def test_claims(w):
    """Backups at the same time never share an id"""
    w.ids = race(w.a, w.b, 2)
    for name in w.ids:
        here = [n for n in names(w, name + "/") if "/.claim" in n]
        equal(here, [name + "/.claim"], "one claim")


def test_collect(w):
    """What one has under way, the other's collecting leaves alone"""
    w.a.reload(9, "slow")
    number = w.a.w.ask("trigger", "documents")["run"]
    rig.wait_until(lambda: w.s3.unfinished(), 20, "an upload is under way")
    w.b.w.backup("documents")
    left = w.s3.unfinished()
    row = w.a.w.show(number)
    check(left and row["state"] == "running", "it was under way all the time", left, row)
    check(row["snapshot"] + "/.claim" in names(w), "its claim is there")
    w.slow = w.a.w.ended(number)
    equal(w.slow["state"], "done", "state: %s" % w.slow["error"])
    equal(w.b.verdict(w.slow["snapshot"]), "ok", "the other finds it whole")
    w.a.reload(9)


def test_dead(w):
    """Of one that died, the other leaves all; it collects it itself"""
    w.a.reload(9, "slow")
    w.a.w.ask("trigger", "documents")
    rig.wait_until(lambda: w.s3.unfinished(), 20, "an upload is under way")
    w.a.d.kill()
    before = w.s3.unfinished()
    half = before[0].split("/")[1]
    w.b.w.backup("documents")
    equal(w.s3.unfinished(), before, "unfinished uploads")
    check(half + "/.claim" in names(w), "its claim is there")
    check(half not in w.b.listed(), "half of one is not listed")
    w.a.keep(9)
    w.a.d = w.a.w.daemon()
    w.a.w.settle()
    w.a.w.backup("documents")
    rig.wait_until(lambda: not names(w, half + "/") or half in w.a.listed(), 20,
                   "collected or carried on: %s" % names(w, half + "/"))
    equal(w.s3.unfinished(), [], "unfinished uploads")


def prune(side, name):
    rows = side.w.ask("prune", "documents")["results"]
    return [r for r in rows if r["id"] == name][0]


def test_pinned(w):
    """What one reads, the other's retention leaves; then it goes"""
    name = sorted(w.a.listed())[0]
    w.b.reload(2)
    number = w.a.w.ask("verify", name, "--store", "slow", "--deep", "--no-wait")["run"]
    rig.wait_until(lambda: any(".pin-" in n for n in names(w, name + "/")), 10, "a pin")
    row = prune(w.b, name)
    check(not row["deleted"] and w.a.instance in row["reason"], "it is in use", row)
    equal(w.a.w.ended(number)["details"]["results"][0]["verdict"], "ok", "verdict")
    check(prune(w.b, name)["deleted"], "it goes")
    equal(names(w, name + "/"), [], "all of it")
    equal(w.a.w.ctl("verify", name, "--store", "cloud").status, 1, "for both")


def test_copied(w):
    """What goes while it is copied leaves no half of it behind"""
    name = sorted(w.a.listed())[0]
    w.b.reload(1)
    number = w.a.w.ask("copy", name, "--from", "slow", "--to", "local", "--no-wait")["run"]
    pins = rig.wait_until(lambda: [n for n in names(w, name + "/") if ".pin-" in n], 10, "a pin")
    check(w.a.instance in prune(w.b, name)["reason"], "it is in use")
    w.s3.direct.must("DELETE", path(w, pins[0]))        # As if it were a day old.
    check(prune(w.b, name)["deleted"], "it goes")
    row = w.a.w.ended(number)
    place = w.a.stores["local"]["path"]
    if row["state"] == "done":                          # All was read before.
        snapshots.verify(os.path.join(place, name))
    else:
        equal(row["state"], "failed", "state")
        check(name not in os.listdir(place), "nothing of it is there", os.listdir(place))
    equal(names(w, name + "/"), [], "nothing is left in the bucket")


def test_strangers(w):
    """Foreign objects and the runbook's own snapshots stay as they are"""
    tar = os.urandom(1000)
    mine = {"%s/lightrag-data.tar.gz" % LEGACY: tar, "%s/MANIFEST.sha256" % LEGACY: (
        "%s  lightrag-data.tar.gz\n" % hashlib.sha256(tar).hexdigest()).encode()}
    every = dict(STRANGERS, **mine)
    for name, data in every.items():
        w.s3.direct.must("PUT", path(w, name), body=data)
    w.s3.direct.must("POST", path(w, "20200101-000000/big.bin"), [("uploads", "")])
    for side in (w.a, w.b):
        side.reload(1)
        side.w.backup("documents")
        side.w.ask("prune", "documents")
        rows = side.listed()
        check(LEGACY in rows, "the runbook's is listed", rows)
        equal([n for n in rows if n[:4] == "2020"], [LEGACY], "no other of them")
        equal(side.verdict(LEGACY), "ok", "it can be verified")
    for name, data in every.items():
        status, body = w.s3.direct.ask("GET", path(w, name))
        equal((status, body), (200, data), name)
    equal(w.s3.unfinished(), ["shared/20200101-000000/big.bin"], "somebody's upload")
    w.a.d.stop()
    w.b.d.stop()


def test_marks(w):
    """Where the store has no conditions, ids are not shared either"""
    swift = clouds.Swift(w)
    a, b = (Side(w, swift, name, 1) for name in ("a", "b"))
    for name in race(a, b, 1):
        marks = [n for n in swift.direct.names(swift.bucket, "shared/%s/" % name)
                 if "/.claim" in n]
        equal(len(marks), 1, "one claim: %s" % marks)
    a.d.stop()
    b.d.stop()


if __name__ == "__main__":
    rig.main(globals(), limit=60)
