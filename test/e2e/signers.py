"""signers.py - requests to S3 and Azure Blob, signed by nothing but Python.

What tests make and look at themselves, so that no store is its own witness.
"""
import base64
import datetime
import email.utils
import hashlib
import hmac
import http.client
import re
import ssl
import urllib.parse

import rig


def send(url, method, path, headers, body):
    """One request; (status, body)."""
    if url.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        c = http.client.HTTPSConnection(url.hostname, url.port, timeout=60, context=context)
    else:
        c = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    try:
        c.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            c.putheader(name, value)
        c.endheaders(body)
        answer = c.getresponse()
        return answer.status, answer.read()
    finally:
        c.close()


def quote(text, keep=""):
    return urllib.parse.quote(text, safe=keep)


class S3:
    """Path style, AWS Signature Version 4."""

    def __init__(self, endpoint, access, secret, region):
        self.url = urllib.parse.urlsplit(endpoint)
        self.access, self.secret, self.region = access, secret, region

    def key(self, day):
        key = ("AWS4" + self.secret).encode()
        for part in (day, self.region, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key

    def ask(self, method, path, query=(), body=b""):
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        digest = hashlib.sha256(body).hexdigest()
        headers = {"host": self.url.netloc, "x-amz-content-sha256": digest,
                   "x-amz-date": stamp}
        words = "&".join("%s=%s" % (quote(k), quote(v)) for k, v in sorted(query))
        path, names = quote(path, "/"), ";".join(headers)
        asked = "\n".join([method, path, words, "".join(
            "%s:%s\n" % pair for pair in headers.items()), names, digest])
        scope = "%s/%s/s3/aws4_request" % (day, self.region)
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope,
                          hashlib.sha256(asked.encode()).hexdigest()])
        headers["authorization"] = (
            "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" %
            (self.access, scope, names,
             hmac.new(self.key(day), text.encode(), hashlib.sha256).hexdigest()))
        headers["content-length"] = str(len(body))
        return send(self.url, method, path + ("?" + words if words else ""), headers, body)

    def must(self, *args, **more):
        status, body = self.ask(*args, **more)
        rig.check(status // 100 == 2, "S3 %s" % (args,), status, body)
        return body.decode()

    def make(self, bucket):
        self.must("PUT", "/" + bucket)

    def uploads(self, bucket):
        """Multipart uploads that nobody has ended."""
        return re.findall(r"<Key>([^<]*)</Key>",
                          self.must("GET", "/" + bucket, [("uploads", "")]))

    def names(self, bucket, prefix=""):
        return re.findall(r"<Key>([^<]*)</Key>",
                          self.must("GET", "/" + bucket, [("list-type", "2"),
                                                          ("prefix", prefix)]))


class Azure:
    """SharedKey, with the account in the path as local servers have it."""

    def __init__(self, endpoint, account, key):
        self.url = urllib.parse.urlsplit(endpoint)
        self.account, self.secret = account, base64.b64decode(key)

    def ask(self, method, path, query=(), body=b"", headers=None):
        sent = {"x-ms-date": email.utils.formatdate(usegmt=True),
                "x-ms-version": "2021-08-06"}
        sent.update(headers or {})
        full = self.url.path.rstrip("/") + quote(path, "/")
        lines = [method, "", "", str(len(body) or ""), "", "", "", "", "", "", "", ""]
        lines += ["%s:%s" % (k, sent[k]) for k in sorted(sent)]
        lines += ["/%s%s" % (self.account, full)]
        lines += ["%s:%s" % (k.lower(), v) for k, v in sorted(query)]
        sign = hmac.new(self.secret, "\n".join(lines).encode(), hashlib.sha256).digest()
        sent["authorization"] = "SharedKey %s:%s" % (self.account,
                                                     base64.b64encode(sign).decode())
        sent["host"] = self.url.netloc
        sent["content-length"] = str(len(body))
        words = "&".join("%s=%s" % (quote(k), quote(v)) for k, v in query)
        return send(self.url, method, full + ("?" + words if words else ""), sent, body)

    def must(self, *args, **more):
        status, body = self.ask(*args, **more)
        rig.check(status // 100 == 2, "Azure %s" % (args,), status, body)
        return body.decode("utf-8-sig")

    def make(self, container):
        self.must("PUT", "/" + container, [("restype", "container")])

    def listed(self, container, include):
        return self.must("GET", "/" + container, [("restype", "container"),
                                                  ("comp", "list"), ("include", include)])

    def names(self, container):
        return re.findall(r"<Name>([^<]*)</Name>", self.listed(container, "metadata"))

    def uploads(self, container):
        """Blobs that have nothing but uncommitted blocks."""
        every = re.findall(r"<Name>([^<]*)</Name>",
                           self.listed(container, "uncommittedblobs"))
        return sorted(set(every) - set(self.names(container)))
