#!/usr/bin/env python3
"""Jobs run when they are due; what was missed is caught up once."""
import json
import time

import rig
from rig import check, equal


def setup(w):
    data = w.path("data")
    rig.os.makedirs(data)
    with open(w.path("data", "a.txt"), "w") as f:
        f.write("x\n")
    w.jobs = {
        "often": job(w, {"cron": "*/2 * * * * *", "timezone": "UTC", "catch_up": "0s"}),
        "caught": job(w, {"cron": "*/4 * * * * *", "timezone": "Europe/Oslo",
                          "catch_up": "1h"}),
        "sunday": job(w, {"cron": "0 4 * * 0", "timezone": "Europe/Oslo",
                          "catch_up": "24h"})}
    w.configure(stores={"local": w.store()}, jobs=w.jobs)
    w.d = w.daemon()


def job(w, schedule):
    return {"source": {"type": "directory", "paths": [w.path("data")]},
            "schedule": schedule,
            "stores": [{"store": "local", "keep": {"last": 3}}]}


def runs(w, name):
    return w.ask("history", name, "--limit", "200")


def test_due(w):
    """A job due every two seconds runs again and again, by the schedule."""
    rig.wait_until(lambda: len([r for r in runs(w, "often") if r["state"] == "done"]) >= 3,
                   30, "three runs")
    rows = runs(w, "often")
    check(all(r["trigger"] == "schedule" for r in rows), "trigger",
          [r["trigger"] for r in rows])
    due = [r["scheduled_for"] for r in rows]
    equal(len(set(due)), len(due), "each firing ran once")
    check(all(int(d[17:19]) % 2 == 0 for d in due), "on even seconds", due)


def test_next(w):
    """next and status tell when each job is due, in local time right."""
    rows = w.ask("next", "sunday", "--count", "60")
    text = json.dumps(rows)
    check("T02:00:00" in text and "T03:00:00" in text,
          "04:00 in Oslo is 02:00 UTC in summer and 03:00 in winter", text[:2000])


@rig.limited(90)
def test_catch_up(w):
    """What was missed while the daemon was down is caught up once."""
    w.d.stop()
    equal(w.ctl("ping").status, 69, "the daemon is down")
    time.sleep(13)
    w.d = w.daemon()
    before = time.time()
    rig.wait_until(lambda: [r for r in runs(w, "caught") if r["trigger"] == "catch-up"],
                   20, "a catch-up run")
    time.sleep(max(0, 6 - (time.time() - before)))
    caught = [r for r in runs(w, "caught") if r["trigger"] == "catch-up"]
    equal(len(caught), 1, "once")
    equal([r for r in runs(w, "often") if r["trigger"] == "catch-up"], [],
          "not the one with catch_up 0s")


def test_pause(w):
    """A paused job does not run; after resume it does."""
    equal(w.ctl("pause", "often").status, 0, "pause")
    time.sleep(3)
    count = len(runs(w, "often"))
    time.sleep(5)
    equal(len(runs(w, "often")), count, "runs while paused")
    equal(w.ctl("resume", "often").status, 0, "resume")
    rig.wait_until(lambda: len(runs(w, "often")) > count, 15, "it runs again")
    w.d.stop()


if __name__ == "__main__":
    rig.main(globals(), limit=60)
