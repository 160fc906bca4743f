"""A simulated movie as the Cell Tracking Challenge would lay it out."""

from pathlib import Path

import numpy as np
import tifffile

from ingest.formats.ctc import write_ground_truth
from ingest.movie import LabelImages
from ingest.simulate import SimulatedMovie


def write_challenge(made: SimulatedMovie, frames: Path) -> Path:
    """Write frames such as `…/01`, markers `…/01_GT` and full masks `…/01_ST`; give the frames back."""
    write_frames(made, frames)
    write_ground_truth(made.graph, markers(made), frames.with_name(f"{frames.name}_GT"))
    masks = frames.with_name(f"{frames.name}_ST") / "SEG"
    masks.mkdir(parents=True)
    for t, image in enumerate(made.labels):
        tifffile.imwrite(masks / f"man_seg{t:03}.tif", image.astype(np.uint16))
    return frames


def write_frames(made: SimulatedMovie, folder: Path) -> Path:
    """Write tNNN.tif in a new folder; give it back."""
    folder.mkdir(parents=True)
    for t in range(len(made.movie)):
        tifffile.imwrite(folder / f"t{t:03}.tif", made.movie.frame(t)[0])
    return folder


def markers(made: SimulatedMovie) -> LabelImages:
    """Two by two pixels in the middle of each cell: what a ground truth marks."""
    images = np.zeros(made.labels.shape, np.int32)
    cells = made.graph.detections
    for t, label, y, x in zip(cells.frame, cells.label, np.rint(cells.y), np.rint(cells.x), strict=True):
        images[t, int(y) : int(y) + 2, int(x) : int(x) + 2] = label
    return LabelImages.from_array(images)
