"""The network: is a pair of cells the same, different, or parent and child; are three cells a division.

In the spirit of Moen et al. 2019 (bioRxiv 803205): a pair is judged by appearance, morphology, motion and
neighbourhood over seven frames of memory, and belongs to one of three classes. What differs: all is sparse
(E pairs, never N × N); the neighbourhood is a graph (GATv2, Brody et al. 2022); a target is judged with its
next seven frames, a source with its last; pairs that compete for a cell see each other; the daughters of a
division are judged together.
"""

import copy
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from tracker.features import STEP, still
from tracker.neighbourhood import NeighbourAttention
from tracker.scene import MEMORY

SAME, DIFFERENT, PARENT_CHILD = range(3)
CLASSES = ("same", "different", "parent-child")


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the network, and what evidence it uses; for ablations, each can be left out.

    Attributes:
        cell, step, neighbour, pair, triple: columns of features (`tracker.features`).
        width: of every hidden layer.
        rounds: in which competing pairs see each other.
        dropout: share of the hidden values that is left out in training.
        appearance: whether crops are looked at.
        graph: whether a cell sees its neighbours.
        motion: whether how cells moved before and after counts.
        memory: whether cells before and after along the draft's tracks count.
    """

    cell: int
    step: int
    neighbour: int
    pair: int
    triple: int
    width: int = 64
    rounds: int = 2
    dropout: float = 0.2
    appearance: bool = True
    graph: bool = True
    motion: bool = True
    memory: bool = True

    def as_dict(self) -> dict[str, int | bool]:
        """By name, for the record."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Batch:
    """What the network looks at: N cells, E pairs, T triples, G edges between neighbours.

    Attributes:
        crops: (N, 2, 24, 24), of half precision; or (N, width), what `Appearance` saw in them.
        cell: (N, ·) features; likewise `past_step`, `future_step` (N, 7, ·), `neighbour` (G, ·),
            `pair` (E, ·) and `triple` (T, ·).
        past, future: (N, 7) rows of cells, −1 for none.
        neighbours: (2, G) rows of a cell and of its neighbour.
        source, target: (E,) rows of cells.
        triples: (T, 3) rows of a mother and two daughters; triple_pairs: (T, 2) rows of their pairs.
    """

    crops: Tensor
    cell: Tensor
    past: Tensor
    past_step: Tensor
    future: Tensor
    future_step: Tensor
    neighbours: Tensor
    neighbour: Tensor
    source: Tensor
    target: Tensor
    pair: Tensor
    triples: Tensor
    triple_pairs: Tensor
    triple: Tensor

    def to(self, device: torch.device | str) -> "Batch":
        """The same on another device."""
        return Batch(**{name: column.to(device, non_blocking=True) for name, column in vars(self).items()})


class Standardise(nn.Module):
    """(…, columns) features less their mean over their standard deviation, within ±5; set before training."""

    mean: Tensor
    scale: Tensor
    used: Tensor

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(columns))
        self.register_buffer("scale", torch.ones(columns))
        self.register_buffer("used", torch.ones(columns))  # 0 leaves a feature out

    def forward(self, features: Tensor) -> Tensor:
        """(…, columns) → (…, columns)."""
        return ((features - self.mean) / self.scale).clamp(-5, 5) * self.used


class Appearance(nn.Module):
    """(N, 2, 24, 24) crops → (N, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(2, 16, 3, stride=2, padding=1),  # (N, 16, 12, 12)
            nn.ReLU(inplace=True),
            nn.Conv2d(16, 24, 3, stride=2, padding=1),  # (N, 24, 6, 6)
            nn.ReLU(inplace=True),
            nn.Conv2d(24, 48, 3, stride=2, padding=1),  # (N, 48, 3, 3)
            nn.ReLU(inplace=True),
            nn.Flatten(),
            nn.Linear(48 * 9, width),
        )

    def forward(self, crops: Tensor) -> Tensor:
        """(N, 2, 24, 24) → (N, width)."""
        seen: Tensor = self.layers(crops)
        return seen


class Memory(nn.Module):
    """A gated recurrent unit (Cho et al. 2014) along each cell's chain, the farthest cell first."""

    def __init__(self, width: int, step: int) -> None:
        super().__init__()
        self.of_cell = nn.Linear(width, 3 * width)
        self.of_step = nn.Linear(step, 3 * width, bias=False)
        self.of_state = nn.Linear(width, 3 * width)

    def forward(self, known: Tensor, chain: Tensor, step: Tensor) -> Tensor:
        """(M, width) cells, (N, 7) rows and (N, 7, ·) steps of chains → (N, width) what is remembered."""
        width = known.shape[1]
        sizes = [2 * width, width]  # of the gates, reset and update, and of what is proposed
        gates_given, new_given = torch.split(self.of_cell(known), sizes, dim=1)  # once for each cell
        gates_step, new_step = torch.split(self.of_step.weight.t(), sizes, dim=1)
        gates_state, new_state = torch.split(self.of_state.weight.t(), sizes, dim=1)
        gates_bias, new_bias = torch.split(self.of_state.bias, sizes)
        gates_given = gates_given + gates_bias
        new_given = new_given.contiguous()
        state = known.new_zeros(len(chain), width)
        for k in reversed(range(MEMORY)):
            row, moved = chain[:, k].clamp(min=0), step[:, k]
            gates = gates_given.index_select(0, row).addmm_(moved, gates_step).addmm_(state, gates_state)
            reset, update = gates.sigmoid_().chunk(2, dim=1)
            new = new_given.index_select(0, row).addmm_(moved, new_step)
            proposed = new.addcmul_(reset, torch.addmm(new_bias, state, new_state)).tanh_()
            state = torch.where((chain[:, k] >= 0)[:, None], torch.lerp(proposed, state, update), state)
        return state


class LineageModel(nn.Module):
    """The whole network; `cells`, `pairs` and `triples` are its three stages, `forward` runs them all.

    Args:
        config: its sizes and evidence.
    """

    temperature: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.standard_cell = Standardise(config.cell)
        self.standard_neighbour = Standardise(config.neighbour)
        self.standard_pair = Standardise(config.pair)
        self.standard_triple = Standardise(config.triple)
        self.appearance = Appearance(width) if config.appearance else None
        self.morphology = nn.Linear(config.cell, width)
        drop = config.dropout
        self.embed = nn.Sequential(
            nn.ReLU(), nn.Dropout(drop), nn.Linear(width, width), nn.ReLU(), nn.Dropout(drop)
        )
        self.graph: nn.Module | None = NeighbourAttention(width, config.neighbour) if config.graph else None
        self.past = Memory(width, config.step) if config.memory else None
        self.future = Memory(width, config.step) if config.memory else None
        self.as_source = nn.Linear(4 * width, width)
        self.as_target = nn.Linear(4 * width, width)
        self.of_pair = nn.Linear(config.pair, width)
        self.judge = nn.Sequential(
            nn.ReLU(inplace=True), nn.Dropout(drop), nn.Linear(width, width), nn.ReLU(inplace=True)
        )
        self.compete = nn.ModuleList(
            nn.Sequential(
                nn.Linear(5 * width, width), nn.ReLU(inplace=True), nn.Dropout(drop), nn.Linear(width, width)
            )
            for _ in range(config.rounds)
        )
        self.classify = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Dropout(drop), nn.Linear(width, len(CLASSES))
        )
        self.of_triple = nn.Linear(config.triple, width)
        self.of_sisters = nn.Linear(2 * width, width)
        self.of_mother = nn.Linear(width, width)
        self.divide = nn.Sequential(
            nn.ReLU(),
            nn.Dropout(drop),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Dropout(drop),
            nn.Linear(width, 1),
        )
        self.register_buffer("temperature", torch.ones(2))  # of the pairs' and of the triples' logits

    def trainable(self) -> "LineageModel":
        """A copy to train: with torch_geometric's own layer where cells see their neighbours."""
        model = copy.deepcopy(self).requires_grad_(True)
        if isinstance(model.graph, NeighbourAttention):
            model.graph = model.graph.trainable()
        return model

    def trained(self) -> "LineageModel":
        """A copy to judge with, of what `trainable` gave."""
        model = LineageModel(self.config)
        model.load_state_dict(self.state_dict())
        return model.eval()

    @torch.no_grad()
    def absorb_temperature(self) -> None:
        """Say the calibrated logits from now on: what is judged stays the same, the temperature is 1."""
        for head, temperature in zip((self.classify[-1], self.divide[-1]), self.temperature, strict=True):
            assert isinstance(head, nn.Linear)
            head.weight.div_(temperature)
            head.bias.div_(temperature)
        self.temperature.fill_(1.0)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(E, 3) logits of the pairs' classes and (T,) of the triples being divisions, before calibration."""
        source, target = self.cells(batch)
        judged = self.pairs(batch, source, target)
        return self.classify(judged), self.triples(batch, judged, source)

    def cells(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(N, width) each, what speaks of a cell as a source and as a target."""
        cell = self.alone(batch)
        return self.in_context(cell, cell, batch)

    def alone(self, batch: Batch) -> Tensor:
        """(N, width) what each cell is like by itself."""
        hidden: Tensor = self.morphology(self.standard_cell(batch.cell))
        if self.appearance is not None:
            hidden = hidden + (
                self.appearance(batch.crops.to(hidden.dtype)) if batch.crops.ndim == 4 else batch.crops
            )
        cell: Tensor = self.embed(hidden)
        return cell

    def in_context(self, cell: Tensor, known: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """(N, width) each, what speaks of a cell as a source and as a target.

        Args:
            cell: (N, width) what they are like.
            known: (M, width) what those are like whose rows `batch.past` and `batch.future` hold.
            batch: how they lie and moved.
        """
        nothing = torch.zeros_like(cell)
        around, before, after = nothing, nothing, nothing
        if self.graph is not None:
            edges = batch.neighbours.flip(0)  # messages go from the neighbour to the cell
            around = self.graph(cell, edges, self.standard_neighbour(batch.neighbour))
        if self.past is not None and self.future is not None:
            before = self.past(known, batch.past, self._steps(batch.past_step))
            after = self.future(known, batch.future, self._steps(batch.future_step))
        seen = torch.cat([cell, around, before, after], dim=1)  # (N, 4·width)
        return self.as_source(seen), self.as_target(seen)

    def _steps(self, steps: Tensor) -> Tensor:
        """(N, 7, ·) features of steps, without how far the cells moved where motion does not count."""
        if self.config.motion:
            return steps
        return steps * steps.new_tensor(still(STEP))

    def pairs(self, batch: Batch, source: Tensor, target: Tensor) -> Tensor:
        """(E, width) each pair, judged in the light of those that compete with it."""
        hidden = self.of_pair(self.standard_pair(batch.pair))  # a frame of thousands has many: sums in place
        hidden += source.index_select(0, batch.source)
        hidden += target.index_select(0, batch.target)
        judged: Tensor = self.judge(hidden)
        for competition in self.compete:
            assert isinstance(competition, nn.Sequential)
            first, *others = competition
            assert isinstance(first, nn.Linear)
            change = _among_competitors(first, judged, batch)
            for layer in others:
                change = layer(change)
            change += judged
            judged = torch.relu_(change)
        return judged

    def triples(self, batch: Batch, judged: Tensor, source: Tensor) -> Tensor:
        """(T,) logits; the same with the daughters exchanged."""
        first, second = judged[batch.triple_pairs].unbind(dim=1)  # (T, width) each
        sisters = self.of_sisters(torch.cat([first + second, (first - second).abs()], dim=1))
        mother = self.of_mother(source[batch.triples[:, 0]])
        logit: Tensor = self.divide(sisters + mother + self.of_triple(self.standard_triple(batch.triple)))
        return logit[:, 0]


def _among_competitors(layer: nn.Linear, judged: Tensor, batch: Batch) -> Tensor:
    """(E, width) what a layer makes of each pair and of the mean and maximum of those that share its ends.

    The same as the layer of all five joined, at less cost: what pairs share is worked on once a cell.
    """
    own, *shared = layer.weight.chunk(5, dim=1)  # (width, width) each
    seen = linear(judged, own, layer.bias)
    for cell, weights in ((batch.source, shared[:2]), (batch.target, shared[2:])):
        mean, most = _mean_and_most(judged, cell, len(batch.cell))
        seen += (linear(mean, weights[0]) + linear(most, weights[1])).index_select(0, cell)
    return seen


def _mean_and_most(judged: Tensor, cell: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """(count, width) each, the mean and the maximum of the (E, width) pairs of each cell; 0 without any."""
    nothing = judged.new_zeros(count, judged.shape[1])
    pairs = torch.bincount(cell, minlength=count).clamp(min=1)
    mean = nothing.index_add(0, cell, judged) / pairs[:, None]
    most = nothing.scatter_reduce(0, cell[:, None].expand_as(judged), judged, "amax", include_self=False)
    return mean, most
