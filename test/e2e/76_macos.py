#!/usr/bin/env python3
"""The project's C files are right for macOS, as far as that shows elsewhere."""
import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

if __name__ == "__main__":
    check = os.path.join(TOP, "test", "macos", "check")
    os.execv(check, [check])
