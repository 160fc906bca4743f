"""What a movie, a tracking and a score are by their content: their ids, so that the same is found again."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.errors import InputError
from ingest.tracking_graph import TrackingGraph

ID_DIGITS = 16


def movie_id(fingerprint: str) -> str:
    """The id of a movie of this fingerprint."""
    return f"m{fingerprint[:ID_DIGITS]}"


def tracking_id(movie: str, graph: TrackingGraph, provenance: Mapping[str, Any]) -> str:
    """The same id for the same tracking of the same movie, made in the same way, whenever it is written.

    Probabilities do not count: they follow from the rest but for the last digits, which differ by machine.
    """
    detections = graph.detections
    digest = hashlib.sha256(json.dumps([movie, provenance], sort_keys=True).encode())
    columns: list[npt.NDArray[Any]] = [detections.frame, detections.label, detections.y, detections.x]
    for column in [*columns, *detections.features.values(), graph.links, graph.kind]:
        digest.update(_little_endian(column).data)
    return f"t{digest.hexdigest()[:ID_DIGITS]}"


def score_id(computed: str, reference: str, parameters: Mapping[str, Any]) -> str:
    """One id for a pair of trackings that are compared in the same way."""
    content = f"{computed} {reference} {as_json(parameters)}"
    return f"s{hashlib.sha256(content.encode()).hexdigest()[:ID_DIGITS]}"


def as_json(parameters: Mapping[str, Any]) -> str:
    """Parameters in one order, whatever order they came in.

    Raises:
        InputError: they are nothing that JSON has.
    """
    try:
        return json.dumps(parameters, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"parameters that JSON has no form for ({error})",
            place="parameters",
            remedy="give text, finite numbers, lists and mappings of them",
        ) from error


def _little_endian(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same bytes for the same values on every machine; NaN has many forms, and becomes one."""
    if column.dtype.kind == "f":
        column = np.where(np.isnan(column), np.nan, column)
    return np.ascontiguousarray(column, column.dtype.newbyteorder("<"))
