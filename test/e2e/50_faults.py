#!/usr/bin/env python3
"""What goes wrong on the way: services come back, nothing half is listed."""
import json
import os
import subprocess

import remote
import rig
import snapshots
import stack
from rig import check, equal


def setup(w):
    w.stack = stack.Stack(w, 24, tmpfs_mb=400)
    w.sshd = remote.Sshd(w)
    w.cable = remote.Cable(w, w.sshd.port)
    w.local = w.store()
    stack.mount_tmpfs(w, w.path("small"), 6)
    w.small = {"type": "filesystem", "path": w.path("small")}
    w.jobs = {"lightrag": job(w), "far": job(w, host="vm"),
              "tight": dict(job(w), stores=[{"store": "small", "keep": {"last": 4}}]),
              "both": dict(job(w), stores=[{"store": "small", "keep": {"last": 4}},
                                           {"store": "local", "keep": {"last": 4}}])}
    w.hosts = {"vm": w.sshd.host(w.cable.port)}
    w.configure(stores={"local": w.local, "small": w.small}, hosts=w.hosts, jobs=w.jobs)
    w.d = w.daemon()


def before_each(w):
    """A scenario that failed leaves no hold and no run to the next one."""
    w.stack.let_go()
    w.settle()


def job(w, **more):
    return {"source": w.stack.source(**more),
            "stores": [{"store": "local", "keep": {"last": 4}}]}


def reload(w):
    w.configure(jobs=w.jobs, hosts=w.hosts)
    answer = w.ctl("reload")
    equal(answer.status, 0, "reload: %s" % answer)



def clear_line(run, *words):
    """One line that says what it was."""
    error = run["error"] or ""
    check(error and "\n" not in error and len(error) < 640, "one line", error)
    check(any(word.lower() in error.lower() for word in words),
          "the error says none of %s" % (words,), error)


def nothing_half(w, before):
    equal(snapshots.sealed(w.local["path"]), before, "snapshots listed")
    for name in snapshots.halves(w.local["path"]) + snapshots.halves(w.small["path"]):
        check(False, "a half snapshot is left", name,
              *os.listdir(os.path.join(w.local["path"], name))
              if os.path.isdir(os.path.join(w.local["path"], name)) else [])


def world_is_whole(w, before, seconds=40):
    """Services as before, nothing left on the host, nothing half in a store."""
    rig.wait_until(w.stack.as_before, seconds, "services as before")
    rig.wait_until(lambda: not w.stack.extra(), seconds, "the host is clean: %s" %
                   w.stack.extra())
    nothing_half(w, before)


@rig.limited(150)
def test_link_cut_in_quiesce(w):
    """The SSH link is cut after the first stop: the lease brings services back."""
    before = snapshots.sealed(w.local["path"])
    w.stack.hold("after", stack.STOP)
    run = w.ask("trigger", "far")["run"]
    w.stack.wait_held()
    w.cable.cut()
    w.stack.let_go()
    # The lease is 10 s: without any help from here.
    rig.wait_until(w.stack.as_before, 10 + 10 + 5, "services back by the lease alone")
    w.cable.mend()
    row = w.ended(run)
    equal(row["state"], "failed", "state")
    clear_line(row, "vm", "lease", "connection", "link", "ssh")
    world_is_whole(w, before)


@rig.limited(150)
def test_link_cut_in_capture(w):
    """The SSH link is cut during the copy: no torn copy is sealed."""
    before = snapshots.sealed(w.local["path"])
    w.stack.hold("before", stack.COPY)
    run = w.ask("trigger", "far")["run"]
    try:
        w.stack.wait_held()
        w.cable.cut()
    finally:
        w.stack.let_go()
    rig.wait_until(w.stack.as_before, 25, "services back by the lease alone")
    w.cable.mend()
    row = w.ended(run)
    equal(row["state"], "failed", "state")
    clear_line(row, "vm", "lease", "connection", "link", "ssh")
    world_is_whole(w, before)


@rig.limited(150)
def test_link_cut_in_transfer(w):
    """The SSH link is cut in TRANSFER: failed, or done after a new connection."""
    before = snapshots.sealed(w.local["path"])
    w.stack.hold("before", stack.SEND)
    run = w.ask("trigger", "far")["run"]
    try:
        w.stack.wait_held()
        check(w.stack.as_before(), "services run during TRANSFER")
        w.cable.cut()
    finally:
        w.stack.let_go()
    rig.time.sleep(2)
    w.cable.mend()
    row = w.ended(run)
    if row["state"] == "done":
        before = before + [row["snapshot"]]
    else:
        equal(row["state"], "failed", "state")
        clear_line(row, "vm", "connection", "link", "ssh")
    world_is_whole(w, before)


@rig.limited(120)
def test_store_full(w):
    """The disk of a store is full: failed, and nothing half is left in it."""
    run = w.backup("tight", want="failed")
    clear_line(run, "space")
    world_is_whole(w, snapshots.sealed(w.local["path"]))
    equal(snapshots.sealed(w.small["path"]), [], "nothing in the full store")


@rig.limited(120)
def test_one_store_full(w):
    """One of two stores is full: the other one is sealed, the run is partial."""
    before = snapshots.sealed(w.local["path"])
    run = w.backup("both", want="partial")
    verdicts = {s["store"]: s["verdict"] for s in run["stores"]}
    check(verdicts["local"] in ("sealed", "pruned"), "local", verdicts)
    equal(verdicts["small"], "dropped", "small")
    world_is_whole(w, before + [run["snapshot"]])
    snapshots.verify(os.path.join(w.local["path"], run["snapshot"]))


@rig.limited(150)
def test_host_full(w):
    """The host's disk gets full in the copy: failed, services back at once."""
    before = snapshots.sealed(w.local["path"])
    w.stack.hold("after", stack.STOP)
    run = w.ask("trigger", "lightrag")["run"]
    w.stack.wait_held()
    filler = stack.fill_up(w.stack.engine, 6)
    try:
        w.stack.let_go()
        rig.wait_until(w.stack.as_before, 60, "services as before")
        row = w.ended(run)
    finally:
        os.unlink(filler)
    equal(row["state"], "failed", "state")
    clear_line(row, "space", "full")
    world_is_whole(w, before, 90)


@rig.limited(120)
def test_never_healthy(w):
    """A service that never gets healthy: partial, the copy is kept."""
    before = snapshots.sealed(w.local["path"])
    w.jobs["lightrag"]["source"]["health"]["timeout"] = "4s"
    reload(w)
    w.stack.set_health('{"status": "starting"}')
    try:
        run = w.backup("lightrag", want="partial")
    finally:
        w.stack.set_health('{"status": "healthy"}')
    clear_line(run, "health")
    world_is_whole(w, before + [run["snapshot"]])
    snapshots.verify(os.path.join(w.local["path"], run["snapshot"]))


@rig.limited(200)
def test_deaf_service(w):
    """A service that ignores SIGTERM and is killed: failed after all is back."""
    before = snapshots.sealed(w.local["path"])
    name = "lightrag_deaf_1"
    w.stack.docker("run", "-d", "--name", name, "--label",
                   "com.docker.compose.project=lightrag", "--label",
                   "com.docker.compose.service=deaf", "--label",
                   "com.docker.compose.oneoff=False", "-v", "lightrag-kg:/kg",
                   "alpine", "sh", "-c", stack.DEAF)
    try:
        w.jobs["deaf"] = job(w, stop=["lightrag", "neo4j", "deaf"], stop_timeout="2s")
        reload(w)
        run = w.backup("deaf", want="failed")
        clear_line(run, "kill", "137")
        check(name in w.stack.running(), "the deaf service runs again", w.stack.running())
        w.jobs["deaf"]["source"]["killed"] = "warn"
        reload(w)
        run = w.backup("deaf")
        check("kill" in json.dumps(run["warnings"]).lower() or
              "137" in json.dumps(run["warnings"]), "a warning", run["warnings"])
    finally:
        w.stack.docker("rm", "-f", name)
    world_is_whole(w, before + [run["snapshot"]])


@rig.limited(150)
def test_damaged_json(w):
    """A torn JSON file in the data fails the run and is named."""
    before = snapshots.sealed(w.local["path"])
    path = os.path.join(w.stack.folder_of("lightrag-data"), "kv_store_torn.json")
    with open(path, "w") as f:
        f.write('{"a": "unterminated')
    try:
        run = w.backup("lightrag", want="failed")
        clear_line(run, "kv_store_torn.json")
    finally:
        os.unlink(path)
    world_is_whole(w, before)


@rig.limited(150)
def test_host_key_changed(w):
    """A changed host key: refused before anything stops, with the fingerprint."""
    key = w.path("another_key")
    remote.make_key(key)
    with open(key + ".pub") as f:
        w.sshd.known_hosts(w.cable.port, " ".join(f.read().split()[:2]))
    calls = len(w.stack.calls())
    try:
        run = w.backup("far", want="failed")
    finally:
        w.sshd.known_hosts(w.cable.port)
    clear_line(run, "host key")
    check("SHA256:" in run["error"], "the fingerprint", run["error"])
    equal(len(w.stack.calls()), calls, "nothing was done on the host")
    w.backup("far")


@rig.limited(150)
def test_wrong_passphrase(w):
    """A wrong passphrase: one clear line, nothing done on the host."""
    key = w.path("locked_key")
    remote.make_key(key, "right")
    with open(key + ".pub") as f, \
            open(os.path.join(w.sshd.dir, "authorized_keys"), "a") as out:
        out.write(f.read())
    phrase = w.path("phrase")
    fd = os.open(phrase, os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(fd, b"wrong\n")
    os.close(fd)
    w.hosts["locked"] = w.sshd.host(identity=key, passphrase_file=phrase)
    w.jobs["locked"] = job(w, host="locked")
    reload(w)
    run = w.backup("locked", want="failed")
    clear_line(run, "passphrase", "decrypt")
    check("wrong\n" not in w.d.text() and "right" not in run["error"], "secrets")
    with open(phrase, "w") as f:
        f.write("right\n")
    w.backup("locked")


@rig.limited(150)
def test_engine_stopped(w):
    """dockerd is killed between stop and start: repaired when it is back."""
    before = snapshots.sealed(w.local["path"])
    w.stack.hold("after", stack.STOP)
    run = w.ask("trigger", "lightrag")["run"]
    w.stack.wait_held()
    w.stack.service("kill")
    w.stack.let_go()
    rig.time.sleep(3)
    w.stack.start_engine()
    row = w.ended(run)
    equal(row["state"], "failed", "state")
    clear_line(row, "docker", "stop", "service")
    world_is_whole(w, before, 90)


@rig.limited(150)
def test_after_all_that(w):
    """After all of it a plain run is done and the host is clean."""
    w.jobs["lightrag"]["source"]["health"]["timeout"] = "20s"
    reload(w)
    w.backup("lightrag")
    w.backup("far")
    w.stack.check_as_before()
    w.stack.check_clean()
    equal(w.ask("status").get("debts", []), [], "debts")
    w.d.stop()


if __name__ == "__main__":
    rig.main(globals(), limit=90)
