"""Lineages in Neo4j: the managed server, the store, and the scores."""
