"""A movie and its label images: frames that are read one at a time, whatever holds them."""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.errors import InputError
from ingest.formats import Frames, png, tiff

LARGEST_LABEL = np.iinfo(np.int32).max


@dataclass(frozen=True, eq=False)
class Movie:
    """Frames of one field of view.

    Attributes:
        name: for people.
        shape: (T, C, Y, X).
        dtype: of the pixels.
        read: frame number → (C, Y, X); called by `frame`.
        channels: their names, C of them.
        cell_channel: index of the one that shows the cells: they are segmented and judged in it.
        pixel_size: µm, None where unknown.
        minutes_per_frame: None where unknown.
        assumed: which of these two the file alone says, where a user who knows better may have said another.
        source: the path it was opened from, "" for an array.
        files: what holds the frames, () for an array.
    """

    name: str
    shape: tuple[int, int, int, int]
    dtype: np.dtype[Any]
    read: Callable[[int], npt.NDArray[Any]]
    channels: tuple[str, ...]
    pixel_size: float | None = None
    minutes_per_frame: float | None = None
    assumed: frozenset[str] = frozenset()
    source: str = ""
    files: tuple[Path, ...] = ()
    cell_channel: int = 0

    def __post_init__(self) -> None:
        if 0 in self.shape:
            raise InputError(
                f"a movie of shape {self.shape}", place=self.name, remedy="give at least one frame"
            )
        if len(self.channels) != self.shape[1]:
            raise InputError(
                f"{len(self.channels)} names for {self.shape[1]} channels",
                place=self.name,
                remedy="name each",
            )
        assert 0 <= self.cell_channel < len(self.channels), (self.cell_channel, self.channels)
        _check_positive("pixel size", self.pixel_size, "µm", self.name)
        _check_positive("frame interval", self.minutes_per_frame, "minutes", self.name)

    def __len__(self) -> int:
        return self.shape[0]

    def frame(self, t: int) -> npt.NDArray[Any]:
        """(C, Y, X) pixels of one frame, read now.

        Raises:
            InputError: it cannot be read, is of another size, or holds NaN or infinity.
        """
        assert 0 <= t < len(self), (t, len(self))
        image = self.read(t)
        if image.shape != self.shape[1:]:
            raise InputError(
                f"{image.shape} pixels (C, Y, X) where there are to be {self.shape[1:]}",
                place=f"{self.source or self.name}, frame {t}",
                remedy="frames must be of one size",
            )
        if image.dtype.kind == "f" and not np.isfinite(image).all():
            raise InputError(
                "pixels that are NaN or infinite",
                place=f"{self.source or self.name}, frame {t}",
                remedy="replace them, by the background for example",
            )
        return image

    def cell_image(self, t: int) -> npt.NDArray[Any]:
        """(Y, X) pixels of the channel that shows the cells; see `frame`."""
        image: npt.NDArray[Any] = self.frame(t)[self.cell_channel]
        return image

    def with_cells_in(self, channel: str | None) -> "Movie":
        """The same movie, its cells shown by this channel; None: as they are.

        Args:
            channel: its name; or its number, from 0, where none is called so.

        Raises:
            InputError: there is no such channel, or there are several of that name.
        """
        if channel is None:
            return self
        found = [c for c, name in enumerate(self.channels) if name == channel]
        if not found and channel.isdecimal() and int(channel) < len(self.channels):
            found = [int(channel)]
        if len(found) != 1:
            raise InputError(
                f"{len(found)} channels are called {channel!r}" if found else f"no channel {channel!r}",
                place=self.source or self.name,
                remedy="choose one of " + ", ".join(f"{name} ({c})" for c, name in enumerate(self.channels)),
            )
        return replace(self, cell_channel=found[0])

    def fingerprint(self) -> str:
        """sha256, in hex, of the content: of the shape and of each file, or of the pixels of an array."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256(repr(self.shape).encode())
        for file in self.files:
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        if not self.files:
            little = self.dtype.newbyteorder("<")
            digest.update(little.str.encode())
            for t in range(len(self)):
                digest.update(np.ascontiguousarray(self.read(t), little).data)
        return digest.hexdigest()

    @classmethod
    def from_array(
        cls,
        frames: npt.NDArray[Any],
        *,
        name: str,
        axes: str = "TYX",
        pixel_size: float | None = None,
        minutes_per_frame: float | None = None,
        channels: Sequence[str] | None = None,
    ) -> "Movie":
        """A movie in memory; `axes` is "TYX" or "TCYX".

        Raises:
            InputError: axes that do not fit the array, or pixels that are no numbers.
        """
        if len(axes) != frames.ndim or axes not in ("TYX", "TCYX"):
            raise InputError(
                f"axes {axes!r} for an array of shape {frames.shape}", place=name, remedy="use TYX or TCYX"
            )
        if frames.dtype.kind not in "buif":
            raise InputError(f"pixels of type {frames.dtype}", place=name, remedy="use integers or floats")
        stack = frames if axes == "TCYX" else frames[:, np.newaxis]  # (T, C, Y, X)
        t, c, y, x = stack.shape
        return cls(
            name=name,
            shape=(t, c, y, x),
            dtype=stack.dtype,
            read=lambda t: stack[t],
            channels=_channel_names((), c) if channels is None else tuple(channels),
            pixel_size=pixel_size,
            minutes_per_frame=minutes_per_frame,
        )


def open_movie(
    path: str | Path,
    *,
    axes: str | None = None,
    pixel_size: float | None = None,
    minutes_per_frame: float | None = None,
    name: str | None = None,
) -> Movie:
    """Open a folder of TIFF or PNG frames (a CTC sequence is one), or a TIFF or OME-TIFF stack.

    Args:
        path: file or folder.
        axes: "TYX", "TCYX" …, where the file does not say or is wrong.
        pixel_size: µm; else the file's own where it states one.
        minutes_per_frame: likewise.
        name: else from the path.

    Raises:
        InputError: what cannot be read completely, or is unclear without `axes`.
    """
    path = Path(path)
    frames = _frames_at(path, axes)
    stated = frames.calibration
    given = {"pixel_size": pixel_size, "minutes_per_frame": minutes_per_frame}
    return Movie(
        name=name or _name(path),
        shape=frames.shape,
        dtype=frames.dtype,
        read=frames.read,
        channels=_channel_names(stated.channels, frames.shape[1]),
        pixel_size=stated.pixel_size if pixel_size is None else pixel_size,
        minutes_per_frame=stated.minutes_per_frame if minutes_per_frame is None else minutes_per_frame,
        assumed=frozenset(name for name, value in given.items() if value is None),
        source=str(path),
        files=frames.files,
    )


@dataclass(frozen=True, eq=False)
class LabelImages:
    """The label images of one movie, read one frame at a time.

    Attributes:
        shape: (T, Y, X).
        read: frame number → (Y, X) whole numbers of any type; called by `frame`.
        source: where they come from, for errors.
    """

    shape: tuple[int, int, int]
    read: Callable[[int], npt.NDArray[Any]]
    source: str = "label images"

    def __post_init__(self) -> None:
        if 0 in self.shape[1:]:
            raise InputError(
                f"label images of shape {self.shape}", place=self.source, remedy="give at least one pixel"
            )

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[npt.NDArray[np.int32]]:
        return (self.frame(t) for t in range(len(self)))

    def frame(self, t: int) -> npt.NDArray[np.int32]:
        """(Y, X) label image of one frame, read now: 0 is background, each other value a cell.

        Raises:
            InputError: it cannot be read, has another size than `shape`, or holds what is no label.
        """
        return self.stored_frame(t).astype(np.int32, copy=False)

    def stored_frame(self, t: int) -> npt.NDArray[np.integer]:
        """As `frame`, but as integers of the type that is stored: 16 bits take half the time and memory."""
        assert 0 <= t < len(self), (t, len(self))
        image, place = self.read(t), f"{self.source}, frame {t}"
        if image.shape != self.shape[1:]:
            raise InputError(
                f"a label image of {image.shape} pixels among others of {self.shape[1:]}",
                place=place,
                remedy="give all label images the size of the movie's frames",
            )
        return _whole_labels(image, place)

    @classmethod
    def from_array(cls, labels: npt.NDArray[Any]) -> "LabelImages":
        """Label images in memory, (T, Y, X)."""
        if labels.ndim != 3:
            raise InputError(f"label images of shape {labels.shape}", remedy="give an array (T, Y, X)")
        t, y, x = labels.shape
        return cls((t, y, x), lambda t: labels[t])


def open_labels(path: str | Path, *, axes: str | None = None) -> LabelImages:
    """Open a folder of TIFF or PNG label images (man_seg000.tif, mask000.tif …), or a TIFF stack of them.

    The planes of a stack that does not say what they are count as time points.

    Raises:
        InputError: what cannot be read completely; several channels; depth.
    """
    path = Path(path)
    frames = _frames_at(path, axes, labels=True)
    t, c, y, x = frames.shape
    if c > 1:
        raise InputError(
            f"label images of {c} channels", place=str(path), remedy="give one label image a frame"
        )
    return LabelImages((t, y, x), lambda t: frames.read(t)[0], str(path))


def _frames_at(path: Path, axes: str | None, *, labels: bool = False) -> Frames:
    """What a reader of the path's format gives."""
    open_frames = png.open_frames if png.is_png_folder(path) else tiff.open_frames
    return open_frames(path, axes=axes, labels=labels)


def _whole_labels(image: npt.NDArray[Any], place: str) -> npt.NDArray[np.integer]:
    """The labels as integers, if they are labels."""
    if image.dtype.kind == "b":
        raise InputError(
            "a mask of yes and no, where each cell needs a number of its own",
            place=place,
            remedy="number the connected regions first (skimage.measure.label)",
        )
    if image.dtype.kind == "f" and not np.array_equal(image, np.rint(image)):
        raise InputError(
            f"labels that are no whole numbers ({image[image != np.rint(image)][0]})",
            place=place,
            remedy="give a label image of integers; is this the raw movie?",
        )
    if image.dtype not in (np.uint8, np.uint16):  # which cannot hold a wrong one
        _check_range(image, place)
    return image if image.dtype.kind in "iu" else image.astype(np.int32)


def _check_range(image: npt.NDArray[Any], place: str) -> None:
    for label in (image.min(initial=0), image.max(initial=0)):
        if not 0 <= label <= LARGEST_LABEL:
            raise InputError(
                f"label {label}",
                place=place,
                remedy=f"use labels from 1 to {LARGEST_LABEL}, 0 for background",
            )


def _check_positive(what: str, value: float | None, unit: str, place: str) -> None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise InputError(f"a {what} of {value} {unit}", place=place, remedy="give a positive number, or none")


def _channel_names(names: Sequence[str], count: int) -> tuple[str, ...]:
    """The names, or `channel 0`, … where none are stated or their number does not fit the file's own axes."""
    return tuple(names) if len(names) == count else tuple(f"channel {c}" for c in range(count))


def _name(path: Path) -> str:
    """A name from the path; the CTC's folders 01, 02 need the name of their set to tell them apart."""
    path = path.absolute()
    if path.is_dir():
        return f"{path.parent.name}/{path.name}" if path.name.isdecimal() else path.name
    return path.name.removesuffix(path.suffix).removesuffix(".ome")
