"""Scorers side by side on simulated label images, and cellkin's measures on columns alone.

`make bench-scores` runs it: each scorer in a process of its own, files in the page cache, on a scale ladder.
traccuracy cannot live in the locked environment (it needs an older click); uv runs it in one of its own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph.scores.matching import match_overlaps
from graph.scores.overlaps import Overlaps
from graph.scores.report import score
from ingest.tracking_graph import TrackingGraph
from tests.bench.culture import grown, spoiled, write_folders
from tests.bench.figures import Figure
from tests.bench.scorers import COMMON, peak_mb

FRAMES = 100
Step = tuple[int, int, int]
"""Cells a frame, frames, and height and width of a frame in pixels."""
LADDER: tuple[Step, ...] = ((100, FRAMES, 1024), (300, FRAMES, 1024), (1000, FRAMES, 2048))
ALL: tuple[Step, ...] = ((100, FRAMES, 1024), (300, FRAMES, 1024), (1000, 10, 2048))
"""Fewer frames where there are many divisions: the others take minutes."""
COLUMNS = (10_000, 100_000, 1_000_000)
"""Detections."""
TRACCURACY = "traccuracy==0.4.3"
Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Scorer:
    """A name, and the interpreter that can run it."""

    name: str
    python: Sequence[str]

    def figures(self, folder: Path, which: str = "common") -> Figures:
        """What tests/bench/scorers.py prints."""
        script = Path(__file__).with_name("scorers.py")
        command = [*self.python, str(script), self.name, str(folder), which]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{self.name} failed:\n{done.stderr}")
        figures: Figures = json.loads(done.stdout.splitlines()[-1])
        return figures


def scorers(uv: str) -> list[Scorer]:
    """All three."""
    own_environment = [uv, "run", "--quiet", "--no-project", "--with", TRACCURACY, "python"]
    here = [sys.executable]
    return [Scorer("cellkin", here), Scorer("py-ctcmetrics", here), Scorer("traccuracy", own_environment)]


def from_files(uv: str, ladder: Sequence[Step], folder: Path, which: str) -> Iterator[str | Figure]:
    """Rows of a table of scores from the files on disk: `common` measures, or `all` that each has with us."""
    yield from _head("cells × frames, pixels", "scorer", "s", "CPU s", "peak MB", "× s", "× CPU s", *COMMON)
    for cells, frames, size in ladder:
        pair = folder / f"{cells}-{frames}"
        if not pair.exists():
            write_folders(pair, frames, cells, size)
        found = {scorer.name: scorer.figures(pair, which) for scorer in scorers(uv)}
        for name, figures in found.items():
            times = [f"{figures[key] / found['cellkin'][key]:.1f}" for key in ("seconds", "cpu_seconds")]
            values = [f"{figures['values'][key]:.6g}" for key in COMMON]
            yield _row(f"{cells} × {frames}, {size}²", name, *_figures(figures), *times, *values)
        yield from _compared(f"scores.{which}.{cells}x{frames}", found)


def _compared(name: str, found: Mapping[str, Figures]) -> Iterator[Figure]:
    """How many times faster and smaller than the better of the others."""
    own = found["cellkin"]
    for key, goal in (("seconds", 20.0), ("cpu_seconds", 20.0), ("peak_mb", 1.0)):
        best = min(figures[key] for other, figures in found.items() if other != "cellkin")
        yield Figure(f"{name}.times_{key}", best / own[key], goal)


def from_columns(sizes: Sequence[int]) -> Iterator[str | Figure]:
    """Rows of a table: all measures but SEG and every error, from columns of detections, links, overlaps."""
    yield from _head("detections", "CPU s", "µs a detection", "of it divisions, BC, CHOTA", "peak MB")
    each = []
    for detections in sizes:
        command = [sys.executable, "-m", "tests.bench.bench_scores", "--columns", str(detections)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds, lineages, peak = map(float, done.stdout.split())
        each.append((seconds / detections, lineages / detections))
        micro = (f"{1e6 * one:.2f}" for one in each[-1])
        yield _row(f"{detections:,}", f"{seconds:.2f}", *micro, f"{peak:.0f}")
    yield Figure(f"scores.columns.{detections}.seconds", seconds, 5, at_most=True)
    yield Figure(f"scores.columns.{detections}.peak_mb", peak, 2000, at_most=True)
    for name, first, last in zip(("all", "divisions_bc_chota"), each[0], each[-1], strict=True):
        yield Figure(f"scores.columns.growth_a_detection.{name}", last / first, 2, at_most=True)


def score_columns(detections: int) -> tuple[float, float]:
    """CPU seconds from columns to the table and the list of errors, and of it for what looks at lineages.

    All on one thread, so an idle machine takes as long by the clock. The fastest of three.
    """
    graph = grown(FRAMES, detections // FRAMES, seed=1)
    copy, overlaps = spoiled(graph, seed=2)
    return min(_timed(graph, copy, overlaps) for _ in range(3))


def _timed(graph: TrackingGraph, copy: TrackingGraph, overlaps: Overlaps) -> tuple[float, float]:
    columns = [(one.detections, one.links, one.kind) for one in (graph, copy)]
    clock = [time.process_time()]
    reference, computed = (TrackingGraph(*column) for column in columns)  # nothing derived yet
    matching = match_overlaps(reference.detections, computed.detections, overlaps)
    result = score(reference, computed, matching)
    assert result.aogm.aogm
    clock.append(time.process_time())
    assert result.bc
    assert result.chota
    assert result.division_counts
    clock.append(time.process_time())
    result.as_dict()
    assert len(result.errors)
    return time.process_time() - clock[0], clock[2] - clock[1]


def main() -> None:
    """Print the tables as Markdown, then a line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uv", default="uv", help="the uv that runs traccuracy")
    parser.add_argument("--quick", action="store_true", help="the smallest step of each ladder only")
    parser.add_argument("--columns", type=int, help="score so many detections from columns, nothing else")
    chosen = parser.parse_args()
    if chosen.columns:
        print(*score_columns(chosen.columns), peak_mb())
        return
    steps = 1 if chosen.quick else None
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        for table in (
            from_files(chosen.uv, LADDER[:steps], Path(folder), "common"),
            from_files(chosen.uv, ALL[:steps], Path(folder), "all"),
            from_columns(COLUMNS[:steps]),
        ):
            for line in table:
                if isinstance(line, Figure):
                    figures.append(line)
                else:
                    print(line, flush=True)
            print()
    print(*figures, sep="\n")


def _figures(figures: Figures) -> list[str]:
    return [
        f"{figures['seconds']:.2f}",
        f"{figures['cpu_seconds']:.2f}",
        f"{figures['peak_mb']:.0f}",
    ]


def _head(*names: str) -> Iterator[str]:
    yield _row(*names)
    yield _row(*("---" for _ in names))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
