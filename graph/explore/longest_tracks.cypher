// Longest tracks of this tracking
// Cells that were followed over most frames.
MATCH (g:Tracking {id: $tracking})
MATCH (t:Track) WHERE t.id >= g.number * 4294967296 AND t.id < (g.number + 1) * 4294967296
RETURN t.name AS track, t.end - t.begin + 1 AS frames, t.generation AS generation, t.id AS id
ORDER BY frames DESC, id LIMIT 25
