#!/usr/bin/env python3
"""Five kinds of stores: up, listed, read back, from each to each other, down."""
import providers
import rig


def setup(w):
    providers.setup(w, 20)


@rig.limited(200)
def test_up(w):
    """A snapshot goes up to each, is listed and whole there"""
    providers.up(w)


@rig.limited(300)
def test_pairs(w):
    """It is copied from each to each other, and whole there"""
    providers.pairs(w)


@rig.limited(120)
def test_down(w):
    """It comes down from each byte for byte"""
    providers.down(w)


def test_log(w):
    """The log has no secret of any store"""
    providers.no_secrets(w)


rig.main(globals())
