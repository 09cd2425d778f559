#!/usr/bin/env python3
"""A folder is backed up, looked at, restored, rotated; the daemon is led."""
import json
import os
import signal
import subprocess
import time

import rig
import snapshots
import tree
from rig import check, equal

FIELDS = {"run", "job", "kind", "state", "trigger", "scheduled_for", "started",
          "finished", "as_of", "downtime_ms", "healthy_ms", "bytes_read",
          "bytes_stored", "snapshot", "step", "attempt", "warnings", "error",
          "stores"}
RFC3339 = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"


def job(w, paths, **more):
    return dict({"source": {"type": "directory", "paths": paths},
                 "stores": [{"store": "local", "keep": {"last": 2}}]}, **more)


def setup(w):
    w.data = w.path("data")
    tree.make_lightrag(w.data, 12)
    w.big = w.path("big")
    os.makedirs(w.big)
    with open(os.path.join(w.big, "random.bin"), "wb") as f:
        for _ in range(96):
            f.write(os.urandom(1 << 20))
    w.local = w.store()
    w.store_dir = w.local["path"]
    os.makedirs(os.path.join(w.store_dir, "not ours"))
    with open(os.path.join(w.store_dir, "not ours", "keep.txt"), "w") as f:
        f.write("foreign\n")
    os.makedirs(os.path.join(w.store_dir, "20200101-000000"))
    w.jobs = {"documents": job(w, [os.path.join(w.data, "lightrag-data")]),
              "slow": job(w, [w.big], compress={"level": "best", "where": "here"})}
    w.configure(stores={"local": w.local}, jobs=w.jobs)
    w.d = w.daemon()


def test_check_and_version(w):
    """--check and --version answer without a daemon."""
    prog = os.path.join(rig.BUILD, "ragbackupd")
    good = subprocess.run([prog, "--config", w.path("ragbackup.yaml"), "--check"],
                          env=w.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    equal(good.returncode, 0, "--check of a good file: %s" % good.stdout)
    with open(w.path("bad.yaml"), "w") as f:
        f.write("stores:\n  local:\n    type: filesystem\n    pth: /tmp\n")
    bad = subprocess.run([prog, "--config", w.path("bad.yaml"), "--check"],
                         env=w.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = bad.stdout.decode()
    check(bad.returncode != 0, "--check took a bad file", text)
    check("bad.yaml:4:" in text and "pth" in text and "path" in text,
          "file, line, key and suggestion", text)
    said = subprocess.run([prog, "--version"], stdout=subprocess.PIPE)
    check(said.returncode == 0 and b"0." in said.stdout, "--version", said.stdout)


def test_ping_version_check(w):
    """ping, version and check answer over the socket."""
    equal(w.ctl("ping").status, 0, "ping")
    version = w.ask("version")
    check(version, "version", version)
    equal(w.ctl("check").status, 0, "check")
    bad = w.ctl("check", w.path("bad.yaml"))
    check(bad.status != 0 and "bad.yaml:4:" in bad.out + bad.err, "check of a bad file",
          bad)


@rig.limited(120)
def test_backup(w):
    """trigger --wait backs a folder up; the run's object has every field."""
    w.want = tree.describe(os.path.join(w.data, "lightrag-data"))
    run = w.backup("documents")
    check(FIELDS <= set(run), "fields missing", sorted(FIELDS - set(run)))
    equal((run["job"], run["kind"], run["trigger"]), ("documents", "backup", "manual"),
          "job, kind, trigger")
    for name in ("started", "finished", "as_of"):
        rig.check(rig.re.match(RFC3339, run[name] or ""), "%s is RFC 3339 UTC" % name,
                  run[name])
    check(run["bytes_read"] > 1 << 20 and 0 < run["bytes_stored"] < run["bytes_read"],
          "bytes", run["bytes_read"], run["bytes_stored"])
    equal([s["store"] for s in run["stores"]], ["local"], "stores")
    check(run["stores"][0]["verdict"] in ("sealed", "pruned"), "verdict", run["stores"])
    w.run = run


def test_snapshot_is_plain(w):
    """The snapshot is plain files: sha256sum agrees, the tar equals the folder."""
    equal(snapshots.sealed(w.store_dir), [w.run["snapshot"]], "snapshots")
    folder = os.path.join(w.store_dir, w.run["snapshot"])
    names = snapshots.verify(folder)
    check("README.md" in names and "snapshot.json" in names, "names", names)
    path = os.path.join(w.data, "lightrag-data")
    snapshots.compare_artifact(folder, path, w.want)
    about = snapshots.describe(folder)
    equal((about["format"], about["id"], about["job"]), (1, w.run["snapshot"], "documents"),
          "snapshot.json")
    leftovers = [n for n in os.listdir(folder) if ".tmp" in n]
    equal(leftovers, [], "temporary files")


def test_restore_by_readme(w):
    """The README's own commands, pasted into a shell, restore it elsewhere."""
    folder = os.path.join(w.store_dir, w.run["snapshot"])
    target = w.path("restored")
    os.makedirs(target)
    script = snapshots.restore_by_readme(folder, dict(w.env, TARGET=target))
    path = os.path.join(w.data, "lightrag-data")
    places = [target, target + path, os.path.join(target, "lightrag-data")]
    found = [p for p in places if os.path.isdir(os.path.join(p, "inputs"))]
    check(found, "restored to none of the expected places", *(places + [script]))
    check(not tree.differences(w.want, tree.describe(found[0])),
          "the restored folder differs",
          *tree.differences(w.want, tree.describe(found[0])))


def test_views(w):
    """status, history, show and snapshots tell of the run, as text and JSON."""
    status = w.ask("status")
    check("documents" in json.dumps(status), "status names the job", status)
    runs = w.ask("history", "documents")
    equal([r["run"] for r in runs], [w.run["run"]], "history")
    check(FIELDS <= set(runs[0]), "fields", sorted(FIELDS - set(runs[0])))
    equal(w.ask("history", "--state", "failed"), [], "history --state failed")
    equal(w.ask("history", "--limit", "1")[0]["run"], w.run["run"], "history --limit")
    one = w.show(w.run["run"])
    steps = [s["step"] for s in one["steps"]]
    for step in ("PREPARE", "CAPTURE", "TRANSFER"):
        check(step in steps, "show has the step %s" % step, steps)
    listed = w.ask("snapshots", "documents")
    check(w.run["snapshot"] in json.dumps(listed), "snapshots", listed)
    for words in (["status"], ["history"], ["show", str(w.run["run"])],
                  ["snapshots"], ["next"]):
        said = w.ctl(*words)
        equal(said.status, 0, "text of %s: %s" % (words, said))
        check(said.out.strip(), "%s says nothing" % words)
    check(w.run["snapshot"] in w.ctl("snapshots").out, "the id in text")


@rig.limited(120)
def test_retention(w):
    """keep last 2 leaves the two newest; foreign folders stay."""
    runs = [w.run]
    for n in range(2):
        time.sleep(1.1)
        with open(os.path.join(w.data, "lightrag-data", "kv_more_%d.json" % n), "w") as f:
            f.write('{"n": %d}\n' % n)
        runs.append(w.backup("documents"))
    left = snapshots.sealed(w.store_dir)
    equal(left, [r["snapshot"] for r in runs[-2:]], "snapshots left")
    check(not os.path.exists(os.path.join(w.store_dir, runs[0]["snapshot"])),
          "the folder of the one that went is gone")
    check(os.path.exists(os.path.join(w.store_dir, "not ours", "keep.txt")) and
          os.path.isdir(os.path.join(w.store_dir, "20200101-000000")), "foreign folders")
    for name in left:
        snapshots.verify(os.path.join(w.store_dir, name))
    listed = json.dumps(w.ask("snapshots"))
    check(runs[0]["snapshot"] not in listed, "the removed one is not listed", listed)


@rig.limited(120)
def test_cancel(w):
    """cancel ends a run as canceled and leaves nothing of it in the store."""
    before = snapshots.sealed(w.store_dir)
    run = w.ask("trigger", "slow")["run"]
    rig.wait_until(lambda: w.show(run)["step"] in ("CAPTURE", "RESUME", "TRANSFER"), 30,
                   "the run is on its way")
    busy = w.ctl("trigger", "slow")
    check(busy.status == 1, "a second trigger of the same job is refused", busy)
    said = w.ctl("cancel", str(run))
    check(said.status in (0, 1), "cancel", said)
    row = w.ended(run)
    equal(row["state"], "canceled", "state")
    equal(snapshots.sealed(w.store_dir), before, "snapshots")
    equal(snapshots.halves(w.store_dir), ["20200101-000000"], "half snapshots")
    equal(w.ctl("cancel", str(run)).status, 1, "cancel of an ended run")


@rig.limited(120)
def test_watch_interrupted(w):
    """Ctrl-C at trigger --wait only stops watching."""
    p = subprocess.Popen([os.path.join(rig.BUILD, "ragbackupctl"), "--socket", w.socket,
                          "trigger", "slow", "--wait"], env=w.env,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    run = rig.wait_until(lambda: [r for r in w.ask("history", "slow")
                                  if r["state"] == "running"], 20, "the run")[0]["run"]
    time.sleep(0.5)
    p.send_signal(signal.SIGINT)
    out = p.communicate(timeout=15)[0].decode("utf-8", "replace")
    check(p.returncode != 0, "status after Ctrl-C", p.returncode, out)
    row = w.ended(run)
    equal(row["state"], "done", "state (%s)" % row["error"])


def test_reload(w):
    """reload takes a good file and leaves a bad one alone."""
    w.jobs["another"] = job(w, [os.path.join(w.data, "lightrag-kg")])
    path = w.configure(jobs=w.jobs)
    equal(w.ctl("reload").status, 0, "reload")
    check("another" in json.dumps(w.ask("status")), "the new job is known")
    with open(path) as f:
        good = f.read()
    with open(path, "w") as f:
        f.write(good.replace('"filesystem"', '"filesistem"'))
    bad = w.ctl("reload")
    check(bad.status not in (0, 69) and "filesistem" in bad.out + bad.err,
          "a bad file is refused by line", bad)
    w.backup("another")
    with open(path, "w") as f:
        f.write(good)
    os.kill(w.d.pid, signal.SIGHUP)
    time.sleep(0.5)
    equal(w.ctl("ping").status, 0, "ping after SIGHUP")


def test_exit_statuses(w):
    """Usage is 64, an unknown job 1, no daemon 69."""
    equal(w.ctl("trigger").status, 64, "trigger without a job")
    equal(w.ctl("frobnicate").status, 64, "an unknown command")
    unknown = w.ctl("trigger", "nosuch")
    check(unknown.status == 1 and "nosuch" in unknown.err, "an unknown job", unknown)
    equal(w.ctl("show", "999999").status, 1, "an unknown run")
    gone = subprocess.run([os.path.join(rig.BUILD, "ragbackupctl"), "--socket",
                           w.path("nothing.sock"), "ping"], env=w.env,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    equal(gone.returncode, 69, "no daemon: %s" % gone.stdout)


def test_socket_is_found(w):
    """The socket comes from RAGBACKUP_SOCKET when no option names it."""
    done = subprocess.run([os.path.join(rig.BUILD, "ragbackupctl"), "ping"],
                          env=dict(w.env, RAGBACKUP_SOCKET=w.socket),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    equal(done.returncode, 0, "ping: %s" % done.stdout)


def test_one_instance(w):
    """A second daemon on the same state directory is refused and harms nothing."""
    second = w.daemon(start=False)
    second.log = w.path("second.log")
    second.start(is_ready=False)
    status = second.wait(20)
    check(status != 0, "status of the second", status)
    equal(w.ctl("ping").status, 0, "the first still answers")


def test_store_gone(w):
    """A store that cannot be written fails the run with one clear line."""
    away = w.store_dir + ".away"
    os.rename(w.store_dir, away)
    try:
        with open(w.store_dir, "w"):
            pass
        run = w.backup("another", want="failed")
        check(run["error"] and "\n" not in run["error"] and "local" in run["error"],
              "one clear line", run["error"])
    finally:
        os.unlink(w.store_dir)
        os.rename(away, w.store_dir)
    w.backup("another")


def test_missing_path(w):
    """A folder that is not there fails the run and names it."""
    w.jobs["lost"] = job(w, [w.path("no-such-folder")])
    w.configure(jobs=w.jobs)
    equal(w.ctl("reload").status, 0, "reload")
    run = w.backup("lost", want="failed")
    check("no-such-folder" in run["error"], "the error names the folder", run["error"])


def test_stop(w):
    """SIGTERM ends it with status 0; the history is there after a start."""
    w.daemons[0].stop()
    check(not os.path.exists(w.socket) or w.ctl("ping").status == 69, "socket")
    w.d = w.daemon()
    check(any(r["run"] == w.run["run"] for r in w.ask("history", "--limit", "100")),
          "the first run is still in the history")
    w.d.stop()


if __name__ == "__main__":
    rig.main(globals(), limit=60)
