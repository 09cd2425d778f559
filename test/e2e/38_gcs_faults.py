#!/usr/bin/env python3
"""A Cloud Storage that misbehaves: what is sealed is whole, nothing hangs."""
import clouds
import proxy
import rig
import store_faults as faults
from proxy import Rule

PIECE = r"^PUT .*upload_id="
GET = r"^GET .*big\.tar\.gz\?.*alt=media"


def setup(w):
    w.case = faults.Case(w, clouds.Gcs(w), "gcs")


def test_as_it_is(w):
    """Through the proxy, without a fault"""
    w.case.done()


def test_busy(w):
    """500, 503 and 429, with and without Retry-After"""
    faults.busy(w.case, PIECE, b"{}")


def test_cut(w):
    """A connection that breaks in a piece, and after a piece was taken"""
    faults.cut(w.case, PIECE)


def test_stall(w):
    """Silence in the middle of a piece"""
    faults.stall(w.case, PIECE)


def test_manifest_and_claim(w):
    """A manifest and a claim whose answers are lost are settled by reading"""
    w.case.done(Rule(r'^POST .*"name": ?"[^"]*MANIFEST\.sha256"', proxy.forget(), 1))
    w.case.done(Rule(r'^POST .*"name": ?"[^"]*/\.claim"', proxy.forget(), 1))


def test_refused_midway(w):
    """Refused in the middle: partial; a token that expired: asked for anew, once"""
    w.case.partial(Rule(PIECE, proxy.answer(403, [], b'{"error": {"code": 403}}'), after=1))
    w.case.done(Rule(PIECE, proxy.answer(401, [], b'{"error": {"code": 401}}'), 1, after=1))


def test_session_lost(w):
    """A session that has gone: never sealed without the whole"""
    w.case.backup(Rule(PIECE, proxy.answer(410), after=1))


def test_wrong_bytes(w):
    """A byte that changed on its way up: never sealed"""
    w.case.backup(Rule(PIECE, proxy.twist(70000), 1))


def test_download(w):
    """Downloads that break off go on, one that lies is found out"""
    faults.download(w.case, GET)


def test_dead(w):
    """Nothing but broken connections: partial, in time"""
    faults.dead(w.case, PIECE)


def test_slow(w):
    """Too slow: left behind, and fed afterwards from the other"""
    faults.slow(w.case, PIECE)


def test_nothing_left(w):
    """The daemon ends as it should"""
    w.d.stop()


rig.main(globals(), limit=90)
