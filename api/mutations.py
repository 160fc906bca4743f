"""What can be changed: the fields of Mutation."""

from api.fields import described
from api.job_fields import JobMutations
from api.removal_fields import RemovalMutations
from api.score_queries import ScoreMutations


@described
class Mutation(JobMutations, ScoreMutations, RemovalMutations):
    """What changes the store."""
