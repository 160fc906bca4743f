// Sisters that differ most
// In the length of their cell cycles, where both were seen to divide.
MATCH (g:Tracking {id: $tracking})
MATCH (mother:Track) WHERE mother.id >= g.number * 4294967296 AND mother.id < (g.number + 1) * 4294967296
MATCH path = (one:Track)<-[:DIVIDES_INTO]-(mother)-[:DIVIDES_INTO]->(other:Track)
WHERE one.id < other.id
  AND COUNT { (one)-[:DIVIDES_INTO]->() } >= 2 AND COUNT { (other)-[:DIVIDES_INTO]->() } >= 2
RETURN path, abs((one.end - one.begin) - (other.end - other.begin)) AS difference
ORDER BY difference DESC LIMIT 10
