"""Scores of stored trackings."""

from graph.fitting import require_one_movie
from graph.records import Table
from graph.scores.matching import match
from graph.scores.report import score
from graph.store import LineageStore
from ingest.progress import Progress, silent


def score_of_stored(store: LineageStore, computed: str, reference: str, progress: Progress = silent) -> Table:
    """What one stored tracking scores against another of the same movie; nothing is stored.

    Args:
        store: where they are, with their label images.
        computed: id of what is judged.
        reference: id of what is taken as the truth.
        progress: told of each frame.

    Raises:
        NotFoundError: there is no such tracking, or it was stored without label images.
        InputError: they are of two movies.
    """
    require_one_movie(store.tracking(computed), store.tracking(reference))
    labels = store.labels(reference), store.labels(computed)
    truth, judged = store.tracking_graph(reference), store.tracking_graph(computed)
    matching = match((truth.detections, labels[0]), (judged.detections, labels[1]), progress=progress)
    return score(truth, judged, matching).as_dict()
