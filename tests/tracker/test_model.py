"""What must hold of the network whatever its weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from ingest.movie import LabelImages
from ingest.simulate import SimulatedMovie
from tests.tracker.networks import seen, untrained
from tracker.inputs import Inputs
from tracker.model import Batch, LineageModel, Memory, ModelConfig, Standardise
from tracker.neighbourhood import NeighbourAttention


@pytest.fixture(scope="module")
def inputs(dividing: SimulatedMovie) -> Inputs:
    return seen(dividing.labels, dividing.movie).inputs


@pytest.fixture(scope="module")
def model(inputs: Inputs) -> LineageModel:
    return untrained(inputs, seed=1)


@torch.inference_mode()
def judged(model: LineageModel, batch: Batch) -> tuple[Tensor, Tensor]:
    pair, triple = model(batch)
    assert pair.shape == (len(batch.source), 3)
    assert triple.shape == (len(batch.triples),)
    assert pair.isfinite().all()
    assert triple.isfinite().all()
    return pair, triple


def check_same(found: Tensor, expected: Tensor) -> None:
    assert expected.std() > 0.1  # there is something to be the same
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_daughters_may_be_exchanged(model: LineageModel, inputs: Inputs) -> None:
    batch = inputs.batch
    exchanged = replace(
        batch, triples=batch.triples[:, [0, 2, 1]], triple_pairs=batch.triple_pairs[:, [1, 0]]
    )
    check_same(judged(model, exchanged)[1], judged(model, batch)[1])


def test_pairs_in_any_order(model: LineageModel, inputs: Inputs) -> None:
    batch = inputs.batch
    order = torch.randperm(len(batch.pair), generator=torch.Generator().manual_seed(3))
    shuffled = replace(
        batch,
        source=batch.source[order],
        target=batch.target[order],
        pair=batch.pair[order],
        triple_pairs=torch.argsort(order)[batch.triple_pairs],
    )
    pair, triple = judged(model, shuffled)
    check_same(pair, judged(model, batch)[0][order])
    check_same(triple, judged(model, batch)[1])


def test_cells_in_any_order(model: LineageModel, inputs: Inputs) -> None:
    batch = inputs.batch
    order = torch.randperm(len(batch.cell), generator=torch.Generator().manual_seed(4))
    new = torch.cat([torch.argsort(order), torch.tensor([-1])])  # number of each cell, −1 for none
    shuffled = replace(
        batch,
        **{name: getattr(batch, name)[order] for name in ("crops", "cell", "past_step", "future_step")},
        past=new[batch.past][order],
        future=new[batch.future][order],
        **{name: new[getattr(batch, name)] for name in ("neighbours", "source", "target", "triples")},
    )
    check_same(judged(model, shuffled)[0], judged(model, batch)[0])


def test_what_is_not_remembered_has_no_influence(model: LineageModel, inputs: Inputs) -> None:
    batch = inputs.batch
    rubbish = {
        step: torch.where((chain >= 0)[:, :, None], getattr(batch, step), 99.0)
        for step, chain in (("past_step", batch.past), ("future_step", batch.future))
    }
    assert (batch.past < 0).any()
    check_same(judged(model, replace(batch, **rubbish))[0], judged(model, batch)[0])


def test_what_is_remembered_counts(model: LineageModel, inputs: Inputs) -> None:
    forgetful = replace(inputs.batch, past=inputs.batch.past.clone())
    forgetful.past[:, 1:] = -1
    assert (judged(model, forgetful)[0] - judged(model, inputs.batch)[0]).abs().max() > 0.01


def test_pairs_that_compete_see_each_other(model: LineageModel, inputs: Inputs) -> None:
    """Without one pair, those that share a cell with it are judged otherwise, and far ones are not."""
    batch = inputs.batch
    rest = torch.arange(1, len(batch.pair))
    fewer = replace(
        batch,
        **{name: getattr(batch, name)[rest] for name in ("source", "target", "pair")},
        triples=batch.triples[:0],
        triple_pairs=batch.triple_pairs[:0],
        triple=batch.triple[:0],
    )
    change = (judged(model, fewer)[0] - judged(model, batch)[0][1:]).abs().max(dim=1).values
    shares = (fewer.source == batch.source[0]) | (fewer.target == batch.target[0])
    assert change[shares].max() > 1e-3
    assert change[inputs.pair_frame[1:] > 8].max() < 1e-5


@pytest.mark.parametrize("evidence", ["appearance", "graph", "motion", "memory"])
def test_without_one_kind_of_evidence(inputs: Inputs, evidence: str) -> None:
    model = untrained(inputs, seed=2, **{evidence: False})
    pair, _ = judged(model, inputs.batch)
    batch = inputs.batch
    hidden = {
        "appearance": replace(batch, crops=torch.rand_like(batch.crops)),
        "graph": replace(batch, neighbours=batch.neighbours[:, :0], neighbour=batch.neighbour[:0]),
        "memory": replace(batch, past=-torch.ones_like(batch.past), future=-torch.ones_like(batch.future)),
        "motion": batch,  # by features that training leaves out, see test_train.py
    }[evidence]
    torch.testing.assert_close(judged(model, hidden)[0], pair)


def test_crops_or_what_was_seen_in_them(model: LineageModel, inputs: Inputs) -> None:
    assert model.appearance is not None
    with torch.inference_mode():
        looked = model.appearance(inputs.batch.crops.float())
    check_same(judged(model, replace(inputs.batch, crops=looked))[0], judged(model, inputs.batch)[0])


@pytest.mark.parametrize("shape", [(3, 12, 15), (1, 12, 15)])
def test_no_cells_at_all(model: LineageModel, shape: tuple[int, int, int]) -> None:
    nothing = seen(LabelImages.from_array(np.zeros(shape, np.int32)), None).inputs
    pair, triple = judged(model, nothing.batch)
    assert (len(pair), len(triple)) == (0, 0)


def test_one_cell_that_has_no_neighbour(model: LineageModel) -> None:
    images = np.zeros((3, 40, 50), np.int32)
    images[:, 10:17, 20:31] = 4
    pair, triple = judged(model, seen(LabelImages.from_array(images), None).inputs.batch)
    assert (len(pair), len(triple)) == (2, 0)


def test_features_are_standardised_within_bounds() -> None:
    layer = Standardise(3)
    layer.mean.copy_(torch.tensor([1.0, 2.0, 3.0]))
    layer.scale.copy_(torch.tensor([2.0, 0.5, 1.0]))
    layer.used.copy_(torch.tensor([1.0, 1.0, 0.0]))
    found = layer(torch.tensor([[2.0, 1.5, 9.0], [999.0, -999.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[0.5, -1.0, 0.0], [5.0, -5.0, 0.0]]))


def test_the_sizes_are_recorded() -> None:
    sizes = ModelConfig(cell=4, step=3, neighbour=2, pair=6, triple=5, memory=False)
    assert ModelConfig(**sizes.as_dict()) == sizes  # type: ignore[arg-type]  # names are as they were


def test_attention_is_that_of_torch_geometric() -> None:
    """The same for cells that see many, one and none, and the same gradients."""
    torch.manual_seed(5)
    ours = NeighbourAttention(64, 5)
    torch.nn.init.normal_(ours.bias)
    theirs = ours.trainable()
    assert type(theirs).__module__.startswith("torch_geometric.")
    cell, features = torch.randn(40, 64), torch.randn(150, 5)
    edges = torch.stack([torch.randint(40, (150,)), torch.randint(30, (150,))])
    found, expected = (layer(cell, edges, features) for layer in (ours, theirs))
    check_same(found, expected)
    torch.testing.assert_close(found[30:], ours.bias.expand(10, 64))  # nobody is near these
    assert ours(100 * cell, edges, features).isfinite().all()
    for layer, seen_by in ((ours, found), (theirs, expected)):
        seen_by.square().sum().backward()
        assert all(weight.grad is not None for weight in layer.parameters())
    of_theirs = dict(theirs.named_parameters())
    for name, weight in ours.named_parameters():
        torch.testing.assert_close(weight.grad, of_theirs[name].grad, atol=1e-3, rtol=1e-3)


def test_what_was_trained_judges_as_in_training(model: LineageModel, inputs: Inputs) -> None:
    before = judged(model, inputs.batch)
    trainable = model.trainable()
    assert not isinstance(trainable.graph, NeighbourAttention)
    with torch.no_grad():
        for weight in trainable.graph.parameters():  # type: ignore[union-attr]  # this one has a graph
            weight.mul_(1.5)
    in_training, trained = judged(trainable.eval(), inputs.batch), judged(trainable.trained(), inputs.batch)
    for kind in range(2):
        check_same(trained[kind], in_training[kind])
        assert not torch.allclose(trained[kind], before[kind], atol=1e-2)
        torch.testing.assert_close(judged(model, inputs.batch)[kind], before[kind])


def test_memory_is_a_gated_recurrent_unit() -> None:
    """Along a chain of three, the farthest first, and along none, beside torch's own; and what it teaches."""
    torch.manual_seed(6)
    memory, theirs = Memory(8, 3), torch.nn.GRUCell(8 + 3, 8)
    theirs.load_state_dict(
        {
            "weight_ih": torch.cat([memory.of_cell.weight, memory.of_step.weight], dim=1),
            "bias_ih": memory.of_cell.bias,
            "weight_hh": memory.of_state.weight,
            "bias_hh": memory.of_state.bias,
        }
    )
    known, step = torch.randn(5, 8, requires_grad=True), torch.randn(2, 7, 3)
    nobody = -torch.ones(1, 7, dtype=torch.long)
    chain = torch.cat([torch.tensor([[4, 2, 0, -1, -1, -1, -1]]), nobody])
    state = torch.zeros(1, 8)
    for k, cell in ((2, 0), (1, 2), (0, 4)):
        state = theirs(torch.cat([known[[cell]], step[:1, k]], dim=1), state)
    found = memory(known, chain, step)
    torch.testing.assert_close(found, torch.cat([state, torch.zeros(1, 8)]))
    weights = torch.randn(2, 8)
    of_cell, of_step, of_state = torch.autograd.grad(
        (found * weights).sum(), [known, memory.of_step.weight, memory.of_state.weight]
    )
    expected = torch.autograd.grad(
        (state * weights[0]).sum(), [known, theirs.weight_ih, theirs.weight_hh], retain_graph=True
    )
    torch.testing.assert_close(of_cell, expected[0])
    torch.testing.assert_close(of_step, expected[1][:, 8:])
    torch.testing.assert_close(of_state, expected[2])
