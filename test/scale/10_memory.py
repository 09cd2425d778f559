#!/usr/bin/env python3
"""The daemon's peak memory while 5 GB pass, beside 50 MB."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
sys.dont_write_bytecode = True

import rig                                      # noqa: E402

SIZES = {"mb50": 50, "gb5": 5000}


def setup(w):
    if not os.path.isdir("/proc/self"):
        raise rig.Skipped("needs /proc to read a process's memory")
    free = shutil.disk_usage(w.dir).free >> 20
    if free < 17000:
        raise rig.Skipped("needs 17 GB in %s, %d MB are free" % (w.dir, free))
    jobs = {}
    piece = os.urandom(1 << 20)
    for name, megabytes in SIZES.items():
        os.makedirs(w.path(name))
        with open(w.path(name, "data.bin"), "wb") as f:
            for _ in range(megabytes):
                f.write(piece)
        jobs[name] = {"source": {"type": "directory", "paths": [w.path(name)]},
                      "compress": {"level": "fast", "where": "here"},
                      "stores": [{"store": "local", "keep": {"last": 1}}]}
    w.configure(stores={"local": w.store()}, jobs=jobs)


def peak(pid):
    with open("/proc/%d/status" % pid) as f:
        return int([li for li in f if li.startswith("VmHWM")][0].split()[1])


@rig.limited(1800)
def test_flat(w):
    """The peak with 5 GB is that with 50 MB."""
    found = {}
    for name in SIZES:
        d = w.daemon()
        began = rig.time.monotonic()
        w.backup(name, seconds=1500)
        found[name] = peak(d.pid)
        print("# %s: peak %d kB, %.1f s" % (name, found[name],
                                            rig.time.monotonic() - began))
        d.stop()
    rig.check(found["gb5"] - found["mb50"] < 16 * 1024, "kB more for 5 GB", found)


if __name__ == "__main__":
    rig.main(globals(), limit=1800)
