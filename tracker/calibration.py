"""How wrong a network is, and how sure it may be: its loss, and the temperatures that calibrate it."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ingest.tracking_graph import FloatArray
from tracker.dataset import UNKNOWN, Example
from tracker.learned import judge
from tracker.model import CLASSES, LineageModel


def loss_of(
    pair_logit: Tensor,
    triple_logit: Tensor,
    pair_class: Tensor,
    is_division: Tensor,
    cells: int,
    smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy of the pairs and triples of which the truth is known, over the number of cells.

    So rare things count as they occur.
    """
    pairs = functional.cross_entropy(
        pair_logit, pair_class, reduction="sum", label_smoothing=smoothing, ignore_index=UNKNOWN
    )
    known = is_division != UNKNOWN
    truth = is_division[known].to(triple_logit) * (1 - smoothing) + smoothing / 2
    triples = functional.binary_cross_entropy_with_logits(triple_logit[known], truth, reduction="sum")
    return (pairs + triples) / max(1, cells)


def validation_loss(model: LineageModel, examples: Sequence[Example], device: torch.device) -> float:
    """Mean of `loss_of`, calibrated: a network that only became too sure is no worse.

    As in training, an example counts as the square root of its cells: few cells say little.
    """
    logits = calibrate(model.to(device).eval(), examples)
    losses = []
    for example, (pair, triple) in zip(examples, logits, strict=True):
        loss = loss_of(pair, triple, example.pair_class, example.is_division, len(example.scene))
        losses.append(loss.item())
    return float(np.average(losses, weights=weights_of(examples)))


def weights_of(examples: Iterable[Example]) -> FloatArray:
    """How much each example counts."""
    return np.sqrt([max(1, len(example.scene)) for example in examples])


def calibrate(model: LineageModel, examples: Sequence[Example]) -> list[tuple[Tensor, Tensor]]:
    """Set the temperatures (Guo et al. 2017) under which the logits of held-out examples are most likely.

    As if one more pair, or triple, of each class had been seen, whatever it looks like (Platt 1999): few
    examples that all are judged right do not make a network sure of everything.

    Returns:
        For each example the calibrated logits: (E, 3) of its pairs and (T,) of its triples.
    """
    model.temperature.fill_(1.0)
    judged = [judge(example.inputs, model, model.temperature.device) for example in examples]
    logits = [(torch.from_numpy(one.pair), torch.from_numpy(one.triple)) for one in judged]
    pair, triple = (torch.cat(kind) for kind in zip(*logits, strict=True))
    classes = torch.cat([example.pair_class for example in examples])
    divisions = torch.cat([example.is_division for example in examples]).double()
    told, known = classes != UNKNOWN, divisions != UNKNOWN
    classes, pairs, divisions, triples = classes[told], pair[told], divisions[known], triple[known]
    grid = torch.exp(torch.linspace(-1.5, 1.5, 121)).double()
    if len(classes):
        unseen = len(CLASSES) / (len(classes) + len(CLASSES))
        of_pairs = torch.stack(
            [functional.cross_entropy(pairs / t, classes, label_smoothing=unseen) for t in grid]
        )
        model.temperature[0] = grid[of_pairs.argmin()]
    if 0 < divisions.sum() < len(divisions):
        likely = (divisions * len(divisions) + 1) / (len(divisions) + 2)
        of_triples = torch.stack(
            [functional.binary_cross_entropy_with_logits(triples / t, likely) for t in grid]
        )
        model.temperature[1] = grid[of_triples.argmin()]
    of_pair, of_triple = model.temperature.tolist()
    return [(pair / of_pair, triple / of_triple) for pair, triple in logits]
