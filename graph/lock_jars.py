"""Resolves the jars of a Neo4j anew, for those who move cellkin to another one.

    python -m graph.lock_jars 5.26.30 5.24.0 > graph/neo4j-5.26.30.lock

The arguments are the versions of Neo4j (`NEO4J_VERSION` in `graph/jars.py` is the same) and of Neo4j Browser.
"""

import hashlib
import sys
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from jgo.maven import Artifact, MavenContext


def lock_lines(coordinates: list[str], folder: Path) -> list[str]:
    """A line `sha256 size path` for each jar that the artifacts need, fetched into `folder`.

    Jars whose manifest names others come last: before these, Java's archive of classes does not fit the
    class path of which it was made.
    """
    context = MavenContext(repo_cache=folder)
    wanted = [context.create_dependency(coordinate) for coordinate in coordinates]
    for dependency in wanted:
        dependency.raw = True  # by Maven's own rule: no artifact decides the versions of the others
    direct, transitive = context.resolver.resolve(wanted)
    artifacts = [needed.artifact for needed in [*direct, *transitive]]
    return [
        _line(artifact) for artifact in sorted(artifacts, key=lambda one: (_names_others(one), _path(one)))
    ]


def _names_others(artifact: Artifact) -> bool:
    with ZipFile(artifact.resolve()) as jar:
        return "META-INF/MANIFEST.MF" in jar.namelist() and b"\nClass-Path:" in jar.read(
            "META-INF/MANIFEST.MF"
        )


def _path(artifact: Artifact) -> str:
    path: PurePath = artifact.component.path_prefix / artifact.filename
    return path.as_posix()


def _line(artifact: Artifact) -> str:
    content = artifact.resolve().read_bytes()
    return f"{hashlib.sha256(content).hexdigest()}  {len(content)}  {_path(artifact)}"


if __name__ == "__main__":
    neo4j_version, browser_version = sys.argv[1:]
    with TemporaryDirectory() as scratch:
        neo4j = f"org.neo4j:neo4j:{neo4j_version}"
        browser = f"org.neo4j.client:neo4j-browser:{browser_version}"
        print("\n".join(lock_lines([neo4j, browser], Path(scratch))))
