#!/usr/bin/env python3
"""Other people's clients read what we wrote, and we read what they wrote."""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import clouds  # noqa: E402
import peers  # noqa: E402
import providers  # noqa: E402
import rig  # noqa: E402
import signers  # noqa: E402

# As it stands in the runbook, to the letter.
RUNBOOK = """
source ~/system/config/azure-lightrag-backup.env
RESTORE_DIR=~/system/backups/lightrag/azure-restore-$TS
mkdir -p "$RESTORE_DIR"
az storage blob download-batch \\
--account-name $AZURE_STORAGE_ACCOUNT \\
--account-key "$AZURE_STORAGE_KEY" \\
--source $AZURE_STORAGE_CONTAINER \\
--destination "$RESTORE_DIR" \\
--pattern "$TS/*"
# Verify checksums
cd "$RESTORE_DIR/$TS"
shasum -a 256 -c MANIFEST.sha256
"""


def setup(w):
    peers.need("rclone", "s3cmd", "az", "shasum")
    providers.make_data(w.path("data"), int(os.environ.get("RAGBACKUP_MEGABYTES", "300")))
    w.s3, w.azure = clouds.Ceph(w), clouds.Azurite(w)
    w.https = signers.Azure(w.azure.info["https"], w.azure.info["account"],
                            w.azure.info["key"])
    stores = {"local": w.store("local"), "s3": w.s3.entry(), "azure": w.azure.https()}
    for name in ("rclone", "s3cmd", "aws"):
        w.s3.direct.make("by-" + name)
        stores["s3-" + name] = w.s3.entry(bucket="by-" + name)
    w.https.make("by-az")
    w.https.make("by-rclone")
    w.azure.direct.make("by-rclone")
    stores["azure-az"] = w.azure.https(container="by-az")
    stores["azure-rclone"] = w.azure.entry(container="by-rclone")
    stores["azure-http"] = w.azure.entry()
    w.local = stores["local"]["path"]
    job = {"source": {"type": "directory", "paths": [w.path("data")]},
           "stores": [{"store": name} for name in ("local", "s3", "azure")]}
    w.configure(stores=stores, jobs={"documents": job})
    w.d = w.daemon()
    w.id = w.backup("documents", seconds=600)["snapshot"]
    w.folder = os.path.join(w.local, w.id)
    w.names = sorted(os.listdir(w.folder))
    # Their clients reach the other server, which has no TLS.
    providers.task(w, "copy", w.id, "--from", "azure", "--to", "azure-http")


def came(w, folder):
    """What a client fetched is what we keep at home."""
    providers.same(w.folder, folder)
    shutil.rmtree(folder)


def seen(w, names, what):
    """All of the snapshot's files, and nothing but marks beside them."""
    rig.equal(sorted(n.split("/")[-1] for n in names if "/." not in n),
              [n for n in w.names if not n.startswith(".")], what)


@rig.limited(300)
def test_runbook(w):
    """The runbook's own commands fetch a snapshot from Azure"""
    az = peers.Az(w, w.azure)
    env_file = os.path.join(w.home, "system", "config", "azure-lightrag-backup.env")
    os.makedirs(os.path.dirname(env_file))
    shutil.copy(w.azure.env_file, env_file)
    done = subprocess.run(["bash", "-e", "-c", RUNBOOK], env=dict(az.env, TS=w.id),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=280)
    text = done.stdout.decode("utf-8", "replace")
    rig.check(done.returncode == 0, "the runbook's commands", text[-3000:])
    rig.check(text.count(": OK") == len([n for n in w.names if not n.startswith(".")]) - 1,
              "each file is checked", text[-2000:])
    came(w, os.path.join(w.home, "system/backups/lightrag/azure-restore-" + w.id, w.id))


@rig.limited(300)
def test_rclone(w):
    """rclone lists and fetches from S3 and from Azure"""
    rclone = peers.Rclone(w, w.s3, w.azure)
    for remote, bucket in (("s3:", w.s3.bucket), ("azure:", w.azure.container)):
        place = "%s%s/%s" % (remote, bucket, w.id)
        seen(w, ["x/" + n for n in rclone.list(place)], place)
        rclone.copy(place, w.path("fetched"))
        came(w, w.path("fetched"))


@rig.limited(300)
def test_aws(w):
    """awscli lists and fetches from S3"""
    aws = peers.Aws(w, w.s3)
    seen(w, aws.list(w.s3.bucket, w.id + "/"), "its list")
    aws.copy("s3://%s/%s/" % (w.s3.bucket, w.id), w.path("fetched"))
    came(w, w.path("fetched"))


@rig.limited(300)
def test_s3cmd(w):
    """s3cmd lists and fetches from S3"""
    s3cmd = peers.S3cmd(w, w.s3)
    seen(w, s3cmd.list(w.s3.bucket, w.id + "/"), "its list")
    os.mkdir(w.path("fetched"))
    s3cmd.get("s3://%s/%s/" % (w.s3.bucket, w.id), w.path("fetched") + "/")
    came(w, w.path("fetched"))


@rig.limited(900)
def test_theirs(w):
    """What they uploaded is listed by us, whole, and comes home"""
    rclone = peers.Rclone(w, w.s3, w.azure)
    rclone.copy(w.folder, "s3:by-rclone/" + w.id)
    rclone.copy(w.folder, "azure:by-rclone/" + w.id)
    peers.Aws(w, w.s3).copy(w.folder, "s3://by-aws/" + w.id)
    peers.S3cmd(w, w.s3).put(w.folder, "s3://by-s3cmd/")
    peers.Az(w, w.azure).upload(w.folder, "by-az", w.id)
    away = w.folder + ".away"
    for store in ("s3-rclone", "azure-rclone", "s3-aws", "s3-s3cmd", "azure-az"):
        providers.listed(w, store, w.id)
        providers.deep(w, store, w.id)
        os.rename(w.folder, away)
        try:
            providers.task(w, "copy", w.id, "--from", store, "--to", "local")
            providers.same(away, w.folder)
        finally:
            shutil.rmtree(w.folder, ignore_errors=True)
            os.rename(away, w.folder)


rig.main(globals())
