"""What a user of laptrack runs, after its example of cells: `python laptrack_script.py MASKS OUT.csv`.

MASKS is a folder of TIFF label images; OUT.csv gets a row a detection, with its track and its tree. This file
knows nothing of cellkin.
"""

import sys
from pathlib import Path

import pandas as pd
import tifffile
from laptrack import LapTrack  # type: ignore[import-not-found, unused-ignore]
from skimage.measure import regionprops_table


def main(masks: str, out: str) -> None:
    tables = []
    for frame, path in enumerate(sorted(Path(masks).glob("*.tif"))):
        table = regionprops_table(  # type: ignore[no-untyped-call]
            tifffile.imread(path), properties=["label", "centroid"]
        )
        tables.append(pd.DataFrame(table).assign(frame=frame))
    tracker = LapTrack(cutoff=15**2, splitting_cutoff=30**2)
    places = ["centroid-0", "centroid-1"]
    tracks, _, _ = tracker.predict_dataframe(pd.concat(tables), places, only_coordinate_cols=False)
    tracks.to_csv(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
