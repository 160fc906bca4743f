"""Trackers: detections in, links and divisions out."""
