"""How many threads work side by side."""

import os


def default_threads() -> int:
    """One for each processor that this process may use, four at most: beyond that disk and memory wait."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(4, available or 1)
