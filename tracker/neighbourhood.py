"""How a cell sees those around it: graph attention, which torch_geometric trains."""

import math
import warnings

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

HEADS = 4
SLOPE = 0.2
"""Of the leaky ReLU for values below 0."""


class NeighbourAttention(nn.Module):
    """GATv2 (Brody et al. 2022, eq. 7), with the parameters of `torch_geometric.nn.GATv2Conv` by their names.

    That layer is what is trained (`trainable`), and its initial values are these. Importing torch_geometric
    takes seconds: what judges does without.

    Args:
        width: of a cell, before and after; a multiple of the heads.
        edge: columns of the features of an edge.
    """

    def __init__(self, width: int, edge: int) -> None:
        super().__init__()
        self.lin_l = nn.Linear(width, width)  # of the neighbour
        self.lin_r = nn.Linear(width, width)  # of the cell
        self.lin_edge = nn.Linear(edge, width, bias=False)
        self.att = nn.Parameter(torch.empty(1, HEADS, width // HEADS))
        self.bias = nn.Parameter(torch.zeros(width))
        for layer in (self.lin_l, self.lin_r, self.lin_edge):
            nn.init.xavier_uniform_(layer.weight)
        most = math.sqrt(6 / sum(self.att.shape[1:]))
        nn.init.uniform_(self.att, -most, most)

    def forward(self, cell: Tensor, edges: Tensor, features: Tensor) -> Tensor:
        """What each cell sees.

        Args:
            cell: (N, width).
            edges: (2, G) rows of a neighbour and of the cell that sees it.
            features: (G, edge) of each edge.

        Returns:
            (N, width).
        """
        neighbour, viewer = edges
        said = self.lin_l(cell).index_select(0, neighbour)  # (G, width)
        heard = leaky_relu(said + self.lin_r(cell).index_select(0, viewer) + self.lin_edge(features), SLOPE)
        score = (self._by_head(heard) * self.att).sum(dim=2)  # (G, heads)
        most = score.new_zeros(len(cell), HEADS).scatter_reduce_(
            0, viewer[:, None].expand_as(score), score, "amax", include_self=False
        )
        weight = torch.exp(score - most.index_select(0, viewer))
        total = weight.new_zeros(len(cell), HEADS).index_add_(0, viewer, weight)
        weight = weight / total.index_select(0, viewer)
        message = (self._by_head(said) * weight[:, :, None]).flatten(1)
        return torch.zeros_like(cell).index_add_(0, viewer, message) + self.bias

    def _by_head(self, values: Tensor) -> Tensor:
        """(G, width) → (G, heads, width / heads)."""
        return values.view(-1, *self.att.shape[1:])

    def trainable(self) -> nn.Module:
        """torch_geometric's own layer, with these parameters."""
        with warnings.catch_warnings():  # torch_geometric 2.8 scripts functions, which torch 2.15 deprecates
            warnings.simplefilter("ignore", FutureWarning)
            from torch_geometric.nn import GATv2Conv
        width, edge = self.lin_l.in_features, self.lin_edge.in_features
        layer: nn.Module = GATv2Conv(width, width // HEADS, heads=HEADS, edge_dim=edge, add_self_loops=False)
        layer.load_state_dict(self.state_dict())
        return layer
