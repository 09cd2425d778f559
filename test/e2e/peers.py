"""peers.py - other people's clients of S3 and Azure, pointed at test servers.

Each call is one command; what it says is in the failure.  None of them sees
what the caller's environment has for its own.
"""
import json
import os
import shutil
import subprocess

import rig

OURS = ("AWS_", "AZURE_", "GOOGLE_", "CLOUDSDK_", "RCLONE_", "PYTHON")
TRUST = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

# Names below localhost are this machine's (RFC 6761), whatever resolves names.
RESOLVER = '''
import socket
_ask = socket.getaddrinfo
def _local(host, *args, **more):
    if isinstance(host, str) and host.endswith(".localhost"):
        host = "127.0.0.1"
    return _ask(host, *args, **more)
socket.getaddrinfo = _local
'''


def environment(w, **more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(OURS)
           and k not in TRUST and k.lower() not in PROXIES}
    env.update(HOME=w.home, **more)
    return env


def run(argv, env, seconds=600, cwd=None):
    done = subprocess.run(argv, env=env, cwd=cwd, timeout=seconds,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    text = done.stdout.decode("utf-8", "replace")
    rig.check(done.returncode == 0, "%s: status %d" % (" ".join(argv[:4]),
                                                       done.returncode), text[-3000:])
    return text


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise rig.Skipped("%s is not installed (test/deps interop)" % program)


class Rclone:
    name = "rclone"

    def __init__(self, w, s3=None, azure=None):
        need("rclone")
        more = {"RCLONE_CONFIG": w.path("rclone.conf")}
        if s3:
            more.update({"RCLONE_CONFIG_S3_" + k: v for k, v in {
                "TYPE": "s3", "PROVIDER": "Ceph", "ENDPOINT": s3.info["endpoint"],
                "ACCESS_KEY_ID": s3.info["access_key"], "REGION": s3.region,
                "SECRET_ACCESS_KEY": s3.info["secret_key"]}.items()})
        if azure:
            more.update({"RCLONE_CONFIG_AZURE_" + k: v for k, v in {
                "TYPE": "azureblob", "USE_EMULATOR": "true",
                "ENDPOINT": azure.info["endpoint"]}.items()})
        with open(w.path("rclone.conf"), "w"):
            pass
        self.env = environment(w, **more)

    def argv(self, *args):
        return ["rclone", "--retries", "1"] + list(args)

    def list(self, remote):
        return sorted(run(self.argv("lsf", "-R", "--files-only", remote),
                          self.env).split())

    def copy(self, source, target):
        run(self.argv("copy", source, target), self.env)


class Aws:
    """Debian's, by its path: another one may come first and not run."""
    name = "aws"

    def __init__(self, w, s3):
        self.program = "/usr/bin/aws" if os.path.exists("/usr/bin/aws") else "aws"
        need(self.program)
        self.endpoint = s3.info["endpoint"]
        self.env = environment(w, AWS_ACCESS_KEY_ID=s3.info["access_key"],
                               AWS_SECRET_ACCESS_KEY=s3.info["secret_key"],
                               AWS_DEFAULT_REGION=s3.region, AWS_EC2_METADATA_DISABLED="true")

    def run(self, *args):
        return run([self.program, "--endpoint-url", self.endpoint] + list(args), self.env)

    def list(self, bucket, prefix):
        text = self.run("s3api", "list-objects-v2", "--bucket", bucket, "--prefix", prefix,
                        "--output", "json")
        return sorted(row["Key"] for row in json.loads(text)["Contents"])

    def copy(self, source, target):
        self.run("s3", "cp", "--recursive", "--quiet", source, target)


class S3cmd:
    name = "s3cmd"

    def __init__(self, w, s3):
        need("s3cmd")
        host = s3.info["endpoint"].split("//")[1]
        self.conf = w.path("s3cfg")
        with open(self.conf, "w") as f:
            f.write("[default]\naccess_key = %s\nsecret_key = %s\nhost_base = %s\n"
                    "host_bucket = %s\nuse_https = False\nbucket_location = %s\n" %
                    (s3.info["access_key"], s3.info["secret_key"], host, host, s3.region))
        self.env = environment(w)

    def run(self, *args):
        return run(["s3cmd", "-c", self.conf, "--no-progress"] + list(args), self.env)

    def list(self, bucket, prefix):
        text = self.run("ls", "-r", "s3://%s/%s" % (bucket, prefix))
        start = "s3://%s/" % bucket
        return sorted(line.split(start, 1)[1] for line in text.splitlines() if start in line)

    def get(self, source, target):
        self.run("get", "-r", source, target)

    def put(self, source, target):
        self.run("put", "-r", source, target)


class Az:
    """Microsoft's own; its account's name resolves to the local server."""
    name = "az"

    def __init__(self, w, azure):
        need("az")
        self.info = azure.info
        os.makedirs(w.path("az-python"), exist_ok=True)
        with open(w.path("az-python", "sitecustomize.py"), "w") as f:
            f.write(RESOLVER)
        self.env = environment(w, PYTHONPATH=w.path("az-python"),
                               REQUESTS_CA_BUNDLE=self.info["ca"],
                               AZURE_CONFIG_DIR=w.path("az"),
                               AZURE_CORE_COLLECT_TELEMETRY="false")
        self.cloud(w.path("az"))

    def cloud(self, folder):
        """As for a national cloud: its suffix is where the server listens."""
        suffix = self.info["https"].split("//")[1].split("/")[0]
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "clouds.config"), "w") as f:
            f.write("[Local]\nsuffix_storage_endpoint = %s\n" % suffix)
            for name in ("management", "resource_manager", "active_directory",
                         "active_directory_resource_id"):
                f.write("endpoint_%s = https://localhost\n" % name)
        with open(os.path.join(folder, "config"), "w") as f:
            f.write("[cloud]\nname = Local\n")

    def login(self):
        return ["--account-name", self.info["account"], "--account-key", self.info["key"]]

    def upload(self, folder, container, path):
        run(["az", "storage", "blob", "upload-batch", "--source", folder, "--destination",
             container, "--destination-path", path, "--no-progress", "-o", "none"] +
            self.login(), self.env)

    def put(self, path, container, name):
        run(self.put_argv(path, container, name), self.env)

    def put_argv(self, path, container, name):
        return ["az", "storage", "blob", "upload", "--file", path, "--container-name",
                container, "--name", name, "--overwrite", "--no-progress", "-o", "none"] + \
            self.login()

    def get_argv(self, container, name, path):
        return ["az", "storage", "blob", "download", "--file", path, "--container-name",
                container, "--name", name, "--no-progress", "-o", "none"] + self.login()
