"""What each command tells: one document for a script, a few lines for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what is told of is made elsewhere, and takes a second to import
    from api.demo import Demo
    from api.doctor import Finding
    from api.exploring import Exploration
    from api.pipeline import TrackedMovie
    from api.settings import Settings
    from api.training import TrainingRun
    from api.uncertain import Uncertain
    from graph.backup import Manifest
    from graph.records import TrackingRecord
    from graph.server import ManagedServer, ServerAddress


@dataclass(frozen=True)
class Report:
    """A result: `document` as JSON, or `title` and `rows` of name and value."""

    document: Mapping[str, object]
    title: str
    rows: Sequence[tuple[str, str]]


def tracked(result: TrackedMovie, record: TrackingRecord | None, output: Path | None) -> Report:
    """A tracked movie, and where it went."""
    tracks, seconds, uncertain = result.graph.tracks, sum(result.seconds.values()), result.uncertain
    channels = result.movie.channels
    shown = channels[result.movie.cell_channel]
    document: dict[str, object] = {
        **_counts(result),
        "channel": shown,
        "seconds": {step: round(value, 3) for step, value in result.seconds.items()},
        "uncertain": asdict(uncertain) if uncertain else None,
        "as_segmented": result.as_segmented,
        "tracking": record.id if record else None,
        "output": str(output) if output else None,
    }
    rows = [
        ("frames", str(len(result.movie))),
        ("detections", f"{len(result.graph.detections):,}"),
        ("tracks", f"{len(tracks):,}"),
        ("divisions", f"{len(result.graph.divisions):,}"),
        ("time", f"{seconds:.1f} s, {len(result.graph.detections) / max(seconds, 1e-9):,.0f} cells/s"),
        *_uncertain(uncertain, record),
    ]
    if len(channels) > 1:
        rows.insert(1, ("channel", f"{shown}, of {', '.join(channels)} (`--channel` chooses)"))
    if result.as_segmented:
        rows.append(
            ("labels", "pieces of cells, merged ones, or things that are none: linked as a segmentation's")
        )
    if result.why_none:
        rows.append(("note", result.why_none))
    if record:
        rows.append(("tracking", f"{record.id}  (`cellkin serve` to explore it)"))
    if output:
        rows.append(("written", str(output)))
    return Report(document, f"{result.movie.name}: tracked", rows)


def trained(run: TrainingRun) -> Report:
    """A training, and where its files are."""
    result = run.trained
    losses = [check.validation for check in result.rounds[-1] if check.validation is not None]
    document: dict[str, object] = {
        "weights": str(run.weights),
        "card": str(run.card),
        "losses": str(run.losses),
        "confusion": str(run.confusions) if run.confusions else None,
        "validation": min(losses, default=None),
        **{key: result.record[key] for key in ("movies", "cells", "divisions", "steps", "best_step")},
    }
    rows = [
        ("learned from", result.learned_from),
        ("steps", f"{result.record['steps']:,}, {result.best}"),
        ("held out", f"{min(losses):.4f} nats a cell" if losses else "nothing: no validation"),
        ("weights", f"{run.weights}  (`cellkin track --weights {run.weights}`)"),
        ("model card", str(run.card)),
        ("pictures", ", ".join(str(path) for path in (run.losses, run.confusions) if path)),
    ]
    return Report(document, "trained", rows)


def stored(records: Sequence[TrackingRecord], notes: Sequence[str] = ()) -> Report:
    """Trackings that were stored, one or those of several movies, and what was noticed."""
    documents = [_stored(record) for record in records]
    rows = [
        (name, f"{value:,}" if isinstance(value, int) else str(value))
        for document in documents
        for name, value in document.items()
    ]
    document = documents[0] if len(documents) == 1 else {"trackings": documents}
    noted = {"notes": list(notes)} if notes else {}
    return Report({**document, **noted}, "stored", rows + [("note", text) for text in notes])


def exported(tracking: str, output: Path) -> Report:
    """A tracking that was written to a file."""
    return Report({"tracking": tracking, "output": str(output)}, "exported", [(tracking, str(output))])


def server(managed: ManagedServer) -> Report:
    """A managed server: whether it runs, where, and the login."""
    status, address = managed.status(), managed.address()
    document: dict[str, object] = {
        "running": status.running,
        "pid": status.pid,
        "version": status.version,
        "home": str(status.home),
        "uri": address.uri if address else None,
        "browser": address.browser_url if address else None,
        "user": address.user if address else None,
        "password": address.password if address else None,
    }
    rows = [("state", "running" if status.running else "stopped"), ("home", str(status.home))]
    return Report(document, f"Neo4j {status.version}", rows + (database(address) if address else []))


def addresses(settings: Settings, address: ServerAddress | None, *, tokens: bool) -> Report:
    """Where the service and its database are found, and who gets in; `tokens` when there is a valid one."""
    rows = [("GraphiQL", f"{settings.base_url}/graphql"), ("start page", f"{settings.base_url}/")]
    if settings.tokens_required:
        missing = "none yet: `cellkin token create --scope admin` makes one, also while this runs"
        rows.append(("tokens", "required" if tokens or settings.admin_token else f"required; {missing}"))
    return Report({}, "cellkin is served; Ctrl-C stops it", rows + database(address))


def demo(result: Demo, settings: Settings, address: ServerAddress | None, *, served: bool) -> Report:
    """The summary of the demo, and where to look."""
    table = result.score.table
    document: dict[str, object] = {
        **_counts(result.tracked),
        "tracking": result.computed.id,
        "ground_truth": result.reference.id,
        "true_divisions": result.reference.divisions,
        "scores": table,
        "movie_file": str(result.movie_file),
        "picture": str(result.picture),
    }
    counts, truth = result.computed, result.reference
    rows = [
        ("", "tracked / ground truth"),
        (
            "cells",
            f"{counts.detections:,} / {truth.detections:,} detections in {len(result.tracked.movie)} frames",
        ),
        ("tracks", f"{counts.tracks:,} / {truth.tracks:,}"),
        ("divisions", f"{counts.divisions:,} / {truth.divisions:,}"),
        *((name, measure(table[name])) for name in ("TRA", "DET", "LNK")),
        ("movie", str(result.movie_file)),
        ("lineages", str(result.picture)),
    ]
    if served:
        rows += addresses(settings, address, tokens=True).rows
    return Report(document, "a simulated movie, segmented, tracked, stored and scored", rows)


def findings(found: Sequence[Finding]) -> Report:
    """What `cellkin doctor` found."""
    rows = [
        (("✓ " if one.ok else "✗ ") + one.check, one.found if one.ok else f"{one.found}; {one.remedy}")
        for one in found
    ]
    return Report(
        {"ok": all(one.ok for one in found), "findings": [vars(one) for one in found]}, "doctor", rows
    )


def exploration(found: Exploration) -> Report:
    """Links into Neo4j Browser."""
    rows = [*found.links.items(), ("style", f"{found.style} (drop this file into the page)")]
    if found.login:
        rows.append(("login", found.login))
    return Report(vars(found) | {"links": dict(found.links)}, "Neo4j Browser", rows)


def kept(done: str, folder: Path, manifest: Manifest) -> Report:
    """A backup that was written or restored."""
    held = manifest.trackings
    document = {"folder": str(folder), **vars(manifest)}
    rows = [
        (str(folder), f"{manifest.kind}, {len(held)} trackings, {sum(held.values()):,} detections"),
        ("made", f"{manifest.created} by cellkin {manifest.cellkin}"),
    ]
    return Report(document, done, rows)


def database(address: ServerAddress | None) -> list[tuple[str, str]]:
    """Where Neo4j Browser is, and the login; nothing for a database of the user's own."""
    if address is None:
        return []
    return [("Neo4j Browser", address.browser_url), ("login", f"{address.user} / {address.password}")]


def _stored(record: TrackingRecord) -> dict[str, object]:
    return {
        "tracking": record.id,
        "movie": record.movie_id,
        "detections": record.detections,
        "tracks": record.tracks,
        "divisions": record.divisions,
    }


def _counts(result: TrackedMovie) -> dict[str, object]:
    return {
        "movie": result.movie.name,
        "frames": len(result.movie),
        "detections": len(result.graph.detections),
        "tracks": len(result.graph.tracks),
        "divisions": len(result.graph.divisions),
        "links": len(result.graph.links),
    }


def _uncertain(found: Uncertain | None, record: TrackingRecord | None) -> list[tuple[str, str]]:
    """How much is not sure, and where to look; nothing where the tracker does not say."""
    if found is None:
        return []
    rows = [
        (
            "uncertain",
            f"{_many(found.links, 'link')}, {_many(found.divisions, 'division')} (p ≤ {found.limit:g})",
        )
    ]
    if found.least:
        least = found.least
        rows.append(
            ("look first", f"frame {least.frame}, label {least.label} divides (p = {least.probability:.2f})")
        )
    if record and found.links:
        rows.append(("see all", f"`cellkin neo4j explore {record.id}`; divisions and links in GraphQL"))
    return rows


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}" + ("" if count == 1 else "s")


def measure(value: object) -> str:
    """A measure as a person reads it."""
    if value is None:
        return "undefined"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
