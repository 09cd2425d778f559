"""store_faults.py - backups to a store behind a proxy that misbehaves.

A program makes a Case of its service; each scenario runs the job through the
proxy with rules, and looks at what came of it past the proxy: what is sealed
is whole, what is not whole is not listed, nothing takes longer than it may.
"""
import os
import time

import proxy
import rig
from proxy import Rule
from rig import check, equal

QUICK = {"request_timeout": "1s", "retry_for": "5s", "part_size": "5MiB"}
MEGABYTES = 12          # Three parts.


class Case:
    """The world of one service: job "job" to stores "local" and "bad"."""

    def __init__(self, w, service, kind):
        self.w, self.service, self.kind = w, service, kind
        at = service.endpoint if kind == "gcs" else service.info["endpoint"]
        root = "/" + service.info["account"] if kind == "azure" else ""
        self.proxy = proxy.Proxy(at[:len(at) - len(root)] if root else at)
        w.later(self.proxy.stop)
        big = w.path("big")
        os.makedirs(big)
        with open(os.path.join(big, "random.bin"), "wb") as f:
            f.write(os.urandom(MEGABYTES << 20))
        url = self.proxy.url + root
        stores = {"local": w.store(), "good": service.entry(**QUICK),
                  "bad": service.entry(endpoint=url, **QUICK),
                  "slow": service.entry(endpoint=url, min_rate="4MiB", stall="1s",
                                        path="slow/", part_size="5MiB")}
        job = {"source": {"type": "directory", "paths": [big]},
               "compress": {"level": "fast", "where": "here"},
               "stores": [{"store": "local"}, {"store": "bad"}]}
        w.configure(stores=stores, jobs={
            "job": job, "slow": dict(job, stores=[{"store": "local"}, {"store": "slow"}])})
        w.d = w.daemon()

    def backup(self, *rules):
        self.proxy.set(*rules)
        began = time.monotonic()
        got = self.w.ctl("trigger", "job", "--wait", "--json").json
        self.took = time.monotonic() - began
        used = self.proxy.used()
        seen = self.proxy.seen[-30:]
        self.proxy.set()
        check(all(n > 0 for n in used), "each rule was used", used, seen)
        verdicts = {s["store"]: s["verdict"] for s in got["stores"]}
        self.look(got["snapshot"], verdicts["bad"] in ("sealed", "pruned"))
        return got

    def done(self, *rules):
        """It ends well in both stores in spite of the rules."""
        got = self.backup(*rules)
        equal(got["state"], "done", "state (%s)" % got["error"])
        check(self.took < 40, "in time", self.took)
        return got

    def partial(self, *rules):
        """The store is left out and named; the other one has it."""
        got = self.backup(*rules)
        equal(got["state"], "partial", "state (%s)" % got["error"])
        check("bad" in got["error"], "the error names the store", got["error"])
        check(self.took < 40, "in time", self.took)
        return got

    def look(self, snapshot, is_there):
        rows = [s for s in self.w.ask("snapshots", "--store", "good")
                if s["snapshot"] == snapshot]
        equal(bool(rows), is_there, "whether it is listed")
        if is_there:
            found = self.w.ask("verify", snapshot, "--store", "good", "--deep")["results"]
            equal(found[0]["verdict"], "ok", "deep, past the proxy")


def busy(case, part, body):
    case.done(Rule(part, proxy.answer(503, [("Retry-After", "1")], body), 1),
              Rule(part, proxy.answer(500, [], body), 1),
              Rule(part, proxy.answer(503, [], b""), 1),
              Rule(part, proxy.answer(429, [], b"<html>slow down</html>"), 1))


def cut(case, part):
    case.done(Rule(part, proxy.lose(), 2), Rule(part, proxy.forget(), 1))


def stall(case, part):
    case.done(Rule(part, proxy.stall(20), 1, after=1))


def dead(case, part):
    case.partial(Rule(part, proxy.lose()))


def download(case, get):
    """Cut, it goes on where it ended; lying, it is found out; then all is well."""
    w, p = case.w, case.proxy
    got = case.done()
    words = ["verify", got["snapshot"], "--store", "bad", "--deep"]
    p.set(Rule(get, proxy.cut(100000), 1), Rule(get, proxy.cut(5), 1, after=1),
          Rule(get, proxy.answer(503), 1))
    equal(w.ask(*words)["results"][0]["verdict"], "ok", "cut")
    check(all(p.used()), "each was used", p.used(), p.seen)
    p.set(Rule(get, proxy.flip(4321)))
    said = w.ctl(*words, "--json")
    equal((said.status, said.json["results"][0]["verdict"]), (1, "damaged"), "it lies")
    p.set()
    equal(w.ask(*words)["results"][0]["verdict"], "ok", "it tells the truth again")


def slow(case, part):
    """Below min_rate it is left behind, then fed from the other in the same run."""
    w = case.w
    rate = [100000]
    case.proxy.set(Rule(part, proxy.slow(lambda: rate[0])))
    number = w.ask("trigger", "slow")["run"]

    def is_left():
        row = w.show(number)
        return row if row["state"] != "running" or any(
            s["verdict"] == "waiting" for s in row["stores"]) else None
    row = rig.wait_until(is_left, 60, "the slow one is left behind")
    equal(row["state"], "running", "state: %s" % row["error"])
    rate[0] = 0
    row = w.ended(number, 60)
    case.proxy.set()
    equal(row["state"], "done", "fed in the same run: %s" % row["error"])
    check(any("too slow" in text for text in row["warnings"]), "a warning", row["warnings"])
    found = w.ask("verify", row["snapshot"], "--deep")["results"]
    equal([(r["store"], r["verdict"]) for r in found], [("local", "ok"), ("slow", "ok")],
          "whole in both")


def nothing_left(case):
    """What was begun and not finished was aborted."""
    left = case.service.unfinished()
    check(left in (None, []), "unfinished uploads", left)
    case.w.d.stop()
