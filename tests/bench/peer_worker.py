"""One tracker of others on one movie, in its own environment: `python peer_worker.py IN.npz OUT.npz`.

IN holds `labels` (T, Y, X), the columns `frame`, `label` of the detections, sorted by (frame, label), and
`recipe`, a JSON object: `tracker`, `turns`, and that tracker's settings. OUT gets `links`, (E, 2) rows of the
detections, and `cpu` and `wall`, the least seconds of all turns from the label images to the links, without
what importing takes. This file knows nothing of cellkin.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Links = list[tuple[int, int]]
Settings = Mapping[str, Any]
Input = Mapping[str, npt.NDArray[Any]]


def laptrack(given: Input, settings: Settings) -> Links:
    """Linear assignment of centroids (Fukai & Kawaguchi 2023); a part of its graph for each link."""
    from laptrack import LapTrack  # type: ignore[import-not-found, unused-ignore]

    rows = [np.flatnonzero(given["frame"] == frame) for frame in range(len(given["labels"]))]
    place = _shapes(given["labels"], ["centroid"])
    places = np.stack([place["centroid-0"], place["centroid-1"]], axis=1)  # (N, 2) y, x
    coordinates = [places[row] for row in rows]
    graph = LapTrack(**settings).predict(coordinates)
    return [(rows[a][i], rows[b][j]) for (a, i), (b, j) in graph.edges()]


def laptrack_overlap(given: Input, settings: Settings) -> Links:
    """The same by the overlap of masks."""
    from laptrack import OverLapTrack  # type: ignore[import-not-found, unused-ignore]

    tracks, splits, _ = OverLapTrack(**settings).predict_overlap_dataframe(given["labels"])
    row_of = {
        key: row for row, key in enumerate(zip(given["frame"].tolist(), given["label"].tolist(), strict=True))
    }
    of_track: dict[int, list[int]] = {}
    for (frame, label), track in sorted(tracks["track_id"].items()):
        of_track.setdefault(int(track), []).append(row_of[int(frame), int(label)])
    families = zip(splits["parent_track_id"], splits["child_track_id"], strict=True) if len(splits) else ()
    return _links(of_track, {int(child): int(parent) for parent, child in families})


def btrack(given: Input, settings: Settings) -> Links:
    """Kalman filters, then an integer program of hypotheses over tracklets (Ulicna et al. 2021)."""
    import btrack as library  # type: ignore[import-not-found, unused-ignore]

    features = settings["features"]
    shapes = _shapes(given["labels"], ["centroid", *features])
    y, x = shapes.pop("centroid-0"), shapes.pop("centroid-1")
    columns = {"t": given["frame"], "x": x, "y": y, "z": np.zeros(len(x)), **shapes}
    with library.BayesianTracker(verbose=False) as tracker:
        tracker.configure(_cell_configuration(library))
        tracker.max_search_radius = settings["max_search_radius"]
        tracker.tracking_updates = ["MOTION", "VISUAL"] if features else ["MOTION"]
        tracker.features = list(features)
        tracker.append(library.io.localizations_to_objects(columns))
        tracker.track(step_size=100)
        tracker.optimize()
        tracks = [track for track in tracker.tracks if any(ref >= 0 for ref in track.refs)]
    of_track = {
        track.ID: [ref for ref in track.refs if ref >= 0] for track in tracks
    }  # below 0: interpolated
    return _links(of_track, {track.ID: track.parent for track in tracks if track.parent != track.ID})


def _cell_configuration(library: Any) -> Any:
    """The values of the project's cell_config.json, which its package fetches from the network."""
    identity, zero = np.eye(3), np.zeros((3, 3))
    motion = library.models.MotionModel(
        name="cell_motion",
        measurements=3,
        states=6,
        accuracy=7.5,
        prob_not_assign=0.001,
        max_lost=5,
        A=np.block([[identity, identity], [zero, identity]]),
        H=np.hstack([identity, zero]),
        P=150.0 * np.diag([0.1, 0.1, 0.1, 1, 1, 1]),
        G=15.0 * np.array([0.5, 0.5, 0.5, 1, 1, 1]),
        R=5.0 * identity,
    )
    hypotheses = library.models.HypothesisModel(
        name="cell_hypothesis",
        hypotheses=["P_FP", "P_init", "P_term", "P_link", "P_branch", "P_dead"],
        lambda_time=5.0,
        lambda_dist=3.0,
        lambda_link=10.0,
        lambda_branch=50.0,
        eta=1e-10,
        theta_dist=20.0,
        theta_time=5.0,
        dist_thresh=40,
        time_thresh=2,
        apop_thresh=5,
        segmentation_miss_rate=0.1,
        apoptosis_rate=0.001,
        relax=True,
    )
    return library.config.TrackerConfig(motion_model=motion, hypothesis_model=hypotheses)


def _shapes(labels: npt.NDArray[Any], features: list[str]) -> dict[str, npt.NDArray[Any]]:
    """(N,) columns of scikit-image's region properties, rows as in the input: by (frame, label)."""
    from skimage.measure import regionprops_table

    properties = ["label", *features]
    tables = [
        regionprops_table(image, properties=properties)  # type: ignore[no-untyped-call]
        for image in labels
        if image.any()
    ]
    names = [name for name in tables[0] if name != "label"] if tables else []
    return {name: np.concatenate([table[name] for table in tables]) for name in names}


def _links(of_track: Mapping[int, list[int]], parent: Mapping[int, int]) -> Links:
    """Links within tracks, and from a parent's last detection to its child's first."""
    links = [link for track in of_track.values() for link in pairwise(track)]
    return links + [
        (of_track[mother][-1], of_track[child][0])
        for child, mother in parent.items()
        if child in of_track and mother in of_track
    ]


TRACKERS: Mapping[str, Callable[[Input, Settings], Links]] = {
    "laptrack": laptrack,
    "laptrack-overlap": laptrack_overlap,
    "btrack": btrack,
}


def main(source: str, target: str) -> None:
    with np.load(source) as archive:
        given = {name: archive[name] for name in archive.files}
    recipe = json.loads(str(given.pop("recipe")))
    name, turns = recipe.pop("tracker"), recipe.pop("turns")
    for module in ("skimage.measure", name.partition("-")[0]):
        importlib.import_module(module)
    links, cpu, wall = Links(), [], []
    for _ in range(turns):
        started = time.process_time(), time.perf_counter()
        links = TRACKERS[name](given, recipe)
        cpu.append(time.process_time() - started[0])
        wall.append(time.perf_counter() - started[1])
    np.savez(target, links=np.array(links, np.int64).reshape(-1, 2), cpu=min(cpu), wall=min(wall))


if __name__ == "__main__":
    main(*sys.argv[1:])
