#!/usr/bin/env python3
"""Azurite, an Azure Blob server: every property, by http and by https."""
import clouds
import rig


def setup(w):
    w.service = clouds.Azurite(w)


@rig.limited(300)
def test_all(w):
    """Every property of a store"""
    clouds.try_all(w, w.service, w.service.entry())


@rig.limited(300)
def test_https(w):
    """By https, with a CA of its own"""
    clouds.try_all(w, w.service, w.service.https(),
                   only=("check", "small", "unknown", "whole", "at-once", "levels"))


@rig.limited(200)
def test_odd(w):
    """Odd prefixes, other ways in, and a limit to bytes a second"""
    clouds.try_rounds(w, w.service)


@rig.limited(400)
def test_trouble(w):
    """Wrong secrets, names, addresses: said in time, by the right code"""
    clouds.try_trouble(w, w.service)


@rig.limited(120)
def test_killed_writer(w):
    """Of a writer that was killed nothing is seen, and nothing stays"""
    clouds.try_killed_writer(w, w.service)


rig.main(globals())
