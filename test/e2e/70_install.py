#!/usr/bin/env python3
"""make install, make uninstall, and the files for systemd and launchd."""
import os
import plistlib
import re
import shutil
import subprocess
import sys

import rig
from rig import check, equal


def make(w, *words):
    done = subprocess.run(["make", "-s", "BUILD=" + rig.BUILD, "PREFIX=/opt/rag",
                           "DESTDIR=" + w.path("root"),
                           "-o", os.path.join(rig.BUILD, "ragbackupd"),
                           "-o", os.path.join(rig.BUILD, "ragbackupctl")] + list(words),
                          cwd=rig.TOP, env=dict(w.env, HOME=os.environ.get("HOME", "/")),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(done.returncode == 0, "make " + " ".join(words), done.stdout.decode())


def files_below(root):
    return sorted(os.path.relpath(os.path.join(d, n), root)
                  for d, _, names in os.walk(root) for n in names)


def test_install(w):
    """make install puts programs, example and service files below PREFIX."""
    make(w, "install")
    root = w.path("root", "opt", "rag")
    have = files_below(root)
    want = ["bin/ragbackupctl", "bin/ragbackupd", "share/doc/ragbackup/LICENSE",
            "share/ragbackup/ragbackup.example.yaml"]
    if sys.platform != "darwin":
        want += ["lib/systemd/system/ragbackupd.service",
                 "lib/systemd/user/ragbackupd.service"]
    check(set(want) <= set(have), "installed files", *have)
    said = subprocess.run([os.path.join(root, "bin", "ragbackupd"), "--version"],
                          stdout=subprocess.PIPE)
    equal(said.returncode, 0, "the installed daemon runs")
    for name in have:
        with open(os.path.join(root, name), "rb") as f:
            text = f.read()
        if name.endswith((".service", ".plist")):
            check(b"/usr/local/bin" not in text.replace(b"/usr/local/bin:", b"") and
                  b"/opt/rag/bin/ragbackupd" in text, "%s names PREFIX" % name)


def test_units(w):
    """systemd-analyze verify has nothing to say about either unit."""
    if sys.platform == "darwin" or not shutil.which("systemd-analyze"):
        raise rig.Skipped("no systemd-analyze here")
    for kind, option in (("system", []), ("user", ["--user"])):
        source = os.path.join(rig.TOP, "systemd", *(["user"] if option else []),
                              "ragbackupd.service")
        folder = w.path("units-" + kind)
        os.makedirs(folder)
        unit = os.path.join(folder, "ragbackupd.service")
        with open(source) as f, open(unit, "w") as out:
            out.write(f.read().replace("/usr/local/bin/ragbackupd",
                                       os.path.join(rig.BUILD, "ragbackupd")))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no",
                               "--recursive-errors=yes"] + option + [unit],
                              env=dict(w.env, XDG_RUNTIME_DIR=w.path("tmp")),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = done.stdout.decode()
        equal((done.returncode, said), (0, ""), "verify of the %s unit" % kind)
        spoilt = os.path.join(folder, "spoilt.service")
        with open(unit) as f, open(spoilt, "w") as out:
            out.write(f.read().replace("KillMode=mixed", "KilMode=mixed"))
        bad = subprocess.run(["systemd-analyze", "verify", "--man=no",
                              "--recursive-errors=yes"] + option + [spoilt],
                             env=dict(w.env, XDG_RUNTIME_DIR=w.path("tmp")),
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        check(bad.stdout, "a spoilt unit is found by the same check")


def test_unit_contents(w):
    """The units give RESUME its time and leave the dead-man's switch alone."""
    for name in ("ragbackupd.service", "user/ragbackupd.service"):
        with open(os.path.join(rig.TOP, "systemd", name)) as f:
            keys = dict(re.findall(r"^(\w+)=(.*)$", f.read(), re.M))
        equal((keys["Type"], keys["KillMode"]), ("notify", "mixed"), name)
        check(int(keys["TimeoutStopSec"]) >= 180, "%s: TimeoutStopSec" % name)
        check("ProtectHome" not in keys and "PrivateTmp" not in keys,
              "%s: hardening that hides keys and stores" % name)


def test_plists(w):
    """The launchd files are property lists with the keys that matter."""
    labels = set()
    for name in ("agent", "daemon"):
        path = os.path.join(rig.TOP, "launchd", "org.ragbackup.%s.plist" % name)
        with open(path, "rb") as f:
            p = plistlib.load(f)
        equal(p["Label"], "org.ragbackup." + name, "label")
        labels.add(p["Label"])
        equal(p["ProcessType"], "Standard", "ProcessType")
        check(p["ExitTimeOut"] >= 180, "ExitTimeOut", p["ExitTimeOut"])
        equal(p["AbandonProcessGroup"], True, "AbandonProcessGroup")
        check(p["EnvironmentVariables"]["PATH"].startswith(
            "/opt/homebrew/bin:/usr/local/bin:"), "PATH")
        check(any("ragbackupd" in a for a in p["ProgramArguments"]), "program")
        check(not any("~" in a for a in p["ProgramArguments"]), "launchd knows no ~")
        if shutil.which("xmllint"):
            equal(subprocess.run(["xmllint", "--noout", "--nonet", path]).returncode, 0,
                  "xmllint")


def test_uninstall(w):
    """make uninstall removes what install put there, and nothing else."""
    other = w.path("root", "opt", "rag", "bin", "other")
    with open(other, "w"):
        pass
    make(w, "uninstall")
    equal(files_below(w.path("root")), ["opt/rag/bin/other"], "what is left")


if __name__ == "__main__":
    rig.main(globals())
