"""Scores of stored trackings."""

from graph.records import Table
from graph.scores.matching import match
from graph.scores.report import score
from graph.store import LineageStore, require_one_movie
from ingest.progress import Progress, silent


def score_of_stored(store: LineageStore, computed: str, reference: str, progress: Progress = silent) -> Table:
    """What one stored tracking scores against another of the same movie; nothing is stored.

    Raises:
        NotFoundError: there is no such tracking, or it was stored without label images.
        InputError: they are of two movies.
    """
    require_one_movie(store.tracking(computed), store.tracking(reference))
    labels = store.labels(reference), store.labels(computed)
    graphs = store.tracking_graph(reference), store.tracking_graph(computed)
    matching = match((graphs[0].detections, labels[0]), (graphs[1].detections, labels[1]), progress=progress)
    return score(*graphs, matching).as_dict()
