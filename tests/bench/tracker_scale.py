"""Movies from 500 to 5,000 cells a frame, each tracked in a process of its own.

`python -m tests.bench.tracker_scale simulate CELLS FOLDER` writes frames and label images as TIFF;
`… measure TRACKER FOLDER` reads and tracks them as `cellkin track --labels` does, and prints JSON: cells,
frames, CPU seconds from the files to the links (features included), and peak memory in MB.
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from math import log, sqrt
from pathlib import Path

import tifffile

from api.pipeline import track_movie
from api.trackers import TrackerChoice
from ingest.movie import open_labels, open_movie
from ingest.simulate import SimulationSettings, simulate
from tests.bench.scorers import peak_mb

FRAMES = 20
LADDER = (500, 1000, 2000, 5000)
"""Cells a frame, on average: they double from the first frame to the last."""
UM2_A_CELL = 370.0
"""Of the field: nuclei that nearly touch."""


@dataclass(frozen=True)
class Run:
    """One movie, tracked.

    Attributes:
        cells: detections of all frames.
        cpu_seconds: from the files to the links.
        peak_mb: most memory that the process held.
    """

    cells: int
    cpu_seconds: float
    peak_mb: float

    @property
    def cells_a_second(self) -> float:
        """Detections a CPU second."""
        return self.cells / self.cpu_seconds


def simulated(cells: int, folder: Path) -> Path:
    """The folder of a movie with about so many cells a frame, simulated unless it is there."""
    movie = folder / str(cells)
    if not movie.exists():
        _run("simulate", str(cells), str(movie))
    return movie


def measured(tracker: str, movie: Path) -> Run:
    """One tracker on one movie."""
    return Run(**json.loads(_run("measure", tracker, str(movie)).splitlines()[-1]))


def growth(small: Run, large: Run) -> float:
    """Exponent of the time by cells: 1 where twice the cells take twice the time."""
    return log(large.cpu_seconds / small.cpu_seconds) / log(large.cells / small.cells)


def _run(*arguments: str) -> str:
    command = [sys.executable, "-m", "tests.bench.tracker_scale", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def _simulate(cells: int, folder: Path) -> None:
    side = sqrt(cells * UM2_A_CELL)
    settings = SimulationSettings(frames=FRAMES, height_um=side, width_um=side)
    movie = simulate(
        replace(settings, culture=replace(settings.culture, count=round(cells * log(2)))), seed=cells
    )
    for name, images in (
        ("frames", (movie.movie.frame(t)[0] for t in range(FRAMES))),
        ("labels", movie.labels),
    ):
        (folder / name).mkdir(parents=True)
        for t, image in enumerate(images):
            tifffile.imwrite(folder / name / f"t{t:03}.tif", image.astype("uint16"), compression="zlib")


def _measure(tracker: str, folder: Path) -> Run:
    start = time.process_time()
    name, _, decision = tracker.partition(", ")
    tracked = track_movie(
        open_movie(folder / "frames"),
        open_labels(folder / "labels"),
        tracker=TrackerChoice(name, decision or "joint"),
    )
    return Run(len(tracked.graph.detections), time.process_time() - start, peak_mb())


def main(what: str, which: str, folder: str) -> None:
    if what == "simulate":
        _simulate(int(which), Path(folder))
    else:
        print(json.dumps(vars(_measure(which, Path(folder)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
