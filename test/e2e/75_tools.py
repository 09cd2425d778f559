#!/usr/bin/env python3
"""The test runner and the lint find what they are for."""
import os
import shutil
import subprocess

import rig
from rig import check, equal


def run_of(w, text, ci="false", limit=5):
    path = w.path("program")
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    done = subprocess.run([os.path.join(rig.TOP, "test", "run"), "--limit", str(limit),
                           path], env=dict(w.env, CI=ci), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode().splitlines()[-1]


def test_counts(w):
    """test/run counts what passed, failed and was skipped."""
    good = "echo 1..2; echo 'ok 1 - a'; echo 'ok 2 - b'\n"
    equal(run_of(w, good), (0, "2 passed, 0 failed"), "two passed")
    equal(run_of(w, "echo 1..2; echo ok 1; echo not ok 2\n"), (1, "1 passed, 1 failed"),
          "one failed")
    skip = "echo 1..2; echo ok 1; echo 'ok 2 - b # SKIP no engine'\n"
    equal(run_of(w, skip), (0, "1 passed, 0 failed, 1 skipped"), "a skip")
    equal(run_of(w, skip, ci="true"), (1, "1 passed, 1 failed"), "a skip with CI=true")
    all_skipped = "echo '1..0 # SKIP no engine'\n"
    equal(run_of(w, all_skipped, ci="true"), (1, "0 passed, 1 failed"),
          "all skipped with CI=true")


def test_silent_failures(w):
    """test/run is not fooled by a program that dies, hangs or says too little."""
    equal(run_of(w, "echo 1..2; echo ok 1; kill -SEGV $$\n"), (1, "1 passed, 1 failed"),
          "killed")
    equal(run_of(w, "echo 1..3; echo ok 1; echo ok 2\n"), (1, "2 passed, 1 failed"),
          "a test did not answer")
    equal(run_of(w, "echo ok 1; exit 0\n"), (1, "1 passed, 1 failed"), "no plan")
    equal(run_of(w, "echo 1..1; echo ok 1; exit 3\n"), (1, "1 passed, 1 failed"),
          "exit status")
    equal(run_of(w, "echo 1..1; echo ok 1; sleep 30\n", limit=1),
          (1, "1 passed, 1 failed"), "past its limit")
    equal(run_of(w, ":\n"), (1, "0 passed, 1 failed"), "nothing said")


def lint_of(w, path, text):
    """What lint says of a copy of the project with one more file."""
    top = w.path("copy")
    if not os.path.isdir(top):
        os.mkdir(top)
        for name in ("test/lint", "Makefile", "lib/wire/ctl_cmds.def", ".clang-format",
                     "lib/base/err.h"):
            os.makedirs(os.path.dirname(os.path.join(top, name)), exist_ok=True)
            shutil.copy(os.path.join(rig.TOP, name), os.path.join(top, name))
        subprocess.run(["git", "init", "-q", top], check=True)
    full = os.path.join(top, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "wb") as f:
        f.write(text)
    done = subprocess.run([os.path.join(top, "test", "lint")], env=w.env,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    os.unlink(full)
    said = [line for line in done.stdout.decode().splitlines() if line.startswith(path)]
    check(not said or done.returncode != 0, "lint's exit status", done.returncode)
    return "\n".join(said)


def test_lint(w):
    """lint finds each kind of fault, and leaves a good file alone."""
    good = b"/* x.c - fine. */\n#include \"base/err.h\"\n\nint x_y;\n"
    equal(lint_of(w, "lib/conf/x.c", good), "", "a good file")
    for text, word in ((b'#include "store/store.h"\n', "upward"),
                       (b"int x; /* TO" b"DO */\n", "not done"),
                       (b"int  x;\n", "layout"), (b"/* \xc3\xa6 */\n", "ASCII"),
                       (b"int x;\n" * 601, "lines"), (b"int x; \n", "blanks")):
        check(word in lint_of(w, "lib/conf/x.c", text), "lint does not find: " + word,
              text[:60])
    check("upward" in lint_of(w, "ctl/x.c", b'#include "daemon.h"\n#include "job/sm.h"\n'),
          "ctl to daemon")
    check("SC2086" in lint_of(w, "x.sh", b"#!/bin/sh\necho $1\n"), "shellcheck")
    check("no target" in lint_of(w, "x.md", b"```sh\nmake frob\n```\n"), "make frob")
    check("no command" in lint_of(w, "x.md", b"`ragbackupctl frob`\n"), "ctl frob")


if __name__ == "__main__":
    rig.main(globals(), limit=60)
