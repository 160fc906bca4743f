// Divisions of this tracking
// Mothers of two daughters or more, in the order of time.
MATCH (g:Tracking {id: $tracking})
MATCH (mother:Track) WHERE mother.id >= g.number * 4294967296 AND mother.id < (g.number + 1) * 4294967296
  AND COUNT { (mother)-[:DIVIDES_INTO]->() } >= 2
WITH mother ORDER BY mother.end, mother.id LIMIT 100
MATCH path = (mother)-[:DIVIDES_INTO]->(:Track)
RETURN path
