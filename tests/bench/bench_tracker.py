"""Trackers side by side on the same detections, in one run: `make bench-tracker`.

On frames that no tracker was trained on: a table of scores, then a line a figure, `name value goal ok|short`.
Time and memory on simulated movies of 500 to 5,000 cells a frame. Times are CPU seconds, since a machine has
other things to do; speeds are given by the clock besides. The trackers of others run in environments of their
own (`peer_environments.py`).
"""

import argparse
import tempfile
from collections.abc import Collection, Iterator, Mapping
from itertools import product
from pathlib import Path

import numpy as np

from graph.scores.table import POOLED, Entry, Row, ScoreTable
from ingest.tracking_graph import IntArray
from tests.bench.commands import COMMANDS, waited
from tests.bench.confusion import draw_confusion
from tests.bench.figures import Figure
from tests.bench.peer_environments import ENVIRONMENTS, PeerUnavailableError
from tests.bench.peer_trackers import PEERS, Seconds
from tests.bench.raw_frames import scores_from_raw_frames, scores_of_flawed_cells
from tests.bench.tracker_scale import LADDER, Run, growth, measured, simulated
from tests.bench.trackers import OURS, Track, all_trackers, available
from tests.bench.tracking_cases import (
    REAL,
    Case,
    as_markers,
    every,
    in_memory,
    missed,
    real_case,
    simulated_case,
    validation,
    with_flaws,
)

COLUMNS = {
    "AOGM": "AOGM",
    "ED": "operations.ED",
    "EA": "operations.EA",
    "EC": "operations.EC",
    **{f"div. {name}": f"divisions.0.{name}" for name in ("precision", "recall", "F1")},
    **{f"{name} ±1": f"divisions.1.{name}" for name in ("precision", "recall", "F1")},
    **{name: name for name in ("CHOTA", "CT", "TF")},
    "BC 0": "BC.0",
    "BC 1": "BC.1",
    "TRA": "TRA",
    "LNK": "LNK",
}
"""Head of each column of the table, and the measure's name."""
PARTS = ("accuracy", "robustness", "raw", "speed", "command", "scale")
SPEED_SET = REAL[0]
ROUNDS, TURNS = 3, 3
"""In which trackers show how fast they are, one after the other in each round, since machines change their
pace; the first turn of a process, which peers start anew in each round, also loads libraries."""


class Comparison:
    """All trackers on some cases: a table of scores, and what the figures need of them."""

    def __init__(self, trackers: Mapping[str, Track]) -> None:
        self.trackers = trackers
        self.table = ScoreTable()
        self.confusion: dict[str, IntArray] = {name: np.zeros((3, 3), np.int64) for name in trackers}

    def judge(self, case: Case) -> Iterator[str]:
        """Run every tracker on a case; a row of Markdown each."""
        for name, track in self.trackers.items():
            graph, _ = track(case, 1)
            score = case.score(graph)
            self.table.add(case.name, name, Entry.of(score))
            self.confusion[name] += score.linkages.pairs
            yield markdown_row(self.rows(name)[-3])  # then come the tracker's mean and pooled values

    def rows(self, tracker: str) -> list[Row]:
        """The rows of one tracker; the last is that of all cases pooled."""
        return [row for row in self.table.rows() if row["tracker"] == tracker]

    def value(self, tracker: str, movie: str, measure: str) -> float:
        """One measure of one tracker; nothing found of what is there counts as 0."""
        found = next(row for row in self.rows(tracker) if row["movie"] == movie)
        return float(found[measure] or 0)


def accuracy(
    cases: Collection[Case], trackers: Mapping[str, Track], picture: Path | None
) -> Iterator[object]:
    """A table of all trackers on validation stretches, and the figures of ours against the best of others."""
    comparison = Comparison(trackers)
    yield from markdown_head()
    for case in cases:
        yield from comparison.judge(case)
    yield from (markdown_row(comparison.rows(name)[-1]) for name in trackers)
    yield ""
    for name in trackers.keys() & OURS.keys():
        for movie in [case.name for case in cases]:
            best = min(comparison.value(peer, movie, "AOGM") for peer in trackers.keys() & PEERS.keys())
            aogm = comparison.value(name, movie, "AOGM")
            yield Figure(_dotted("validation.aogm", movie, name), aogm, best / 2, at_most=True)
        f1 = comparison.value(name, POOLED, "divisions.0.F1")
        yield Figure(_dotted("validation.division_f1.pooled", name), f1, 0.93)
    if picture:
        draw_confusion(comparison.confusion).savefig(picture, dpi=150)


def robustness(cases: Collection[Case], trackers: Mapping[str, Track]) -> Iterator[object]:
    """A table without goals: frames left out, cells missed, cells marked by discs, simulated."""
    comparison = Comparison(trackers)
    yield from markdown_head()
    for case in cases:
        yield from comparison.judge(case)


def raw(cases: Collection[Case]) -> Iterator[object]:
    """A table from raw frames and of cells with flaws, then the divisions of ours against those of `lap`."""
    table, flawed = ScoreTable(), [with_flaws(case, 0.01) for case in cases]
    yield from markdown_head()
    for case in cases:
        for name, score in scores_from_raw_frames(case):
            table.add(case.name, name, Entry.of(score))
    for case in flawed:
        for name, score in scores_of_flawed_cells(case):
            table.add(case.name, name, Entry.of(score))
    rows = [row for row in table.rows() if row["movie"] in {case.name for case in (*cases, *flawed)}]
    yield from map(markdown_row, rows)
    yield ""
    f1 = {(str(row["movie"]), row["tracker"]): float(row["divisions.0.F1"] or 0) for row in rows}
    for movie in dict.fromkeys(movie for movie, _ in f1):
        ours, plain = (f1[movie, name] for name in ("learned, joint", "lap"))
        yield Figure(_dotted("raw.division_f1", movie), ours, plain)


def speed(case: Case, trackers: Mapping[str, Track]) -> Iterator[object]:
    """Cells a second from label images to links, by CPU and by wall time, of each tracker's best turn.

    Everybody starts from arrays in memory; whole commands, which read files, are timed by `commands`.
    """
    case, cells = in_memory(case), len(case.detections)
    seconds = dict[str, Seconds]()
    for _, (name, track) in product(range(ROUNDS), trackers.items()):
        used = track(case, TURNS)[1]
        seconds[name] = used.least(seconds.get(name, used))
    for name, used in seconds.items():
        told = f"{cells / used.cpu:.0f} cells/CPU s, {cells / used.wall:.0f} cells/s"
        yield f"speed.{_dotted(case.name, name)} {told}"
    peers = [used for name, used in seconds.items() if name.startswith("laptrack")]
    for name, used in seconds.items():
        if name in PEERS:
            continue
        yield Figure(_dotted("speed.cells_a_cpu_second", case.name, name), cells / used.cpu, 1000)
        for kind in ("cpu", "wall"):
            fastest = min((getattr(peer, kind) for peer in peers), default=np.inf)
            ratio = fastest / getattr(used, kind)
            yield Figure(_dotted(f"speed.laptrack_over_ours.{kind}", case.name, name), ratio, 1)


def commands(data: Path, without: Collection[str]) -> Iterator[object]:
    """Seconds of whole commands, in processes of their own: from nothing to a tracking on disk."""
    seconds = {name: waited(command, data) for name, command in COMMANDS.items() if name not in without}
    for name, used in seconds.items():
        yield f"command.{name} {used.cpu:.1f} CPU s, {used.wall:.1f} s"
    if "laptrack" in seconds:
        for name in [name for name in seconds if name != "laptrack"]:
            ratio = seconds["laptrack"].wall / seconds[name].wall
            yield Figure(f"command.laptrack_over_ours.{name}", ratio, 1)


def scale(names: Collection[str], cells: Collection[int], folder: Path) -> Iterator[object]:
    """Time and memory by cells a frame, each in a process of its own."""
    for name in names:
        runs = {count: measured(name, simulated(count, folder)) for count in cells}
        for count, run in runs.items():
            yield f"scale.{_dotted(name)}.{count} {_told(run)}"
        small, large = runs[min(runs)], runs[max(runs)]
        yield Figure(_dotted("scale.peak_mb", name, str(max(runs))), large.peak_mb, 2000, at_most=True)
        if len(runs) > 1:
            yield Figure(_dotted("scale.growth_exponent", name), growth(small, large), 1.15, at_most=True)


def main() -> None:
    """Print the tables as Markdown, and the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the real sets, each with 01, 01_GT and 01_ST")
    parser.add_argument("--uv", default="uv", help="the uv that makes the environments of the other trackers")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, by commas")
    parser.add_argument("--picture", type=Path, help="where the confusion matrices go")
    parser.add_argument("--most-cells", type=int, default=LADDER[-1], help="end of the scale's ladder")
    chosen = parser.parse_args()
    parts, trackers = chosen.only.split(","), all_trackers()
    trackers = {name: track for name, track in trackers.items() if name in PEERS or available(name)}
    for name in _without(chosen.uv):
        print(f"left out: {name}")
        trackers = {
            known: track for known, track in trackers.items() if not known.startswith(name.split(":")[0])
        }
    real = {name: real_case(chosen.data / name) for name in REAL} if set(parts) - {"command", "scale"} else {}
    for part in parts:
        for line in run(part, real, trackers, chosen):
            print(line, flush=True)
        print()


def run(
    part: str, real: Mapping[str, Case], trackers: Mapping[str, Track], chosen: argparse.Namespace
) -> Iterator[object]:
    """The lines of one part."""
    match part:
        case "accuracy":
            yield from accuracy([validation(case) for case in real.values()], trackers, chosen.picture)
        case "robustness":
            fewer = [
                change for case in list(real.values())[::2] for change in (every(case, 2), missed(case, 0.1))
            ]
            marked = [as_markers(validation(case), 0.5) for case in real.values()]
            yield from robustness([*fewer, *marked, simulated_case(3)], trackers)
        case "raw":
            yield from raw([validation(case) for case in real.values()])
        case "speed":
            yield from speed(real[SPEED_SET], trackers)
        case "command":
            missing = {"laptrack"} - {name.split(",")[0] for name in trackers}
            yield from commands(chosen.data / SPEED_SET, missing)
        case "scale":
            with tempfile.TemporaryDirectory() as folder:
                cells = [count for count in LADDER if count <= chosen.most_cells]
                yield from scale([name for name in OURS if available(name)], cells, Path(folder))


def markdown_head() -> Iterator[str]:
    """The head of a table."""
    yield f"| movie | tracker | {' | '.join(COLUMNS)} |"
    yield f"|{'---|' * (len(COLUMNS) + 2)}"


def markdown_row(row: Row) -> str:
    """A row of a table; an undefined measure is a dash."""
    cells = [_cell(row.get(measure)) for measure in COLUMNS.values()]
    return f"| {row['movie']} | {row['tracker']} | {' | '.join(cells)} |"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    return "–" if value is None else str(value)


def _told(run: Run) -> str:
    speed = f"{run.cpu_seconds:.2f} CPU s, {run.cells_a_second:.0f} cells/s"
    return f"{run.cells} cells, {speed}, {run.peak_mb:.0f} MB"


def _dotted(*parts: str) -> str:
    """Names as one, without blanks."""
    return ".".join(part.replace(", ", "-").replace(" ", "_") for part in parts)


def _without(uv: str) -> Iterator[str]:
    """The environments that cannot be made, and why."""
    for environment in ENVIRONMENTS:
        try:
            environment.install(uv)
        except PeerUnavailableError as error:
            yield f"{environment.name}: {error}"


if __name__ == "__main__":
    main()
