"""What a user waits for: whole commands, from starting a process to the tracking on disk."""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.bench.peer_environments import LAPTRACK_ENVIRONMENT
from tests.bench.peer_trackers import Seconds

LAPTRACK_SCRIPT = Path(__file__).with_name("laptrack_script.py")
TURNS = 3
"""The first also compiles modules; the best one counts."""
Command = Callable[[Path, Path], list[str]]
"""The arguments of a command that tracks a set's sequence 01, by its silver masks, into a folder."""


def cellkin(tracker: str) -> Command:
    """Ours, without a database."""
    return lambda data, out: [
        str(Path(sys.executable).with_name("cellkin")), "track", str(data / "01"), "--tracker", tracker,
        "--labels", str(data / "01_ST" / "SEG"), "--no-store", "--output", str(out / "tracked"),
    ]  # fmt: skip


def laptrack(data: Path, out: Path) -> list[str]:
    """After its documentation's example of segmented cells; numba compiles anew in every process."""
    masks, table = data / "01_ST" / "SEG", out / "tracked.csv"
    return [str(LAPTRACK_ENVIRONMENT.python), str(LAPTRACK_SCRIPT), str(masks), str(table)]


COMMANDS: Mapping[str, Command] = {
    "learned": cellkin("learned"),
    "lap": cellkin("lap"),
    "viterbi": cellkin("viterbi"),
    "laptrack": laptrack,
}


def waited(command: Command, data: Path) -> Seconds:
    """What a command takes, of the best of some turns.

    Raises:
        RuntimeError: it failed; the message is its own.
    """
    turns = []
    for _ in range(TURNS):
        with tempfile.TemporaryDirectory() as folder:
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            done = subprocess.run(command(data, Path(folder)), capture_output=True, text=True, check=False)
            wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise RuntimeError(done.stderr.strip()[-2000:])
        turns.append(Seconds(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall))
    return Seconds(min(turn.cpu for turn in turns), min(turn.wall for turn in turns))
