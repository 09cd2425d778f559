"""gcs_upload.py - uploads to test/services/gcs: media, multipart, sessions."""
import base64
import json
import os
import re
import urllib.parse

from gcs_store import Answer, Upload, refuse

GRANULE = 256 * 1024
CLASSES = ("STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE")


class Uploads:
    """A part of the handler in gcs_http.py."""

    def new_upload(self, bucket, meta):
        name = self.query.get("name") or meta.get("name")
        self.server.store.bucket(bucket)
        if not name or not isinstance(name, str):
            raise refuse(400, "required", "Required parameter: name")
        if len(name.encode()) > 1024 or re.search("[\r\n]", name) or name in (".", ".."):
            raise refuse(400, "invalid", "Disallowed unicode characters present in object name "
                         "or too long: '%.40s'" % name)
        if meta.get("storageClass", CLASSES[0]) not in CLASSES:
            raise refuse(400, "invalid", "Invalid storage class " + str(meta["storageClass"]))
        query = dict(self.query)
        if self.fault.get("unconditional"):
            query.pop("ifGenerationMatch", None)
        return Upload(self.server.store, bucket, name, meta, query)

    def given_digests(self):
        """Digests in headers: X-Goog-Hash, once or in several lines."""
        text = ",".join(self.headers.get_all("X-Goog-Hash") or ())
        names = {"crc32c": "crc32c", "md5": "md5Hash"}
        return [(names[k.strip()], v.strip()) for k, _, v in
                (p.partition("=") for p in text.split(",") if p) if k.strip() in names]

    def on_upload(self, bucket):
        if "upload_id" in self.query:
            return self.on_session()
        kind = self.query.get("uploadType")
        if self.command != "POST" or kind not in ("media", "multipart", "resumable"):
            raise refuse(400, "badRequest", "Upload requests must include an uploadType URL "
                         "parameter and a URL path beginning with /upload/")
        return getattr(self, "on_" + kind)(bucket)

    def on_media(self, bucket):
        meta = {"contentType": self.headers.get("Content-Type") or "application/octet-stream"}
        if "contentEncoding" in self.query:
            meta["contentEncoding"] = self.query["contentEncoding"]
        up = self.new_upload(bucket, meta)
        try:
            self.take_bytes(up)
        except ConnectionError:
            up.drop()
            raise
        self.ok(self.shown(up.finish(self.given_digests(), self.fault.get("blind"))))

    def take_bytes(self, up, skip=0, most=None):
        """
        The body into ${up}, but for its first ${skip} bytes, ${most} at most.
        Of what breaks off whole granules stay.
        """
        flip, kept, rest = self.fault.get("flip"), 0, b""
        while True:
            data = self.read_some()
            if not data:
                break
            skipped = min(skip, len(data))
            skip -= skipped
            data = data[skipped:]
            if flip and data:
                data, flip = bytes([data[0] ^ 1]) + data[1:], False
            if most is not None:
                data = data[:most - kept]
            kept += len(data)
            rest += data
            whole = len(rest) // GRANULE * GRANULE
            if whole:
                up.add(rest[:whole])
                rest = rest[whole:]
        up.add(rest)

    def on_multipart(self, bucket):
        # Google's own gcloud has quotes of its own, and ends lines by a newline.
        m = re.match(r"""multipart/related;.*boundary=(["']?)(.+?)\1\s*(;|$)""",
                     self.headers.get("Content-Type", ""))
        if not m:
            raise refuse(400, "badRequest", "Missing multipart boundary")
        mark, body = b"--" + m.group(2).encode(), self.read_all()
        end = b"\r\n" if body.lstrip().startswith(mark + b"\r\n") else b"\n"
        parts = re.split(b"(?:^|%s)%s(?:%s|--)" % (end, re.escape(mark), end), body)
        if len(parts) != 4 or parts[0].strip() or parts[3].strip():
            raise refuse(400, "badContent", "Malformed multipart body.")
        heads, contents = [], []
        for part in parts[1:3]:
            head, gap, rest = (end + part).partition(end + end)
            if not gap:
                raise refuse(400, "badContent", "Malformed multipart body.")
            heads.append(head.decode("latin-1"))
            contents.append(rest)
        try:
            meta = json.loads(contents[0])
        except ValueError:
            raise refuse(400, "parseError", "Parse Error") from None
        kind = re.search(r"(?im)^content-type:\s*(\S.*?)\s*$", heads[1])
        if kind and "contentType" not in meta:
            meta["contentType"] = kind.group(1)
        up = self.new_upload(bucket, meta)
        data = contents[1]
        if self.fault.get("flip") and data:
            data = bytes([data[0] ^ 1]) + data[1:]
        up.add(data)
        self.ok(self.shown(up.finish(self.given_digests(), self.fault.get("blind"))))

    def on_resumable(self, bucket):
        store, meta = self.server.store, self.read_json()
        if self.headers.get("X-Upload-Content-Type"):
            meta.setdefault("contentType", self.headers["X-Upload-Content-Type"])
        up = self.new_upload(bucket, meta)
        length = self.headers.get("X-Upload-Content-Length")
        up.total = int(length) if length and length.isdigit() else None
        with store.lock:
            store.check_conditions(store.bucket(bucket).get(up.name), self.query)
            up.id = base64.urlsafe_b64encode(os.urandom(60)).decode()
            store.sessions[up.id] = up
        host = store.options.public_host or self.headers.get("Host", "")
        place = "%s://%s/upload/storage/v1/b/%s/o?%s" % (
            self.origin().partition(":")[0], host, urllib.parse.quote(bucket, safe=""),
            urllib.parse.urlencode({"uploadType": "resumable", "name": up.name,
                                    "upload_id": up.id}))
        raise Answer(200, b"", {"Location": place, "X-GUploader-UploadID": up.id})

    def session(self):
        store = self.server.store
        up = store.sessions.get(self.query["upload_id"])
        if up is None:
            raise refuse(store.gone.get(self.query["upload_id"], 404), "gone",
                         "The upload session is not there.")
        return up

    def on_session(self):
        up = self.session()
        with up.lock:
            if up.object:
                self.ok(self.shown(up.object))
            is_last = self.take_piece(up, self.headers.get("Content-Range"))
            if is_last:
                try:
                    made = up.finish(self.given_digests(), self.fault.get("blind"))
                except Answer:
                    self.server.store.end_session(up, 410)
                    raise
                self.ok(self.shown(made))
            up.file.flush()
            raise Answer(308, b"", {"Range": "bytes=0-%d" % (up.size - 1)} if up.size else {})

    def take_piece(self, up, text):
        """One PUT of a session; whether the object is complete by it."""
        m = re.match(r"bytes (?:(\*)|(\d+)-(\d+|\*))/(\*|\d+)$",
                     text or "bytes 0-*/*")
        if not m:
            raise refuse(400, "badRequest", "Failed to parse Content-Range header.")
        is_query, first, last, total = m.groups()
        if total != "*":
            if up.total not in (None, int(total)):
                raise refuse(400, "badRequest", "The total size differs from what was declared.")
            up.total = int(total)
        if is_query:
            if self.read_some():
                raise refuse(400, "badRequest", "A status query has no body.")
            return total != "*" and up.size == up.total
        first, length = int(first), None if self.chunked else self.left
        if last != "*":
            if int(last) - first + 1 != length:
                raise refuse(400, "badRequest", "Content-Range and Content-Length differ.")
            if total != "*" and int(last) >= int(total):
                raise refuse(400, "badRequest", "Content-Range ends behind its total.")
        is_last = last == "*" or total != "*" and int(last) + 1 == int(total)
        if not is_last and length % GRANULE:
            raise refuse(400, "badRequest", "Invalid request.  The number of bytes uploaded is "
                         "required to be equal or greater than 262144, except for the final "
                         "request, and a multiple of it.")
        if first > up.size:
            raise refuse(400, "badRequest", "Invalid request.  According to the Content-Range "
                         "header, the upload offset is %d byte(s), which exceeds already "
                         "uploaded size of %d byte(s)." % (first, up.size))
        keep = self.fault.get("keep")
        self.take_bytes(up, up.size - first, None if keep is None else keep // GRANULE * GRANULE)
        if keep is not None or not is_last:
            return False
        if up.total not in (None, up.size):
            raise refuse(400, "badRequest", "The object has %d bytes, declared were %d."
                         % (up.size, up.total))
        return True

    def on_cancel(self, bucket):
        up = self.session() if "upload_id" in self.query else None
        if up is None or up.bucket != bucket:
            raise refuse(404, "notFound", "Not Found")
        self.server.store.end_session(up, 499)
        raise Answer(499)
