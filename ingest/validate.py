"""What makes a tracking a valid lineage; everything that writes one asks here first."""

import numpy as np
import numpy.typing as npt

from ingest.errors import LineageError
from ingest.movie import LabelImages
from ingest.tracking_graph import BoolArray, Detections, LinkKind, TrackingGraph


def validate(graph: TrackingGraph, labels: LabelImages | None = None) -> None:
    """Refuse a tracking that is no lineage, naming the first detection where it fails.

    Every link leads from a detection to one in a later frame: NEXT to the very next, GAP over missed frames.
    A detection has one parent at most; it goes on as one detection, or divides, or ends. With `labels`, every
    detection is a cell of its frame's label image and the reverse.

    Raises:
        LineageError: what fails, in which frame, and what to do.
    """
    _check_rows(graph)
    _check_time(graph)
    _check_parents(graph)
    _check_children(graph)
    if labels is not None:
        _check_labels(graph.detections, labels)


def check_count(detections: Detections, labels: LabelImages) -> None:
    """Refuse detections in frames that have no label image."""
    last = int(detections.frame.max(initial=-1))
    if last >= len(labels):
        raise LineageError(
            f"detections up to frame {last}, but {len(labels)} label images",
            place=labels.source,
            remedy="give a label image for each frame",
        )


def check_frame(detections: Detections, t: int, image: npt.NDArray[np.int32]) -> None:
    """Refuse detections of frame `t` that its label image lacks, and cells there that are no detections."""
    known = detections.label[detections.frame_slice(t)]
    present = np.unique(image)
    missing, extra = np.setdiff1d(known, present), np.setdiff1d(present[present > 0], known)
    if missing.size:
        raise LineageError(
            f"label {missing[0]} is a detection, but not in the label image",
            place=f"frame {t}",
            remedy="give the label images that the detections were measured on",
        )
    if extra.size:
        raise LineageError(
            f"label {extra[0]} is in the label image, but no detection",
            place=f"frame {t}",
            remedy="measure the detections on these label images, or remove the cell from them",
        )


def _check_rows(graph: TrackingGraph) -> None:
    count = len(graph.detections)
    outside = np.flatnonzero(((graph.links < 0) | (graph.links >= count)).any(axis=1))
    if outside.size:
        earlier, later = graph.links[outside[0]]
        raise LineageError(
            f"a link from detection {earlier} to {later}, where there are {count}",
            remedy=f"link rows 0 to {count - 1}",
        )


def _check_time(graph: TrackingGraph) -> None:
    frame, kind = graph.detections.frame, graph.kind
    step = frame[graph.links[:, 1]] - frame[graph.links[:, 0]]
    _refuse(graph, kind > max(LinkKind), "is of no known kind", "use NEXT, GAP or DIVISION")
    _refuse(graph, step < 1, "does not lead forward in time", "link each detection to a later frame")
    _refuse(graph, (kind == LinkKind.NEXT) & (step > 1), "misses frames", "make it a GAP link")
    _refuse(graph, (kind == LinkKind.GAP) & (step == 1), "misses no frame", "make it a NEXT link")


def _check_parents(graph: TrackingGraph) -> None:
    later = graph.links[:, 1]
    twice = np.bincount(later, minlength=len(graph.detections))[later] > 1
    _refuse(graph, twice, "is not the only one to its end", "give each detection one parent at most")


def _check_children(graph: TrackingGraph) -> None:
    earlier = graph.links[:, 0]
    several = np.bincount(earlier, minlength=len(graph.detections))[earlier] > 1
    _refuse(
        graph,
        several & (graph.kind != LinkKind.DIVISION),
        "goes on as the same cell, but is not the only one from its start",
        "end the mother's track where she divides and make all links to her daughters DIVISION",
    )


def _refuse(graph: TrackingGraph, wrong: BoolArray, problem: str, remedy: str) -> None:
    """Raise for the first link that is wrong."""
    if not wrong.any():
        return
    link = int(np.argmax(wrong))
    kind, known = int(graph.kind[link]), [int(kind) for kind in LinkKind]
    name = LinkKind(kind).name if kind in known else f"kind {kind}"
    frame, label = (column[graph.links[link]] for column in (graph.detections.frame, graph.detections.label))
    raise LineageError(
        f"the {name} link from label {label[0]} of frame {frame[0]} to label {label[1]} {problem}",
        place=f"frame {frame[1]}",
        remedy=remedy,
    )


def _check_labels(detections: Detections, labels: LabelImages) -> None:
    check_count(detections, labels)
    for t, image in enumerate(labels):
        check_frame(detections, t, image)
