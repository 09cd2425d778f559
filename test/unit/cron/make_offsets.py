#!/usr/bin/env python3
"""Print offsets.inc: what Python's zoneinfo, a reader of its own, says.

The past and the rules of zones that change often are left out, so that the
table does not depend on the version of the time zone database.
"""
import random
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

ZONES = ["Europe/Oslo", "America/New_York", "Australia/Lord_Howe",
         "Pacific/Apia", "Asia/Kolkata", "America/Sao_Paulo", "Europe/Dublin",
         "Africa/Monrovia", "Australia/Sydney", "Pacific/Kwajalein",
         "Asia/Kathmandu", "UTC", "Etc/GMT+5"]
FAR = ["Europe/Oslo", "America/New_York", "Australia/Lord_Howe",
       "Australia/Sydney", "UTC", "Europe/Dublin"]


def row(zone, t):
    at = datetime.fromtimestamp(t, timezone.utc).astimezone(ZoneInfo(zone))
    print('{ "%s", INT64_C(%d), %d },' %
          (zone, t, at.utcoffset().total_seconds()))


def change_near(zone, lo, hi):
    def off(t):
        return datetime.fromtimestamp(t, timezone.utc).astimezone(
            ZoneInfo(zone)).utcoffset()
    if off(lo) == off(hi):
        return None
    while hi - lo > 1:
        mid = (lo + hi) // 2
        if off(mid) == off(lo):
            lo = mid
        else:
            hi = mid
    return hi


rnd = random.Random(12)
for z in ZONES:
    for _ in range(5):
        t = rnd.randrange(0, 1704067200)    # 1970 to 2023
        row(z, t)
        c = change_near(z, t, t + 150 * 86400)
        if c is not None:
            row(z, c - 1)
            row(z, c)
for z in FAR:
    for _ in range(5):
        t = rnd.randrange(2208988800, 32503680000)    # 2040 to 2999
        row(z, t)
        c = change_near(z, t, t + 150 * 86400)
        if c is not None:
            row(z, c - 1)
            row(z, c)
