"""gcs_store.py - what test/services/gcs keeps: buckets, objects, uploads."""
import base64
import ctypes
import hashlib
import json
import os
import struct
import subprocess
import threading
import time

WRITABLE = ("contentType", "contentEncoding", "contentDisposition",
            "contentLanguage", "cacheControl", "metadata", "storageClass")
CRC_C = """
#include <stddef.h>
#include <stdint.h>
static uint32_t t[256];
__attribute__((constructor)) static void init(void) {
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78 : c >> 1;
		t[i] = c;
	}
}
uint32_t crc32c(uint32_t c, const uint8_t *p, size_t n) {
	for (c = ~c; n > 0; n--)
		c = t[(c ^ *p++) & 255] ^ c >> 8;
	return ~c;
}
"""


def crc_in_python(crc, data, n, table=[]):
    if not table:
        for i in range(256):
            for _ in range(8):
                i = i >> 1 ^ 0x82f63b78 if i & 1 else i >> 1
            table.append(i)
    crc ^= 0xffffffff
    for byte in data[:n]:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xffffffff


def crc_function(folder):
    source, made = folder + "/crc32c.c", folder + "/crc32c.so"
    with open(source, "w") as f:
        f.write(CRC_C)
    try:
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", made, source],
                       check=True, stderr=subprocess.DEVNULL)
        fn = ctypes.CDLL(made).crc32c
    except (OSError, subprocess.CalledProcessError):
        return crc_in_python
    fn.restype = ctypes.c_uint32
    fn.argtypes = (ctypes.c_uint32, ctypes.c_char_p, ctypes.c_size_t)
    return fn


def b64(data):
    return base64.b64encode(data).decode()


class Answer(Exception):
    """What a request is answered with."""

    def __init__(self, status, body=b"", headers=()):
        super().__init__(status)
        if isinstance(body, (dict, list)):
            headers = {"Content-Type": "application/json; charset=UTF-8", **dict(headers)}
            body = json.dumps(body).encode()
        self.status, self.body, self.headers = status, body, dict(headers)


def refuse(status, reason, message, headers=()):
    return Answer(status, {"error": {"code": status, "message": message, "errors": [
        {"message": message, "domain": "global", "reason": reason}]}}, headers)


class Upload:
    """Bytes on their way to become an object; a session when it has an id."""

    def __init__(self, store, bucket, name, meta, query):
        self.store, self.bucket, self.name = store, bucket, name
        self.meta, self.query = meta, query
        self.path = store.new_path()
        self.file = open(self.path, "wb")
        self.size, self.crc, self.md5 = 0, 0, hashlib.md5()
        self.id = self.total = self.object = None
        self.lock = threading.Lock()

    def add(self, data):
        self.file.write(data)
        self.md5.update(data)
        self.crc = self.store.crc32c(self.crc, data, len(data))
        self.size += len(data)

    def drop(self):
        self.file.close()
        if self.object is None and os.path.exists(self.path):
            os.unlink(self.path)

    def finish(self, given=(), is_blind=False):
        """Becomes an object, unless a digest that came with it is wrong."""
        self.file.close()
        digests = {"crc32c": b64(struct.pack(">I", self.crc)), "md5Hash": b64(self.md5.digest())}
        wanted = [(k, self.meta[k]) for k in digests if k in self.meta] + list(given)
        for kind, value in () if is_blind else wanted:
            if value != digests[kind]:
                self.drop()
                name = "CRC32C" if kind == "crc32c" else "MD5 hash"
                raise refuse(400, "invalid", "Provided %s \"%s\" doesn't match calculated %s"
                             " \"%s\"." % (name, value, name, digests[kind]))
        try:
            self.object = self.store.publish(self, digests)
        except Answer:
            self.drop()
            raise
        return self.object


class Store:
    """Buckets, objects, sessions, tokens, and the faults that were asked for."""

    def __init__(self, folder, options):
        self.folder, self.options = folder, options
        self.crc32c = crc_function(folder)
        self.lock = threading.RLock()
        self.count = self.generation = 0
        self.buckets = {name: {} for name in options.bucket}
        self.sessions, self.gone, self.tokens = {}, {}, {}
        self.faults, self.log = [], []
        self.lifetime, self.page = 3600, 1000

    def new_path(self):
        with self.lock:
            self.count += 1
            return "%s/data/%d" % (self.folder, self.count)

    def bucket(self, name):
        if name not in self.buckets:
            raise refuse(404, "notFound", "The specified bucket does not exist.")
        return self.buckets[name]

    def find(self, bucket, name, query=()):
        o = self.bucket(bucket).get(name)
        if o is None or dict(query).get("generation", o["generation"]) != o["generation"]:
            raise refuse(404, "notFound", "No such object: %s/%s" % (bucket, name))
        return o

    def check_conditions(self, o, query):
        have = o["generation"] if o else "0"
        if query.get("ifGenerationMatch", have) != have:
            raise refuse(412, "conditionNotMet", "At least one of the pre-conditions you "
                         "specified did not hold.")
        if o and query.get("ifGenerationNotMatch") == have:
            raise Answer(304)

    def publish(self, upload, digests):
        with self.lock:
            bucket = self.bucket(upload.bucket)
            self.check_conditions(bucket.get(upload.name), upload.query)
            now = time.time()
            self.generation = max(self.generation + 1, int(now * 1e6))
            date = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + ".%03dZ" % (now % 1 * 1000)
            o = {"kind": "storage#object", "name": upload.name, "bucket": upload.bucket,
                 "id": "%s/%s/%d" % (upload.bucket, upload.name, self.generation),
                 "generation": str(self.generation), "metageneration": "1",
                 "contentType": "application/octet-stream", "storageClass": "STANDARD",
                 "size": str(upload.size), "etag": b64(str(self.generation).encode()),
                 "timeCreated": date, "updated": date, "timeStorageClassUpdated": date,
                 **{k: v for k, v in upload.meta.items() if k in WRITABLE}, **digests}
            self.forget(bucket.pop(upload.name, None))
            bucket[upload.name] = {**o, "_path": upload.path}
            return o

    def forget(self, o):
        if o is not None:
            os.unlink(o["_path"])       # Who reads it goes on reading.

    def end_session(self, upload, status):
        """From now on it is answered with ${status}."""
        with self.lock:
            self.sessions.pop(upload.id, None)
            self.gone[upload.id] = status
        upload.drop()

    def issue(self):
        token = "ya29.fake-" + base64.urlsafe_b64encode(os.urandom(24)).decode()
        with self.lock:
            self.tokens[token] = time.time() + self.lifetime
        return {"access_token": token, "expires_in": int(self.lifetime), "token_type": "Bearer"}

    def take_fault(self, what, name):
        with self.lock:
            for f in self.faults:
                if f["what"] not in (what, "*") or f.get("name", "") not in name:
                    continue
                if f.get("skip", 0) > 0:
                    f["skip"] -= 1
                    continue
                f["times"] = f.get("times", 1) - 1
                if f["times"] <= 0:
                    self.faults.remove(f)
                return f
        return {}
