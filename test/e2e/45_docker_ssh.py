#!/usr/bin/env python3
"""The main job: a Compose project on a host reached by SSH, backed up whole."""
import json
import os
import subprocess

import remote
import rig
import snapshots
import stack
import tree
from rig import check, equal


def setup(w):
    w.stack = stack.Stack(w, int(os.environ.get("RAGBACKUP_STACK_MB", "40")))
    w.sshd = remote.Sshd(w)
    w.local = w.store()
    w.jobs = {"lightrag": {
        "source": w.stack.source(host="vm"),
        "schedule": {"cron": "0 4 * * 0", "timezone": "Europe/Oslo", "catch_up": "24h"},
        "stores": [{"store": "local", "keep": {"last": 4}}]}}
    w.configure(stores={"local": w.local}, hosts={"vm": w.sshd.host()}, jobs=w.jobs)
    w.before = w.stack.containers()
    w.want = {v: w.stack.describe(v) for v in stack.VOLUMES}
    w.d = w.daemon()


@rig.limited(150)
def test_backup(w):
    """trigger --wait ends done, with the downtime and the health measured."""
    w.run = w.backup("lightrag")
    check(w.run["downtime_ms"] and 0 < w.run["downtime_ms"] < 60000, "downtime_ms",
          w.run["downtime_ms"])
    check(w.run["healthy_ms"] is not None and w.run["healthy_ms"] >= 0, "healthy_ms",
          w.run["healthy_ms"])
    check(w.run["error"] in (None, ""), "error", w.run["error"])


def test_state_exact(w):
    """The services run, the one that was stopped before stays stopped."""
    w.stack.check_as_before()
    after = w.stack.containers()
    equal({n: c[0] for n, c in after.items()}, {n: c[0] for n, c in w.before.items()},
          "the same containers")
    name = "lightrag_worker_1"
    equal(after[name], w.before[name], "the stopped one was not touched")
    for name in ("lightrag_lightrag_1", "lightrag_neo4j_1"):
        check(after[name][2] > w.before[name][2], "%s was stopped and started" % name)
    check(w.stack.is_healthy(), "the service answers")


def test_snapshot(w):
    """sha256sum agrees and every volume's tar equals the volume byte for byte."""
    equal(snapshots.sealed(w.local["path"]), [w.run["snapshot"]], "snapshots")
    folder = os.path.join(w.local["path"], w.run["snapshot"])
    snapshots.verify(folder)
    for volume in stack.VOLUMES:
        snapshots.compare_artifact(folder, volume, w.want[volume])
    about = snapshots.describe(folder)
    equal(sorted(a["of"] for a in about["artifacts"]), sorted(stack.VOLUMES), "artifacts")
    check(about["downtime_ms"] == w.run["downtime_ms"], "downtime in snapshot.json",
          about["downtime_ms"])


def test_history(w):
    """The history has a row per step, the downtime, and the health's answer."""
    row = w.show(w.run["run"])
    steps = [s["step"] for s in row["steps"]]
    for step in ("PREPARE", "QUIESCE", "CAPTURE", "RESUME", "TRANSFER"):
        check(step in steps, "step %s" % step, steps)
    check("healthy" in json.dumps(row), "the probe's answer is in the history", row)
    check(any("healthy" in line for line in w.d.text().splitlines()),
          "the probe's answer is in the log", w.d.text()[-2000:])
    text = w.ctl("show", str(w.run["run"])).out
    check("QUIESCE" in text.upper(), "show as text", text)


def test_nothing_left(w):
    """No staging volume, helper container, lease or lock is left on the host."""
    w.stack.check_clean()


@rig.limited(120)
def test_restore_by_readme(w):
    """The README's commands restore the volumes beside the old ones."""
    folder = os.path.join(w.local["path"], w.run["snapshot"])
    env = dict(w.stack.env, VOLUME_PREFIX="back-")
    try:
        snapshots.restore_by_readme(folder, env)
        for volume in stack.VOLUMES:
            found = tree.differences(
                tree.without(w.want[volume], tree.BUSYBOX_TAR),
                tree.without(w.stack.describe("back-" + volume), tree.BUSYBOX_TAR))
            check(not found, "restored %s differs" % volume, *found)
    finally:
        for volume in stack.VOLUMES:
            w.stack.docker("volume", "rm", "-f", "back-" + volume)


def test_secrets_stay(w):
    """No key's text in the log, the history or the snapshot."""
    with open(os.path.join(w.sshd.dir, "id")) as f:
        secret = f.read().splitlines()[1].encode()
    for root in (w.state, w.local["path"]):
        found = subprocess.run(["grep", "-rlF", secret.decode(), root],
                               stdout=subprocess.PIPE).stdout
        equal(found, b"", "the key's text in " + root)
    check(secret.decode() not in w.d.text(), "the key's text in the log")


@rig.limited(120)
def test_missing_volume(w):
    """A volume that does not exist is an error, and is not created."""
    w.jobs["lost"] = {"source": w.stack.source(host="vm", volumes=["no-such-volume"]),
                      "stores": [{"store": "local", "keep": {"last": 4}}]}
    w.configure(jobs=w.jobs)
    equal(w.ctl("reload").status, 0, "reload")
    run = w.backup("lost", want="failed")
    check("no-such-volume" in run["error"], "the error names it", run["error"])
    check("no-such-volume" not in w.stack.docker("volume", "ls", "-q").split(),
          "the volume was created")
    w.stack.check_as_before()
    w.stack.check_clean()


@rig.limited(200)
def test_stranger_mounts(w):
    """A running container outside the list that mounts a volume is an error."""
    w.stack.docker("start", "lightrag_worker_1")
    try:
        run = w.backup("lightrag", want="failed")
        check("worker" in run["error"], "the error names it", run["error"])
    finally:
        w.stack.docker("stop", "-t", "2", "lightrag_worker_1")
    w.stack.check_as_before()
    w.stack.check_clean()


@rig.limited(200)
def test_stop_in_mid_run(w):
    """SIGTERM in the middle of QUIESCE puts the services back, then ends."""
    w.stack.hold("after", stack.STOP)
    run = w.ask("trigger", "lightrag")["run"]
    w.stack.wait_held()
    w.d.proc.terminate()
    rig.time.sleep(0.5)
    w.d.proc.terminate()
    w.stack.let_go()
    status = w.d.wait(90)
    equal(status, 0, "exit status")
    rig.wait_until(w.stack.as_before, 5, "services as before")
    w.d = w.daemon()
    row = w.ended(run)
    check(row["state"] in ("failed", "canceled"), "state", row["state"], row["error"])
    w.stack.check_clean()
    w.d.stop()


if __name__ == "__main__":
    rig.main(globals(), limit=60)
