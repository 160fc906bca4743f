"""Movies in the database: their names, sizes and calibration; the pixels stay where they are."""

from collections.abc import Sequence
from dataclasses import asdict

from neo4j import ManagedTransaction, Record

from graph.content import movie_id
from graph.lease import lock_claims
from graph.records import MovieRecord
from ingest.errors import ConflictError
from ingest.movie import Movie

MOVIES = "MATCH (m:Movie) RETURN m ORDER BY m.created, m.id"
MOVIES_BY_ID = "UNWIND $ids AS id MATCH (m:Movie {id: id}) RETURN m"

# The first name and source stay; of the calibration what a user said last counts, then what a file says.
ADD_MOVIE = """
MERGE (m:Movie {id: $id})
ON CREATE SET m += $properties, m.created = datetime()
SET m.pixel_size = coalesce($said.pixel_size, m.pixel_size, $properties.pixel_size),
    m.minutes_per_frame =
      coalesce($said.minutes_per_frame, m.minutes_per_frame, $properties.minutes_per_frame)
RETURN m
"""

# A movie as a backup knows it; one that is there stays as it is.
RESTORE_MOVIE = """
MERGE (m:Movie {id: $id})
ON CREATE SET m += $properties
"""

# Complete or not.
ALL_TRACKINGS = "MATCH (:Movie {id: $id})-[:HAS_TRACKING]->(t:Tracking) RETURN t.id AS id"

DELETE_MOVIE = """
MATCH (m:Movie {id: $id})
WHERE NOT EXISTS { (m)-[:HAS_TRACKING]->() }
DELETE m
"""


def add(tx: ManagedTransaction, movie: Movie) -> MovieRecord:
    """Add a movie, or find it by its content and learn its calibration."""
    fingerprint = movie.fingerprint()
    frames, _, height, width = movie.shape
    calibration = {"pixel_size": movie.pixel_size, "minutes_per_frame": movie.minutes_per_frame}
    properties = calibration | {
        "name": movie.name,
        "frames": frames,
        "channels": list(movie.channels),
        "height": height,
        "width": width,
        "source": movie.source,
        "fingerprint": fingerprint,
    }
    said = {name: value for name, value in calibration.items() if name not in movie.assumed}
    found = tx.run(ADD_MOVIE, id=movie_id(fingerprint), properties=properties, said=said)
    return _movie(found.single(strict=True))


def record_of(tx: ManagedTransaction, movie: Movie) -> MovieRecord | None:
    """What is known of a movie, found by its content; None where it is not here."""
    return next(iter(by_id(tx, [movie_id(movie.fingerprint())])), None)


def restore(tx: ManagedTransaction, movie: MovieRecord) -> None:
    """Add a movie by its record, unless it is there."""
    properties = asdict(movie) | {"channels": list(movie.channels)}
    tx.run(RESTORE_MOVIE, id=properties.pop("id"), properties=properties).consume()


def every(tx: ManagedTransaction) -> list[MovieRecord]:
    """All movies, the oldest first."""
    return [_movie(record) for record in tx.run(MOVIES)]


def by_id(tx: ManagedTransaction, ids: Sequence[str]) -> list[MovieRecord]:
    """The movies of these ids that there are."""
    return [_movie(record) for record in tx.run(MOVIES_BY_ID, ids=list(ids))]


def all_trackings(tx: ManagedTransaction, movie: str) -> list[str]:
    """Ids of the trackings of a movie, those that are not complete included."""
    return [record["id"] for record in tx.run(ALL_TRACKINGS, id=movie)]


def delete(tx: ManagedTransaction, movie: str) -> None:
    """Delete a movie that has no trackings left.

    Raises:
        ConflictError: it has got one.
    """
    lock_claims(tx)
    tx.run(DELETE_MOVIE, id=movie).consume()
    if by_id(tx, [movie]):
        raise ConflictError(
            "a tracking was written while the movie was being removed",
            place=f"movie {movie}",
            remedy="run again",
        )


def _movie(record: Record) -> MovieRecord:
    node = record["m"]
    return MovieRecord(
        id=node["id"],
        name=node["name"],
        frames=node["frames"],
        channels=tuple(node["channels"]),
        height=node["height"],
        width=node["width"],
        pixel_size=node.get("pixel_size"),
        minutes_per_frame=node.get("minutes_per_frame"),
        source=node["source"],
        fingerprint=node["fingerprint"],
        created=node["created"].to_native(),
    )
