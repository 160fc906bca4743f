"""How the tests of the scores match what tests/lineages.py draws."""

from graph.scores.matching import Matching, match
from ingest.movie import LabelImages
from ingest.tracking_graph import Detections
from tests.lineages import Drawing, Pair


def matched(pair: Pair) -> Matching:
    return match(_side(pair.reference), _side(pair.computed))


def _side(drawing: Drawing) -> tuple[Detections, LabelImages]:
    return drawing.graph.detections, LabelImages.from_array(drawing.labels)
