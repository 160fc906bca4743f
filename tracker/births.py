"""The second assignment, over the whole movie: why tracks begin."""

from tracker.candidates import Candidates
from tracker.costs import Costs
from tracker.divisions import divisions
from tracker.explanation import accept_cheapest
from tracker.gaps import gaps
from tracker.lineage import Lineage


def explain_births(lineage: Lineage, near: Candidates, costs: Costs) -> None:
    """Explain the tracks that begin by gaps and divisions, which compete (after Jaqaman et al. 2008, step 2).

    What one round links, the next may build on: a mother whose track had ended first goes on as one daughter.

    Args:
        lineage: linked from frame to frame; takes the new links.
        near: pairs of following frames whose target has no parent.
        costs: of the movie.
    """
    count, config = len(costs.cells), costs.config
    explained = -1
    while explained:
        ways = [gaps(lineage, near, costs), *divisions(lineage, near, costs)]
        explained = accept_cheapest(ways, count, death=config.death_cost, birth=config.birth_cost)
