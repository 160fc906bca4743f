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
from graph.scores.report import score
from ingest.tracking_graph import TrackingGraph
from tests.bench.culture import grown, spoiled, write_folders
from tests.bench.scorers import COMMON, peak_mb

FRAMES = 100
LADDER = ((100, 1024), (300, 1024), (1000, 2048))
"""Cells a frame, and height and width of a frame in pixels."""
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


def from_files(uv: str, ladder: Sequence[tuple[int, int]], folder: Path) -> Iterator[str]:
    """Rows of a table: DET, TRA, LNK and AOGM from the files on disk."""
    yield from _head("cells × frames, pixels", "scorer", "s", "CPU s", "peak MB", "× s", "× CPU s", *COMMON)
    for cells, size in ladder:
        pair = folder / str(cells)
        write_folders(pair, FRAMES, cells, size)
        found = {scorer.name: scorer.figures(pair) for scorer in scorers(uv)}
        for name, figures in found.items():
            times = [f"{figures[key] / found['cellkin'][key]:.1f}" for key in ("seconds", "cpu_seconds")]
            values = [f"{figures['values'][key]:.6g}" for key in COMMON]
            yield _row(f"{cells} × {FRAMES}, {size}²", name, *_figures(figures), *times, *values)


def all_measures(uv: str, folder: Path) -> Iterator[str]:
    """Rows of a table: every measure of py-ctcmetrics but SEG, on the folders of the smallest step."""
    yield from _head("all measures", "s", "CPU s", "peak MB")
    for scorer in scorers(uv)[:2]:
        yield _row(scorer.name, *_figures(scorer.figures(folder, "all")))


def from_columns(sizes: Sequence[int]) -> Iterator[str]:
    """Rows of a table: all measures but SEG and every error, from columns of detections, links, overlaps."""
    yield from _head("detections", "s", "µs a detection", "peak MB")
    for detections in sizes:
        command = [sys.executable, "-m", "tests.bench.bench_scores", "--columns", str(detections)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds, peak = map(float, done.stdout.split())
        yield _row(f"{detections:,}", f"{seconds:.2f}", f"{1e6 * seconds / detections:.2f}", f"{peak:.0f}")


def score_columns(detections: int) -> float:
    """Seconds from columns to the table and the list of errors."""
    graph = grown(FRAMES, detections // FRAMES, seed=1)
    copy, overlaps = spoiled(graph, seed=2)
    columns = [(one.detections, one.links, one.kind) for one in (graph, copy)]
    start = time.perf_counter()
    reference, computed = (TrackingGraph(*column) for column in columns)  # nothing derived yet
    matching = match_overlaps(reference.detections, computed.detections, overlaps)
    result = score(reference, computed, matching)
    result.as_dict()
    assert len(result.errors)
    return time.perf_counter() - start


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uv", default="uv", help="the uv that runs traccuracy")
    parser.add_argument("--quick", action="store_true", help="the smallest step of each ladder only")
    parser.add_argument("--columns", type=int, help="score so many detections from columns, nothing else")
    chosen = parser.parse_args()
    if chosen.columns:
        print(score_columns(chosen.columns), peak_mb())
        return
    steps = 1 if chosen.quick else None
    with tempfile.TemporaryDirectory() as folder:
        for table in (
            from_files(chosen.uv, LADDER[:steps], Path(folder)),
            all_measures(chosen.uv, Path(folder) / str(LADDER[0][0])),
            from_columns(COLUMNS[:steps]),
        ):
            for line in table:
                print(line, flush=True)
            print()


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
