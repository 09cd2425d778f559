#!/usr/bin/env python3
"""Killed at every crash point of a backup to a folder and to an S3."""
import cloud_case
import clouds

if __name__ == "__main__":
    cloud_case.walk(clouds.Ceph)
