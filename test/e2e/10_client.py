#!/usr/bin/env python3
"""What ragbackupctl asks, prints and exits with, against a scripted daemon."""
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig
from rig import check, equal
from scripted import Scripted
from terminal import Terminal

ENV = {"TZ": "Europe/Oslo", "TERM": "xterm", "LC_ALL": "C"}
RUN = {
    "run": 42, "job": "lightrag", "kind": "backup", "state": "done", "trigger": "manual",
    "scheduled_for": None, "started": "2026-03-29T00:59:00Z",
    "finished": "2026-03-29T01:02:05Z", "as_of": "2026-03-29T00:59:10Z",
    "downtime_ms": 1800, "healthy_ms": 900, "bytes_read": 536870912,
    "bytes_stored": 300000000, "snapshot": "20260329-005900", "step": "DONE", "attempt": 1,
    "warnings": ["idleness was not checked"], "error": None,
    "stores": [{"store": "local", "verdict": "PRUNED", "bytes": 300000000, "error": None},
               {"store": "offsite", "verdict": "DROPPED", "bytes": 0,
                "error": "no route to host"}],
}
FAILED = dict(RUN, run=41, state="failed", step="FAILED", snapshot=None, downtime_ms=None,
              bytes_stored=None, warnings=[], error="host vm: connection refused",
              trigger="schedule", stores=[])
RUN_TEXT = """\
run 42 of lightrag: done
  snapshot     20260329-005900
  took         3 min
  downtime     1.8 s
  healthy      900 ms
  read         512.0 MiB
  stored       286.1 MiB
  store        local: PRUNED, 286.1 MiB
  store        offsite: DROPPED, 0 B: no route to host
  warning      idleness was not checked
"""


def setup(w):
    w.fake = Scripted(w.socket)
    w.later(w.fake.close)


def text(w, *words, status=0, err=""):
    said = w.ctl(*words, env=ENV)
    equal(said.status, status, "exit status of %s\n%s" % (" ".join(words), said))
    equal(said.err, err, "standard error of %s" % " ".join(words))
    return said.out


def test_request(w):
    """Hello comes first, then the request with its arguments."""
    w.fake.many("history", [RUN])
    w.ctl("history", "lightrag", "--limit=5", "--state", "done", "--since",
          "2026-03-29 04:00", "--until", "2026-03-29T04:00:00Z", env=ENV)
    equal(w.fake.hellos[-1]["hello"]["protocol"], 1, "hello")
    equal(w.fake.requests[-1], {"id": 1, "cmd": "history", "args": {
        "job": "lightrag", "limit": 5, "state": "done",
        "since": "2026-03-29T02:00:00Z", "until": "2026-03-29T04:00:00Z"}}, "request")
    w.ctl("--json", "history", "--", "--odd", env=ENV)
    equal(w.fake.requests[-1]["args"], {"job": "--odd"}, "words behind --")


def test_history(w):
    """history: an array as JSON, a table in local time as text."""
    w.fake.many("history", [RUN, FAILED])
    equal(w.ask("history"), [RUN, FAILED], "JSON")
    equal(text(w, "history"), """\
RUN  JOB       KIND    STATE   TRIGGER   STARTED               TOOK   DOWN     STORED  SNAPSHOT
 42  lightrag  backup  done    manual    2026-03-29 01:59:00  3 min  1.8 s  286.1 MiB  20260329-005900  1 warning
 41  lightrag  backup  failed  schedule  2026-03-29 01:59:00  3 min      -          -  -                host vm: connection refused
""", "text")
    w.fake.many("history", [])
    equal(w.ask("history"), [], "no runs as JSON")
    equal(text(w, "history"), "no runs\n", "no runs as text")


def test_long_history(w):
    """Ten thousand runs come whole."""
    w.fake.many("history", [dict(RUN, run=n) for n in range(10000, 0, -1)])
    equal([r["run"] for r in w.ask("history")], list(range(10000, 0, -1)), "runs")


def test_show(w):
    """show: the run with its steps."""
    steps = [{"step": "QUIESCE", "started": "2026-03-29T00:59:05Z",
              "finished": "2026-03-29T00:59:06.500Z", "bytes": 0, "error": None},
             {"step": "TRANSFER", "started": "2026-03-29T00:59:10Z",
              "finished": "2026-03-29T01:02:00Z", "bytes": 536870912, "error": None}]
    w.fake.one("show", dict(RUN, steps=steps))
    equal(w.ask("show", "42"), dict(RUN, steps=steps), "JSON")
    equal(w.fake.requests[-1]["args"], {"run": 42}, "arguments")
    equal(text(w, "show", "42"), RUN_TEXT + """\
  trigger      manual
  started      2026-03-29 01:59:00
  data as of   2026-03-29 01:59:10
  finished     2026-03-29 03:02:05

STEP      STARTED               TOOK      BYTES
QUIESCE   2026-03-29 01:59:05  1.5 s          -
TRANSFER  2026-03-29 01:59:10  3 min  512.0 MiB
""", "text")


def test_status(w):
    """status: debts first, then warnings, what runs, and each job."""
    value = {
        "daemon": {"version": "9.8.7"},
        "debts": [{"debt": 1, "run": 40, "job": "lightrag", "kind": "services",
                   "host": "vm", "created": "2026-03-29T00:00:00Z", "attempts": 2,
                   "last_error": "no route to host"}],
        "warnings": ["a reboot of host vm is not covered"],
        "running": [{"run": 43, "job": "documents", "step": "TRANSFER",
                     "bytes": 1048576, "total": 4194304}],
        "queued": [],
        "jobs": [{"job": "documents", "state": "running", "run": 43, "paused": False,
                  "last": None, "last_ok": None, "next": None},
                 {"job": "lightrag", "state": "idle", "run": None, "paused": False,
                  "last": FAILED, "last_ok": RUN, "next": "2126-03-29T02:00:00Z"}],
    }
    w.fake.one("status", value)
    equal(w.ask("status"), value, "JSON")
    said = re.sub(r"\(in [^)]*\)", "(in ...)", text(w, "status"))
    equal(said, """\
owed     services that have to be started again on vm, run 40, since 2026-03-29 01:00:00, tried 2 times: no route to host
warning  a reboot of host vm is not covered
running  run 43 of documents: TRANSFER, 1.0 MiB of 4.0 MiB

JOB        STATE    LAST RUN                    LAST GOOD SNAPSHOT  NEXT RUN
documents  running  never                       none                -
lightrag   idle     2026-03-29 01:59:00 failed  20260329-005900     2126-03-29 03:00:00 (in ...)
""", "text")


def test_snapshots(w):
    """snapshots: merged rows; a store that cannot be read shows in the status."""
    row = {"snapshot": "20260329-005900", "job": "lightrag",
           "as_of": "2026-03-29T00:59:10Z", "size": 300000000, "artifacts": 4,
           "legacy": False,
           "stores": [{"store": "local", "suspect": False, "error": None},
                      {"store": "offsite", "suspect": True, "error": None}]}
    w.fake.many("snapshots", [row])
    equal(w.ask("snapshots"), [row], "JSON")
    equal(text(w, "snapshots"), """\
SNAPSHOT         JOB       DATA AS OF                SIZE  ARTIFACTS  STORES
20260329-005900  lightrag  2026-03-29 01:59:10  286.1 MiB          4  local, offsite (suspect)
""", "text")
    w.fake.many("snapshots", [row], {"errors": [{"store": "gone", "code": "io",
                                                 "error": "no such folder"}]})
    out = text(w, "snapshots", status=1, err="ragbackupctl: store 'gone': no such folder\n")
    check("20260329-005900" in out, "the others are listed", out)


def test_short_answers(w):
    """ping, version, next, pause, resume, reload, check."""
    w.fake.one("ping", {"version": "9.8.7", "pid": 7, "uptime_ms": 7500000})
    equal(text(w, "ping"), "ragbackupd 9.8.7 answers, up for 2 h 5 min (process 7)\n",
          "ping")
    w.fake.one("version", {"version": "9.8.7"})
    check(text(w, "version").endswith("ragbackupd   9.8.7\n"), "version")
    equal(w.ask("version")["daemon"], {"version": "9.8.7"}, "version as JSON")
    w.fake.many("next", [{"job": "a", "at": "2126-01-01T00:00:00Z", "paused": True}])
    said = text(w, "next")
    check("2126-01-01 01:00:00" in said and "paused" in said, "next", said)
    w.fake.many("next", [])
    equal(text(w, "next"), "no job has a schedule\n", "next without any")
    w.fake.one("pause", {"job": "a", "paused": True})
    equal(text(w, "pause", "a"), "job a is paused\n", "pause")
    w.fake.one("resume", {"job": "a", "paused": False})
    equal(text(w, "resume", "a"), "job a follows its schedule\n", "resume")
    w.fake.one("reload", {"config": "/etc/r.yaml", "reloaded": True})
    equal(text(w, "reload"), "/etc/r.yaml is in use\n", "reload")
    w.fake.one("check", {"path": "/r.yaml", "ok": True, "error": None, "faults": []})
    equal(text(w, "check"), "/r.yaml: good\n", "check")
    w.fake.one("check", {"path": "/r.yaml", "ok": False, "error": "x", "faults": [
        {"line": 3, "column": 5, "text": "jobs.a.x: unknown"}]})
    equal(text(w, "check", status=78), "/r.yaml:3:5: jobs.a.x: unknown\n", "bad check")


def test_check_file(w):
    """check FILE needs no daemon and prints every fault."""
    path = w.path("bad.yaml")
    with open(path, "w") as f:
        f.write("daemon:\n  sockett: x\nstores:\n  a: {type: filesistem, path: /x}\n")
    said = w.ctl("--socket", w.path("none"), "check", path)
    equal(said.status, 78, "status %s" % said)
    check("bad.yaml:2:" in said.out and "bad.yaml:4:" in said.out, "faults", said)
    equal(w.ctl("check", path, "--json").json["ok"], False, "as JSON")
    secret = os.path.join(w.home, "system/config/azure-lightrag-backup.env")
    os.makedirs(os.path.dirname(secret), exist_ok=True)
    with open(secret, "w") as f:
        os.chmod(secret, 0o600)
        f.write("AZURE_STORAGE_ACCOUNT=x\nAZURE_STORAGE_KEY=eA==\n")
    equal(w.ctl("check", os.path.join(rig.TOP, "conf/ragbackup.example.yaml"),
                env={"HOME": w.home}).status, 0, "the example")


def test_trigger(w):
    """trigger prints the number of the run, --wait --json the run alone."""
    w.fake.one("trigger", {"run": 42, "job": "lightrag"})
    equal(text(w, "trigger", "lightrag"), "42\n", "text")
    equal(w.fake.requests[-1]["args"], {"job": "lightrag"}, "arguments")
    for state, status in (("done", 0), ("partial", 2), ("failed", 1), ("canceled", 1)):
        run = dict(RUN, state=state)
        w.fake.answers["trigger"] = [
            {"progress": {"event": "started", "run": 42, "job": "lightrag"}},
            {"progress": {"event": "state", "run": 42, "job": "lightrag",
                          "step": "PREPARE"}}, {"data": run}, {"end": {}}]
        said = w.ctl("trigger", "lightrag", "--wait", "--json")
        equal(said.status, status, "status of %s" % state)
        equal((json.loads(said.out), said.err), (run, ""), "JSON of %s" % state)
        equal(w.fake.requests[-1]["args"], {"job": "lightrag", "wait": True}, "arguments")
        w.fake.answers["watch"] = w.fake.answers["trigger"]
        equal(w.ctl("watch", "42", "--json").status, status, "watch, %s" % state)
        w.fake.answers["cancel"] = w.fake.answers["trigger"]
        equal(w.ctl("cancel", "42").status, 0 if state == "canceled" else status,
              "cancel, %s" % state)


def test_plain_progress(w):
    """Off a terminal: a line for each change of state, then the result."""
    def event(what, **more):
        return {"progress": dict({"event": what, "run": 42, "job": "lightrag"}, **more)}
    w.fake.answers["trigger"] = [
        event("started"), event("state", step="PREPARE"),
        event("note", step="PREPARE", message="lightrag: \x1b[2J\u009b2busy"),
        event("state", step="TRANSFER"),
        event("progress", step="TRANSFER", bytes=1, total=9),
        event("progress", step="TRANSFER", bytes=2, total=9),
        event("end", state="done"), {"data": RUN}, {"end": {}}]
    equal(text(w, "trigger", "lightrag", "--wait", err="""\
run 42 of lightrag
run 42 lightrag PREPARE
lightrag:  [2J2busy
run 42 lightrag TRANSFER
"""), RUN_TEXT, "text")


def bar_script(seconds=0.1):
    def event(what, **more):
        return {"progress": dict({"event": what, "run": 42, "job": "lightrag"}, **more)}
    steps = [event("started"), event("state", step="TRANSFER")]
    for n in range(30):
        steps += [event("progress", step="TRANSFER", bytes=n * 10 << 20, total=300 << 20),
                  seconds]
    return steps + [{"data": RUN}, {"end": {}}]


def test_bar(w):
    """On a terminal: one line, redrawn, fitting also after a resize, then gone."""
    w.fake.answers["trigger"] = bar_script()
    t = Terminal(["--socket", w.socket, "trigger", "lightrag", "--wait"],
                 dict(w.env, **ENV), columns=100)
    t.read_until("%", 10)
    t.read_until("left", 10)
    check(re.search(r"run 42 lightrag TRANSFER  \[#*-+\] +\d+%  [\d.]+ MiB of 300\.0 MiB"
                    r"  [\d.]+ MiB/s  \d+:\d\d left", t.text()), "the bar", t.text())
    equal(max(len(line) for line in t.screen()) < 100, True, "width 100")
    t.resize(50)
    mark = len(t.raw)
    t.read_for(0.8)
    lines = re.split(r"\r|\n|\x1b\[\d*[AJ]", t.raw[mark:].decode())
    check(lines and max(len(line) for line in lines) < 50, "width 50", lines)
    equal(t.wait(20), 0, "status")
    shown = t.text()
    check("run 42 of lightrag: \x1b[32mdone\x1b[0m" in shown, "the result", shown)
    tail = shown[shown.rindex("\x1b[J"):]
    check("TRANSFER" not in tail, "the bar is gone at the end", tail)


def test_dumb_terminal(w):
    """A terminal that cannot move its cursor gets plain lines."""
    w.fake.answers["trigger"] = bar_script(0.01)
    t = Terminal(["--socket", w.socket, "trigger", "lightrag", "--wait"],
                 dict(w.env, **dict(ENV, TERM="dumb")))
    equal(t.wait(10), 0, "status")
    check("\x1b" not in t.text() and "run 42 lightrag TRANSFER\r\n" in t.text(), "lines",
          t.text())


def test_ctrl_c(w):
    """Ctrl-C stops only the watching and says how to watch again."""
    w.fake.answers["trigger"] = bar_script(1)
    w.fake.gone.clear()
    t = Terminal(["--socket", w.socket, "trigger", "lightrag", "--wait"],
                 dict(w.env, **ENV), columns=80)
    t.read_until("TRANSFER", 10)
    t.type("\x03")
    equal(t.wait(10), 130, "status")
    check("run 42 goes on" in t.text() and "ragbackupctl watch 42" in t.text() and
          "ragbackupctl cancel 42" in t.text(), "what to do next", t.text())
    check(w.fake.gone.wait(10), "the connection is closed")
    equal([r["cmd"] for r in w.fake.requests[-1:]], ["trigger"], "no cancel was sent")


def test_colour(w):
    """Debts are red on a terminal, unless NO_COLOR is set."""
    w.fake.one("status", {"debts": [{"kind": "services", "run": 1}], "jobs": []})
    for env, is_red in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        t = Terminal(["--socket", w.socket, "status"], dict(w.env, **dict(ENV, **env)))
        equal(t.wait(10), 0, "status")
        equal("\x1b[31mowed" in t.text(), is_red, "red with %s" % env)
    check("\x1b" not in text(w, "status"), "no colour in a pipe")


def test_terminal_is_safe(w):
    """Control characters in answers do not reach the terminal."""
    w.fake.many("history", [dict(RUN, job="a\x1b]0;x\x07b", error="\u009bc")])
    said = text(w, "history")
    check("a?]0;x?b" in said and "??c" in said and "\x1b" not in said, "text", repr(said))
    w.fake.answers["ping"] = [{"error": {"code": "io", "message": "a\x1b[1mb"}}]
    check("\x1b" not in w.ctl("ping").err, "in an error")


def test_errors(w):
    """Each code has its exit status; with --json the error is JSON too."""
    for code, status in (("not-found", 1), ("busy", 1), ("not-permitted", 77),
                         ("usage", 64), ("config", 78), ("internal", 70),
                         ("of-the-future", 70)):
        w.fake.answers["ping"] = [{"error": {"code": code, "message": "so it is"}}]
        equal(text(w, "ping", status=status, err="ragbackupctl: so it is\n"), "", code)
    del w.fake.answers["trigger"]
    said = w.ctl("trigger", "nosuch", "--json")
    equal((said.status, said.out), (1, ""), "an unknown job")
    equal(json.loads(said.err), {"error": {"code": "not-found",
                                           "message": "nothing by that name"}}, "JSON")


def test_usage(w):
    """Wrong words: status 64 and what was meant."""
    for words, want in (
            (["histroy"], "did you mean 'history'?"), ([], "a command is missing"),
            (["trigger"], "trigger: JOB is missing"),
            (["history", "--limti", "3"], "did you mean '--limit'?"),
            (["history", "--limit", "0"], "not a positive number"),
            (["history", "--limit"], "--limit needs a value"),
            (["history", "--since", "soon"], "is no time"),
            (["show", "x"], "'x' is not a positive number"),
            (["ping", "x"], "'x' is one word too many"),
            (["trigger", "a", "--wait=1"], "--wait takes no value"),
            (["ping", "-x"], "there is no option '-x'")):
        said = w.ctl(*words)
        equal((said.status, said.out), (64, ""), "%s: %s" % (words, said))
        check(want in said.err and said.err.count("\n") == 1, "text of %s" % words, said)


def test_help(w):
    """--help of all, of each command, and --version, go to standard output."""
    said = text(w, "--help")
    names = re.findall(r"^  ([a-z]+)", said.split("Options:")[0], re.M)
    check(len(names) >= 14 and "trigger" in names, "commands", names)
    for name in names:
        one = text(w, name, "--help")
        check(one.startswith("usage: ragbackupctl %s" % name), "help of %s" % name, one)
        equal(text(w, "help", name), one, "help %s" % name)
    check(re.match(r"ragbackupctl \d+\.\d+", text(w, "--version")), "version")


def test_manual(w):
    """The manual page has every command with its words, and no other."""
    with open(os.path.join(rig.TOP, "man", "ragbackupctl.1")) as f:
        page = f.read()
    commands = page[page.index(".Sh COMMANDS"):page.index(".Sh JSON")]
    items = {}
    for item in re.split(r"^\.It ", commands, flags=re.M)[1:]:
        words = re.match(r"(?:Xo )?Cm (\w+)(.*?)\n(?!\.Op|\.Xc)", item, re.S)
        items[words.group(1)] = re.findall(r"Fl -([\w-]+)|Ar (\w+)", words.group(2))
    del items["completion"], items["help"]      # Not of the table.
    usage = re.findall(r"^  ([a-z]+)(.*)$", text(w, "--help").split("Options:")[0], re.M)
    equal(sorted(items), sorted(name for name, _ in usage), "commands")
    for name, words in usage:
        want = re.findall(r"--([\w-]+)|([A-Z]\w*)", words)
        equal(items[name], want, "words of %s" % name)
        about = re.search(r"^\.It (?:Xo )?Cm %s\b(.*?)^\.It" % name, commands, re.M | re.S)
        reads = "\n* " in about.group(1)
        equal(reads, name not in ("trigger", "cancel", "pause", "resume", "reload",
                                  "verify", "copy", "retry", "prune"),
              "the mark of %s" % name)


def complete(w, *words):
    """What bash offers for the last word."""
    script = ("source <(\"$1\" completion bash); shift; COMP_WORDS=(\"$@\"); "
              "COMP_CWORD=$(($# - 1)); _ragbackupctl; echo \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "-c", script, "bash",
                           os.path.join(rig.BUILD, "ragbackupctl"), "ragbackupctl"] +
                          list(words), cwd=w.dir, env=w.env, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return sorted(done.stdout.decode().split())


def test_completion(w):
    """bash completes commands, their options and files; the other shells parse it."""
    equal(complete(w, "re"), ["reload", "resume", "retry"], "commands")
    equal(complete(w, "--json", "hist"), ["history"], "behind an option")
    equal(complete(w, "history", "--"), sorted(
        ["--config", "--help", "--json", "--limit", "--since", "--socket", "--state",
         "--until", "--version"]), "options")
    equal(complete(w, "--socket", "x", "trigger", "a", "--w"), ["--wait"], "of its command")
    with open(w.path("some.yaml"), "w"):
        pass
    equal(complete(w, "check", "som"), ["some.yaml"], "files")
    for shell in ("zsh", "fish"):
        script = text(w, "completion", shell)
        if shutil.which(shell):
            done = subprocess.run([shell, "-n"], input=script.encode(),
                                  stderr=subprocess.PIPE)
            equal(done.returncode, 0, "%s: %s" % (shell, done.stderr))
        check("snapshots" in script, "%s has the commands" % shell)
    equal(w.ctl("completion", "tcsh").status, 64, "another shell")
    equal(w.ctl("completion").status, 64, "no shell")


def test_unreachable(w):
    """No socket, a silent one, one that closes, another protocol: 69 or a clear line."""
    said = w.ctl("--socket", w.path("none"), "ping")
    equal(said.status, 69, "no socket")
    check(w.path("none") in said.err and said.err.count("\n") == 1, "one line", said)
    version = w.ctl("--socket", w.path("none"), "version")
    equal(version.status, 0, "version needs no daemon")
    check("not reachable" in version.out, "version says so", version)
    said = w.ctl("--socket", "/" + "x" * 200, "ping")
    check(said.status == 78 and "longer than" in said.err, "a long path", said)
    for hello, status, words in (
            ("CLOSE", 69, "went away"), ("{}\n", 1, "unexpected"),
            ("nonsense\n", 1, "JSON"), ("x" * (1 << 20) + "\n", 1, "longer than"),
            ({"hello": {"protocol": 7, "version": "70"}}, 1, "protocol 7")):
        fake = Scripted(w.path("other.sock"), hello=hello)
        said = w.ctl("--socket", fake.path, "ping")
        fake.close()
        equal(said.status, status, "hello %.40s: %s" % (hello, said))
        check(words in said.err or hello == "{}\n", "text", said)
    w.fake.answers["trigger"] = [
        {"progress": {"event": "started", "run": 42, "job": "a"}}, "CLOSE"]
    said = w.ctl("trigger", "a", "--wait", "--json")
    equal(said.status, 69, "the daemon goes while a run is watched")
    check("run 42" in said.err, "the run is named", said)


@rig.limited(40)
def test_silent(w):
    """A daemon that hangs is given up after ten seconds."""
    fake = Scripted(w.path("silent.sock"), hello=None)
    said = w.ctl("--socket", fake.path, "ping", seconds=30)
    fake.close()
    equal(said.status, 69, "status")
    check("does not say hello" in said.err, "text", said)


def test_socket_is_found(w):
    """--socket, RAGBACKUP_SOCKET, --config, the default configuration, in order."""
    prog = os.path.join(rig.BUILD, "ragbackupctl")
    w.fake.one("ping", {"version": "9.8.7"})
    good = w.configure("good.yaml", stores={"a": w.store()}, jobs={})
    bad = w.path("wrong.yaml")
    with open(bad, "w") as f:
        f.write("daemon: {socket: %s}\nx: 1\n" % w.path("none"))

    def ping(*words, **env):
        done = subprocess.run([prog, "ping"] + list(words), env=dict(w.env, **env),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return done.returncode
    none = w.path("none")
    equal(ping("--socket", w.socket, RAGBACKUP_SOCKET=none), 0, "--socket is first")
    equal(ping("--config", bad, RAGBACKUP_SOCKET=w.socket), 0, "then RAGBACKUP_SOCKET")
    equal(ping("--config", good), 0, "then --config")
    equal(ping("--config", bad), 78, "a faulty --config")
    equal(ping(), 69, "nothing says where")


def test_pipe_closed(w):
    """An answer that cannot be written is no success."""
    if not os.path.exists("/dev/full"):
        raise rig.Skipped("there is no /dev/full here")
    w.fake.many("history", [RUN] * 10000)
    with open("/dev/full", "w") as full:
        done = subprocess.run([os.path.join(rig.BUILD, "ragbackupctl"), "--socket",
                               w.socket, "history"], stdout=full,
                              stderr=subprocess.PIPE, env=w.env)
    equal(done.returncode, 1, "status: %s" % done.stderr)
    done = subprocess.run(["bash", "-c", '"$0" --socket "$1" history | head -1',
                           os.path.join(rig.BUILD, "ragbackupctl"), w.socket],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=w.env)
    equal(done.stdout.count(b"\n"), 1, "only what head prints: %s" % done.stdout)


if __name__ == "__main__":
    rig.main(globals(), limit=60)
