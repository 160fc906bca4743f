"""Scores of trackings in files, without a database."""

from pathlib import Path

from graph.scores.matching import match_overlaps
from graph.scores.overlaps import count_overlaps
from graph.scores.parameters import ScoreParameters
from graph.scores.report import Score, score
from graph.scores.segmentation import score_segmentation
from ingest.formats.ctc import CtcFolder, open_tracking
from ingest.formats.ctc_segmentation import read_segmentation
from ingest.formats.trk import TrkMovie, is_trk, open_only_trk
from ingest.progress import Progress, silent


def score_folders(
    reference: Path,
    computed: Path,
    parameters: ScoreParameters | None = None,
    progress: Progress = silent,
) -> Score:
    """Score a result against a ground truth, each a Cell Tracking Challenge folder or a .trk file.

    Exact outlines (`01_GT/SEG`) are used where the ground truth has them.

    Args:
        reference: the ground truth.
        computed: the result.
        parameters: weights and tolerance; the usual ones when None.
        progress: told of each frame.

    Raises:
        InputError: one cannot be read, or the two are not of one movie.
    """
    truth, judged = _open(reference), _open(computed)
    overlaps = count_overlaps(truth.labels, judged.labels, progress=progress)
    true_cells, judged_cells = overlaps.detections()
    outlines = read_segmentation(reference, truth.first) if isinstance(truth, CtcFolder) else None
    segmentation = (
        score_segmentation(outlines.labels, judged.labels, outlines.frames, progress=progress)
        if outlines
        else None
    )
    matching = match_overlaps(true_cells, judged_cells, overlaps)
    chosen = parameters or ScoreParameters()
    return score(
        truth.graph(true_cells),
        judged.graph(judged_cells),
        matching,
        segmentation=segmentation,
        weights=chosen.weights,
        tolerance=chosen.tolerance,
    )


def _open(path: Path) -> CtcFolder | TrkMovie:
    return open_only_trk(path) if is_trk(path) else open_tracking(path)
