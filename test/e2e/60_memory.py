#!/usr/bin/env python3
"""Memory does not depend on how much passes; idle, the daemon sleeps."""
import os
import time

import rig
from rig import check, equal

MB = 1 << 20


def setup(w):
    if not os.path.isdir("/proc/self"):
        raise rig.Skipped("needs /proc to read a process's memory")
    jobs = {}
    for name, megabytes in (("little", 16), ("more", 160)):
        folder = w.path(name)
        os.makedirs(folder)
        piece = os.urandom(MB)
        with open(os.path.join(folder, "data.bin"), "wb") as f:
            for _ in range(megabytes):
                f.write(piece)
        jobs[name] = {"source": {"type": "directory", "paths": [folder]},
                      "compress": {"level": "fast", "where": "here"},
                      "stores": [{"store": "local", "keep": {"last": 1}}]}
    w.configure(stores={"local": w.store()}, jobs=jobs)
    # A sanitizer keeps what was freed for a while; that is not the daemon's.
    asan = os.environ.get("ASAN_OPTIONS", "")
    w.d = w.daemon(env={"ASAN_OPTIONS": asan + ":quarantine_size_mb=2"})


def status(pid, key):
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith(key + ":"):
                return int(line.split()[1])
    raise rig.Failed("no %s in /proc/%d/status" % (key, pid))


@rig.limited(200)
def test_flat(w):
    """Ten times the data passes in the same memory."""
    w.backup("little")
    w.backup("little")
    small = status(w.d.pid, "VmHWM")
    w.backup("more")
    large = status(w.d.pid, "VmHWM")
    print("# peak memory: %d MB after 16 MB, %d MB after 160 MB" %
          (small // 1024, large // 1024))
    check(large - small < 24 * 1024, "kB more for 144 MB more", large - small)


@rig.limited(90)
def test_idle(w):
    """Idle, it wakes only for its tick."""
    time.sleep(2)
    before = status(w.d.pid, "voluntary_ctxt_switches")
    time.sleep(10)
    woken = status(w.d.pid, "voluntary_ctxt_switches") - before
    print("# woken %d times in 10 s" % woken)
    check(woken <= 20, "times the loop thread woke in 10 s", woken)
    w.d.stop()


if __name__ == "__main__":
    rig.main(globals(), limit=60)
