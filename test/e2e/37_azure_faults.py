#!/usr/bin/env python3
"""An Azure Blob service that misbehaves: what is sealed is whole, nothing hangs."""
import clouds
import proxy
import rig
import store_faults as faults
from proxy import Rule

PART = r"^PUT .*comp=block&"
COMMIT = r"^PUT .*comp=blocklist"
GET = r"^GET .*big\.tar\.gz"


def error(code):
    return ("<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>x</Message></Error>"
            % code).encode()


def coded(code):
    return [("x-ms-error-code", code)]


def setup(w):
    w.case = faults.Case(w, clouds.Azurite(w), "azure")


def test_as_it_is(w):
    """Through the proxy, without a fault"""
    w.case.done()


def test_busy(w):
    """500, 503 and 429, with and without Retry-After"""
    faults.busy(w.case, PART, error("ServerBusy"))


def test_cut(w):
    """A connection that breaks in a block, and after a block was taken"""
    faults.cut(w.case, PART)


def test_stall(w):
    """Silence in the middle of a block"""
    faults.stall(w.case, PART)


def test_commit(w):
    """The block list is lost before and after it took effect"""
    w.case.done(Rule(COMMIT, proxy.lose(), 1))
    w.case.done(Rule(COMMIT, proxy.forget(), 1))


def test_manifest_and_claim(w):
    """A manifest and a claim whose answers are lost are settled by reading"""
    w.case.done(Rule(r"^PUT .*MANIFEST\.sha256", proxy.forget(), 1))
    w.case.done(Rule(r"^PUT .*\.claim", proxy.forget(), 1))


def test_refused_midway(w):
    """Refused in the middle: partial; a key that was changed: read anew, once"""
    no = "AuthorizationFailure"
    w.case.partial(Rule(PART, proxy.answer(403, coded(no), error(no)), after=1))
    no = "AuthenticationFailed"
    w.case.done(Rule(PART, proxy.answer(403, coded(no), error(no)), 1, after=1))


def test_lost_part(w):
    """A block that was answered for and is not there: never sealed without it"""
    w.case.backup(Rule(PART, proxy.answer(201), 1))


def test_wrong_bytes(w):
    """A byte that changed on its way up is refused by the store: never sealed"""
    w.case.backup(Rule(PART, proxy.twist(70000), 1))


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
    """Nothing is left uncommitted but what was never answered"""
    w.d.stop()


rig.main(globals(), limit=90)
