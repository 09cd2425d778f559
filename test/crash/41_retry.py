#!/usr/bin/env python3
"""Killed at every crash point of the retry of a run that a folder has missed."""
import task_case

if __name__ == "__main__":
    task_case.walk(task_case.retry_words)
