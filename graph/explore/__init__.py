"""What a person needs to look at lineages in Neo4j Browser: saved queries, a style, links that open them."""
