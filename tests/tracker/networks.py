"""What a network sees of small movies, and networks of random weights."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ingest.measure import measure
from ingest.movie import LabelImages, Movie
from ingest.simulate import SimulatedMovie
from ingest.tracking_graph import Detections
from tracker.config import LEARNED_DRAFT
from tracker.crops import SIDE, crops
from tracker.dataset import TrainingMovie
from tracker.draft import make_draft
from tracker.inputs import Inputs, make_inputs
from tracker.looks import Looks, crop_sums
from tracker.model import LineageModel
from tracker.scene import Scene, make_scene


@dataclass(frozen=True, eq=False)
class Seen:
    """A movie on its way to the network, step by step."""

    detections: Detections
    scene: Scene
    pictures: Tensor
    looks: Looks
    inputs: Inputs


def seen(labels: LabelImages, movie: Movie | None) -> Seen:
    """What the network sees of a movie, with whole crops."""
    detections = measure(labels)
    draft = make_draft(labels, detections, LEARNED_DRAFT)
    scene = make_scene(draft)
    pictures = torch.cat([torch.zeros(0, 2, SIDE, SIDE), *crops(labels, movie, detections, draft.cells)])
    looks = Looks.of(crop_sums(pictures), has_image=movie is not None)
    return Seen(detections, scene, pictures, looks, make_inputs(scene, detections, looks, pictures))


def untrained(inputs: Inputs, seed: int, *, loud: float = 3.0, **evidence: bool) -> LineageModel:
    """A network of random weights, times `loud`: it is sure of much, and most of that is wrong."""
    torch.manual_seed(seed)
    model = LineageModel(replace(inputs.sizes(), **evidence)).eval()
    with torch.no_grad():
        for weight in (*model.classify.parameters(), *model.divide.parameters()):
            weight.mul_(loud)
    return model


def to_learn_from(made: SimulatedMovie, name: str = "simulated") -> TrainingMovie:
    """A simulated movie with its true lineage."""
    return TrainingMovie(name, made.movie, made.labels, made.graph)


def as_movie(frames: np.ndarray) -> Movie:
    """(T, Y, X) frames as a movie."""
    return Movie.from_array(frames, name="made", axes="TYX")
