"""Movies, label images, detections and lineages: read, measured, checked and simulated."""
