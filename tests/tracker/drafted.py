"""Label images as the learned tracker sees them, with a name for each cell."""

from dataclasses import dataclass

from ingest.measure import measure
from ingest.movie import LabelImages
from tests.tracker.painting import Scene as Painted
from tracker.config import LEARNED_DRAFT
from tracker.draft import Draft, make_draft
from tracker.scene import Scene, make_scene


def scene_of(labels: LabelImages) -> Scene:
    """The scene of some label images."""
    return make_scene(draft_of(labels))


def draft_of(labels: LabelImages) -> Draft:
    """The draft of some label images, as the learned tracker makes it."""
    return make_draft(labels, measure(labels), LEARNED_DRAFT)


@dataclass(frozen=True)
class Named:
    """A painted scene whose cells are called by frame and name, such as "2d"."""

    painted: Painted

    @property
    def scene(self) -> Scene:
        """As the learned tracker sees it."""
        return scene_of(self.painted.labels)

    def names(self, scene: Scene) -> list[str]:
        """(N,) the name of each cell; a last one, "", stands for no cell (−1)."""
        cells = scene.draft.cells
        return [f"{t}{self.painted.names[row]}" for t, row in zip(cells.frame, cells.row, strict=True)] + [""]
