#!/usr/bin/env python3
"""What the documents show works: configurations are good, commands exist."""
import os
import re
import shutil
import subprocess

import rig
from rig import check, equal


def check_config(w, path):
    done = subprocess.run([os.path.join(rig.BUILD, "ragbackupd"), "--config", path,
                           "--check"], env=w.env, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    equal(done.returncode, 0, "--check of %s: %s" % (path, done.stdout.decode()))


def setup(w):
    """The files that the samples name, for those that must be there."""
    os.makedirs(os.path.join(w.home, ".ssh"), 0o700)
    for name in ("azure_vm", "id_ed25519"):
        fd = os.open(os.path.join(w.home, ".ssh", name), os.O_CREAT | os.O_WRONLY, 0o600)
        os.close(fd)


    secret = os.path.join(w.home, "system", "config", "azure-lightrag-backup.env")
    os.makedirs(os.path.dirname(secret))
    fd = os.open(secret, os.O_CREAT | os.O_WRONLY, 0o600)
    os.close(fd)


def test_samples(w):
    """Every configuration in conf/ passes --check."""
    for name in sorted(os.listdir(os.path.join(rig.TOP, "conf"))):
        if name.endswith(".yaml"):
            shutil.copy(os.path.join(rig.TOP, "conf", name), w.path(name))
            check_config(w, w.path(name))


def test_readme_yaml(w):
    """The job in the README passes --check, and has twelve lines."""
    with open(os.path.join(rig.TOP, "README.md")) as f:
        blocks = re.findall(r"^```yaml\n(.*?)^```", f.read(), re.M | re.S)
    check(blocks, "README.md has a yaml block")
    for n, block in enumerate(blocks):
        path = w.path("readme%d.yaml" % n)
        with open(path, "w") as f:
            f.write(block)
        check_config(w, path)
    check(len(blocks[0].splitlines()) <= 12, "twelve lines")


def test_help(w):
    """Both programs say how to use them; every command is in the client's help."""
    for name in ("ragbackupd", "ragbackupctl"):
        done = subprocess.run([os.path.join(rig.BUILD, name), "--help"], env=w.env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        equal(done.returncode, 0, name + " --help")
    with open(os.path.join(rig.TOP, "lib", "wire", "ctl_cmds.def")) as f:
        for word in re.findall(r"^CTL_CMD\((\w+)", f.read(), re.M):
            check(word.encode() in done.stdout, "--help names %s" % word)


if __name__ == "__main__":
    rig.main(globals())
