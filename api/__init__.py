"""Where ingest, tracker and graph meet: settings, pipeline, GraphQL, tables, command line."""
