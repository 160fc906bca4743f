// This lineage
// Everything that descends from a founder; double-click a track to see its detections.
MATCH path = (:Track {id: $founder})-[:DIVIDES_INTO*0..]->(:Track)
RETURN path
