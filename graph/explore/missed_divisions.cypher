// Divisions that this tracking missed
// Against the ground truths that it was scored with; AT leads to the mother's cell.
MATCH (:Tracking {id: $tracking})<-[:OF]-(score:Score)-[:FOUND]->(error:Error {kind: 'MISSED_DIVISION'})
WITH error ORDER BY error.frame LIMIT 50
MATCH path = (error)-[:AT]->(:Detection)<-[:HAS]-(:Track)
RETURN path
