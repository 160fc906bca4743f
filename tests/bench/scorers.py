"""One scorer on one pair of folders, in a process of its own: `python scorers.py NAME FOLDER [all]`.

FOLDER holds `01_GT` and `01_RES`. Prints one line of JSON: seconds and CPU seconds from files to the table
(the fastest of a few runs: a machine has other things to do), peak memory in MB, and the values. This file
runs in each scorer's own environment, so each function imports what it needs, before the clock starts.
"""

import json
import logging
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

Values = Mapping[str, float | None]
Run = Callable[[], Values]
COMMON = ("DET", "TRA", "LNK", "AOGM")
"""What all three compute."""


def cellkin(folder: Path, *, everything: bool) -> Run:
    """This project."""
    from graph.scores.matching import match_overlaps
    from graph.scores.overlaps import count_overlaps
    from graph.scores.report import score
    from ingest.formats.ctc import open_tracking

    def run() -> Values:
        reference, computed = open_tracking(folder / "01_GT"), open_tracking(folder / "01_RES")
        overlaps = count_overlaps(reference.labels, computed.labels)
        truth, judged = overlaps.detections()
        matching = match_overlaps(truth, judged, overlaps)
        measures = None if everything else COMMON
        return score(reference.graph(truth), computed.graph(judged), matching, measures=measures).as_row()

    return run


def ctcmetrics(folder: Path, *, everything: bool) -> Run:
    """py-ctcmetrics, with as many processes as it likes."""
    from ctc_metrics.scripts.evaluate import evaluate_sequence

    more = ["CT", "TF", "BC", "CCA", "CHOTA"] if everything else []

    def run() -> Values:
        metrics = ["DET", "TRA", "LNK", *more]
        result: Values = evaluate_sequence(str(folder / "01_RES"), str(folder / "01_GT"), metrics)
        return result

    return run


def traccuracy(folder: Path, *, everything: bool) -> Run:
    """Traccuracy; for divisions it needs a second matching, one to one."""
    from traccuracy import run_metrics  # type: ignore[import-not-found, unused-ignore]
    from traccuracy.loaders import load_ctc_data  # type: ignore[import-not-found, unused-ignore]
    from traccuracy.matchers import CTCMatcher, IOUMatcher  # type: ignore[import-not-found, unused-ignore]
    from traccuracy.metrics import (  # type: ignore[import-not-found, unused-ignore]
        CellCycleAccuracy,
        CHOTAMetric,
        CompleteTracks,
        CTCMetrics,
        DivisionMetrics,
        TrackOverlapMetrics,
    )

    logging.disable(logging.WARNING)
    more = [CHOTAMetric(), CompleteTracks("ctc"), CellCycleAccuracy(), TrackOverlapMetrics()]

    def run() -> Values:
        truth, result = folder / "01_GT" / "TRA", folder / "01_RES"
        reference = load_ctc_data(str(truth), str(truth / "man_track.txt"), name="reference")
        computed = load_ctc_data(str(result), str(result / "res_track.txt"), name="computed")
        metrics = [CTCMetrics(), *(more if everything else [])]
        results, _ = run_metrics(reference, computed, CTCMatcher(), metrics)
        if everything:
            one_to_one = IOUMatcher(iou_threshold=0.5, one_to_one=True)
            run_metrics(reference, computed, one_to_one, [DivisionMetrics(max_frame_buffer=3)])
        values: Values = results[0]["results"]
        return values

    return run


SCORERS = {"cellkin": cellkin, "py-ctcmetrics": ctcmetrics, "traccuracy": traccuracy}


def main(name: str, folder: str, which: str = "") -> None:
    run = SCORERS[name](Path(folder), everything=which == "all")
    timings = [timed(run)]
    while len(timings) < 3 and timings[0][0] < 20:
        timings.append(timed(run))
    seconds, cpu_seconds, values = zip(*timings, strict=True)
    figures = {
        "seconds": min(seconds),
        "cpu_seconds": min(cpu_seconds),
        "peak_mb": peak_mb(),
        "values": {key: float(value) for key in COMMON if (value := values[0].get(key)) is not None},
    }
    print("\n" + json.dumps(figures))


def timed(run: Run) -> tuple[float, float, Values]:
    """Seconds, CPU seconds and values of one run."""
    wall, cpu = time.perf_counter(), _cpu()
    values = run()
    return time.perf_counter() - wall, _cpu() - cpu, values


def peak_mb() -> float:
    """Most memory that this process, or the largest of its workers, ever held.

    Linux hands `ru_maxrss` down to a program that is started, so this program's own peak comes from /proc.
    """
    status = Path("/proc/self/status").read_text()
    own = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


def _cpu() -> float:
    """CPU seconds of this process and of the workers that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main(*sys.argv[1:])
