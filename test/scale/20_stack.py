#!/usr/bin/env python3
"""The main job over SSH, as scenario 45 has it, with 540 MB in four volumes."""
import os
import runpy
import sys

E2E = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e")
sys.path.insert(0, E2E)
sys.dont_write_bytecode = True

os.environ["RAGBACKUP_STACK_MB"] = "540"
runpy.run_path(os.path.join(E2E, "45_docker_ssh.py"), run_name="__main__")
