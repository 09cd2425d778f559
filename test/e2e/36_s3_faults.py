#!/usr/bin/env python3
"""An S3 that misbehaves: what is sealed is whole, nothing hangs."""
import clouds
import proxy
import rig
import store_faults as faults
from proxy import Rule

PART = r"^PUT .*partNumber="
COMPLETE = r"^POST .*uploadId="
GET = r"^GET .*big\.tar\.gz"


def error(code):
    return ("<Error><Code>%s</Code><Message></Message></Error>" % code).encode()


def setup(w):
    w.case = faults.Case(w, clouds.Ceph(w), "s3")


def test_as_it_is(w):
    """Through the proxy, without a fault"""
    w.case.done()


def test_busy(w):
    """500, 503 and 429, with and without Retry-After"""
    faults.busy(w.case, PART, error("SlowDown"))


def test_cut(w):
    """A connection that breaks in a part, and after a part was taken"""
    faults.cut(w.case, PART)


def test_stall(w):
    """Silence in the middle of a part"""
    faults.stall(w.case, PART)


def test_complete(w):
    """The completion is lost before and after it took effect; 200 with an error in it"""
    w.case.done(Rule(COMPLETE, proxy.lose(), 1))
    w.case.done(Rule(COMPLETE, proxy.forget(), 1))
    w.case.done(Rule(COMPLETE, proxy.answer(200, [], error("InternalError")), 1))


def test_manifest_and_claim(w):
    """A manifest and a claim whose answers are lost are settled by reading"""
    w.case.done(Rule(r"^PUT .*MANIFEST\.sha256", proxy.forget(), 1))
    w.case.done(Rule(r"^PUT .*\.claim", proxy.forget(), 1))


def test_refused_midway(w):
    """Refused in the middle: partial; expired: read anew, once"""
    w.case.partial(Rule(PART, proxy.answer(403, [], error("AccessDenied")), after=1))
    w.case.done(Rule(PART, proxy.answer(400, [], error("ExpiredToken")), 1, after=1))


def test_lost_part(w):
    """A part that was answered for and is not there: never sealed without it"""
    fake = [("ETag", '"0123456789abcdef0123456789abcdef"')]
    w.case.backup(Rule(PART, proxy.answer(200, fake), 1))


def test_wrong_bytes(w):
    """A byte that changed on its way up is refused by the store and sent again"""
    w.case.done(Rule(PART, proxy.twist(70000), 1))


def test_download(w):
    """Downloads that break off go on, one that lies is found out"""
    faults.download(w.case, GET)


def test_dead(w):
    """Nothing but broken connections: partial, in time"""
    faults.dead(w.case, PART)


def test_slow(w):
    """Too slow: left behind, and fed afterwards from the other"""
    faults.slow(w.case, PART)


def test_nothing_left(w):
    """No upload is left unfinished"""
    faults.nothing_left(w.case)


rig.main(globals(), limit=90)
