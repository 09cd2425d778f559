#!/usr/bin/env python3
"""Folders, here and on a host reached by SSH: every property of a store."""
import clouds
import rig


def setup(w):
    w.services = [clouds.Folder(w), clouds.HostFolder(w)]


@rig.limited(200)
def test_here(w):
    """A folder of this machine has every property of a store"""
    clouds.try_all(w, w.services[0], w.services[0].entry())


@rig.limited(300)
def test_on_host(w):
    """A folder on a host has every property of a store"""
    clouds.try_all(w, w.services[1], w.services[1].entry(), "--many", "200")


@rig.limited(120)
def test_odd(w):
    """An odd path, and a limit to bytes a second"""
    for service in w.services:
        clouds.try_rounds(w, service)


@rig.limited(300)
def test_trouble(w):
    """A folder or host out of reach is said in time, by the right code"""
    for service in w.services:
        clouds.try_trouble(w, service)


@rig.limited(120)
def test_killed_writer(w):
    """Of a writer that was killed nothing is seen, and nothing stays"""
    for service in w.services:
        clouds.try_killed_writer(w, service)


rig.main(globals())
