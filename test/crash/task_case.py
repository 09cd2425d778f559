"""task_case.py - killed at every crash point of what moves sealed snapshots.

Two folders are the stores.  After each death the task is carried on or has
failed; the target has the snapshot whole or not at all, and nobody who died is
still said to read the source's.
"""
import os
import shutil

import crash
import rig
import snapshots
from rig import check, equal


def setup(w):
    data = w.path("data")
    os.makedirs(data)
    for name in ("a", "b"):
        with open(os.path.join(data, name), "wb") as f:
            f.write(os.urandom(1 << 20))
    w.local, w.second = w.store(), w.store("second")
    keep = {"last": 3}
    w.configure(stores={"local": w.local, "second": w.second}, jobs={"documents": {
        "source": {"type": "directory", "paths": [data],
                   "deadman": {"lease": "4s", "max_downtime": "1m"}},
        "stores": [{"store": "local", "keep": keep}, {"store": "second", "keep": keep}]}})


def partial(w):
    """A backup that the second store has missed."""
    place = w.second["path"]
    os.rename(place, place + ".away")
    open(place, "w").close()
    d = w.daemon()
    run = w.backup("documents", want="partial")
    d.stop()
    os.unlink(place)
    os.rename(place + ".away", place)
    return run


def marks(w):
    """What readers have left in either store."""
    return [os.path.join(folder, n) for s in (w.local, w.second)
            for folder, _, names in os.walk(s["path"]) for n in names
            if n.startswith(".pin-") and ".rbtmp-" not in n]


def whole(w):
    place = w.second["path"]
    row = w.ask("history", "documents", "--limit", "1")[0]
    there = snapshots.sealed(place)
    if row["kind"] == w.kind:           # Else it died before it was asked for.
        check(row["state"] in ("done", "failed"), "state", row)
        equal(w.id in there, row["state"] == "done", "the target has it: %s" % row)
    for name in there:
        snapshots.verify(os.path.join(place, name))
    # What its retention was removing, the next run collects.
    check(w.id not in crash.begun(place), "half of it", os.listdir(place))
    equal(marks(w), [], "marks of readers")


def clean(w):
    equal(snapshots.halves(w.second["path"]), [], "what a whole run leaves")
    equal(marks(w), [], "marks of readers")


def copy_words(w):
    """Each time anew: one that was there is nothing to copy."""
    w.kind = "copy"
    if not snapshots.sealed(w.local["path"]):
        w.id = partial(w)["snapshot"]
    shutil.rmtree(os.path.join(w.second["path"], w.id), ignore_errors=True)
    return ["copy", w.id, "--from", "local", "--to", "second", "--no-wait"]


def retry_words(w):
    w.kind = "retry"
    run = partial(w)
    w.id = run["snapshot"]
    return ["retry", str(run["run"]), "--no-wait"]


def walk(words):
    nothing = lambda w: None            # noqa: E731
    crash.walk({"setup": setup, "job": "documents", "words": words, "alone": nothing,
                "after": nothing, "whole": whole, "clean": clean})
