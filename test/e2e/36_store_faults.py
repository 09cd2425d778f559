#!/usr/bin/env python3
"""Stores behind HTTP that misbehave: what is sealed is whole, nothing hangs."""
import os
import time

import clouds
import proxy
import rig
from proxy import Rule
from rig import check, equal

QUICK = {"request_timeout": "2s", "retry_for": "8s", "part_size": "5MiB"}
PART = {"s3": r"PUT .*partNumber=", "azure": r"PUT .*comp=block&", "gcs": r"PUT .*upload"}
COMMIT = {"s3": r"POST .*uploadId=", "azure": r"PUT .*comp=blocklist", "gcs": r"PUT .*upload"}
BUSY = {"s3": b"<Error><Code>SlowDown</Code><Message></Message></Error>",
        "azure": b"<Error><Code>ServerBusy</Code></Error>", "gcs": b"{}"}
MANIFEST = r"(PUT|POST) .*MANIFEST\.sha256"


def setup(w):
    w.big = w.path("big")
    os.makedirs(w.big)
    with open(os.path.join(w.big, "random.bin"), "wb") as f:
        for _ in range(22):
            f.write(os.urandom(1 << 20))
    w.kinds = {}
    for kind, make in (("s3", clouds.Ceph), ("azure", clouds.Azurite), ("gcs", clouds.Gcs)):
        service = make(w)
        p = proxy.Proxy(service.endpoint if kind == "gcs" else
                        service.info["endpoint"].split("/devstoreaccount1")[0])
        w.later(p.stop)
        w.kinds[kind] = (service, p)
    stores, jobs = {"local": w.store()}, {}
    for kind, (service, p) in w.kinds.items():
        stores[kind] = service.entry(**QUICK)               # As it is ...
        at = p.url + ("/" + service.info["account"] if kind == "azure" else "")
        stores["bad-" + kind] = service.entry(endpoint=at, **QUICK)     # ... and so.
        jobs[kind] = {"source": {"type": "directory", "paths": [w.big]},
                      "compress": {"level": "fast", "where": "here"},
                      "stores": [{"store": "local"}, {"store": "bad-" + kind}]}
    stores["slow"] = dict(stores["bad-s3"], min_rate="1MiB", stall="1s", path="slow/")
    jobs["slow"] = dict(jobs["s3"], stores=[{"store": "local"}, {"store": "slow"}])
    w.configure(stores=stores, jobs=jobs)
    w.d = w.daemon()


def run(w, kind, *rules, want="done", seconds=60):
    """A backup through the proxy; what came of it is looked at past the proxy."""
    w.kinds[kind][1].set(*rules)
    began = time.monotonic()
    got = w.backup(kind, want=want)
    took = time.monotonic() - began
    check(took < seconds, "%s took %.1f s" % (kind, took))
    check(all(n > 0 for n in w.kinds[kind][1].used()), "each rule was used",
          w.kinds[kind][1].used(), w.kinds[kind][1].seen[-40:])
    w.kinds[kind][1].set()
    verdicts = {s["store"]: s["verdict"] for s in got["stores"]}
    is_there = verdicts["bad-" + kind] in ("sealed", "pruned")
    equal(is_there, want == "done", "verdict of the store: %s" % verdicts)
    look(w, kind, got["snapshot"], is_there)
    return got


def look(w, kind, snapshot, is_there):
    rows = [s for s in w.ask("snapshots", "--store", kind) if s["snapshot"] == snapshot]
    equal(bool(rows), is_there, "is it listed")
    if is_there:
        found = w.ask("verify", snapshot, "--store", kind, "--deep")["results"]
        equal(found[0]["verdict"], "ok", "deep, past the proxy")


def test_as_it_is(w):
    """Through the proxy, without a fault"""
    for kind in w.kinds:
        run(w, kind)


@rig.limited(120)
def test_busy(w):
    """500, 503 and 429, with and without Retry-After"""
    for kind in w.kinds:
        run(w, kind,
            Rule(PART[kind], proxy.answer(503, [("Retry-After", "1")], BUSY[kind]), 1),
            Rule(PART[kind], proxy.answer(500, [], BUSY[kind]), 1),
            Rule(PART[kind], proxy.answer(503, [], b""), 1),
            Rule(PART[kind], proxy.answer(429, [], b"<html>slow down</html>"), 1))


@rig.limited(120)
def test_cut(w):
    """A connection that breaks in a part, and one that breaks after it was taken"""
    for kind in w.kinds:
        run(w, kind, Rule(PART[kind], proxy.lose(), 2),
            Rule(PART[kind], proxy.forget(), 1))


@rig.limited(120)
def test_stall(w):
    """A server that falls silent in a part"""
    for kind in w.kinds:
        run(w, kind, Rule(PART[kind], proxy.stall(20), 1, after=1))


@rig.limited(120)
def test_commit_forgotten(w):
    """The last call of an upload is lost before and after it took effect"""
    for kind in ("s3", "azure"):
        run(w, kind, Rule(COMMIT[kind], proxy.lose(), 1))
        run(w, kind, Rule(COMMIT[kind], proxy.forget(), 1))


@rig.limited(120)
def test_manifest_forgotten(w):
    """A manifest and a claim whose answers are lost are settled by reading"""
    for kind in w.kinds:
        run(w, kind, Rule(MANIFEST, proxy.forget(), 1))
        run(w, kind, Rule(r"(PUT|POST) .*\.claim", proxy.forget(), 1))


@rig.limited(120)
def test_refused_midway(w):
    """Credentials that are refused in the middle: the run is partial, and says so"""
    bodies = {"s3": b"<Error><Code>AccessDenied</Code></Error>",
              "azure": b"<Error><Code>AuthorizationFailure</Code></Error>",
              "gcs": b'{"error": {"code": 403, "message": "no"}}'}
    for kind in w.kinds:
        got = run(w, kind, Rule(PART[kind], proxy.answer(403, [], bodies[kind]), after=1),
                  want="partial")
        check("bad-" + kind in got["error"], "the error names the store", got["error"])


def test_expired_once(w):
    """Credentials that expired are read anew, once"""
    bodies = {"s3": (400, b"<Error><Code>ExpiredToken</Code></Error>"),
              "azure": (403, b"<Error><Code>AuthenticationFailed</Code></Error>"),
              "gcs": (401, b'{"error": {"code": 401}}')}
    for kind in w.kinds:
        status, body = bodies[kind]
        run(w, kind, Rule(PART[kind], proxy.answer(status, [], body), 1, after=1))


def test_complete_with_error(w):
    """S3: status 200 with an error in its body is not taken for success"""
    body = b"\n  <?xml version=\"1.0\"?><Error><Code>InternalError</Code></Error>"
    run(w, "s3", Rule(COMMIT["s3"], proxy.instead(200, body.strip()), 1))


@rig.limited(120)
def test_lost_part(w):
    """A part that was answered for and is not there: never sealed without it"""
    fake = {"s3": [("ETag", '"0123456789abcdef0123456789abcdef"')], "azure": []}
    status = {"s3": 200, "azure": 201}
    for kind in fake:
        w.kinds[kind][1].set(Rule(PART[kind], proxy.swallow(status[kind], fake[kind]), 1))
        got = w.ctl("trigger", kind, "--wait", "--json").json
        check(got["state"] in ("done", "partial"), "state", got)
        w.kinds[kind][1].set()
        there = {s["store"]: s["verdict"] for s in got["stores"]}["bad-" + kind]
        look(w, kind, got["snapshot"], there in ("sealed", "pruned"))


@rig.limited(120)
def test_wrong_bytes(w):
    """A byte that changed on its way up is refused and sent again"""
    for kind in w.kinds:
        got = w.kinds[kind][1]
        got.set(Rule(PART[kind], proxy.twist(70000), 1))
        said = w.ctl("trigger", kind, "--wait", "--json").json
        got.set()
        there = {s["store"]: s["verdict"] for s in said["stores"]}["bad-" + kind]
        look(w, kind, said["snapshot"], there in ("sealed", "pruned"))
        if kind != "gcs":
            equal(said["state"], "done", "sent again: %s" % said["error"])


@rig.limited(120)
def test_download(w):
    """A download that is cut goes on where it ended; one that lies is found out"""
    for kind in w.kinds:
        got = run(w, kind)
        name = "big.tar.gz"
        p = w.kinds[kind][1]
        get = r"GET .*%s" % name.replace(".", r"\.")
        p.set(Rule(get, proxy.cut(100000), 1), Rule(get, proxy.cut(5), 1, after=1),
              Rule(get, proxy.answer(503, [], BUSY[kind]), 1))
        found = w.ask("verify", got["snapshot"], "--store", "bad-" + kind, "--deep")["results"]
        equal(found[0]["verdict"], "ok", "%s: cut" % kind)
        check(all(p.used()), "each was used", p.used(), p.seen)
        p.set(Rule(get, proxy.flip(4321)))
        said = w.ctl("verify", got["snapshot"], "--store", "bad-" + kind, "--deep", "--json")
        p.set()
        equal((said.status, said.json["results"][0]["verdict"]), (1, "damaged"), "it lies")
        w.ask("verify", got["snapshot"], "--store", kind, "--deep")


@rig.limited(120)
def test_dead(w):
    """A server that refuses every connection, or answers none: partial, in time"""
    for kind in w.kinds:
        run(w, kind, Rule(PART[kind], proxy.lose()), want="partial", seconds=45)


@rig.limited(120)
def test_slow(w):
    """A store below min_rate is left behind, and fed afterwards from the other"""
    rate = [100000]
    p = w.kinds["s3"][1]
    p.set(Rule(PART["s3"], proxy.slow(lambda: rate[0])))
    number = w.ask("trigger", "slow")["run"]

    def waits():
        row = w.show(number)
        return [s for s in row["stores"] if s["verdict"] != "sending"] or \
            row["state"] != "running"
    rig.wait_until(waits, 60, "the fast one is sealed, the slow one left behind")
    rate[0] = 0
    row = w.ended(number, 60)
    equal(row["state"], "done", "fed in the same run: %s" % row["error"])
    check(any("too slow" in text for text in row["warnings"]), "a warning", row["warnings"])
    found = w.ask("verify", row["snapshot"], "--deep")["results"]
    equal([(r["store"], r["verdict"]) for r in found], [("local", "ok"), ("slow", "ok")], "whole")


def test_nothing_left(w):
    """What was begun and not finished is aborted, except where nobody answered"""
    for kind in w.kinds:
        run(w, kind)
    w.d.stop()


if __name__ == "__main__":
    rig.main(globals(), limit=90)
