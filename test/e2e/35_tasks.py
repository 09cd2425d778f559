#!/usr/bin/env python3
"""verify, copy, retry, prune: what is sealed is looked at, moved and thinned."""
import json
import os
import shutil
import time

import rig
import snapshots
import tree
from rig import check, equal

STORES = ("local", "second", "third")


def setup(w):
    w.data = w.path("data")
    tree.make_lightrag(w.data, 6)
    w.big = w.path("big")
    os.makedirs(w.big)
    with open(os.path.join(w.big, "random.bin"), "wb") as f:
        for _ in range(64):
            f.write(os.urandom(1 << 20))
    w.stores = {name: w.store(name) for name in STORES}
    both = [{"store": "local", "keep": {"last": 9}}, {"store": "second", "keep": {"last": 2}}]
    w.jobs = {"documents": {"source": {"type": "directory",
                                       "paths": [os.path.join(w.data, "lightrag-data")]},
                            "stores": both},
              "big": {"source": {"type": "directory", "paths": [w.big]},
                      "stores": [{"store": "local"}]}}
    w.configure(stores=w.stores, jobs=w.jobs)
    w.d = w.daemon()


def folder(w, store, snapshot):
    return os.path.join(w.stores[store]["path"], snapshot)


def artifact(w, store, snapshot):
    return snapshots.artifact_of(folder(w, store, snapshot),
                                 os.path.join(w.data, "lightrag-data"))


def task(w, *words, want="done"):
    """A task that is followed: its run's row."""
    said = w.ctl(*words, "--json")
    equal(said.json.get("state"), want, "state of %s: %s" % (" ".join(words), said))
    equal(said.status, {"done": 0, "partial": 2}.get(want, 1), "exit status: %s" % said)
    return said.json


def listed(w, snapshot, **more):
    rows = [s for s in w.ask("snapshots", *more.get("words", ())) if s["snapshot"] == snapshot]
    return {at["store"]: at for row in rows for at in row["stores"]}


def test_verify(w):
    """verify looks into every store, --deep reads all, --store only one."""
    w.run = w.backup("documents")
    w.id = w.run["snapshot"]
    run = task(w, "verify", w.id)
    equal((run["kind"], run["job"], run["snapshot"]), ("verify", "documents", w.id), "the row")
    equal([(r["store"], r["verdict"], r["deep"]) for r in run["results"]],
          [("local", "ok", False), ("second", "ok", False)], "plain")
    deep = task(w, "verify", w.id, "--store", "second", "--deep")["results"]
    equal([(r["store"], r["verdict"], r["deep"]) for r in deep], [("second", "ok", True)], "deep")
    size = sum(os.path.getsize(os.path.join(folder(w, "second", w.id), n))
               for n in snapshots.verify(folder(w, "second", w.id)))
    equal((deep[0]["bytes"], deep[0]["read"] >= size), (size, True), "bytes")
    said = w.ctl("verify", w.id)
    check("second" in said.out and "ok" in said.out, "as text", said)
    equal([n for n in os.listdir(folder(w, "second", w.id)) if n.startswith(".pin")], [],
          "no pin is left")


def test_copy(w):
    """copy sends it to a third store, byte for byte; again it was there."""
    run = task(w, "copy", w.id, "--from", "second", "--to", "third")
    equal([(r["store"], r["from"], r["verdict"], r["was_there"]) for r in run["results"]],
          [("third", "second", "sealed", False)], "the result")
    names = snapshots.verify(folder(w, "third", w.id))
    for name in names + ["MANIFEST.sha256"]:
        with open(os.path.join(folder(w, "second", w.id), name), "rb") as a, \
                open(os.path.join(folder(w, "third", w.id), name), "rb") as b:
            check(a.read() == b.read(), "the same bytes: %s" % name)
    again = task(w, "copy", w.id, "--from", "local", "--to", "third")["results"]
    equal(again[0]["was_there"], True, "again")
    equal(sorted(listed(w, w.id)), sorted(STORES), "all have it")


def test_bare(w):
    """With only that store in the configuration all snapshots are listed."""
    state = w.path("bare")
    os.mkdir(state, 0o700)
    other = rig.World()
    w.later(other.end)
    other.configure(stores={"only": w.stores["third"]})
    d = other.daemon()
    rows = other.ask("snapshots")
    equal([(r["snapshot"], r["job"]) for r in rows], [(w.id, "documents")], "the list")
    equal(other.ask("verify", w.id, "--deep")["results"][0]["verdict"], "ok", "and whole")
    d.stop()


def test_damage(w):
    """One wrong byte: only --deep finds it, and marks it; whole again, no mark."""
    path = artifact(w, "second", w.id)
    with open(path, "r+b") as f:
        f.seek(1000)
        byte = f.read(1)
        f.seek(1000)
        f.write(bytes([byte[0] ^ 1]))
    task(w, "verify", w.id)
    run = task(w, "verify", w.id, "--deep", want="failed")
    verdicts = {r["store"]: r["verdict"] for r in run["results"]}
    equal(verdicts, {"local": "ok", "second": "damaged", "third": "ok"}, "verdicts")
    check(os.path.basename(path) in run["error"] and "second" in run["error"],
          "the error names it", run["error"])
    check(listed(w, w.id)["second"]["suspect"], "it is suspect", listed(w, w.id))
    copied = task(w, "copy", w.id, "--from", "second", "--to", "third")["results"]
    equal(copied[0]["was_there"], True, "what is there is not sent")
    with open(path, "r+b") as f:
        f.seek(1000)
        f.write(byte)
    task(w, "verify", w.id, "--deep")
    check(not listed(w, w.id)["second"]["suspect"], "no mark any more", listed(w, w.id))


def test_damaged_source(w):
    """A damaged copy is not spread: the target stays without it."""
    shutil.rmtree(folder(w, "third", w.id))
    path = artifact(w, "second", w.id)
    os.truncate(path, os.path.getsize(path) - 1)
    equal(task(w, "verify", w.id, "--store", "second", want="failed")["results"][0]["verdict"],
          "damaged", "its size tells")
    task(w, "copy", w.id, "--from", "second", "--to", "third", want="failed")
    check(not os.path.exists(os.path.join(folder(w, "third", w.id), "MANIFEST.sha256")),
          "nothing was sealed")
    shutil.copy(artifact(w, "local", w.id), path)
    task(w, "verify", w.id, "--deep")


def test_retry(w):
    """A store that missed a run gets the snapshot by retry."""
    place = w.stores["second"]["path"]
    os.rename(place, place + ".away")
    with open(place, "w"):
        pass
    run = w.backup("documents", want="partial")
    os.unlink(place)
    os.rename(place + ".away", place)
    equal(w.ctl("retry", "999999").status, 1, "no such run")
    again = task(w, "retry", str(run["run"]))
    equal([(r["store"], r["from"], r["verdict"]) for r in again["results"]],
          [("second", "local", "sealed")], "the result")
    snapshots.verify(folder(w, "second", run["snapshot"]))
    verdicts = {s["store"]: s["verdict"] for s in w.show(run["run"])["stores"]}
    equal(verdicts["second"], "sealed", "the run's row knows")
    said = w.ctl("retry", str(run["run"]))
    check(said.status == 1 and "no store missed" in said.err, "nothing is left to do", said)
    equal(w.ask("history", "documents", "--limit", "1")[0]["kind"], "retry", "history")
    equal(w.ask("status", "documents")["jobs"][0]["last"]["run"], run["run"],
          "status tells of backups")


def test_silent(w):
    """A store that does not answer: verify looks at the others and says so; copy works."""
    place = w.stores["second"]["path"]
    os.rename(place, place + ".away")
    with open(place, "w"):
        pass
    run = task(w, "verify", w.id, want="partial")
    equal([(r["store"], r["verdict"]) for r in run["results"] if r["store"] != "third"],
          [("local", "ok"), ("second", "unknown")], "what is known of each")
    check("second" in run["error"], "the reason names it", run["error"])
    said = w.ctl("verify", w.id)
    check(said.status == 2 and "unknown" in said.out, "as text", said)
    task(w, "copy", w.id, "--from", "local", "--to", "third")
    said = w.ctl("verify", w.id, "--store", "second")
    check(said.status == 1 and "second" in said.err, "only it was asked for", said)
    os.unlink(place)
    os.rename(place + ".away", place)
    task(w, "verify", w.id)


def test_prune(w):
    """prune --dry-run says what it would do, prune does it; foreigners stay."""
    foreign = os.path.join(w.stores["local"]["path"], "20200101-000000")
    os.makedirs(foreign)
    for _ in range(2):
        w.backup("documents")
    w.jobs["documents"]["stores"][0]["keep"] = {"last": 1, "min_proven": 2}
    w.configure(jobs=w.jobs)
    equal(w.ctl("reload").status, 0, "reload")
    before = snapshots.sealed(w.stores["local"]["path"])
    dry = task(w, "prune", "documents", "--store", "local", "--dry-run")["results"]
    equal([r["store"] for r in dry], ["local"] * len(before), "stores")
    doomed = sorted(r["id"] for r in dry if r["verdict"] == "delete")
    equal(len(before) - len(doomed), 2, "min_proven is kept: %s" % dry)
    check(all(r["reason"] for r in dry), "reasons", dry)
    equal(snapshots.sealed(w.stores["local"]["path"]), before, "nothing is deleted")
    done = task(w, "prune", "documents")["results"]
    equal(sorted(r["id"] for r in done if r["deleted"]), doomed, "deleted")
    equal(snapshots.sealed(w.stores["local"]["path"]),
          [s for s in before if s not in doomed], "what is left")
    check(os.path.isdir(foreign), "foreign folders stay")
    text = w.ctl("prune", "documents", "--dry-run")
    check("keep" in text.out and "local" in text.out, "as text", text)


def test_refusals(w):
    """What makes no sense is refused with a reason."""
    one = snapshots.sealed(w.stores["local"]["path"])[-1]
    for words, status, text in (
            (["verify", "nonsense"], 64, "20261120-040000"),
            (["verify", "20200101-000000"], 1, "no snapshot"),
            (["verify", one, "--store", "nowhere"], 1, "nowhere"),
            (["copy", one, "--from", "local"], 64, "--to"),
            (["copy", one, "--from", "local", "--to", "local"], 64, "one store"),
            (["copy", one, "--from", "third", "--to", "second"], 1, "no snapshot"),
            (["prune", "nojob"], 1, "nojob"),
            (["prune", "documents", "--store", "third"], 64, "third")):
        said = w.ctl(*words)
        equal(said.status, status, "%s: %s" % (" ".join(words), said))
        check(text in said.err, "the reason of %s" % " ".join(words), said)


@rig.limited(120)
def test_cancel_and_crash(w):
    """A copy is canceled; one that was cut by a crash is carried on."""
    run = w.backup("big")
    number = w.ask("copy", run["snapshot"], "--from", "local", "--to", "third", "--no-wait")["run"]
    said = w.ctl("cancel", str(number), "--json")
    state = w.ended(number)["state"]
    check(state in ("canceled", "done"), "state", state, said)
    if state == "canceled":
        equal(snapshots.sealed(w.stores["third"]["path"]).count(run["snapshot"]), 0, "not there")
    equal(w.ask("status")["running"], [], "nothing runs")
    shutil.rmtree(folder(w, "third", run["snapshot"]), ignore_errors=True)
    number = w.ask("copy", run["snapshot"], "--from", "local", "--to", "third", "--no-wait")["run"]
    time.sleep(0.05)
    w.d.kill()
    w.d = w.daemon()
    equal(w.ended(number)["state"], "done", "carried on: %s" % json.dumps(w.show(number)))
    snapshots.verify(folder(w, "third", run["snapshot"]))
    w.d.stop()


if __name__ == "__main__":
    rig.main(globals(), limit=60)
