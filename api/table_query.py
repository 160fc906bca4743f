"""Which rows and columns of a table are wanted, as a client says it in a query string."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.columns import stored_range, stored_rise
from graph.records import MovieRecord
from graph.track_pages import TrackFilter
from graph.windows import Window
from ingest.errors import InputError
from ingest.tracking_graph import LinkKind


@dataclass(frozen=True)
class TableQuery:
    """What is wanted of a table; None and empty let all pass.

    Attributes:
        frames: first and last frame, both inclusive.
        box: y0, x0, y1, x1 in pixels, the end exclusive, in which the centroid lies.
        features: names of measured columns, in this order.
        where: measured columns and the least and largest value of each, as the table shows them; what was
            not measured is in none.
        founders, divides, min_frames, max_frames, generation, begins_in, ends_in: of which tracks, as in
            `TrackFilter`.
        means: measured columns and the least and largest mean of each along a track.
        rises: a measured column, and the factor by which it grows along a track at least.
        kinds: of links.
        max_probability: of links.
    """

    frames: tuple[int, int] | None = None
    box: tuple[float, float, float, float] | None = None
    features: tuple[str, ...] | None = None
    where: tuple[tuple[str, float, float], ...] = ()
    founders: bool | None = None
    divides: bool | None = None
    min_frames: int = 1
    max_frames: int | None = None
    generation: int | None = None
    begins_in: tuple[int, int] | None = None
    ends_in: tuple[int, int] | None = None
    means: tuple[tuple[str, float, float], ...] = ()
    rises: tuple[str, float] | None = None
    kinds: tuple[LinkKind, ...] | None = None
    max_probability: float | None = None

    @property
    def window(self) -> Window | None:
        """The frames and the box; None for the whole movie."""
        if self.frames is None and self.box is None:
            return None
        return Window.of(self.frames, self.box)

    def tracks(self, movie: MovieRecord) -> TrackFilter:
        """Which tracks, by what is stored; those whose life does not reach into the frames are left out.

        Raises:
            InputError: no value is in a range.
        """
        return TrackFilter(
            founders=self.founders,
            divides=self.divides,
            min_frames=self.min_frames,
            max_frames=self.max_frames,
            generation=self.generation,
            alive=self.frames,
            begins=self.begins_in,
            ends=self.ends_in,
            means=tuple(stored_range(*wanted, movie) for wanted in self.means),
            rises=None if self.rises is None else stored_rise(*self.rises, movie),
        )

    @property
    def of_tracks(self) -> bool:
        """Whether it leaves out whole tracks for another reason than frames."""
        return any(getattr(self, name) != getattr(TableQuery, name) for name in TRACK_OPTIONS)


TRACK_OPTIONS = (
    *("founders", "divides", "min_frames", "max_frames", "generation"),
    *("begins_in", "ends_in", "means", "rises"),
)
EVERYTHING = TableQuery()


def table_query(given: Iterable[tuple[str, str]], known: Sequence[str], place: str) -> TableQuery:
    """What the parameters of a query string say.

    Args:
        given: name and value of each.
        known: names of those that the table takes.
        place: of the table, for errors.

    Raises:
        InputError: a parameter that is not known, comes twice, or has no value of its form.
    """
    read: dict[str, Any] = {}
    for name, text in given:
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise InputError(f"no parameter is called {name[:80]!r}", place=place, remedy=takes)
        if name in read:
            raise InputError(f"{name} comes twice", place=place, remedy="give it once")
        read[name] = _read(name, text, place)
    query = TableQuery(**read)
    _ = query.window  # refuses boxes that hold nothing
    return query


def _read(name: str, text: str, place: str) -> object:
    option = OPTIONS[name]
    try:
        return option.read(text)
    except ValueError:
        raise InputError(
            f"{name}={text[:80]!r}",
            place=place,
            remedy=f"give {option.form}, such as {name}={option.example}",
        ) from None


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(text)
    return int(text)


def _positive(text: str) -> int:
    if _whole(text) < 1:
        raise ValueError(text)
    return _whole(text)


def _real(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _frames(text: str) -> tuple[int, int]:
    begin, dash, end = text.partition("-")
    first, last = _whole(begin), _whole(end) if dash else _whole(begin)
    if first > last:
        raise ValueError(text)
    return first, last


def _box(text: str) -> tuple[float, float, float, float]:
    y0, x0, y1, x1 = (_real(edge) for edge in text.split(","))
    return y0, x0, y1, x1


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _ranges(text: str) -> tuple[tuple[str, float, float], ...]:
    return tuple(_range(*part.strip().rpartition(":")[::2]) for part in text.split(","))


def _range(name: str, text: str) -> tuple[str, float, float]:
    least, dots, most = text.partition("..")
    found = name, _real(least) if least else -math.inf, _real(most) if most else math.inf
    if not (name and dots and found[1] <= found[2]):
        raise ValueError(text)
    return found


def _growth(text: str) -> tuple[str, float]:
    name, _, factor = text.strip().rpartition(":")
    if not (name and _real(factor) > 0):
        raise ValueError(text)
    return name, _real(factor)


def _kinds(text: str) -> tuple[LinkKind, ...]:
    names = _names(text)
    if not names or not set(names) <= set(LinkKind.__members__):
        raise ValueError(text)
    return tuple(kind for kind in LinkKind if kind.name in names)


def _choice(text: str) -> bool:
    return bool(("false", "true").index(text.lower()))


def _probability(text: str) -> float:
    value = _real(text)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value


@dataclass(frozen=True)
class Option:
    """A parameter of the query string.

    Attributes:
        form: what to give.
        example: one.
        read: its value from text; raises ValueError.
    """

    form: str
    example: str
    read: Callable[[str], object]


OPTIONS: Mapping[str, Option] = {
    "frames": Option("the first frame and the last, not before it", "20-40", _frames),
    "box": Option("y0,x0,y1,x1 in pixels", "0,0,256,256", _box),
    "features": Option("names of measured columns", "area,mean_0", _names),
    "where": Option(
        "measured columns with the least and the largest value", "area:50..,mean_0:..900", _ranges
    ),
    "founders": Option("true or false", "true", _choice),
    "divides": Option("true or false", "true", _choice),
    "min_frames": Option("a number of frames, 1 or more", "10", _positive),
    "max_frames": Option("a number of frames", "50", _whole),
    "generation": Option("a number of ancestors", "2", _whole),
    "begins_in": Option("the first frame and the last, not before it", "0-10", _frames),
    "ends_in": Option("the first frame and the last, not before it", "80-90", _frames),
    "means": Option("measured columns with the least and the largest mean", "area:50..", _ranges),
    "rises": Option("a measured column and a factor above 0", "mean_0:1.5", _growth),
    "kinds": Option("kinds of links", "DIVISION,GAP", _kinds),
    "max_probability": Option("a probability from 0 to 1", "0.9", _probability),
}
"""By the names of the attributes of `TableQuery`."""
