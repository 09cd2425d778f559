"""tree.py - make, describe and compare folders, byte for byte.

A description has an entry for each path below a root: kind, mode, owner,
group, modification time in whole seconds (all that a plain tar keeps), size,
digest of the content, target of a symbolic link, and which other paths are
hard links to the same file.
"""
import hashlib
import json
import os
import random
import stat
import subprocess
import tarfile


def _digest(f):
    h = hashlib.sha256()
    for piece in iter(lambda: f.read(1 << 20), b""):
        h.update(piece)
    return h.hexdigest()


def _links(groups):
    """Paths that are one file get the first of them as their name."""
    return {path: min(paths) for paths in groups.values() for path in paths
            if len(paths) > 1}


def describe(root):
    entries, groups = {}, {}
    root = os.fsencode(root)
    for folder, dirs, names in os.walk(root):
        for name in [b"."] * (folder == root) + dirs + names:
            full = os.path.join(folder, name)
            path = os.fsdecode(os.path.relpath(full, root))
            st = os.lstat(full)
            entry = {"mode": stat.S_IMODE(st.st_mode), "uid": st.st_uid,
                     "gid": st.st_gid, "mtime": int(st.st_mtime // 1)}
            if stat.S_ISLNK(st.st_mode):
                entry.update(kind="link", target=os.fsdecode(os.readlink(full)))
                del entry["mode"]
            elif stat.S_ISDIR(st.st_mode):
                entry["kind"] = "dir"
            elif stat.S_ISREG(st.st_mode):
                with open(full, "rb") as f:
                    entry.update(kind="file", size=st.st_size, sha256=_digest(f))
                groups.setdefault((st.st_dev, st.st_ino), []).append(path)
            else:
                entry["kind"] = "special %o" % stat.S_IFMT(st.st_mode)
            entries[path] = entry
    for path, first in _links(groups).items():
        entries[path]["same_as"] = first
    return entries


def describe_tar(path):
    entries, groups = {}, {}
    with tarfile.open(path, "r:*") as tar:
        for m in tar:
            name = os.path.normpath(m.name)
            entry = {"mode": m.mode & 0o7777, "uid": m.uid, "gid": m.gid,
                     "mtime": int(m.mtime // 1)}
            if m.issym():
                entry.update(kind="link", target=m.linkname)
                del entry["mode"]
            elif m.isdir():
                entry["kind"] = "dir"
            elif m.islnk():
                first = os.path.normpath(m.linkname)
                entry = dict(entries[first])
                groups.setdefault(first, [first]).append(name)
            elif m.isreg():
                entry.update(kind="file", size=m.size,
                             sha256=_digest(tar.extractfile(m)))
            else:
                entry["kind"] = "special"
            entries[name] = entry
    for name, first in _links(groups).items():
        entries[name]["same_as"] = first
    return entries


# What busybox does not keep: tar unpacks folders and links with today's time,
# and links with its own owner.
BUSYBOX_TAR = {"link": ("mtime", "uid", "gid"), "dir": ("mtime",)}


def without(entries, lost):
    """For what was made by a tool that loses something of some kinds."""
    return {path: {k: v for k, v in e.items() if k not in lost.get(e["kind"], ())}
            for path, e in entries.items()}


def differences(want, got, limit=10):
    found = []
    for path in sorted(set(want) | set(got)):
        if path not in got:
            found.append("%s is missing" % path)
        elif path not in want:
            found.append("%s is too much" % path)
        else:
            for key in sorted(set(want[path]) | set(got[path])):
                a, b = want[path].get(key), got[path].get(key)
                if a != b:
                    found.append("%s: %s is %s, was %s" % (path, key, b, a))
    return found[:limit] + ["and %d more" % (len(found) - limit)] * (len(found) > limit)


def _write(path, data, mode=0o644):
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, mode)


def _json_store(rng, size):
    """Text that compresses as such files do, about size bytes of it."""
    words = ["".join(rng.choice("etaoinshrdlu") for _ in range(rng.randrange(2, 10)))
             for _ in range(400)]
    rows, have = {}, 0
    while have < size:
        key = "doc-%032x" % rng.getrandbits(128)
        rows[key] = {"content": " ".join(rng.choices(words, k=120)),
                     "vector": "%0512x" % rng.getrandbits(2048)}
        have += len(rows[key]["content"]) + 600
    return json.dumps(rows).encode()


def _graphml(rng, nodes):
    lines = ['<?xml version="1.0" encoding="utf-8"?>',
             '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
             '<graph edgedefault="undirected">']
    lines += ['<node id="n%d"/>' % n for n in range(nodes)]
    lines += ['<edge source="n%d" target="n%d"/>' % (n, rng.randrange(nodes))
              for n in range(nodes)]
    return "\n".join(lines + ["</graph>", "</graphml>", ""]).encode()


def _age(root, rng):
    """Every path gets an own time in the past, the deepest first."""
    for folder, dirs, names in os.walk(root, topdown=False):
        for name in names + dirs:
            when = 1600000000 + rng.randrange(10 ** 8)
            os.utime(os.path.join(folder, name), (when, when), follow_symlinks=False)
    os.utime(root, (1650000000, 1650000000))


def _odd_corners(root, rng):
    """What a careless copy loses."""
    os.makedirs(os.path.join(root, "empty folder"))
    _write(os.path.join(root, "a name with spaces and 'quotes'.txt"), b"x\n", 0o640)
    _write(os.path.join(root, "\u00e6\u00f8\u00e5.txt"), b"utf-8\n", 0o600)
    _write(os.path.join(root, "empty"), b"")
    _write(os.path.join(root, "run.sh"), b"#!/bin/sh\n", 0o755)
    os.link(os.path.join(root, "run.sh"), os.path.join(root, "same.sh"))
    os.symlink("run.sh", os.path.join(root, "link.sh"))
    os.symlink("/nonexistent/target", os.path.join(root, "dangling"))
    os.makedirs(os.path.join(root, *["deep%d" % n for n in range(12)]))
    _write(os.path.join(root, "n" * 180), b"a long name\n")
    _write(os.path.join(root, "random.bin"), rng.randbytes(70000), 0o600)
    os.chmod(os.path.join(root, "empty folder"), 0o700)
    if os.getuid() == 0:
        os.chown(os.path.join(root, "random.bin"), 7474, 7474)
        os.lchown(os.path.join(root, "link.sh"), 1000, 1001)


def make_lightrag(root, megabytes, seed=1):
    """Four folders named as the volumes of such a stack; returns their names."""
    rng = random.Random(seed)
    size = megabytes << 20
    data = os.path.join(root, "lightrag-data")
    os.makedirs(os.path.join(data, "inputs"))
    for name, share in (("kv_store_full_docs", 20), ("kv_store_text_chunks", 20),
                        ("vdb_chunks", 12), ("vdb_entities", 12)):
        _write(os.path.join(data, name + ".json"), _json_store(rng, size // share))
    _odd_corners(os.path.join(data, "inputs"), rng)
    kg = os.path.join(root, "lightrag-kg")
    os.makedirs(kg)
    _write(os.path.join(kg, "graph_chunk_entity_relation.graphml"), _graphml(rng, 5000))
    cache = os.path.join(root, "lightrag-cache")
    os.makedirs(cache)
    _write(os.path.join(cache, "kv_store_llm_response_cache.json"),
           _json_store(rng, size // 20))
    neo4j = os.path.join(root, "lightrag-neo4j-data")
    os.makedirs(os.path.join(neo4j, "databases", "neo4j"))
    for n in range(8):
        _write(os.path.join(neo4j, "databases", "neo4j", "neostore.%d.db" % n),
               rng.randbytes(size // 16), 0o640)
    names = ["lightrag-data", "lightrag-kg", "lightrag-cache", "lightrag-neo4j-data"]
    for name in names:
        _age(os.path.join(root, name), rng)
    return names


def copy_in(source, target):
    """A faithful copy, for tests that change the original afterwards."""
    subprocess.run(["cp", "-a", source, target], check=True)
