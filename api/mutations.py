"""What can be changed: the fields of Mutation."""

from api.fields import described
from api.score_queries import ScoreMutations


@described
class Mutation(ScoreMutations):
    """What changes the store."""
