"""snapshots.py - look at what is in a store with plain tools only."""
import json
import os
import re
import shutil
import subprocess

import rig
import tree

ID = re.compile(r"^\d{8}-\d{6}(-\d+)?$")


def sealed(store):
    """Ids with a manifest in a filesystem store, oldest first."""
    return sorted(n for n in os.listdir(store) if ID.match(n)
                  and os.path.exists(os.path.join(store, n, "MANIFEST.sha256")))


def halves(store):
    """Ids without one: what a run under way or a crash left."""
    return sorted(n for n in os.listdir(store) if ID.match(n)
                  and not os.path.exists(os.path.join(store, n, "MANIFEST.sha256")))


def sums_tool():
    if shutil.which("sha256sum"):
        return ["sha256sum", "-c", "MANIFEST.sha256"]
    return ["shasum", "-a", "256", "-c", "MANIFEST.sha256"]


def verify(folder):
    """As a person would: sha256sum -c; and the manifest names every file."""
    done = subprocess.run(sums_tool(), cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    rig.check(done.returncode == 0, "%s in %s" % (" ".join(sums_tool()), folder),
              done.stdout.decode("utf-8", "replace"))
    with open(os.path.join(folder, "MANIFEST.sha256")) as f:
        lines = f.read().splitlines()
    listed = [line[66:] for line in lines]
    there = [n for n in os.listdir(folder)
             if not n.startswith(".") and n != "MANIFEST.sha256"]
    rig.equal(sorted(listed), sorted(there), "what the manifest names")
    rig.equal(listed, sorted(listed), "order of the manifest")
    return listed


def describe(folder):
    with open(os.path.join(folder, "snapshot.json")) as f:
        return json.load(f)


def artifact_of(folder, name):
    """Path of the artifact that stands for a volume or a path."""
    for a in describe(folder)["artifacts"]:
        if a["of"] == name:
            return os.path.join(folder, a["name"])
    raise rig.Failed("snapshot.json has no artifact of %s" % name)


def compare_artifact(folder, name, want, lost=None):
    """The tar of a volume or path against a description of the original."""
    got = tree.describe_tar(artifact_of(folder, name))
    found = tree.differences(tree.without(want, lost or {}),
                             tree.without(got, lost or {}))
    rig.check(not found, "the tar of %s differs from it" % name, *found)


def readme_commands(folder):
    """The fenced sh blocks of README.md, in their order."""
    with open(os.path.join(folder, "README.md")) as f:
        text = f.read()
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
    rig.check(blocks, "README.md of a snapshot has no ```sh block", text)
    return blocks


def restore_by_readme(folder, env):
    """Paste the README's commands into a shell, standing in the snapshot."""
    script = "set -eu\n" + "\n".join(readme_commands(folder))
    done = subprocess.run(["sh", "-c", script], cwd=folder, env=env,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    rig.check(done.returncode == 0, "the README's commands failed", script,
              done.stdout.decode("utf-8", "replace"))
    return script
