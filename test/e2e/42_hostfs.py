#!/usr/bin/env python3
"""A folder of a host, stored here and in a folder of that same host."""
import os
import subprocess

import remote
import rig
import snapshots
import tree
from rig import check, equal

MB = 1 << 20
SIZE = 24 * MB


def setup(w):
    w.data = w.path("data")
    tree.make_lightrag(w.data, 2)
    w.docs = os.path.join(w.data, "lightrag-data")
    with open(os.path.join(w.docs, "random.bin"), "wb") as f:
        for _ in range(SIZE // MB):
            f.write(os.urandom(MB))
    w.sshd = remote.Sshd(w)
    w.cable = remote.Cable(w, w.sshd.port)
    w.local = w.store()
    w.far = os.path.join(w.home, "rag-backups")     # Made by the first check.
    w.tight = w.path("tight")
    os.makedirs(w.tight)
    source = {"type": "directory", "host": "vm", "paths": [w.docs]}
    w.jobs = {
        "both": {"source": source, "stores": [
            {"store": "local", "keep": {"last": 4}}, {"store": "on-vm", "keep": {"last": 2}}]},
        "tight": {"source": source, "stores": [{"store": "local"}, {"store": "tight"}]},
        "here": {"source": {"type": "directory", "paths": [w.docs]}, "stores": [{"store": "on-vm"}]},
    }
    w.configure(stores={
        "local": w.local,
        "on-vm": {"type": "filesystem", "host": "vm", "path": "~/rag-backups"},
        "tight": {"type": "filesystem", "host": "vm", "path": w.tight},
    }, hosts={"vm": w.sshd.host(w.cable.port)}, jobs=w.jobs)
    w.want = tree.describe(w.docs)
    w.d = w.daemon()


def temporary(folder):
    return [n for _, _, names in os.walk(folder) for n in names if ".rbtmp-" in n]


@rig.limited(150)
def test_backup(w):
    """One run seals the same bytes here and there"""
    before = w.cable.bytes
    run = w.backup("both")
    w.moved = w.cable.bytes - before
    ident = run["snapshot"]
    for store in w.local["path"], w.far:
        equal(snapshots.sealed(store), [ident], "snapshots in %s" % store)
        snapshots.verify(os.path.join(store, ident))
        snapshots.compare_artifact(os.path.join(store, ident), w.docs, w.want)
        equal(temporary(store), [], "temporary files")
    done = subprocess.run(["diff", "-r", "-x", ".claim*", os.path.join(w.local["path"], ident),
                           os.path.join(w.far, ident)], stdout=subprocess.PIPE)
    equal(done.returncode, 0, "equal but for the claim: %s" % done.stdout)
    for path, mode in ((w.far, 0o700), (os.path.join(w.far, ident), 0o700),
                       (os.path.join(w.far, ident, "MANIFEST.sha256"), 0o600)):
        equal(os.stat(path).st_mode & 0o777, mode, "mode of %s" % path)


def test_bytes_stay(w):
    """What goes over the wire is the data once, not there and back"""
    check(SIZE < w.moved < SIZE * 3 // 2, "bytes that went over the wire", w.moved, SIZE)


@rig.limited(150)
def test_retention(w):
    """Each store keeps what its own policy says"""
    for _ in range(2):
        w.backup("both")
    equal(len(snapshots.sealed(w.local["path"])), 3, "here")
    equal(len(snapshots.sealed(w.far)), 2, "there")
    equal(snapshots.halves(w.far), [], "there, half removed")


@rig.limited(150)
def test_sent(w):
    """Without the data on that host it is sent there, as to any store"""
    before = set(snapshots.sealed(w.far))
    run = w.backup("here")
    check(run["snapshot"] in set(snapshots.sealed(w.far)) - before, "sealed there", run)
    snapshots.verify(os.path.join(w.far, run["snapshot"]))
    equal(temporary(w.far), [], "temporary files")


@rig.limited(150)
def test_full(w):
    """A full disk there drops that store alone; the other has it whole"""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", w.tight],
                      stderr=subprocess.DEVNULL).returncode != 0:
        raise rig.Skipped("needs root and tmpfs")
    try:
        run = w.backup("tight", want="partial")
        check("tight" in str(run["stores"]) + str(run["error"]), "the store is named", run)
        snapshots.verify(os.path.join(w.local["path"], run["snapshot"]))
        equal(snapshots.sealed(w.tight), [], "snapshots in the full one")
        equal(temporary(w.tight), [], "temporary files")
    finally:
        subprocess.run(["umount", w.tight], check=True)


@rig.limited(150)
def test_cut(w):
    """The wire breaks: nothing half is sealed, and the next run is whole"""
    far = snapshots.sealed(w.far)
    here = snapshots.sealed(w.local["path"])
    started = w.ask("trigger", "both")
    moved = w.cable.bytes
    rig.wait_until(lambda: w.cable.bytes > moved + 4 * MB, 60, "the transfer is under way")
    w.cable.cut()
    row = w.ended(started["run"])
    check(row["state"] in ("failed", "partial"), "state", row)
    equal(snapshots.sealed(w.far), far, "there")
    equal(snapshots.sealed(w.local["path"]), here, "here")
    w.cable.mend()
    run = w.backup("both")
    snapshots.verify(os.path.join(w.far, run["snapshot"]))


rig.main(globals())
