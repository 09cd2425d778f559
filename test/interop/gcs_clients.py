#!/usr/bin/env python3
"""Google's own clients against the fake of Google's storage, and beside ours.

The fake is as good as those who wrote the protocol's clients find it: npm's
@google-cloud/storage (of which a copy is installed into a temporary folder) and
gcloud, where it is installed.  What they put our store reads, and back.
"""
import filecmp
import json
import os
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import clouds  # noqa: E402
import rig  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
NPM = "@google-cloud/storage@7"


def setup(w):
    w.service = clouds.Gcs(w)
    for name, size in (("small", 100003), ("large", 20 * 1024 * 1024 + 7)):
        with open(w.path(name), "wb") as f:
            f.write(os.urandom(size))


def asked(endpoint):
    """What a server was asked since the last time: [(what, status)]."""
    request = urllib.request.Request(endpoint + "/_control", method="POST",
                                     data=b'{"forget": true}')
    with urllib.request.urlopen(request, timeout=10) as answer:
        return [(r["what"], r["status"]) for r in json.load(answer)["log"]]


def anonymous(w):
    """A second server: clients that are told an endpoint log in nowhere."""
    folder, script = w.path("anonymous"), clouds.script("gcs")
    w.later(subprocess.run, [script, "stop", folder])
    done = subprocess.run([script, "start", folder, "--bucket", "rag-backups"], timeout=60)
    rig.check(done.returncode == 0, "test/services/gcs start")
    with open(os.path.join(folder, "port")) as f:
        return "http://127.0.0.1:%d" % int(f.read())


def installed(w):
    clouds.need("node", "npm")
    folder = w.path("npm")
    os.makedirs(folder)
    done = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund",
                           "--prefix", folder, NPM], timeout=240, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise rig.Skipped("npm does not install %s: %s" % (
            NPM, done.stdout.decode("utf-8", "replace").strip()[-300:]))
    return os.path.join(folder, "node_modules")


@rig.limited(400)
def test_node(w):
    """npm's client: uploads of every kind, ranges, pages, preconditions"""
    endpoint = anonymous(w)
    modules = installed(w)
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("GOOGLE_", "STORAGE_", "GCE_"))}
    done = subprocess.run(["node", os.path.join(HERE, "gcs_clients.js"), endpoint,
                           "rag-backups"], timeout=120, env=dict(env, NODE_PATH=modules),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    rig.check(done.returncode == 0, "gcs_clients.js", done.stdout.decode("utf-8", "replace"))
    log = asked(endpoint)
    for want in (("put", 200), ("start", 200), ("part", 308), ("part", 200), ("get", 206),
                 ("put", 412), ("delete", 412), ("delete", 204), ("list", 200)):
        rig.check(want in log, "the client never had a %s %d" % want)


class Gcloud:
    """gcloud, logged in with the service account, its settings its own."""

    def __init__(self, w):
        clouds.need("gcloud")
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith(("GOOGLE_", "STORAGE_", "GCE_", "CLOUDSDK_"))}
        self.env.update(
            CLOUDSDK_CONFIG=w.path("gcloud"), CLOUDSDK_CORE_PROJECT="project",
            CLOUDSDK_CORE_DISABLE_PROMPTS="1", CLOUDSDK_CORE_DISABLE_USAGE_REPORTING="1",
            CLOUDSDK_STORAGE_PARALLEL_COMPOSITE_UPLOAD_ENABLED="false",
            CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE=w.service.endpoint + "/storage/v1/")
        self("auth", "activate-service-account", "--key-file", w.service.key_file)

    def __call__(self, *args, status=0):
        done = subprocess.run(["gcloud"] + list(args), timeout=120, env=self.env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        text = done.stdout.decode("utf-8", "replace")
        rig.check((done.returncode == 0) == (status == 0),
                  "gcloud %s: status %d" % (" ".join(args), done.returncode), text)
        return text


@rig.limited(400)
def test_gcloud(w):
    """gcloud: logs in, puts, lists, gets, removes"""
    gcloud = Gcloud(w)
    for name in ("small", "large"):
        gcloud("storage", "cp", w.path(name), "gs://rag-backups/theirs/" + name)
        gcloud("storage", "cp", "gs://rag-backups/theirs/" + name, w.path(name + ".back"))
        rig.check(filecmp.cmp(w.path(name), w.path(name + ".back"), False), name + " differs")
    text = gcloud("storage", "ls", "gs://rag-backups/theirs/")
    rig.equal(sorted(text.split()), ["gs://rag-backups/theirs/large",
                                     "gs://rag-backups/theirs/small"], "gcloud's list")
    gcloud("storage", "rm", "gs://rag-backups/theirs/small", "gs://rag-backups/theirs/large")
    gcloud("storage", "objects", "describe", "gs://rag-backups/theirs/small", status=1)
    log = asked(w.service.endpoint)
    for want in (("token", 200), ("put", 200), ("start", 200), ("part", 200), ("get", 206),
                 ("list", 200), ("delete", 204)):
        rig.check(want in log, "gcloud never had a %s %d" % want)


@rig.limited(400)
def test_both(w):
    """What gcloud puts our store reads, and back"""
    gcloud = Gcloud(w)
    path = clouds.configure(w, w.service, {"gcs": w.service.entry(path="both")})
    for name in ("small", "large"):
        gcloud("storage", "cp", w.path(name), "gs://rag-backups/both/theirs/" + name)
        clouds.suite(w, w.service, "get", path, "gcs", "theirs/" + name, w.path(name + ".ours"))
        rig.check(filecmp.cmp(w.path(name), w.path(name + ".ours"), False),
                  "ours read another " + name)
        clouds.suite(w, w.service, "put", path, "gcs", "ours/" + name, w.path(name))
        gcloud("storage", "cp", "gs://rag-backups/both/ours/" + name, w.path(name + ".theirs"))
        rig.check(filecmp.cmp(w.path(name), w.path(name + ".theirs"), False),
                  "gcloud read another " + name)


rig.main(globals())
