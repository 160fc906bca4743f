"""Trackers: detections in, links and divisions out.

Begin with `learned.py`, the default, or `track.py`, plain linear assignment; both build on `draft.py`. A new
term of the cost goes into `costs.py`, its weight into `config.py`, in the unit stated there; a new reason why
tracks begin is one more `Explanation`, beside `gaps.py` and `divisions.py`.
Lengths are measured from the movie (`motion.py`), never written down in pixels, micrometres or minutes.
"""

import os

# Read when torch is loaded: its threads that wait for each other sleep instead of spinning, which takes up to
# five times as long where others use the cores too.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
