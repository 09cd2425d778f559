#!/usr/bin/env python3
"""The demo works with folders and with a Docker engine, and leaves nothing."""
import glob
import os
import subprocess

import rig
import stack
from rig import check, equal


def demo(w, host):
    """Its output; it must end well and remove what it made."""
    done = subprocess.run([os.path.join(rig.TOP, "test", "demo"), "--build", rig.BUILD],
                          env=dict(w.env, DOCKER_HOST=host), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    text = done.stdout.decode("utf-8", "replace")
    equal(done.returncode, 0, "exit status of the demo: %s" % text[-4000:])
    check("what was restored equals the original" in text, "the last line", text[-500:])
    equal(glob.glob(w.path("tmp", "rb-*")), [], "folders left behind")
    return text


@rig.limited(120)
def test_folders(w):
    """make demo's story with folders, where no engine answers."""
    text = demo(w, "unix://" + w.path("no.sock"))
    check("four folders" in text, "folders", text[:1000])


@rig.limited(180)
def test_volumes(w):
    """make demo's story with volumes and services, where an engine answers."""
    s = stack.Stack(w, 2)
    before = (s.containers(), s.docker("volume", "ls", "-q"), s.docker("image", "ls", "-q"))
    text = demo(w, s.host)
    check("four Docker volumes" in text, "volumes", text[:1000])
    equal((s.containers(), s.docker("volume", "ls", "-q"), s.docker("image", "ls", "-q")),
          before, "what is on the engine")


if __name__ == "__main__":
    rig.main(globals(), limit=180)
