#!/usr/bin/env python3
"""same_tar.py FOLDER TAR - whether the tar holds just what the folder does.

Kind, mode, owner, size, content, target, hard links, and modification times to
the microsecond.  Prints what differs; exit status 1 when anything does.
"""
import os
import stat
import sys
import tarfile


def of_folder(root):
    found, first = {}, {}
    paths = ["."] + [os.path.relpath(os.path.join(folder, name), root)
                     for folder, dirs, names in os.walk(root) for name in dirs + names]
    for path in sorted(paths):
        full = os.path.join(root, path)
        st = os.lstat(full)
        entry = [stat.S_IFMT(st.st_mode), st.st_uid, st.st_gid, st.st_mtime_ns // 1000]
        if stat.S_ISLNK(st.st_mode):
            entry.append(os.readlink(full))
        else:
            entry.append(stat.S_IMODE(st.st_mode))
        if stat.S_ISREG(st.st_mode):
            with open(full, "rb") as f:
                entry.append(f.read())
        found[path] = entry
        if not stat.S_ISDIR(st.st_mode) and st.st_nlink > 1:
            first.setdefault(st.st_ino, set()).add(path)
    return found, sorted(map(sorted, first.values()))


def of_tar(path):
    found, links = {}, {}
    kinds = {tarfile.SYMTYPE: stat.S_IFLNK, tarfile.DIRTYPE: stat.S_IFDIR,
             tarfile.FIFOTYPE: stat.S_IFIFO}
    with tarfile.open(path) as tar:
        for m in tar:
            name = os.path.normpath(m.name)
            if m.islnk():
                target = os.path.normpath(m.linkname)
                found[name] = found[target]
                links.setdefault(target, {target}).add(name)
                continue
            # Not the float that tarfile makes of it.
            whole, _, part = m.pax_headers.get("mtime", str(int(m.mtime))).partition(".")
            entry = [kinds.get(m.type, stat.S_IFREG), m.uid, m.gid,
                     int(whole) * 10**6 + int((part + "000000")[:6])]
            entry.append(m.linkname if m.issym() else m.mode)
            if m.isreg():
                entry.append(tar.extractfile(m).read())
            found[name] = entry
    return found, sorted(map(sorted, links.values()))


def main():
    (want, want_links), (got, got_links) = of_folder(sys.argv[1]), of_tar(sys.argv[2])
    bad = ["%s: %r, was %r" % (path, got.get(path), want.get(path))
           for path in sorted(set(want) | set(got)) if want.get(path) != got.get(path)]
    if want_links != got_links:
        bad.append("hard links: %r, were %r" % (got_links, want_links))
    print("\n".join(bad))
    sys.exit(bool(bad))


main()
