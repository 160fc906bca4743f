// Least certain divisions of this tracking
// By the least of the links to the daughters; each edge shows its own. Empty where the tracker gives none.
MATCH (g:Tracking {id: $tracking})
MATCH (mother:Track) WHERE mother.id >= g.number * 4294967296 AND mother.id < (g.number + 1) * 4294967296
MATCH (mother)-[link:DIVIDES_INTO]->(:Track)
WITH mother, count(*) AS daughters, min(link.probability) AS probability
WHERE daughters >= 2 AND probability IS NOT NULL
WITH mother, probability ORDER BY probability, mother.id LIMIT 25
MATCH path = (mother)-[:DIVIDES_INTO]->(:Track)
RETURN path, probability ORDER BY probability, mother.id
