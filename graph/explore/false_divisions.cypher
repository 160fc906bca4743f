// Divisions of this tracking that are none
// By the ground truths that it was scored with; AT leads to the cell that is said to divide.
MATCH (g:Tracking {id: $tracking})<-[:OF]-(score:Score)-[:FOUND]->(error:Error {kind: 'FALSE_DIVISION'})
WITH g, error ORDER BY error.frame LIMIT 50
MATCH path = (error)-[:AT]->(mother:Detection)<-[:HAS]-(:Track)
WHERE mother.id >= g.number * 4294967296 AND mother.id < (g.number + 1) * 4294967296
RETURN path
