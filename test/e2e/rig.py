"""rig.py - a place of its own for each scenario, and TAP to say what came out.

A scenario file has functions test_*(w), run in the order they are written,
each with a time limit; the words of its docstring are its title.  They share
one World: a temporary folder with a home, a state directory, stores, the
daemon and whatever services setup(w) started.  Nothing outlives the program,
also when it is killed politely.
"""
import atexit
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("RAGBACKUP_BUILD", os.path.join(TOP, "build"))
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:|ragbackup: bug at")


class Failed(Exception):
    """A check that did not hold."""


class Skipped(Exception):
    """This cannot be tried here; the text says why."""


class TimedOut(Exception):
    """A scenario that ran into its limit."""


def check(holds, text, *details):
    if not holds:
        raise Failed("\n".join([text] + [str(d) for d in details]))


def equal(got, want, text):
    check(got == want, text, "wanted %r" % (want,), "got    %r" % (got,))


def wait_until(holds, seconds, text, every=0.1):
    """Until holds() is true; its last value is returned."""
    until = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > until:
            raise Failed("not within %g s: %s" % (seconds, text))
        time.sleep(every)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def alive(pid):
    """A process that is there and not just waiting to be collected."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return not os.path.isdir("/proc/self")


def commands_naming(text):
    """Pids whose command line has ${text} in it: all that ps tells."""
    out = subprocess.run(["ps", "-axo", "pid=,command="], stdout=subprocess.PIPE).stdout
    rows = [line.split(None, 1) for line in out.splitlines()]
    return [int(row[0]) for row in rows
            if len(row) == 2 and text.encode() in row[1] and int(row[0]) != os.getpid()]


def processes_naming(text):
    """Pids whose command line, environment or folder has ${text} in it."""
    if not os.path.isdir("/proc/self"):
        return commands_naming(text)
    found = []
    want = text.encode()
    for pid in [int(p) for p in os.listdir("/proc") if p.isdigit()]:
        if pid == os.getpid() or not alive(pid):
            continue
        said = b""
        for name in ("cmdline", "environ"):
            try:
                with open("/proc/%d/%s" % (pid, name), "rb") as f:
                    said += f.read()
            except OSError:
                pass
        try:
            said += os.fsencode(os.readlink("/proc/%d/cwd" % pid))
        except OSError:
            pass
        if want in said:
            found.append(pid)
    return found


class Answer:
    """What ragbackupctl said."""

    def __init__(self, args, status, out, err):
        self.args, self.status, self.out, self.err = args, status, out, err

    @property
    def json(self):
        """The last JSON value printed; most commands print just one."""
        try:
            return json.loads(self.out)
        except ValueError:
            pass
        lines = [line for line in self.out.splitlines() if line.strip()]
        for n in range(len(lines) - 1, -1, -1):
            try:
                return json.loads("\n".join(lines[n:]))
            except ValueError:
                continue
        raise Failed("no JSON from ragbackupctl %s\n%s" % (" ".join(self.args), self))

    def __str__(self):
        return "status %d\nout: %s\nerr: %s" % (self.status, self.out[-3000:],
                                                self.err[-3000:])


class Daemon:
    """One ragbackupd in the foreground, its log in a file."""

    def __init__(self, world, config, env):
        self.world, self.config, self.env = world, config, env
        self.proc = None
        self.log = os.path.join(world.dir, "ragbackupd.log")
        self.seen = os.path.getsize(self.log) if os.path.exists(self.log) else 0

    def start(self, is_ready=True):
        with open(self.log, "ab") as log:
            self.proc = subprocess.Popen(
                [os.path.join(BUILD, "ragbackupd"), "--config", self.config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env,
                cwd=self.world.dir, start_new_session=True)
        if is_ready:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=30):
        def answers():
            check(self.proc.poll() is None, "the daemon ended", self.text()[-3000:])
            return self.world.ctl("ping").status == 0
        wait_until(answers, seconds, "the daemon answers")

    @property
    def pid(self):
        return self.proc.pid

    def text(self):
        with open(self.log, "rb") as f:
            f.seek(self.seen)
            return f.read().decode("utf-8", "replace")

    def wait(self, seconds):
        try:
            status = self.proc.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed("the daemon has not ended within %g s" % seconds)
        self.complain_of_sanitizer()
        return status

    def complain_of_sanitizer(self):
        text = self.text()
        found = SANITIZER.search(text)
        check(not found, "the daemon's log has a sanitizer's report or a bug",
              text[max(0, (found.start() if found else 0) - 500):][:6000])

    def stop(self, seconds=60):
        """As the system does it; exit status 0 is expected."""
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
        status = self.wait(seconds)
        check(status == 0, "the daemon's exit status is %d" % status,
              self.text()[-3000:])

    def kill(self):
        """As a crash does it: SIGKILL, and what it started in its group too."""
        try:
            os.killpg(self.proc.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.proc.wait(10)

    def end(self):
        """For cleanup: however it goes."""
        if self.proc is None or self.proc.poll() is not None:
            return
        self.proc.send_signal(signal.SIGCONT)
        self.proc.send_signal(signal.SIGTERM)
        try:
            self.proc.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()


class Cgroup:
    """A control group with one process in it, and what that starts."""

    def __init__(self, w, pid):
        top = "/sys/fs/cgroup"
        if not os.path.exists(os.path.join(top, "cgroup.controllers")):
            top = os.path.join(top, "pids")
        self.path = os.path.join(top, "rig-%d" % pid)
        try:
            os.mkdir(self.path)
            with open(os.path.join(self.path, "cgroup.procs"), "w") as f:
                f.write(str(pid))
        except OSError as e:
            raise Skipped("no control group can be made here: %s" % e)

    def __enter__(self):
        return self

    def kill(self):
        """As a service manager does it: again and again until nobody is left."""
        def is_empty():
            with open(os.path.join(self.path, "cgroup.procs")) as f:
                pids = [int(line) for line in f]
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return not any(alive(p) for p in pids)
        wait_until(is_empty, 10, "the control group is empty")

    def __exit__(self, *_):
        quietly(os.rmdir, self.path)


class World:
    """The folder, the programs and what has to be ended."""

    def __init__(self):
        # Short, because a socket's path may be 104 bytes long at most.
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="rb-"))
        self.home = self.path("home")
        self.state = self.path("state")
        self.socket = os.path.join(self.state, "control.sock")
        self.sections = {}
        self.daemons = []
        self.undo = []          # Called last first, whatever happens.
        os.makedirs(self.home)
        os.mkdir(self.state, 0o700)
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith(("RAGBACKUP_", "XDG_", "SSH_"))}
        self.env.update(HOME=self.home, TMPDIR=self.path("tmp"),
                        RIG_DIR=self.dir)
        os.mkdir(self.path("tmp"))

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def later(self, fn, *args):
        self.undo.append((fn, args))

    def configure(self, name="ragbackup.yaml", **sections):
        """Write a configuration; JSON is YAML.  Sections stay for the next."""
        self.sections.update(sections)
        root = dict(self.sections)
        root["daemon"] = dict({"state_dir": self.state, "socket": self.socket},
                              **root.get("daemon", {}))
        path = self.path(name)
        # Not in escapes: YAML has no pairs of them for one character.
        with open(path + ".new", "w", encoding="utf-8") as f:
            json.dump(root, f, indent=1, ensure_ascii=False)
            f.write("\n")
        os.rename(path + ".new", path)
        return path

    def store(self, name="local"):
        """A filesystem store's section entry, and its folder."""
        folder = self.path("store-" + name)
        os.makedirs(folder, exist_ok=True)
        return {"type": "filesystem", "path": folder}

    def daemon(self, start=True, env=None, is_ready=True):
        d = Daemon(self, self.path("ragbackup.yaml"), dict(self.env, **(env or {})))
        self.daemons.append(d)
        return d.start(is_ready) if start else d

    def ctl(self, *args, seconds=120, env=None):
        argv = [os.path.join(BUILD, "ragbackupctl"), "--socket", self.socket]
        try:
            done = subprocess.run(argv + list(args), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  env=dict(self.env, **(env or {})), timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failed("ragbackupctl %s: no end within %g s" % (" ".join(args), seconds))
        answer = Answer(args, done.returncode, done.stdout.decode("utf-8", "replace"),
                        done.stderr.decode("utf-8", "replace"))
        check(not SANITIZER.search(answer.err), "ragbackupctl: a sanitizer's report",
              answer)
        return answer

    def ask(self, *args, seconds=120):
        """A command that must succeed, for its JSON."""
        answer = self.ctl(*args, "--json", seconds=seconds)
        check(answer.status == 0, "ragbackupctl %s" % " ".join(args), answer)
        return answer.json

    def backup(self, job, seconds=200, want="done"):
        """Trigger, wait, and the run's object; its state must be the wanted."""
        answer = self.ctl("trigger", job, "--wait", "--json", seconds=seconds)
        run = answer.json
        equal(run.get("state"), want, "state of run %s (%s)" % (run.get("run"),
                                                                run.get("error")))
        equal(answer.status, {"done": 0, "partial": 2}.get(want, 1), "exit status")
        return run

    def show(self, run):
        return self.ask("show", str(run))

    def ended(self, run, seconds=90):
        """The row of a run, once it is over."""
        def row():
            r = self.show(run)
            return r if r["state"] != "running" else None
        return wait_until(row, seconds, "run %s ends" % run)

    def settle(self, seconds=120):
        """What a scenario before this one left under way comes to its end."""
        def is_idle():
            status = self.ctl("status", "--json")
            return status.status != 0 or not (status.json["running"] or
                                              status.json["queued"])
        wait_until(is_idle, seconds, "no run is under way")

    def end(self):
        for d in reversed(self.daemons):
            quietly(d.end)
        for fn, args in reversed(self.undo):
            quietly(fn, *args)
        self.undo = []
        for sig in (signal.SIGTERM, signal.SIGKILL):
            for pid in processes_naming(self.dir):
                quietly(os.kill, pid, sig)
                time.sleep(0.1)
        if not os.environ.get("RIG_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)


def quietly(fn, *args):
    try:
        fn(*args)
    except Exception as e:                      # Cleanup goes on.
        print("# cleanup: %s: %s" % (getattr(fn, "__name__", fn), e))


def on_alarm(*_):
    raise TimedOut()


def say(text):
    for line in text.rstrip().splitlines():
        print("# " + line)


def run_scenario(w, n, fn, limit):
    title = " ".join((fn.__doc__ or fn.__name__).split()).rstrip(".")
    began = time.monotonic()
    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(limit)
    trouble = None
    try:
        fn(w)
    except Skipped as e:
        signal.alarm(0)
        print("ok %d - %s # SKIP %s" % (n, title, e), flush=True)
        return True
    except TimedOut:
        trouble = "not done within %d s\n%s" % (limit, traceback.format_exc())
    except Failed as e:
        place = [f for f in traceback.extract_tb(sys.exc_info()[2])
                 if not f.filename.endswith("rig.py")]
        trouble = "%s:%d: %s" % (os.path.basename(place[-1].filename),
                                 place[-1].lineno, e)
    except Exception:
        trouble = traceback.format_exc()
    finally:
        signal.alarm(0)
    print("%s %d - %s" % ("not ok" if trouble else "ok", n, title))
    if trouble:
        say(trouble)
        if w.daemons:
            say("--- end of the daemon's log")
            say(w.daemons[-1].text()[-6000:])
    say("%.1f s" % (time.monotonic() - began))
    sys.stdout.flush()
    return trouble is None


def limit_of(fn, default):
    return getattr(fn, "limit", default)


def limited(seconds):
    """Decorator: another limit than the file's."""
    def set_limit(fn):
        fn.limit = seconds
        return fn
    return set_limit


def main(scope, limit=60):
    """Run the scenarios of a module; scope is its globals()."""
    tests = [v for k, v in scope.items() if k.startswith("test_") and callable(v)]
    if len(sys.argv) > 1:                       # Just those with these words.
        tests = [t for t in tests if any(a in t.__name__ for a in sys.argv[1:])]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
    w = World()
    atexit.register(w.end)
    setup = scope.get("setup")
    try:
        if setup:
            signal.signal(signal.SIGALRM, on_alarm)
            signal.alarm(180)
            setup(w)
            signal.alarm(0)
    except Skipped as e:
        print("1..0 # SKIP %s" % e)
        return
    except BaseException:
        signal.alarm(0)
        print("1..1\nnot ok 1 - setup")
        say(traceback.format_exc())
        sys.exit(1)
    before_each = scope.get("before_each", lambda w: None)
    good = []
    for n, fn in enumerate(tests, 1):
        quietly(before_each, w)
        good.append(run_scenario(w, n, fn, limit_of(fn, limit)))
    print("1..%d" % len(tests), flush=True)
    if not all(good):
        sys.exit(1)
