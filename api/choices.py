"""What users choose by name, on the command line and in GraphQL; quick to import."""

from enum import StrEnum


class Tracker(StrEnum):
    """A tracker by its name."""

    LEARNED = "learned"
    LAP = "lap"
    VITERBI = "viterbi"


class Decision(StrEnum):
    """How the learned tracker decides."""

    JOINT = "joint"
    ASSIGNMENT = "assignment"
