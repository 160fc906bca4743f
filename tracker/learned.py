"""The whole pipeline of the learned tracker: a draft, judged by the network, decided anew."""

import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from ingest.errors import InputError
from ingest.measure import require_same_shape
from ingest.movie import LabelImages, Movie
from ingest.progress import Progress, silent
from ingest.tracking_graph import Detections, IntArray, LinkKind, TrackingGraph
from tracker.balance import balanced
from tracker.beside import beside, while_well
from tracker.cells import Cells, stretches
from tracker.config import LEARNED_DRAFT
from tracker.crops import crops, frames_ahead
from tracker.draft import make_draft
from tracker.gains import SEGMENTED_DIVISION_COST, DecisionConfig, Logits, choices_of, probability
from tracker.greedy import decide_by_assignment
from tracker.inputs import Inputs, make_inputs
from tracker.joint import Choices, decide_jointly
from tracker.looks import SUMS, Looks, crop_sums
from tracker.memory import give_back
from tracker.model import PARENT_CHILD, SAME, LineageModel
from tracker.scene import MEMORY, Scene, make_scene

Decide = Callable[[Choices], tuple[IntArray, IntArray, IntArray]]
DECISIONS: Mapping[str, Decide] = {"joint": decide_jointly, "assignment": decide_by_assignment}
"""The ways to decide by name."""
CROPS, CROPS_ON_GPU = 256, 2048
"""Crops that the network looks at together: on a CPU as many as its caches hold."""
CELLS = 5_000
"""Cells of whole frames, or of one frame, that it sees in context together, and whose pairs it judges."""


@dataclass(frozen=True)
class LearnedConfig:
    """How the learned tracker runs.

    Attributes:
        decision: a name in `DECISIONS`.
        device: `auto`, `cpu`, `cuda` …
        costs: of births, deaths and divisions.
    """

    decision: str = "joint"
    device: str = "auto"
    costs: DecisionConfig = field(default_factory=DecisionConfig)

    def __post_init__(self) -> None:
        if self.decision not in DECISIONS:
            raise InputError(
                f"no decision {self.decision!r}",
                place="tracker configuration",
                remedy=f"choose one of {', '.join(DECISIONS)}",
            )

    def as_dict(self) -> dict[str, object]:
        """By name, for the record."""
        return {"decision": self.decision, **self.costs.as_dict()}


@dataclass(frozen=True, eq=False)
class View:
    """A movie as a network has seen it.

    Attributes:
        scene: its cells, drafted, and what may be linked.
        detections: the cells in the order of their labels.
        looks: what the crops of the cells tell at once.
        seen: (N, width) what the network saw in them.
    """

    scene: Scene
    detections: Detections
    looks: Looks
    seen: Tensor


def track_learned(
    labels: LabelImages,
    detections: Detections,
    movie: Movie | None,
    model: LineageModel,
    *,
    config: LearnedConfig | None = None,
    progress: Progress = silent,
) -> TrackingGraph:
    """Link the detections of a movie by what a trained network makes of them; each link with its probability.

    As `see` and `link`, one after the other, with their arguments and errors.
    """
    config = config or LearnedConfig()
    return link(see(labels, detections, movie, model, config, progress), model, config)


def see(
    labels: LabelImages,
    detections: Detections,
    movie: Movie | None,
    model: LineageModel,
    config: LearnedConfig,
    progress: Progress = silent,
    *,
    drafted: Scene | None = None,
) -> View:
    """Draft a movie, and have a network look at its cells.

    Two frames at most, and one more label image, are in memory at once; crops are forgotten once the network
    has seen them. What stays is about 1 kB a detection and 150 B a candidate pair.

    Args:
        labels: the cells' masks, (T, Y, X).
        detections: of these label images, with their shapes (`ingest.measure`).
        movie: the frames; None where only masks are known, which costs accuracy.
        model: trained.
        config: how to run.
        progress: told of each frame.
        drafted: the scene of this movie, where there is one already.

    Raises:
        InputError: the detections have no shapes or lie beyond the label images, which are not those of the
            frames; no such device.
        LineageError: a cell of a label image is no detection.
    """
    _require_shapes(detections)
    if movie is not None:
        require_same_shape(labels, movie)
    device = choose_device(config.device)
    model = model.to(device).eval()
    frames = crops(labels, movie, detections, Cells.of(detections))

    def drafted_scene(progress: Progress) -> Scene:
        if drafted is not None:
            return drafted
        return make_scene(make_draft(labels, detections, LEARNED_DRAFT, progress))

    with beside(drafted_scene) as drafting:
        told = progress(while_well(frames, drafting), "Looking", total=len(labels))
        looks, seen = look(told, model, device, has_image=movie is not None)
        for awaited in progress((drafting.result,), "Linking"):
            scene = awaited()
    give_back(len(detections))
    return View(scene, detections, looks, seen)


def link(view: View, model: LineageModel, config: LearnedConfig) -> TrackingGraph:
    """Have the network that saw a movie judge what may be linked, and decide.

    Raises:
        InputError: the network knows other features.
    """
    return decided(view.scene, _judged(view, model), view.detections, config)


def link_segmented(
    view: View, model: LineageModel, config: LearnedConfig
) -> tuple[TrackingGraph, LearnedConfig]:
    """As `link`, cells of a segmentation; and the configuration with what a division costs then.

    It costs `SEGMENTED_DIVISION_COST`, or less where tracks would begin more often than they end
    (`tracker.balance`). Then divisions are likelier than the network says: by half of what they cost less.

    Raises:
        InputError: the network knows other features.
    """
    logits, draft = _judged(view, model), view.scene.draft
    is_inside = np.zeros(len(view.detections), bool)
    is_inside[draft.cells.row] = draft.is_inside(config.costs.edge_in_diameters)

    def costing(division: float) -> LearnedConfig:
        odds = (SEGMENTED_DIVISION_COST - division) / 2
        return replace(config, costs=replace(config.costs, division_cost=division, division_odds=odds))

    def decide(cost: float) -> TrackingGraph:
        return decided(view.scene, logits, view.detections, costing(cost))

    graph, cost = balanced(decide, is_inside, SEGMENTED_DIVISION_COST)
    return graph, costing(cost)


def _judged(view: View, model: LineageModel) -> Logits:
    inputs = make_inputs(view.scene, view.detections, view.looks, view.seen)
    inputs.require_fit(model.config)
    give_back(len(view.detections))
    return judge(inputs, model, model.temperature.device)


def choose_device(name: str) -> torch.device:
    """The device of this name; `auto` is a GPU where there is one.

    Raises:
        InputError: there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()  # which fails on a device without memory, too
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"no device {name!r}", place="--device", remedy="choose auto, cpu, or cuda where there is a GPU"
        ) from error
    return device


def device_name(device: torch.device) -> str:
    """What a person calls it: the GPU's own name, or cpu and its kind."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu {platform.machine()}"


@torch.inference_mode()
def look(
    frames: Iterator[Tensor], model: LineageModel, device: torch.device, *, has_image: bool
) -> tuple[Looks, Tensor]:
    """Measure the crops of all frames, and have the network see them: (N, width), on the CPU."""
    sums, seen = [torch.zeros(0, SUMS)], [torch.zeros(0, model.config.width)]
    with _fewer_threads(frames_ahead()):  # which read the frames
        for batch in _batched(frames, CROPS if device.type == "cpu" else CROPS_ON_GPU):
            sums.append(crop_sums(batch))
            if model.appearance is not None:
                half = device.type == "cuda"
                with torch.autocast(device.type, torch.float16, enabled=half):
                    seen.append(model.appearance(batch.to(device)).float().cpu())
            else:
                seen.append(torch.zeros(len(batch), model.config.width))
    return Looks.of(torch.cat(sums), has_image=has_image), torch.cat(seen)


@contextmanager
def _fewer_threads(taken: int) -> Iterator[None]:
    """Leave so many of torch's threads out; this holds for the whole process."""
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads - taken))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@torch.inference_mode()
def judge(inputs: Inputs, model: LineageModel, device: torch.device) -> Logits:
    """The logits of all pairs and triples, a stretch of frames at a time, each cell and pair once.

    First what each cell is like, then that in its context, then the pairs: those of a stretch with the few
    others that compete with them. So the work grows with the movie, however many cells a frame has.

    Raises:
        InputError: a judgement is not a number.
    """
    source, target = _cells(inputs, model, device)
    pair, triple = np.zeros((len(inputs.pair_frame), 3)), np.zeros(len(inputs.triple_frame))
    for begin, end in stretches(inputs.cell_frame, CELLS):
        contest = inputs.contest(begin, end, model.config.rounds)
        batch, wanted = contest.batch.to(device), torch.from_numpy(contest.wanted).to(device)
        judged = model.pairs(batch, source[contest.cells], target[contest.cells])
        pair_logit = model.classify(judged[wanted]) / model.temperature[0]
        triple_logit = model.triples(batch, judged, source[contest.cells]) / model.temperature[1]
        pair[contest.pairs[contest.wanted]] = pair_logit.cpu().numpy()
        triple[contest.triples] = triple_logit.cpu().numpy()
        give_back(len(inputs.cell_frame))
    if not (np.isfinite(pair).all() and np.isfinite(triple).all()):
        raise InputError(
            "the network's judgement is not a number",
            place="the network's weights, or the movie",
            remedy="give other weights, or look for pixels with absurd values and replace them",
        )
    return Logits(pair, triple)


def _cells(inputs: Inputs, model: LineageModel, device: torch.device) -> tuple[Tensor, Tensor]:
    """(N, width) each, of all cells, see `LineageModel.cells`; on the device."""
    parts = list(stretches(inputs.cell_frame, CELLS))
    none = torch.zeros(0, model.config.width, device=device)
    alone = torch.cat([none, *(model.alone(inputs.window(*frames).to(device)) for frames in parts)])
    sources, targets = [none], [none]
    for begin, end in parts:
        window = inputs.window(begin, end, memory=MEMORY).to(device)
        known = alone[inputs.cells(begin - MEMORY, end + MEMORY)]
        source, target = model.in_context(alone[inputs.cells(begin, end)], known, window)
        sources.append(source)
        targets.append(target)
    return torch.cat(sources), torch.cat(targets)


def decided(scene: Scene, logits: Logits, detections: Detections, config: LearnedConfig) -> TrackingGraph:
    """The tracking that a decision makes of the network's judgement."""
    choices = choices_of(scene, logits, config.costs)
    links, divisions, others = DECISIONS[config.decision](choices)
    family = scene.triples[divisions]
    ends = np.concatenate(
        [choices.link[links], family[:, [0, 1]], family[:, [0, 2]], choices.another[others]]
    )  # (links, 2) cells
    same, child = logits.log_odds(SAME), logits.log_odds(PARENT_CHILD)
    division = logits.triple[divisions] + config.costs.division_odds
    odds = np.concatenate([same[links], np.tile(division, 2), child[others]])
    frame, row = scene.draft.cells.frame, scene.draft.cells.row
    step = frame[ends[:, 1]] - frame[ends[:, 0]]
    kind = np.where(step > 1, LinkKind.GAP, LinkKind.NEXT).astype(np.uint8)
    kind[len(links) :] = LinkKind.DIVISION
    order = np.argsort(row[ends[:, 1]])
    return TrackingGraph(detections, row[ends][order], kind[order], probability(odds[order]))


def _require_shapes(detections: Detections) -> None:
    for name in ("perimeter", "eccentricity"):
        if name not in detections.features:
            raise InputError(
                f"detections without {name}", remedy="measure them on the label images (ingest.measure)"
            )


def _batched(frames: Iterator[Tensor], size: int) -> Iterator[Tensor]:
    """The rows of all frames, `size` at a time."""
    parts, held = list[Tensor](), 0
    for piece in chain.from_iterable(torch.split(frame, size) for frame in frames):
        if held + len(piece) > size:
            yield torch.cat(parts)
            parts, held = [], 0
        parts.append(piece)
        held += len(piece)
    if parts:
        yield torch.cat(parts)
