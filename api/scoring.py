"""Scores of stored trackings: found where they are stored, else computed from their label images."""

from datetime import datetime

from graph.fitting import require_one_movie
from graph.records import ScoreRecord
from graph.scores.errors import with_labels
from graph.scores.matching import match
from graph.scores.parameters import ScoreParameters
from graph.scores.report import Score, score
from graph.store import LineageStore
from ingest.progress import Progress, silent


def score_of_stored(
    store: LineageStore,
    computed: str,
    reference: str,
    parameters: ScoreParameters | None = None,
    progress: Progress = silent,
) -> Score:
    """What one stored tracking scores against another of the same movie; nothing is stored.

    Args:
        store: where they are, with their label images.
        computed: id of what is judged.
        reference: id of what is taken as the truth.
        parameters: weights and tolerance; the usual ones when None.
        progress: told of each frame.

    Raises:
        NotFoundError: there is no such tracking, or it was stored without label images.
        InputError: they are of two movies.
    """
    chosen = parameters or ScoreParameters()
    require_one_movie(store.tracking(computed), store.tracking(reference))
    labels = store.labels(reference), store.labels(computed)
    truth, judged = store.tracking_graph(reference), store.tracking_graph(computed)
    matching = match((truth.detections, labels[0]), (judged.detections, labels[1]), progress=progress)
    return score(truth, judged, matching, weights=chosen.weights, tolerance=chosen.tolerance)


def score_stored(
    store: LineageStore,
    computed: str,
    reference: str,
    parameters: ScoreParameters | None = None,
    *,
    anew: bool = False,
    created: datetime | None = None,
    progress: Progress = silent,
) -> ScoreRecord:
    """Score a stored tracking against another of the same movie, and store the score with its errors.

    A score that is stored is found and not computed again, unless this program defines a measure otherwise.

    Args:
        store: where they are, with their label images.
        computed: id of what is judged.
        reference: id of what is taken as the truth.
        parameters: weights and tolerance; the usual ones when None.
        anew: compute it even where it is stored.
        created: when it was written, of one that a backup has; None for now.
        progress: told of each frame, then of each batch of errors.

    Raises:
        NotFoundError: there is no such tracking, or it was stored without label images.
        InputError: they are of two movies.
    """
    found = None if anew else store.find_score(computed, reference, parameters)
    if found is not None and all(reason.newer for reason in found.stale):
        return found
    result = score_of_stored(store, computed, reference, parameters, progress)
    return store.write_score(
        computed,
        reference,
        result.as_dict(),
        errors=with_labels(result.errors, result.reference, result.computed),
        parameters=parameters,
        created=created,
        progress=progress,
    )
