"""providers.py - one of each kind of store in one configuration, and snapshots
that go from each to each other.
"""
import concurrent.futures
import filecmp
import os
import shutil

import clouds
import rig
import snapshots

MB = 1 << 20
KINDS = {"ceph": clouds.Ceph, "swift": clouds.Swift, "azurite": clouds.Azurite,
         "gcs": clouds.Gcs, "hostfs": clouds.HostFolder}
NAMES = tuple(KINDS)


def make_data(folder, megabytes):
    """Text that packs, and bytes that do not, in a few files."""
    os.makedirs(folder)
    with open(os.path.join(folder, "random.bin"), "wb") as f:
        for _ in range(megabytes):
            f.write(os.urandom(MB))
    for n in range(20):
        with open(os.path.join(folder, "text-%d.json" % n), "w") as f:
            f.write("[%s]\n" % ", ".join('"entity %d"' % (n * k) for k in range(2000)))


def setup(w, megabytes):
    """All servers at once; a job for each store, with a copy at home."""
    make_data(w.path("data"), megabytes)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        begun = {name: pool.submit(kind, w) for name, kind in KINDS.items()}
    w.services = {name: one.result() for name, one in begun.items()}
    stores = {name: one.entry() for name, one in w.services.items()}
    stores["ceph"] = w.services["ceph"].https()
    stores["azurite"] = w.services["azurite"].https()
    stores["local"], stores["back"] = w.store("local"), w.store("back")
    w.folders = {name: stores[name]["path"] for name in ("local", "back")}
    source = {"type": "directory", "paths": [w.path("data")]}
    jobs = {"to-" + name: {"source": source, "compress": {"level": "fast", "where": "here"},
                           "stores": [{"store": "local"}, {"store": name}]}
            for name in NAMES}
    w.configure(stores=stores, hosts=w.services["hostfs"].hosts, jobs=jobs)
    w.d = w.daemon()
    w.ids = {}


def task(w, *words, seconds=600):
    said = w.ctl(*(words + ("--json",)), seconds=seconds)
    rig.check(said.status == 0, "ragbackupctl " + " ".join(words), said)
    return said.json


def up(w):
    """One pass to a folder and to each store; listed there, whole to the bit."""
    for name in NAMES:
        w.ids[name] = w.backup("to-" + name, seconds=600)["snapshot"]
    for name in NAMES:
        listed(w, name, w.ids[name])
        deep(w, name, w.ids[name])


def listed(w, store, snapshot):
    rows = w.ask("snapshots", "--store", store)
    rig.check(snapshot in [row["snapshot"] for row in rows],
              "%s is listed in %s" % (snapshot, store), rows)


def deep(w, store, snapshot):
    results = task(w, "verify", snapshot, "--store", store, "--deep")["results"]
    rig.equal([(r["store"], r["verdict"], r["deep"]) for r in results],
              [(store, "ok", True)], "deep verification")


def pairs(w):
    """From each to each other, and every copy whole to the bit."""
    for name in NAMES:
        for other in NAMES:
            if other == name:
                continue
            result = task(w, "copy", w.ids[name], "--from", name, "--to", other)["results"]
            rig.equal([(r["store"], r["verdict"], r["was_there"]) for r in result],
                      [(other, "sealed", False)], "%s to %s" % (name, other))
            deep(w, other, w.ids[name])


def down(w):
    """Back from each, of what came there from another, as it was at home."""
    for n, name in enumerate(NAMES):
        snapshot = w.ids[NAMES[n - 1]]
        task(w, "copy", snapshot, "--from", name, "--to", "back")
        same(os.path.join(w.folders["local"], snapshot),
             os.path.join(w.folders["back"], snapshot))
        shutil.rmtree(os.path.join(w.folders["back"], snapshot))


def same(one, other):
    """Two folders of a snapshot are byte-equal, and as their manifest says."""
    names = snapshots.verify(other) + ["MANIFEST.sha256"]
    rig.equal(snapshots.verify(one) + ["MANIFEST.sha256"], names, "names")
    _, differ, missing = filecmp.cmpfiles(one, other, names, shallow=False)
    rig.equal((differ, missing), ([], []), "files that are not byte-equal")


def no_secrets(w):
    """No secret of any of them stands in the daemon's log."""
    text = w.d.text()
    for service in w.services.values():
        for secret in service.secrets:
            rig.check(secret.strip() not in text, "a secret of %s is in the log" %
                      service.name)
