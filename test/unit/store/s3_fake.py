#!/usr/bin/env python3
"""s3_fake.py - a small S3 in memory that goes wrong on demand, for unit tests.

Prints "PORT"; ends with its stdin.  Checks signatures, Content-MD5 and payload
digests like the real ones; one bucket "rag".  Beside it the services that hand
out keys: /sts, /container, /latest/... (instance metadata).

PUT /!faults   a JSON list of {"op", "do", "n", "skip", "key"}: after "skip"
               requests of that kind (and with "key" in their target), the next
               "n" (default 1) of them do that instead of what they should
GET /!log      one line for each request since the last such: op, target, key id
GET /!sent?key= headers that came with an object
GET /!state    JSON: objects {key: size}, uploads [key]
PUT /!config   JSON: page (entries of a list), keys {id: [secret, token]},
               is_lasting (keys that were handed out stay good)

Things to "do":
  error:CODE:STATUS[:MESSAGE]  an error document (MESSAGE "-": empty)
  late:CODE        200, white space, then an error document (complete)
  mute:STATUS      no body       html:STATUS  a page for people
  header:N=V:...   as usual, with these headers instead; '#' in V is ':'
  etag:VALUE       as usual, but this ETag     date:SECONDS  skewed answer
  lose             as usual, but reset instead of an answer
  reset            reset at once               cut  half of the body, then reset
  keep             (abort) says yes, keeps it
  ignore           (put-if) puts it whatever is there
  again            (list) a page that tells to go on from where it began
"""
import base64
import hashlib
import hmac
import json
import re
import socket
import struct
import sys
import threading
import time
import urllib.parse as up
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

lock = threading.RLock()
objects, uploads, faults, log = {}, {}, [], []
config = {"page": 1000, "keys": {"AKIDGIVEN": ["given-secret", None]}}
counter = [0]
PARTS_MIN = 5 << 20


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


class Answer(Exception):
    def __init__(self, status, body=b"", headers=()):
        super().__init__()
        self.status, self.headers = status, dict(headers)
        self.body = body if isinstance(body, bytes) else body.encode()


def error(status, code, message="what it says", more=""):
    return Answer(status, "<?xml version=\"1.0\"?>\n<Error><Code>%s</Code>"
                  "<Message>%s</Message>%s</Error>" % (code, message, more))


def hmacs(key, *texts):
    for text in texts:
        key = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return key


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reset(self):
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
        self.connection.shutdown(socket.SHUT_RD)
        self.rfile.close()
        self.connection.close()

    def handle_one(self):
        path, _, text = self.path.partition("?")
        self.path_only = path
        self.query = dict(up.parse_qsl(text, keep_blank_values=True))
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.key = up.unquote(path)[len("/rag/"):] if path.startswith("/rag/") else ""
        op = self.op()
        with lock:
            m = re.search("Credential=([^/]*)/", self.headers.get("Authorization", ""))
            if not path.startswith("/!"):
                log.append("%s %s %s" % (op, self.path, m.group(1) if m else "-"))
            do = self.fault(op)
        if do == "reset":
            return self.reset()
        op = "put" if do == "ignore" else op
        try:
            with lock:
                a = self.instead(do) or getattr(self, "do_" + op.replace("-", "_"))()
        except Answer as raised:
            a = raised
        if do == "lose":
            return self.reset()
        self.change(a, do)
        self.send(a, do == "cut")

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_one

    def op(self):
        q, m = self.query, self.command
        if self.path.startswith("/!"):
            return "control"
        if self.path.startswith("/latest/"):
            return "machine"
        if self.path.startswith(("/sts", "/container")):
            return "sts" if self.path.startswith("/sts") else "container"
        if self.key == "":
            return "uploads" if "uploads" in q else "list"
        if "uploads" in q:
            return "begin"
        if "uploadId" in q:
            return {"PUT": "part", "POST": "complete", "DELETE": "abort",
                    "GET": "parts"}[m]
        if m == "PUT":
            return "put-if" if "If-None-Match" in self.headers else "put"
        return {"GET": "get", "HEAD": "head", "DELETE": "delete"}[m]

    def fault(self, op):
        for f in faults:
            if f["op"] == op and f.get("key", "") in self.path:
                if f.get("skip", 0) > 0:
                    f["skip"] -= 1
                    continue
                f["n"] = f.get("n", 1) - 1
                if f["n"] == 0:
                    faults.remove(f)
                return f["do"]
        return ""

    def instead(self, do):
        word, _, rest = do.partition(":")
        if word == "error":
            code, status, message = (rest + ":what it says").split(":")[:3]
            return error(int(status), code, "" if message == "-" else message)
        if word == "late":
            return Answer(200, b"   \n  " + error(200, rest).body)
        if word == "mute":
            return Answer(int(rest))
        if word == "html":
            return Answer(int(rest), "<html><head><title>no<br></head>Sorry")
        if do == "keep":
            return Answer(204)
        if do == "again":
            return Answer(200, "<ListBucketResult><IsTruncated>true</IsTruncated>"
                          "<NextContinuationToken>same</NextContinuationToken>"
                          "</ListBucketResult>")
        return None

    def change(self, a, do):
        word, _, rest = do.partition(":")
        if word == "etag":
            a.headers["ETag"] = rest
            a.body = re.sub(b"<ETag>.*?</ETag>", b"<ETag>%s</ETag>" % rest.encode(), a.body)
        elif word == "header":
            for pair in rest.split(":"):
                name, _, value = pair.partition("=")
                a.headers[name] = value.replace("#", ":")
        elif word == "date":
            a.status, a.body = 403, error(403, "RequestTimeTooSkewed").body
            a.headers["Date"] = formatdate(time.time() + int(rest), usegmt=True)

    def send(self, a, is_cut):
        self.send_response_only(a.status)
        a.headers.setdefault("Date", formatdate(usegmt=True))
        a.headers.setdefault("Content-Length", str(len(a.body)))
        for name, value in a.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(a.body[:len(a.body) // 2] if is_cut else a.body)
        if is_cut:
            self.wfile.flush()
            time.sleep(0.05)
            self.reset()

    # --- Control.

    def do_control(self):
        what = self.path_only[2:]
        if what == "faults":
            faults[:] = json.loads(self.body)
        elif what == "config":
            config.update(json.loads(self.body))
        elif what == "clear":
            objects.clear()
            uploads.clear()
            faults.clear()
            log.clear()
            config.update(page=1000, keys={"AKIDGIVEN": ["given-secret", None]})
        elif what == "log":
            text = "".join(line + "\n" for line in log)
            log.clear()
            return Answer(200, text)
        elif what == "state":
            return Answer(200, json.dumps({
                "objects": {k: len(v[0]) for k, v in objects.items()},
                "uploads": sorted(u["key"] for u in uploads.values())}))
        elif what == "sent":
            return Answer(200, "".join("%s: %s\n" % (n.lower(), v)
                                       for n, v in objects[self.query["key"]][2].items()))
        elif what == "plant":
            uploads[self.query["id"]] = {"key": self.query["key"], "parts": {},
                                         "at": time.time() - int(self.query["age"])}
        return Answer(200)

    # --- Who asks.

    def signed(self):
        h = self.headers
        m = re.match(r"AWS4-HMAC-SHA256 Credential=([^/]*)/(\d{8})/([^/]*)/s3/aws4_request, "
                     r"SignedHeaders=([^,]*), Signature=([0-9a-f]{64})$",
                     h.get("Authorization", ""))
        if not m:
            raise error(403, "AccessDenied")
        key_id, day, region, names, signature = m.groups()
        if key_id not in config["keys"]:
            raise error(403, "InvalidAccessKeyId")
        secret, token = config["keys"][key_id]
        if h.get("x-amz-security-token") != token:
            raise error(403, "InvalidToken")
        for name in h:
            if (name.lower().startswith("x-amz-") or name.lower() == "host") and \
                    name.lower() not in names.split(";"):
                raise error(403, "AccessDenied", "not signed: " + name)
        query = "&".join("%s=%s" % t for t in sorted(
            (up.quote(k, safe="-_.~"), up.quote(v, safe="-_.~"))
            for k, v in self.query.items()))
        canon = "\n".join([self.command, self.path_only, query, "".join(
            "%s:%s\n" % (n, " ".join(h[n].split())) for n in names.split(";")),
            names, h["x-amz-content-sha256"]])
        text = "\n".join(["AWS4-HMAC-SHA256", h["x-amz-date"],
                          "%s/%s/s3/aws4_request" % (day, region),
                          hashlib.sha256(canon.encode()).hexdigest()])
        key = hmacs(("AWS4" + secret).encode(), day, region, "s3", "aws4_request")
        if hmacs(key, text).hex() != signature:
            raise error(403, "SignatureDoesNotMatch")
        if region != "us-east-1":
            raise error(400, "AuthorizationHeaderMalformed", "-", "<Region>us-east-1</Region>")
        if hashlib.sha256(self.body).hexdigest() != h["x-amz-content-sha256"]:
            raise error(400, "XAmzContentSHA256Mismatch")
        md5 = base64.b64encode(hashlib.md5(self.body).digest()).decode()
        if h.get("Content-MD5", md5) != md5:
            raise error(400, "BadDigest")
        if self.command == "PUT" and "Content-MD5" not in h:
            raise error(400, "InvalidRequest", "no Content-MD5")
        if not self.path_only.startswith("/rag"):
            raise error(404, "NoSuchBucket")

    # --- Objects.

    def store(self, key, data, etag):
        objects[key] = (data, etag, dict(self.headers.items()), time.time())
        return Answer(200, b"", {"ETag": '"%s"' % etag})

    def do_put(self):
        self.signed()
        return self.store(self.key, self.body, hashlib.md5(self.body).hexdigest())

    def do_put_if(self):
        self.signed()
        if self.key in objects:
            raise error(412, "PreconditionFailed")
        return self.do_put()

    def found(self):
        self.signed()
        if self.key not in objects:
            raise error(404, "NoSuchKey")
        return objects[self.key]

    def do_head(self):
        data, etag, sent, at = self.found()
        a = Answer(200, b"", {"ETag": '"%s"' % etag, "Content-Length": str(len(data)),
                              "Last-Modified": formatdate(at, usegmt=True)})
        for name, value in sent.items():
            if name.lower() == "x-amz-server-side-encryption":
                a.headers[name] = value
        return a

    def do_get(self):
        data, etag, _, _ = self.found()
        if self.headers.get("If-Match", '"%s"' % etag) != '"%s"' % etag:
            raise error(412, "PreconditionFailed")
        m = re.match(r"bytes=(\d+)-(\d+)$", self.headers.get("Range", ""))
        if not m:
            return Answer(200, data, {"ETag": '"%s"' % etag})
        first, last = int(m.group(1)), min(int(m.group(2)), len(data) - 1)
        if first >= len(data):
            raise error(416, "InvalidRange")
        return Answer(206, data[first:last + 1], {
            "ETag": '"%s"' % etag,
            "Content-Range": "bytes %d-%d/%d" % (first, last, len(data))})

    def do_delete(self):
        self.signed()
        objects.pop(self.key, None)
        return Answer(204)

    def do_list(self):
        self.signed()
        q = self.query
        prefix, slash = q.get("prefix", ""), q.get("delimiter", "")
        names = []
        for key in sorted(objects):
            if key.startswith(prefix):
                at = key.find(slash, len(prefix)) if slash else -1
                name = (key[:at + 1], True) if at >= 0 else (key, False)
                if name not in names:
                    names.append(name)
        start = int(q.get("continuation-token", "t0")[1:])
        page = names[start:start + min(config["page"], int(q["max-keys"]))]
        end = start + len(page)
        text = "".join(
            "<CommonPrefixes><Prefix>%s</Prefix></CommonPrefixes>" % up.quote_plus(n, safe="/")
            if is_folder else
            "<Contents><Key>%s</Key><Size>%d</Size><LastModified>%s</LastModified></Contents>"
            % (up.quote_plus(n, safe="/"), len(objects[n][0]), stamp(objects[n][3]))
            for n, is_folder in page)
        more = "<NextContinuationToken>t%d</NextContinuationToken>" % end
        return Answer(200, "<ListBucketResult><EncodingType>url</EncodingType>%s%s"
                      "<IsTruncated>%s</IsTruncated></ListBucketResult>" % (
                          text, more if end < len(names) else "",
                          "true" if end < len(names) else "false"))

    # --- Uploads in parts.

    def do_begin(self):
        self.signed()
        counter[0] += 1
        name = "upload+%d/x" % counter[0]
        uploads[name] = {"key": self.key, "parts": {}, "at": time.time(),
                         "head": dict(self.headers.items())}
        return Answer(200, "<InitiateMultipartUploadResult><UploadId>%s</UploadId>"
                      "</InitiateMultipartUploadResult>" % name)

    def upload(self):
        self.signed()
        u = uploads.get(self.query["uploadId"])
        if u is None or u["key"] != self.key:
            raise error(404, "NoSuchUpload")
        return u

    def do_part(self):
        etag = hashlib.md5(self.body).hexdigest()
        self.upload()["parts"][int(self.query["partNumber"])] = (self.body, etag)
        return Answer(200, b"", {"ETag": '"%s"' % etag})

    def do_complete(self):
        u = self.upload()
        want = re.findall(r"<PartNumber>(\d+)</PartNumber><ETag>&quot;(.*?)&quot;</ETag>",
                          self.body.decode())
        have = u["parts"]
        if not want or [n for n, e in want if have.get(int(n), ("", ""))[1] != e]:
            raise error(400, "InvalidPart")
        if [n for n, _ in want[:-1] if len(have[int(n)][0]) < PARTS_MIN]:
            raise error(400, "EntityTooSmall")
        etag = "%s-%d" % (hashlib.md5(b"".join(
            bytes.fromhex(e) for _, e in want)).hexdigest(), len(want))
        del uploads[self.query["uploadId"]]
        self.store(self.key, b"".join(have[int(n)][0] for n, _ in want), etag)
        return Answer(200, "<CompleteMultipartUploadResult><ETag>&quot;%s&quot;</ETag>"
                      "</CompleteMultipartUploadResult>" % etag)

    def do_abort(self):
        self.upload()
        del uploads[self.query["uploadId"]]
        return Answer(204)

    def do_parts(self):
        self.upload()
        return Answer(200, "<ListPartsResult></ListPartsResult>")

    def do_uploads(self):
        self.signed()
        q = self.query
        mark = (q.get("key-marker", ""), q.get("upload-id-marker", ""))
        rows = sorted((u["key"], name, u["at"]) for name, u in uploads.items()
                      if u["key"].startswith(q.get("prefix", "")))
        rows = [r for r in rows if r[:2] > mark]
        page = rows[:config["page"]]
        text = "".join("<Upload><Key>%s</Key><UploadId>%s</UploadId><Initiated>%s</Initiated>"
                       "</Upload>" % (up.quote_plus(k, safe="/"), escape(i), stamp(at))
                       for k, i, at in page)
        if len(rows) > len(page):
            text += ("<NextKeyMarker>%s</NextKeyMarker><NextUploadIdMarker>%s"
                     "</NextUploadIdMarker>" % (up.quote_plus(page[-1][0], safe="/"),
                                                escape(page[-1][1])))
        return Answer(200, "<ListMultipartUploadsResult><EncodingType>url</EncodingType>"
                      "<IsTruncated>%s</IsTruncated>%s</ListMultipartUploadsResult>" % (
                          "true" if len(rows) > len(page) else "false", text))

    # --- Services that hand out keys.

    def fresh(self, kind):
        """A new key of that kind; only the last one is good, unless configured."""
        for name in [k for k in config["keys"] if k.startswith("ASIA" + kind)]:
            if not config.get("is_lasting"):
                del config["keys"][name]
        counter[0] += 1
        name = "ASIA%s%d" % (kind, counter[0])
        config["keys"][name] = ["secret-of-" + name, "token/of+" + name]
        return name, "secret-of-" + name, "token/of+" + name, stamp(time.time() + 3600)

    def do_sts(self):
        form = dict(up.parse_qsl(self.body.decode()))
        if form.get("WebIdentityToken") != "web-token+/=" or form["Version"] != "2011-06-15":
            raise Answer(400, "<ErrorResponse><Error><Code>InvalidIdentityToken</Code>"
                         "<Message>web-token</Message></Error></ErrorResponse>")
        log.append("role %s %s" % (form["RoleArn"], form["RoleSessionName"]))
        return Answer(200, "<AssumeRoleWithWebIdentityResponse xmlns=\"urn:x\">"
                      "<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>%s"
                      "</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s"
                      "</SessionToken><Expiration>%s</Expiration></Credentials>"
                      "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
                      % self.fresh("WEB"))

    def keys_json(self, kind):
        names = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
        return Answer(200, json.dumps(dict(zip(names, self.fresh(kind)), Code="Success")))

    def do_container(self):
        if self.headers.get("Authorization") != "container-token":
            raise Answer(403, "no")
        return self.keys_json("BOX")

    def do_machine(self):
        if self.path == "/latest/api/token":
            ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
            return Answer(200 if self.command == "PUT" and ttl == "21600" else 400, "imds-token")
        if self.headers.get("X-aws-ec2-metadata-token") != "imds-token":
            raise Answer(401)
        base = "/latest/meta-data/iam/security-credentials/"
        if self.path == base:
            return Answer(200, "the-role\n")
        if self.path == base + "the-role":
            return self.keys_json("VM")
        raise Answer(404)


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
server.handle_error = lambda *args: None    # Clients go as they please.
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
