"""clouds.py - one server of each kind of store, and how a configuration names it.

Each class starts its server in the world's folder, once, when it is made, and
has:
  entry(**more)   the "stores" entry of a working store; more: keys on top
  troubled()      {name: (entry, codes of errors, seconds)}: none of them works
  rounds()        {name: entry}: odd ones, all of them work
  unfinished()    what nobody finished uploading, as others see it; None where
                  nobody can tell
  secrets         what no error and no log may show
"""
import json
import os
import shutil
import socket
import subprocess

import remote
import rig
import signers

# Odd prefixes: what has to be encoded, and what must not be encoded twice.
ODD = {
    "spaces": "with space/and+plus/100%/%20%2F",
    "signs": "~!*'()&=@:;,$[]{}|^`\"<>?#",
    "unicode": "bl\u00e5b\u00e6r/\u65e5\u672c\u8a9e/\U0001f600",
    "long": "/".join(["x" * 178] * 5),
}
# Where servers are that never answer, the store must give up after so long.
HASTE = {"retry_for": "1s", "request_timeout": "1s"}
QUICK, PATIENT = 8, 20


def script(name):
    return os.path.join(rig.TOP, "test", "services", name)


def need(*programs):
    """Skip where they are not: not every system has a package of them."""
    for program in programs:
        if not shutil.which(program) and not os.path.exists("/usr/sbin/" + program):
            raise rig.Skipped("%s is not installed (test/deps check)" % program)


def secret_file(w, name, text):
    path = w.path(name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write(text)
    return path


class Service:
    """What the script of that name starts."""
    name = None
    programs = ()
    environment = {}        # For the script, beside our own.

    def __init__(self, w, *options):
        need(*self.programs)
        self.w = w
        self.dir = w.path("service-" + self.name)
        self.secrets = []
        w.later(self.stop)
        done = subprocess.run([script(self.name), "start", self.dir] + list(options),
                              timeout=150, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=dict(os.environ, **self.environment))
        rig.check(done.returncode == 0, "test/services/%s start" % self.name,
                  done.stdout.decode("utf-8", "replace"))
        self.began()

    def began(self):
        with open(os.path.join(self.dir, "service.json")) as f:
            self.info = json.load(f)

    def stop(self):
        subprocess.run([script(self.name), "stop", self.dir], timeout=60,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def secret(self, name, text):
        self.secrets.append(text)
        return secret_file(self.w, "%s-%s" % (self.name, name), text)

    def silent(self):
        """A port where connections are taken and nothing is ever said."""
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        s.listen(64)
        self.w.later(s.close)
        return s.getsockname()[1]

    def astray(self, at):
        """Entries for endpoints that are none; at(url) makes one."""
        return {
            "nobody": (at("http://127.0.0.1:%d" % rig.free_port()), "network", QUICK),
            "silent": (at("http://127.0.0.1:%d" % self.silent()), "timeout,network", QUICK),
            "unknown": (at("http://no-such-host.invalid"), "network", PATIENT),
        }

    def rounds(self):
        return {name: self.entry(path=path) for name, path in ODD.items()}


class S3(Service):
    region = "us-east-1"
    bucket = "rag-backups"

    def began(self):
        super().began()
        self.secrets.append(self.info["secret_key"])
        self.key_file = self.secret("secret", self.info["secret_key"] + "\n")
        self.direct = signers.S3(self.info["endpoint"], self.info["access_key"],
                                 self.info["secret_key"], self.region)
        self.direct.make(self.bucket)

    def entry(self, **more):
        return dict({"type": "s3", "endpoint": self.info["endpoint"], "bucket": self.bucket,
                     "region": self.region, "style": "path",
                     "access_key_id": self.info["access_key"],
                     "secret_access_key_file": self.key_file}, **more)

    def unfinished(self):
        return self.direct.uploads(self.bucket)

    def troubled(self):
        wrong = self.secret("wrong-secret", "wrong-0123456789abcdefghijklmnopqrstuv\n")
        found = self.astray(lambda url: self.entry(endpoint=url, **HASTE))
        found.update({
            "refused": (self.entry(secret_access_key_file=wrong), "auth", QUICK),
            "stranger": (self.entry(access_key_id="NOBODYSKEY1234567890"), "auth", QUICK),
            "missing": (self.entry(bucket="no-such-bucket"), "config", QUICK),
        })
        return found


class Tls:
    """For servers that speak https, too."""

    def https(self, **more):
        return self.entry(endpoint=self.info["https"], ca_file=self.info["ca"], **more)

    def rounds(self):
        found = super().rounds()
        found["insecure"] = self.entry(endpoint=self.info["https"], tls_verify=False)
        return found

    def troubled(self):
        found = super().troubled()
        found["untrusted"] = (self.entry(endpoint=self.info["https"]), "protocol", QUICK)
        return found


class Ceph(Tls, S3):
    """Honours conditions, checks signatures."""
    name = "ceph"
    programs = ("radosgw", "ceph-mon", "ceph-osd")

    def rounds(self):
        found = super().rounds()
        found["virtual"] = self.entry(
            endpoint=self.info["https"], ca_file=self.info["ca"], style="virtual")
        found["crc32c"] = self.entry(checksum="crc32c")
        found["sha256"] = self.entry(checksum="sha256")
        return found


class Swift(S3):
    """Refuses conditions, insists on the region."""
    name = "swift"
    programs = ("swift-proxy-server", "swift-object-server")

    def rounds(self):
        """Of the odd prefixes one: they are encoded as for Ceph."""
        return {name: entry for name, entry in super().rounds().items() if name == "unicode"}

    def troubled(self):
        found = super().troubled()
        found["elsewhere"] = (self.entry(region="eu-west-1"), "auth,config,protocol", QUICK)
        return found


class Azurite(Tls, Service):
    name = "azurite"
    programs = ("node",)
    container = "lightrag-backup"

    def began(self):
        super().began()
        for where in ("endpoint", "https"):
            direct = signers.Azure(self.info[where], self.info["account"],
                                   self.info["key"])
            direct.make(self.container)
            if where == "endpoint":
                self.direct = direct
        self.key_file = self.secret("key", self.info["key"] + "\n")
        self.env_file = self.secret("env", (
            "AZURE_STORAGE_ACCOUNT=%s\nAZURE_STORAGE_KEY=%s\n"
            "AZURE_STORAGE_CONTAINER=%s\n" % (self.info["account"], self.info["key"],
                                              self.container)))
        self.secrets = [self.info["key"]]

    def entry(self, **more):
        return dict({"type": "azure", "endpoint": self.info["endpoint"],
                     "account": self.info["account"], "key_file": self.key_file,
                     "container": self.container}, **more)

    def by_file(self, text, **more):
        """With a credentials file of these lines instead of a key."""
        entry = self.entry(credentials=secret_file(self.w, "azure-%d.env" % len(text), text),
                           **more)
        del entry["key_file"], entry["account"]
        return entry

    def rounds(self):
        found = super().rounds()
        line = ("DefaultEndpointsProtocol=http;AccountName=%s;AccountKey=%s;"
                "BlobEndpoint=%s;" % (self.info["account"], self.info["key"],
                                      self.info["endpoint"]))
        runbook = self.by_file("AZURE_STORAGE_CONNECTION_STRING=\"%s\"\n"
                               "AZURE_STORAGE_CONTAINER=%s\n" % (line, self.container))
        del runbook["container"], runbook["endpoint"]
        found["runbook"] = runbook
        found["env"] = dict(runbook, credentials=self.env_file,
                            endpoint=self.info["endpoint"])
        found["tier"] = self.entry(access_tier="Cool")
        return found

    def troubled(self):
        wrong = self.secret("wrong-key", "d3JvbmctMDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3A=\n")
        at = "/" + self.info["account"]
        found = super().troubled()
        found.update(self.astray(lambda url: self.entry(endpoint=url + at, **HASTE)))
        found["refused"] = (self.entry(key_file=wrong), "auth", QUICK)
        found["missing"] = (self.entry(container="no-such-container"), "config", QUICK)
        return found

    def unfinished(self):
        return self.direct.uploads(self.container)


Service.troubled = lambda self: {}


class Gcs(Service):
    """The project's own, as strict as the documents; a key file's way in."""
    name = "gcs"
    bucket = "rag-backups"
    account = "backup@project.example"

    def __init__(self, w):
        self.private, public = w.path("gcs-private.pem"), w.path("gcs-public.pem")
        for command in (["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048",
                         "-out", self.private],
                        ["pkey", "-in", self.private, "-pubout", "-out", public]):
            subprocess.run(["openssl"] + command, check=True, timeout=60,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        super().__init__(w, "--bucket", self.bucket, "--account", self.account, public)

    def began(self):
        with open(os.path.join(self.dir, "port")) as f:
            self.endpoint = "http://127.0.0.1:%d" % int(f.read())
        with open(self.private) as f:
            self.pem = f.read()
        self.key_file = self.service_account("key.json", self.pem)
        self.secrets = self.pem.split("\n")[1:-2]

    def service_account(self, name, pem, email=None):
        return secret_file(self.w, "gcs-" + name, json.dumps({
            "type": "service_account", "project_id": "project", "private_key_id": "1",
            "private_key": pem, "client_email": email or self.account,
            "client_id": "1", "token_uri": self.endpoint + "/token"}))

    def entry(self, **more):
        return dict({"type": "gcs", "endpoint": self.endpoint, "bucket": self.bucket,
                     "credentials": self.key_file}, **more)

    def troubled(self):
        found = self.astray(lambda url: self.entry(endpoint=url, **HASTE))
        stranger = self.service_account("stranger.json", self.pem, "nobody@project.example")
        found["stranger"] = (self.entry(credentials=stranger), "auth", QUICK)
        found["missing"] = (self.entry(bucket="no-such-bucket"), "config", QUICK)
        return found

    def unfinished(self):
        return None


class Folder:
    """This machine's."""
    name = "fs"

    def __init__(self, w):
        self.w = w
        self.secrets = []
        self.root = w.path("store-" + self.name)
        os.makedirs(self.root)

    def entry(self, **more):
        return dict({"type": "filesystem", "path": self.root}, **more)

    def rounds(self):
        odd = self.root + " it's a $HOME `id` \"folder\""
        os.makedirs(odd, exist_ok=True)
        return {"odd": self.entry(path=odd)}

    def troubled(self):
        return {"missing": (self.entry(path=os.path.join(self.root, "no", "such")),
                            "missing", QUICK)}

    def unfinished(self):
        return [name for _, _, names in os.walk(self.root) for name in names]


class HostFolder(Folder):
    """One on a machine reached by SSH: this one, by a private server."""
    name = "hostfs"

    def __init__(self, w):
        need("sshd")
        super().__init__(w)
        self.sshd = remote.Sshd(w)
        wrong, known = w.path("wrong-id"), w.path("known-impostor")
        remote.make_key(wrong)
        with open(known, "w") as f:
            f.write("[127.0.0.1]:%d %s\n" % (self.sshd.port,
                                             remote.make_key(w.path("other-id"))))
        self.hosts = {
            "vm": self.sshd.host(),
            "refused": self.sshd.host(identity=wrong),
            "impostor": dict(self.sshd.host(), known_hosts=known),
            "nobody": self.sshd.host(port=rig.free_port()),
            "silent": self.sshd.host(port=Service.silent(self), connect_timeout="2s"),
        }

    def entry(self, **more):
        return super().entry(**dict({"host": "vm"}, **more))

    def troubled(self):
        found = super().troubled()
        found.update({
            "refused": (self.entry(host="refused"), "auth", QUICK),
            "impostor": (self.entry(host="impostor"), "host-key", QUICK),
            "nobody": (self.entry(host="nobody"), "network", QUICK),
            "silent": (self.entry(host="silent"), "timeout,network", PATIENT),
        })
        return found


# --- What is done with each of them.

def configure(w, service, stores):
    w.configure(name="%s.yaml" % service.name, stores=stores,
                hosts=getattr(service, "hosts", {}), jobs={})
    return w.path("%s.yaml" % service.name)


def suite_program():
    return os.path.join(rig.BUILD, "test", "store_suite")


def environment(service):
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("AWS_", "AZURE_", "GOOGLE_", "STORAGE_"))}
    env["SUITE_SECRETS"] = "\n".join(service.secrets)
    return env


def suite(w, service, *args, seconds=380):
    """Run it; what it said, its remarks without times; what failed is raised."""
    path = w.path("suite.log")
    with open(path, "w") as log:
        done = subprocess.run([suite_program()] + list(args), timeout=seconds,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                              env=environment(service))
    with open(path, errors="replace") as log:
        said = log.read()
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    failed = [n for n, line in enumerate(lines) if line.startswith("not ok")]
    why = [line for n in failed for line in remarks_before(lines, n)]
    rig.check(done.returncode == 0 and not failed,
              "store_suite %s: status %d" % (" ".join(args), done.returncode), *why,
              lines[-3:], said[-2000:] if not why else "")
    rig.check(not rig.SANITIZER.search(said), "a sanitizer's report", said[-6000:])
    for secret in service.secrets:
        rig.check(secret.strip() not in said, "a secret stands in the log")
    return lines


def remarks_before(lines, n):
    """A test's faults stand before its verdict."""
    first = n
    while first > 0 and lines[first - 1].startswith("#") and n - first < 40:
        first -= 1
    return lines[first:n + 1]


def try_all(w, service, entry, *options, only=()):
    """The whole list of properties on one store."""
    path = configure(w, service, {service.name: entry})
    lines = suite(w, service, *(list(options) + ["run", path, service.name] + list(only)))
    rig.check(lines[-1].startswith("1.."), "the suite said no plan", *lines[-5:])
    rig.say("\n".join(["%s tests" % lines[-1][3:], lines[0]]))


def try_rounds(w, service):
    """Odd prefixes, other ways in: a short round in each."""
    stores = service.rounds()
    words = [word for name in stores for word in ("--round", name)]
    stores[service.name] = service.entry()
    stores["slow"] = service.entry(bandwidth="2MiB")
    suite(w, service, *(words + ["--slow", "slow", "run", configure(w, service, stores),
                                 service.name, "check"]))


def try_trouble(w, service):
    """Stores that cannot work say why, in time, and no secret."""
    found = service.troubled()
    stores = {name: row[0] for name, row in found.items()}
    stores[service.name] = service.entry()
    words = [word for name, (_, codes, seconds) in found.items()
             for word in ("--expect", "%s=%s=%d" % (name, codes, seconds))]
    suite(w, service, *(words + ["run", configure(w, service, stores), service.name,
                                 "check"]))


def try_killed_writer(w, service):
    """Nothing of its object is seen, and what it left is swept."""
    more = {} if service.entry()["type"] == "filesystem" else {
        "concurrency": 2, "part_size": "5MiB"}
    path = configure(w, service, {service.name: service.entry(**more)})
    writer = subprocess.Popen([suite_program(), "half", path, service.name,
                               "killed/object", str(40 << 20)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, env=environment(service))
    try:
        rig.equal(writer.stdout.readline(), b"half\n", "the writer's word")
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()
    left = service.unfinished()
    if left is not None:
        rig.check(left, "the killed writer left nothing: there is nothing to try")
    equal_list(w, service, path, [])
    suite(w, service, "sweep", path, service.name, "killed/", "0")
    if left is not None:
        rig.wait_until(lambda: not service.unfinished(), 5,
                       "what the killed writer left is swept")
    equal_list(w, service, path, [])


def equal_list(w, service, path, want):
    lines = [line for line in suite(w, service, "list", path, service.name, "")
             if not line.startswith("#")]
    rig.equal(lines, want, "the store's list")
