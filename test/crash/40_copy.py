#!/usr/bin/env python3
"""Killed at every crash point of a copy from one folder to another."""
import task_case

if __name__ == "__main__":
    task_case.walk(task_case.copy_words)
