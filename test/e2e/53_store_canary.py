#!/usr/bin/env python3
"""Secrets of stores, and what is made of them, are found nowhere else."""
import base64
import datetime
import fnmatch
import hashlib
import hmac
import http.client
import json
import os
import re
import secrets
import subprocess
import sys
import urllib.parse

import canary
import clouds
import proxy
import rig
from rig import check, equal

HASTE = {"request_timeout": "5s", "retry_for": "2s"}
PARTS = {"part_size": "5MiB", "concurrency": 2}
UNIT = os.path.join(rig.TOP, "test", "unit", "store")
# What the two scripted servers take and hand out.
BOX_TOKEN, WEB_TOKEN, IMDS_TOKEN = "container-token", "web-token+/=", "imds-token"
AZURE_TOKEN, ASSERTION = "canary.of.the.token", "canary.of.the.assertion"
IDENTITY_HEADER = "canary-of-the-identity-header"
HANDED_OUT = ["secret-of-ASIA", "token/of+ASIA", "token%2Fof%2BASIA"]
# Of each kind of what is derived; the next ones would tell nothing more.
ENOUGH = 8


def word(name):
    return "canary-%s-%s" % (name, secrets.token_hex(8))


def key():
    return base64.b64encode(secrets.token_bytes(48)).decode()


class Tape:
    """What came by that others must not see; kind: values."""

    def __init__(self):
        self.kinds = {}

    def add(self, kind, value):
        if value and len(value) >= 10:
            found = self.kinds.setdefault(kind, [])
            if value not in found and len(found) < ENOUGH:
                found.append(value)

    def add_param(self, name, value):
        self.add(name + ", encoded", value)
        self.add(name, urllib.parse.unquote(value))

    def add_params(self, text):
        for pair in text.split("&"):
            name, _, value = pair.partition("=")
            if name in ("sig", "upload_id", "assertion", "client_assertion",
                        "WebIdentityToken"):
                self.add_param(name, value)

    def add_request(self, r):
        h = r.handler.headers
        self.add("Authorization", re.split("Signature=|SharedKey [^:]*:|Bearer ",
                                           h.get("Authorization", ""))[-1])
        for name in ("x-amz-security-token", "X-IDENTITY-HEADER",
                     "X-aws-ec2-metadata-token"):
            self.add(name, h.get(name))
        self.add_params(r.handler.path.partition("?")[2])
        if r.handler.command == "POST" and r.size <= proxy.CHUNK:
            self.add_params(r.body().decode("latin-1"))

    def add_answer(self, headers, body):
        for name, value in headers:
            if name.lower() == "location":
                self.add_params(value.partition("?")[2])
        if len(body) < 4096:
            for value in re.findall(rb'"access_token": *"([^"]*)"', body):
                self.add("access_token", value.decode())

    def values(self):
        return [v for found in self.kinds.values() for v in found]


def between(w, upstream):
    """The server there, with the tape in between; its URL."""
    def deed(r):
        w.tape.add_request(r)
        status, headers, body = r.ask()
        w.tape.add_answer(headers, body)
        r.say(status, headers, body)
    p = proxy.Proxy(upstream)
    p.set(proxy.Rule(".", deed))
    w.later(p.stop)
    return p.url


def shown(r):
    """What came with a request, one of its secrets first, each in its turn."""
    h = r.handler.headers
    found = [v for v in [
        h.get("Authorization"), h.get("x-amz-security-token"), h.get("X-IDENTITY-HEADER"),
        r.handler.path, r.body().decode("latin-1", "replace") if r.size < 9000 else None] if v]
    r.handler.server.turn = getattr(r.handler.server, "turn", 0) + 1
    n = r.handler.server.turn % len(found) if found else 0
    return " ".join(found[n:] + found[:n])


def quoting(w, status, form):
    """A server that refuses, and quotes all that it was sent; its URL."""
    def deed(r):
        w.tape.add_request(r)
        text = shown(r)
        if form == "json":
            body = json.dumps({"error": {"message": text, "errors": [{"reason": "no"}]}})
        elif form == "token":
            body = json.dumps({"error": "invalid_grant", "error_description": text})
        else:
            text = text.replace("&", "&amp;").replace("<", "&lt;")
            body = ("<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>%s</Message>"
                    "<AuthenticationErrorDetail>The HTTP request '%s' %s"
                    "</AuthenticationErrorDetail></Error>" % (
                        "AuthenticationFailed" if form == "azure" else "SignatureDoesNotMatch",
                        text, text, text))
        r.say(status, [("x-ms-request-id", text[:60]), ("x-amz-request-id", text[:60])]
              if r.handler.server.turn % 2 else [], body.encode())
    p = proxy.Proxy("http://127.0.0.1:1")
    p.set(proxy.Rule(".", deed))
    w.later(p.stop)
    return p.url


class Ceph(clouds.Ceph):
    environment = {"RIG_CEPH_SECRET": word("ceph")}


class Azurite(clouds.Azurite):
    environment = {"RIG_AZURITE_KEY": key()}


def shared_access(account, container, secret):
    """A signature for one container, for a day."""
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=30)
    se = until.strftime("%Y-%m-%dT%H:%M:%SZ")
    text = "\n".join(["racwdl", "", se, "/blob/%s/%s" % (account, container), "", "", "",
                      "2018-11-09", "c", "", "", "", "", "", ""])
    sig = base64.b64encode(hmac.new(base64.b64decode(secret), text.encode(),
                                    hashlib.sha256).digest()).decode()
    return urllib.parse.urlencode([("sv", "2018-11-09"), ("sr", "c"), ("sp", "racwdl"),
                                   ("se", se), ("sig", sig)])


def program(w, name):
    """One of the servers of the unit tests; its port."""
    p = subprocess.Popen([sys.executable, os.path.join(UNIT, name)], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def end():
        p.stdin.close()
        p.wait(10)
        p.stdout.close()
    w.later(end)
    return int(p.stdout.readline())


class Names:
    """Secrets by name: each made once, kept in a file or a variable."""

    def __init__(self, w):
        self.w, self.values, self.env = w, [], {}

    def note(self, *values):
        self.values += values
        return values[0]

    def file(self, name, text):
        return canary.private(self.w, name, text)

    def var(self, name, text):
        self.env[name] = text
        return name


def azure_stores(w, n):
    a = w.azurite
    account, secret = a.info["account"], n.note(a.info["key"])
    url = between(w, a.info["endpoint"][:-len("/" + account)]) + "/" + account
    sas = shared_access(account, a.container, secret)
    n.note(re.search("sig=(.*)", sas).group(1), urllib.parse.unquote(sas.split("sig=")[1]))
    wrong, other = n.note(key()), n.note(key())
    bad_sas = sas.split("sig=")[0] + "sig=" + urllib.parse.quote(other, safe="")
    n.note(bad_sas.split("sig=")[1])
    at = quoting(w, 403, "azure") + "/" + account

    def entry(endpoint=url, **more):
        return dict({"type": "azure", "container": a.container, "account": account,
                     "endpoint": endpoint}, **dict(HASTE, **more))

    def line(secret, url):
        return ("DefaultEndpointsProtocol=http;AccountName=%s;AccountKey=%s;BlobEndpoint=%s;"
                % (account, secret, url))
    head = "AZURE_STORAGE_ACCOUNT=%s\n" % account
    good = {
        "az-key": entry(key_file=n.file("az-key", secret), **PARTS),
        "az-sas": entry(sas_file=n.file("az-sas", "?" + sas), **PARTS),
        "az-key-env": entry(key_env=n.var("RIG_AZ_KEY", secret)),
        "az-sas-env": entry(sas_env=n.var("RIG_AZ_SAS", sas)),
        "az-env": entry(credentials=n.file("az-env", head + "AZURE_STORAGE_KEY=" + secret)),
        "az-env-sas": entry(credentials=n.file(
            "az-env-sas", head + "AZURE_STORAGE_SAS_TOKEN='%s'" % sas)),
        "az-conn": entry(connection_string_file=n.file("az-conn", line(secret, url))),
        "az-conn-env": entry(connection_string_env=n.var("RIG_AZ_CONN", line(secret, url))),
    }
    bad = {
        "az-wrong": entry(key_file=n.file("az-wrong", wrong)),
        "az-wrong-sas": entry(sas_file=n.file("az-wrong-sas", bad_sas)),
        "az-no-base64": entry(key_file=n.file("az-no", n.note(word("no-base64")))),
        "az-no-sas": entry(sas_file=n.file("az-no-sas", n.note(word("no-sas")))),
        "az-no-line": entry(credentials=n.file("az-no-line", n.note(word("no-line")))),
        "az-no-conn": entry(connection_string_file=n.file(
            "az-no-conn", n.note(word("no-conn")))),
        "az-said-key": entry(at, key_file=n.file("az-wrong", wrong)),
        "az-said-sas": entry(at, sas_file=n.file("az-wrong-sas", bad_sas)),
        "az-said-conn": entry(at, connection_string_file=n.file(
            "az-said-conn", line(wrong, at))),
        "az-said-env": entry(at, credentials=n.file(
            "az-said-env", head + "AZURE_STORAGE_SAS_TOKEN=" + bad_sas)),
    }
    return good, bad, entry, at


def s3_stores(w, n):
    secret = n.note(w.ceph.info["secret_key"])
    url = between(w, w.ceph.info["endpoint"])
    fake = between(w, "http://127.0.0.1:%d" % w.fake)
    at = quoting(w, 403, "s3")
    session, token = n.note(word("session-secret")), n.note(word("session/token+"))
    wrong, wrong_token = n.note(word("wrong-secret")), n.note(word("wrong-token"))
    c = http.client.HTTPConnection("127.0.0.1", w.fake, timeout=10)
    c.request("PUT", "/!config", json.dumps({"keys": {"AKIDSESSION": [session, token]},
                                             "is_lasting": True}))
    c.getresponse().read()
    c.close()

    def entry(endpoint=url, bucket=w.ceph.bucket, **more):
        return dict({"type": "s3", "bucket": bucket, "style": "path", "endpoint": endpoint},
                    **dict(HASTE, **more))
    mine = {"access_key_id": w.ceph.info["access_key"]}
    lent = {"access_key_id": "AKIDSESSION"}
    profiles = n.file("s3-profiles", (
        "[canary]\naws_access_key_id = %s\naws_secret_access_key = %s\n"
        "[wrong]\naws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n"
        % (w.ceph.info["access_key"], secret, w.ceph.info["access_key"], wrong, wrong_token)))
    n.env.update(AWS_CONFIG_FILE=n.file("s3-config", "\n".join(
        "[profile %s]\nrole_arn = arn:aws:iam::1:role/r\nweb_identity_token_file = %s"
        % (name, n.file("s3-" + name, text)) for name, text in (
            ("web", n.note(WEB_TOKEN)), ("web-wrong", n.note(word("web/wrong+")))))),
        AWS_SHARED_CREDENTIALS_FILE=w.path("nowhere"),
        AWS_ENDPOINT_URL_STS="http://127.0.0.1:%d/sts" % w.fake)
    good = {
        "s3-file": entry(secret_access_key_file=n.file("s3-secret", secret), **mine, **PARTS),
        "s3-env": entry(secret_access_key_env=n.var("RIG_S3_SECRET", secret), **mine),
        "s3-profile": entry(credentials=profiles, profile="canary"),
        "s3-session": entry(fake, "rag", secret_access_key_file=n.file("s3-session", session),
                            session_token_file=n.file("s3-token", token), **lent),
        "s3-session-env": entry(
            fake, "rag", secret_access_key_env=n.var("RIG_S3_SESSION", session),
            session_token_env=n.var("RIG_S3_TOKEN", token), **lent),
        "s3-web": entry(fake, "rag", profile="web"),
    }
    bad = {
        "s3-wrong": entry(secret_access_key_file=n.file("s3-wrong", wrong), **mine),
        "s3-wrong-profile": entry(credentials=profiles, profile="wrong"),
        "s3-no-word": entry(secret_access_key_file=n.file(
            "s3-no-word", n.note(word("no word")) + " x"), **mine),
        "s3-no-web": entry(fake, "rag", profile="web-wrong"),
        "s3-said": entry(at, secret_access_key_file=n.file("s3-wrong", wrong),
                         session_token_file=n.file("s3-wrong-token", wrong_token), **mine),
        "s3-said-profile": entry(at, credentials=profiles, profile="wrong"),
    }
    return good, bad, lambda at=fake, **more: entry(at, "rag", **more), at


def gcs_stores(w, n):
    g = w.gcs
    url = between(w, g.endpoint)
    n.note(*g.secrets)
    stranger = subprocess.run(["openssl", "genrsa", "2048"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=True).stdout.decode()
    n.note(*stranger.split("\n")[1:-2])
    at, tokens = quoting(w, 403, "json"), quoting(w, 400, "token")

    def entry(endpoint, name, pem, token_uri, **more):
        path = n.file("gcs-" + name, json.dumps({
            "type": "service_account", "private_key_id": "1", "private_key": pem,
            "client_email": g.account, "token_uri": token_uri}))
        return dict({"type": "gcs", "bucket": g.bucket, "endpoint": endpoint,
                     "credentials": path}, **dict(HASTE, **more))
    broken = "-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n" % n.note(key())
    good = {"gcs": entry(url, "key", g.pem, url + "/token", **PARTS)}
    bad = {
        "gcs-wrong": entry(url, "wrong", stranger, url + "/token"),
        "gcs-broken": entry(url, "broken", broken, url + "/token"),
        "gcs-said": entry(at, "said", g.pem, url + "/token"),
        "gcs-said-grant": entry(url, "said-grant", g.pem, tokens + "/token"),
        "gcs-no-json": dict(entry(url, "x", g.pem, url), credentials=n.file(
            "gcs-no-json", n.note(word("no-json")))),
    }
    return good, bad, url, at


def setup(w):
    if not os.path.isdir("/proc/self"):
        raise rig.Skipped("there is no /proc here")
    os.mkdir(w.path("secrets"), 0o700)
    w.tape, w.said = Tape(), []
    w.names = n = Names(w)
    w.fake, w.blobs = program(w, "s3_fake.py"), program(w, "azure_server.py")
    w.gcs, w.azurite, w.ceph = clouds.Gcs(w), Azurite(w), Ceph(w)
    n.note(BOX_TOKEN, IMDS_TOKEN, AZURE_TOKEN, ASSERTION, IDENTITY_HEADER, *HANDED_OUT)
    for name, size in (("big", 11 << 20), ("small", 20000)):
        os.mkdir(w.path(name))
        with open(w.path(name, "random.bin"), "wb") as f:
            f.write(os.urandom(size))
    (w.az_good, w.az_bad, w.az, w.az_said), (w.s3_good, w.s3_bad, w.s3, w.s3_said), \
        (w.gcs_good, w.gcs_bad, w.gcs_url, w.gcs_said) = (
            azure_stores(w, n), s3_stores(w, n), gcs_stores(w, n))


def service_pids(w):
    """Servers that were given the secrets in their environment."""
    for top, _, names in os.walk(w.dir):
        for name in fnmatch.filter(names, "*.pid"):
            with open(os.path.join(top, name)) as f:
                yield int(f.read())


def job(w, folder, stores):
    return {"source": {"type": "directory", "paths": [w.path(folder)]},
            "compress": {"level": "fast"},
            "stores": [{"store": s} for s in ["local"] + list(stores)]}


def say(w, *words):
    """In both forms; the last answer."""
    w.said.append(w.ctl(*words))
    w.said.append(w.ctl(*words, "--json"))
    return w.said[-1]


def works(w, name, stores):
    """A snapshot that all of them have."""
    if name == "works":
        w.said.append(w.ctl("trigger", name, "--wait"))
    w.said.append(w.ctl("trigger", name, "--wait", "--json"))
    got = w.said[-1].json
    equal(got["state"], "done", "%s: %s" % (name, got["error"]))
    said = w.ctl("verify", got["snapshot"], "--deep", "--json")
    verdicts = {r["store"]: r["verdict"] for r in said.json["results"]}
    equal([s for s in ["local"] + stores if verdicts[s] != "ok"], [], "not ok")
    w.said += [said, w.ctl("verify", got["snapshot"], "--store", stores[0], "--deep"),
               w.ctl("copy", got["snapshot"], "--from", stores[-1], "--to", "spare")]
    equal(w.said[-1].status, 0, "copy: %s" % w.said[-1])


def fails(w, stores):
    """One that none of them took; again, and by a copy."""
    got = say(w, "trigger", "fails", "--wait").json
    equal(got["state"], "partial", "state: %s" % got["error"])
    equal([s["store"] for s in got["stores"] if s["verdict"] in ("sealed", "pruned")],
          ["local"], "stores that have it")
    say(w, "retry", str(got["run"]))
    for n, store in enumerate(stores):
        form = ["--json"] if n % 4 < 2 else []
        if n % 2:
            w.said.append(w.ctl("snapshots", "--store", store, *form))
            continue
        w.said.append(w.ctl("copy", got["snapshot"], "--from", "local", "--to", store, *form))
        check(w.said[-1].status != 0, "copied to %s" % store, w.said[-1])


def try_stores(w, good, bad, **env):
    stores = dict(good, **bad, local=w.store(), spare=w.store("spare"))
    for name, entry in stores.items():
        if entry["type"] != "filesystem":
            entry["path"] = name
    parts = [s for s in good if "part_size" in good[s]]
    jobs = {"works": job(w, "small", good), "fails": job(w, "small", bad)}
    if parts:
        jobs["parts"] = job(w, "big", parts)
    w.configure(stores=stores, jobs=jobs, daemon={"log_level": "debug"})
    w.d = w.daemon(env=dict(w.names.env, **env))
    watch = canary.Watch(w, [s.encode() for s in w.names.values],
                         [w.d.pid] + list(service_pids(w)), 0.05)
    try:
        if good:
            works(w, "works", list(good))
        if parts:
            works(w, "parts", parts)
        fails(w, list(bad))
        w.shown = canary.ask_all(w, getattr(w, "shown", 0))
        canary.check_no_core(w.d.pid)
        written = read_state(w)
    finally:
        watch.end()
        w.d.stop()
    look(w, written)


def read_state(w):
    """While the daemon runs: with what SQLite has not yet moved out of its WAL."""
    paths = list(canary.files_of(w, lambda name: name.startswith(
        ("service-", "ceph-", "azurite-", "azure-", "gcs-", "big", "small"))))
    for name in ("*.db", "*.db-wal", "ragbackupd.log", "MANIFEST.sha256", "snapshot.json"):
        check(fnmatch.filter([os.path.basename(p) for p in paths], name),
              "no file %s was looked at" % name, *paths)
    found = {}
    for path in paths:
        if os.path.getsize(path) < 1 << 20 or not path.endswith(".gz"):
            with open(path, "rb") as f:
                found[path] = f.read()
    return found


def look(w, written):
    """No secret, and nothing made of one, is in what was said or written."""
    all_of_them = [s.encode() for s in dict.fromkeys(w.names.values + w.tape.values())]
    texts = dict(written, said=canary.everything_said(w).encode())
    found = [(name, s, around(text, s)) for name, text in texts.items()
             for s in canary.spotted(all_of_them, text)]
    check(not found, "secrets were found", *found[:20])


def around(text, secret):
    piece = next(p for p in canary.pieces(secret) if p in text)
    at = text.index(piece)
    return text[max(0, at - 200):at + len(piece) + 40]


@rig.limited(300)
def test_given(w):
    """What is given in files and variables; what is refused, and quoted"""
    box = {"s3-box": w.s3()}
    app = {"az-app": w.az("http://127.0.0.1:%d/acct" % w.blobs, container="box",
                          managed_identity=True, client_id="my client")}
    said = {"az-said-app": dict(app["az-app"], endpoint=w.az_said),
            "s3-said-box": w.s3(w.s3_said)}
    try_stores(w, dict(w.az_good, **w.s3_good, **w.gcs_good, **box, **app),
               dict(w.az_bad, **w.s3_bad, **w.gcs_bad, **said),
               AWS_CONTAINER_CREDENTIALS_FULL_URI="http://127.0.0.1:%d/container" % w.fake,
               AWS_CONTAINER_AUTHORIZATION_TOKEN=BOX_TOKEN,
               IDENTITY_ENDPOINT=between(w, "http://127.0.0.1:%d" % w.blobs) + "/msi",
               IDENTITY_HEADER=IDENTITY_HEADER)


@rig.limited(120)
def test_environment(w):
    """What the environment gives: keys, a workload's token, a key file's name"""
    w.names.env.clear()
    gcs = {"type": "gcs", "bucket": w.gcs.bucket, **HASTE}
    azure = w.az("http://127.0.0.1:%d/acct" % w.blobs, container="box", managed_identity=True,
                 client_id="app")
    c = w.names.values
    try_stores(
        w, {"s3-env-chain": w.s3(), "gcs-named": dict(gcs, endpoint=w.gcs_url),
            "az-workload": azure},
        {"s3-said-chain": w.s3(w.s3_said), "gcs-said-named": dict(
            gcs, endpoint=w.gcs_said), "az-said-workload": dict(azure, endpoint=w.az_said)},
        AWS_ACCESS_KEY_ID="AKIDSESSION",
        AWS_SECRET_ACCESS_KEY=next(s for s in c if "session-secret" in s),
        AWS_SESSION_TOKEN=next(s for s in c if "session/token" in s),
        GOOGLE_APPLICATION_CREDENTIALS=w.gcs_good["gcs"]["credentials"],
        AZURE_FEDERATED_TOKEN_FILE=w.names.file("assertion", ASSERTION),
        AZURE_TENANT_ID="tenant", AZURE_AUTHORITY_HOST=between(
            w, "http://127.0.0.1:%d" % w.blobs))


@rig.limited(120)
def test_machine(w):
    """What the machine gives: its metadata's tokens; a token that is refused"""
    gcs = {"type": "gcs", "bucket": w.gcs.bucket, **HASTE}
    azure = w.az("http://127.0.0.1:%d/acct" % w.blobs, container="box", managed_identity=True)
    tokens = quoting(w, 401, "token")
    try_stores(
        w, {"s3-imds": w.s3(), "gcs-metadata": dict(gcs, endpoint=w.gcs_url),
            "az-machine": azure},
        {"s3-said-imds": w.s3(w.s3_said), "az-said-machine": dict(
            azure, endpoint=w.az_said), "gcs-said-metadata": dict(gcs, endpoint=w.gcs_said)},
        AWS_EC2_METADATA_SERVICE_ENDPOINT=between(w, "http://127.0.0.1:%d" % w.fake),
        AZURE_POD_IDENTITY_AUTHORITY_HOST="http://127.0.0.1:%d" % w.blobs,
        GCE_METADATA_HOST=w.gcs.endpoint[len("http://"):])
    w.names.env.clear()
    try_stores(
        w, {}, {"s3-no-box": w.s3(), "az-no-workload": w.az(
            w.az_said, container="box", managed_identity=True, client_id="app")},
        AWS_CONTAINER_CREDENTIALS_FULL_URI=tokens + "/box",
        AWS_CONTAINER_AUTHORIZATION_TOKEN=BOX_TOKEN,
        AZURE_FEDERATED_TOKEN_FILE=w.names.file("assertion", ASSERTION),
        AZURE_TENANT_ID="tenant", AZURE_AUTHORITY_HOST=tokens)


def test_derived(w):
    """All that is derived was seen, so that its absence means something"""
    for kind in ("Authorization", "x-amz-security-token", "X-IDENTITY-HEADER",
                 "X-aws-ec2-metadata-token", "sig", "sig, encoded", "upload_id", "assertion",
                 "client_assertion", "access_token"):
        check(w.tape.kinds.get(kind), "no %s came by" % kind, list(w.tape.kinds))
    text = canary.everything_said(w)
    for code in ("AuthenticationFailed", "SignatureDoesNotMatch", "invalid_grant"):
        check(code in text, "nobody said %s" % code)


if __name__ == "__main__":
    rig.main(globals())
