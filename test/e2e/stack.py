"""stack.py - a LightRAG-shaped Compose project on a Docker engine of its own.

Two services that run (lightrag, neo4j) and one that was stopped before
(worker), on four named volumes with a data set made for it.  The docker
program that the daemon is given can be held before or after any of its
commands, so that a test cuts a cable just there.
"""
import json
import os
import shutil
import subprocess
import urllib.request

import rig
import tree

SERVICES = os.path.join(rig.TOP, "test", "services")
VOLUMES = ["lightrag-data", "lightrag-kg", "lightrag-cache", "lightrag-neo4j-data"]

RUNS = "httpd -f -p 9621 -h /www & wait $!"
POLITE = "trap 'sleep %g; exit 0' TERM; "
DEAF = "trap '' TERM; while :; do sleep 1; done"

# Commands of the host's side that a test wants to be in the middle of.
STOP, START, COPY, SEND = "stop -t", "start ", "exec -i ragbackup-copy", "ragbackup-read-"

# What the daemon calls instead of docker.  "hold" has a line "before|after
# WORDS"; while it is there, a command that has these words in it waits.
WRAPPER = """#!/bin/sh
d=%(dir)s
said="$*"
echo "$said" >>$d/calls
wait_at() {
	[ -e $d/hold ] || return 0
	read when word <$d/hold
	[ "$when" = "$1" ] || return 0
	case " $said " in *"$word"*) ;; *) return 0 ;; esac
	: >$d/held
	while [ -e $d/hold ]; do sleep 0.05; done
	rm -f $d/held
}
wait_at before
%(docker)s "$@"
rc=$?
wait_at after
exit $rc
"""


def needed():
    """The tools; a machine without them skips, and says so."""
    for tool in ("docker", "docker-compose", "busybox"):
        if not shutil.which(tool):
            raise rig.Skipped("%s is not installed (make deps)" % tool)
    if not (shutil.which("dockerd") and os.getuid() == 0):
        raise rig.Skipped("a Docker engine of its own needs root and dockerd")


class Stack:
    def __init__(self, w, megabytes=24, stop_delay=0.2, deaf=(), tmpfs_mb=0):
        needed()
        self.w = w
        self.engine = w.path("engine")
        os.makedirs(self.engine, exist_ok=True)
        if tmpfs_mb:
            mount_tmpfs(w, self.engine, tmpfs_mb)
        self.host = self.start_engine()
        w.later(self.service, "destroy")
        self.env = dict(os.environ, DOCKER_HOST=self.host, HOME=w.home)
        self.port = rig.free_port()
        self.folder = w.path("lightrag")
        self.url = "http://127.0.0.1:%d/health" % self.port
        os.makedirs(os.path.join(self.folder, "www"))
        self.set_health('{"status": "healthy"}')
        self.write_compose(stop_delay, deaf)
        self.fill(megabytes)
        self.compose("up", "-d", "--no-color")
        self.compose("stop", "worker")
        if "lightrag" not in deaf:
            rig.wait_until(self.is_healthy, 20, "the service answers")
        self.wrapper = self.write_wrapper()

    # The engine.

    def service(self, verb, check=True):
        done = subprocess.run([os.path.join(SERVICES, "docker"), verb, self.engine],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=120)
        text = done.stdout.decode("utf-8", "replace").strip()
        rig.check(not check or done.returncode == 0, "test/services/docker " + verb, text)
        return text

    def start_engine(self):
        return self.service("start").splitlines()[-1]

    def docker(self, *words):
        done = subprocess.run(["docker"] + list(words), env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        rig.check(done.returncode == 0, "docker " + " ".join(words),
                  done.stderr.decode("utf-8", "replace"))
        return done.stdout.decode("utf-8", "replace").strip()

    def compose(self, *words):
        done = subprocess.run(["docker-compose", "-p", "lightrag"] + list(words),
                              cwd=self.folder, env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=180)
        rig.check(done.returncode == 0, "docker-compose " + " ".join(words),
                  done.stdout.decode("utf-8", "replace"))

    # The project.

    def write_compose(self, stop_delay, deaf):
        def command(name, text):
            return ["sh", "-c", DEAF if name in deaf else POLITE % stop_delay + text]
        idle = "while :; do sleep 1 & wait $!; done"
        root = {
            "version": "3.4",
            "services": {
                "lightrag": {
                    "image": "alpine", "command": command("lightrag", RUNS),
                    "ports": ["127.0.0.1:%d:9621" % self.port],
                    "depends_on": ["neo4j"], "restart": "unless-stopped",
                    "volumes": ["lightrag-data:/app/data", "lightrag-kg:/app/kg",
                                "lightrag-cache:/app/cache", "./www:/www:ro"]},
                "neo4j": {
                    "image": "alpine", "command": command("neo4j", idle),
                    "restart": "unless-stopped",
                    "volumes": ["lightrag-neo4j-data:/data"]},
                "worker": {
                    "image": "alpine", "command": command("worker", idle),
                    "volumes": ["lightrag-cache:/cache"]}},
            "volumes": {v: {"external": True} for v in VOLUMES}}
        text = json.dumps(root, indent=1).replace("$", "$$")
        with open(os.path.join(self.folder, "docker-compose.yml"), "w") as f:
            f.write(text)

    def fill(self, megabytes):
        made = self.w.path("made")
        tree.make_lightrag(made, megabytes)
        for name in VOLUMES:
            self.docker("volume", "create", name)
            subprocess.run(["cp", "-a", os.path.join(made, name) + "/.",
                            self.folder_of(name)], check=True)
        shutil.rmtree(made)

    def folder_of(self, volume):
        return self.docker("volume", "inspect", "-f", "{{.Mountpoint}}", volume)

    def describe(self, volume):
        return tree.describe(self.folder_of(volume))

    def set_health(self, text):
        """None: the server answers, but not there."""
        path = os.path.join(self.folder, "www", "health")
        if text is None:
            os.unlink(path)
        else:
            with open(path, "w") as f:
                f.write(text)

    def is_healthy(self):
        try:
            with urllib.request.urlopen(self.url, timeout=5) as answer:
                return b"healthy" in answer.read()
        except OSError:
            return False

    # What is there.

    def containers(self):
        """Every container: name -> (id, is running, started at, exit status)."""
        for again in (True, True, False):
            ids = self.docker("ps", "-aq", "--no-trunc").split()
            if not ids:
                return {}
            try:
                rows = json.loads(self.docker("inspect", *ids))
                break
            except rig.Failed:          # One went since it was listed.
                if not again:
                    raise
        return {r["Name"].lstrip("/"): (r["Id"], r["State"]["Running"],
                                        r["State"]["StartedAt"],
                                        r["State"]["ExitCode"]) for r in rows}

    def running(self):
        return sorted(n for n, c in self.containers().items() if c[1])

    def extra(self):
        """Containers and volumes that are not the project's."""
        known = {"lightrag_%s_1" % s for s in ("lightrag", "neo4j", "worker")}
        return (sorted(set(self.containers()) - known) +
                sorted(set(self.docker("volume", "ls", "-q").split()) - set(VOLUMES)))

    def as_before(self):
        return self.running() == ["lightrag_lightrag_1", "lightrag_neo4j_1"]

    def check_as_before(self, what="services"):
        rig.equal(self.running(), ["lightrag_lightrag_1", "lightrag_neo4j_1"],
                  what + ": what runs")

    def check_clean(self):
        rig.equal(self.extra(), [], "containers and volumes left behind")
        rig.equal(leases(self.w.home), [], "leases and locks left behind")

    # The job.

    def source(self, **more):
        s = {"type": "docker", "compose": self.folder, "project": "lightrag",
             "stop": ["lightrag", "neo4j"], "volumes": VOLUMES,
             "docker_path": self.wrapper, "docker_host": self.host,
             "stop_timeout": "5s", "deadman": {"lease": "10s", "max_downtime": "2m"},
             "health": {"url": self.url, "json": {"status": "healthy"},
                        "timeout": "20s", "interval": "500ms"}}
        s.update(more)
        return {k: v for k, v in s.items() if v is not None}

    # Holding the docker program.

    def write_wrapper(self):
        folder = self.w.path("wrap")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "docker")
        with open(path, "w") as f:
            f.write(WRAPPER % {"dir": folder, "docker": shutil.which("docker")})
        os.chmod(path, 0o755)
        return path

    def calls(self):
        try:
            with open(self.w.path("wrap", "calls")) as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def hold(self, when, word):
        with open(self.w.path("wrap", "hold.new"), "w") as f:
            f.write("%s %s\n" % (when, word))
        os.rename(self.w.path("wrap", "hold.new"), self.w.path("wrap", "hold"))

    def wait_held(self, seconds=40):
        path = self.w.path("wrap", "held")
        rig.wait_until(lambda: os.path.exists(path), seconds, "docker is held", 0.02)

    def let_go(self):
        for name in ("hold", "held"):
            try:
                os.unlink(self.w.path("wrap", name))
            except FileNotFoundError:
                pass


def leases(home):
    """What is still held on a host: locks, and folders of runs."""
    found = []
    for folder, dirs, names in os.walk(os.path.join(home, ".ragbackup")):
        if os.path.basename(folder) in ("runs", "locks"):
            found += [os.path.join(folder, n) for n in dirs + names]
    return found


def mount_tmpfs(w, folder, megabytes):
    os.makedirs(folder, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm" % megabytes,
                           "tmpfs", folder], stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise rig.Skipped("no tmpfs can be mounted here: %s" %
                          done.stderr.decode("utf-8", "replace").strip())
    w.later(subprocess.run, ["umount", "-l", folder])


def fill_up(folder, leave_mb=0):
    """Take the space that is left; returns the file to remove again."""
    path = os.path.join(folder, "filler")
    with open(path, "wb", buffering=0) as f:
        piece = bytes(1 << 20)
        while True:
            try:
                f.write(piece)
            except OSError:
                if len(piece) == 1:
                    break
                piece = piece[:max(1, len(piece) // 16)]
    if leave_mb:
        os.truncate(path, os.path.getsize(path) - (leave_mb << 20))
    return path
