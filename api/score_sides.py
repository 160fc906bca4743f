"""The two sides of a score as a user names them: ids of stored trackings, or folders, or one of each."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from api.folders import score_folders
from graph.scores.matching import match
from graph.scores.parameters import ScoreParameters
from graph.scores.report import Score, score
from ingest.formats.ctc import read_tracking
from ingest.movie import LabelImages
from ingest.progress import Progress, silent
from ingest.tracking_graph import TrackingGraph

if TYPE_CHECKING:  # who scores folders needs no database
    from graph.records import ScoreRecord
    from graph.store import LineageStore

TRACKING_ID = re.compile(r"t[0-9a-f]{16}")


@dataclass(frozen=True)
class Side:
    """What a user named.

    Attributes:
        name: id of a stored tracking, or path of a folder.
    """

    name: str

    @property
    def is_stored(self) -> bool:
        """Whether it is an id; a folder that has such a name is a folder."""
        return TRACKING_ID.fullmatch(self.name) is not None and not Path(self.name).is_dir()


def score_sides(
    reference: Side,
    computed: Side,
    parameters: ScoreParameters,
    *,
    anew: bool = False,
    progress: Progress = silent,
) -> "Score | ScoreRecord":
    """Score one against the other; of two stored trackings the score is found or stored.

    Args:
        reference: what is taken as the truth.
        computed: what is judged.
        parameters: weights and tolerance.
        anew: compute a stored score once more.
        progress: told of each step.

    Raises:
        NotFoundError: there is no such tracking, or it was stored without label images.
        InputError: a folder cannot be read; the two are not of one movie.
    """
    if reference.is_stored and computed.is_stored:
        from api.scoring import score_stored

        with opened(progress) as store:
            return score_stored(
                store, computed.name, reference.name, parameters, anew=anew, progress=progress
            )
    return compare_sides(reference, computed, parameters, progress)


def compare_sides(
    reference: Side, computed: Side, parameters: ScoreParameters, progress: Progress = silent
) -> Score:
    """The score of any two sides, computed now."""
    if not reference.is_stored and not computed.is_stored:
        return score_folders(Path(reference.name), Path(computed.name), parameters, progress)
    with opened(progress) as store:
        (truth, labels), (judged, others) = (_read(side, store, progress) for side in (reference, computed))
        matching = match((truth.detections, labels), (judged.detections, others), progress=progress)
    return score(truth, judged, matching, weights=parameters.weights, tolerance=parameters.tolerance)


@contextmanager
def opened(progress: Progress) -> Iterator["LineageStore"]:
    """The store of the settings."""
    from api.settings import Settings
    from api.stored import open_store

    with open_store(Settings(), progress) as found:
        yield found.store


def _read(side: Side, store: "LineageStore", progress: Progress) -> tuple[TrackingGraph, LabelImages]:
    if side.is_stored:
        return store.tracking_graph(side.name), store.labels(side.name)
    sequence = read_tracking(side.name, progress=progress)
    return sequence.graph, sequence.labels
