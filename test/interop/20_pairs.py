#!/usr/bin/env python3
"""300 MB up to five kinds of stores, from each to each other, and down."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import providers  # noqa: E402
import rig  # noqa: E402


def setup(w):
    providers.setup(w, int(os.environ.get("RAGBACKUP_MEGABYTES", "300")))


@rig.limited(900)
def test_up(w):
    """A snapshot goes up to each, is listed and whole there"""
    providers.up(w)


@rig.limited(2000)
def test_pairs(w):
    """It is copied from each to each other, and whole there"""
    providers.pairs(w)


@rig.limited(600)
def test_down(w):
    """It comes down from each byte for byte"""
    providers.down(w)


rig.main(globals())
