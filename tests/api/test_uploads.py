"""The folder of uploads: bytes that arrive in parts, and what is made of them."""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Thread

import pytest

from api.upload_errors import NoRoomError, WrongOffsetError
from api.upload_home import Upload
from api.uploads import UploadFolder, UploadLimits
from ingest.errors import CellkinError, ConflictError, InputError, NotFoundError, TooLargeError
from ingest.formats.uploaded import FileKind

LIMITS = UploadLimits(each=9_000, total=20_000, keep_s=3600)


@pytest.fixture
def uploads(tmp_path: Path) -> UploadFolder:
    return UploadFolder(tmp_path / "uploads", LIMITS)


def send(
    uploads: UploadFolder, name: str, content: bytes, offset: int = 0, length: int | None = None
) -> None:
    """A part; the sender breaks off after it."""
    with uploads.writing(name, offset, length) as writer:
        writer.write(content)


def send_all(uploads: UploadFolder, name: str, content: bytes, sha256: str | None = None) -> Upload:
    with uploads.writing(name, 0, len(content)) as writer:
        writer.write(content[:700])
        writer.write(content[700:])
        return writer.finish(sha256)


def send_last(uploads: UploadFolder, name: str, content: bytes, offset: int) -> None:
    """The part that completes it."""
    with uploads.writing(name, offset, None) as writer:
        writer.write(content)
        writer.finish()


def send_slowly(uploads: UploadFolder, name: str) -> None:
    """8,100 bytes, of which nobody knows before how many they are."""
    with uploads.writing(name, 0, None) as writer:
        for _ in range(9):
            writer.write(b"x" * 900)


def names(uploads: UploadFolder) -> list[str]:
    return sorted(path.name for path in uploads.folder.iterdir() if not path.name.startswith("."))


def test_a_whole_upload(uploads: UploadFolder, stack: bytes) -> None:
    digest = hashlib.sha256(stack).hexdigest()
    found = send_all(uploads, "cells.tif", stack, digest)
    assert (found.complete, found.kind, found.sha256) == (True, FileKind.TIFF, digest)
    assert found.offset == found.length == len(stack)
    assert uploads.file("cells.tif").name == "cells.tif"
    assert uploads.file("cells.tif").read_bytes() == stack
    assert [upload.id for upload in uploads.every()] == ["cells.tif"]


def test_its_file_is_named_for_what_it_is(uploads: UploadFolder, stack: bytes) -> None:
    send_all(uploads, "cells.trk", stack)
    assert uploads.file("cells.trk").name == "cells.trk.tif"


def test_it_goes_on_where_it_broke_off(uploads: UploadFolder, stack: bytes) -> None:
    send(uploads, "a", stack[:1000], 0, len(stack))
    assert (uploads.find("a").offset, uploads.find("a").complete) == (1000, False)
    with pytest.raises(ConflictError, match="not all"):
        uploads.file("a")
    with uploads.writing("a", 1000, None) as writer:
        writer.write(stack[1000:])
        writer.finish()
    assert uploads.file("a").read_bytes() == stack


def test_a_part_that_does_not_say_the_length_leaves_it_known(uploads: UploadFolder, stack: bytes) -> None:
    send(uploads, "a", stack[:1000], 0, len(stack))
    send(uploads, "a", stack[1000:1700], 1000)
    assert (uploads.find("a").offset, uploads.find("a").length) == (1700, len(stack))
    with pytest.raises(InputError, match="announced before"):
        send(uploads, "a", stack[1700:2000], 1700, 2000)
    with pytest.raises(InputError, match="more than"):
        send(uploads, "a", stack[1700:] + b"x", 1700)


@pytest.mark.parametrize("offset", [999, 1001, 5])
def test_other_bytes_than_the_next_are_refused(uploads: UploadFolder, stack: bytes, offset: int) -> None:
    send(uploads, "a", stack[:1000], 0, len(stack))
    with pytest.raises(WrongOffsetError) as caught:
        send(uploads, "a", stack[offset:], offset, len(stack))
    assert caught.value.offset == 1000
    assert uploads.find("a").offset == 1000


def test_from_the_beginning_it_begins_anew(uploads: UploadFolder, stack: bytes) -> None:
    send(uploads, "a", b"x" * 3000, 0, 5000)
    send_all(uploads, "a", stack)
    assert uploads.file("a").read_bytes() == stack


def test_another_length_than_before_is_refused(uploads: UploadFolder, stack: bytes) -> None:
    send(uploads, "a", stack[:1000], 0, len(stack))
    with pytest.raises(InputError, match="announced before"):
        send(uploads, "a", stack[1000:], 1000, len(stack) + 1)


def test_a_complete_one_is_not_written_over(uploads: UploadFolder, stack: bytes) -> None:
    send_all(uploads, "a", stack)
    with pytest.raises(ConflictError, match="complete"):
        send(uploads, "a", b"x")
    assert uploads.file("a").read_bytes() == stack
    uploads.delete("a")
    send_all(uploads, "a", stack)


def test_another_checksum_leaves_nothing(uploads: UploadFolder, stack: bytes) -> None:
    with pytest.raises(InputError, match="sha256"):
        send_all(uploads, "a", stack, hashlib.sha256(b"").hexdigest())
    assert names(uploads) == []


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\3\4hello", b"\x1f\x8bhello", b"II*\0"])
def test_what_cannot_be_read_leaves_nothing(uploads: UploadFolder, content: bytes) -> None:
    with pytest.raises(InputError) as caught:
        send_all(uploads, "a", content)
    assert str(uploads.folder) not in str(caught.value)
    assert caught.value.place.startswith("a")
    assert names(uploads) == []


def test_more_than_announced_is_refused(uploads: UploadFolder, stack: bytes) -> None:
    with pytest.raises(InputError, match="more than the 50"):
        send(uploads, "a", stack, 0, 50)
    assert names(uploads) == []


@pytest.mark.parametrize("announced", [2000, None])
def test_a_part_that_is_refused_leaves_what_was_there(
    uploads: UploadFolder, stack: bytes, announced: int | None
) -> None:
    send(uploads, "a", stack[:1000], 0, announced)
    with pytest.raises(InputError, match="more than the 2,000"):
        send(uploads, "a", stack[1000:2001], 1000, 2000)
    found = uploads.find("a")
    assert (found.offset, found.length) == (1000, announced)
    assert (uploads.folder / "a/part").read_bytes() == stack[:1000]


def test_a_part_beyond_what_an_upload_may_have_leaves_what_was_there(uploads: UploadFolder) -> None:
    send(uploads, "a", b"x" * 5_000)
    with pytest.raises(TooLargeError):
        send(uploads, "a", b"x" * 4_001, 5_000)
    assert uploads.find("a").offset == 5_000


def test_a_last_part_that_makes_nothing_readable_leaves_nothing(uploads: UploadFolder, stack: bytes) -> None:
    send(uploads, "a", b"x" * 1000, 0, len(stack))
    with pytest.raises(InputError, match="neither a TIFF"):
        send_last(uploads, "a", stack[1000:], 1000)
    assert names(uploads) == []


@pytest.mark.parametrize("length", [9_001, None])
def test_one_that_is_too_large_leaves_nothing(uploads: UploadFolder, length: int | None) -> None:
    with pytest.raises(TooLargeError):
        send(uploads, "a", b"x" * 9_001, 0, length)
    assert not uploads.folder.exists() or names(uploads) == []


def test_what_is_announced_is_reserved(uploads: UploadFolder) -> None:
    for name in "ab":
        send(uploads, name, b"x", 0, 9_000)
    with pytest.raises(NoRoomError, match="18,000 of 20,000"):
        send(uploads, "c", b"x", 0, 2_001)
    send(uploads, "c", b"x", 0, 2_000)
    assert names(uploads) == ["a", "b", "c"]


def test_room_is_looked_at_again_while_bytes_come(
    uploads: UploadFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.uploads.RECHECK", 1_000)
    for name in "ab":
        send(uploads, name, b"x", 0, 9_000)
    with pytest.raises(NoRoomError):
        send_slowly(uploads, "c")
    assert names(uploads) == ["a", "b"]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../a", "a/b", ".a", "-a", "a\0", "ä", "a" * 101, "a\n", "a b"]
)
def test_only_plain_names_are_taken(uploads: UploadFolder, name: str) -> None:
    for touch in (uploads.find, uploads.delete, lambda name: send(uploads, name, b"x")):
        with pytest.raises(InputError, match="cannot be called"):
            touch(name)
    assert not uploads.folder.exists()


def test_two_senders_of_one_upload_do_not_mix(uploads: UploadFolder, stack: bytes) -> None:
    with uploads.writing("a", 0, len(stack)) as writer:
        writer.write(stack[:10])
        for disturb in (lambda: send(uploads, "a", b"x"), lambda: uploads.delete("a")):
            failed: list[CellkinError] = []
            thread = Thread(target=_expect, args=(disturb, failed))
            thread.start()
            thread.join()
            assert "just now" in str(failed[0])
        writer.write(stack[10:])
        writer.finish()
    assert uploads.file("a").read_bytes() == stack


def _expect(disturb: Callable[[], None], failed: list[CellkinError]) -> None:
    try:
        disturb()
    except CellkinError as error:
        failed.append(error)


class Crowd:
    """Senders at once, each in a thread with an upload of its own, while another thread lists them all.

    Attributes:
        failed: what any of them raised, and how often.
        listed: how often all were listed.
    """

    def __init__(self, uploads: UploadFolder, stack: bytes) -> None:
        self.uploads, self.stack = uploads, stack
        self.failed: Counter[str] = Counter()
        self.listed = 0

    def send_and_delete(self, name: str) -> None:
        """One sender's upload, which nobody else touches."""
        sent = send_all(self.uploads, name, self.stack)
        assert (sent.complete, sent.offset) == (True, len(self.stack)), sent
        self.uploads.file(name)
        self.uploads.delete(name)

    def break_off_and_delete(self, name: str) -> None:
        """Another's, of which only the first part comes."""
        send(self.uploads, name, self.stack[:1000], 0, len(self.stack))
        assert self.uploads.find(name).offset == 1000
        self.uploads.delete(name)

    def list_all(self) -> None:
        """What is listed is whole."""
        for upload in self.uploads.every():
            assert upload.offset == len(self.stack) or not upload.complete, upload
        self.listed += 1

    def gather(self, rounds: int) -> None:
        """Let each sender do its work so many times."""
        kinds = (self.send_and_delete, self.send_and_delete, self.break_off_and_delete)
        works = [partial(kind, f"{n}.tif") for n, kind in enumerate(kinds)]
        senders = [Thread(target=self._repeat, args=(work, rounds)) for work in works]
        for sender in senders:
            sender.start()
        while any(sender.is_alive() for sender in senders):
            self._repeat(self.list_all, 1)
            time.sleep(0.0005)

    def _repeat(self, work: Callable[[], None], rounds: int) -> None:
        for _ in range(rounds):
            try:
                work()
            except Exception as error:
                self.failed[repr(error)] += 1


def test_uploads_do_not_disturb_each_other(tmp_path: Path, stack: bytes) -> None:
    crowd = Crowd(UploadFolder(tmp_path / "uploads", UploadLimits(9_000, 90_000, 3600)), stack)
    crowd.gather(rounds=12)
    assert not crowd.failed
    assert crowd.listed
    assert names(crowd.uploads) == []


def test_a_crash_after_the_last_word_is_made_good(uploads: UploadFolder, stack: bytes) -> None:
    send_all(uploads, "a", stack)
    part = uploads.folder / "a/part"
    uploads.file("a").replace(part)  # as it is just before the end
    assert (uploads.find("a").complete, uploads.find("a").offset) == (True, len(stack))
    assert uploads.every() == [uploads.find("a")]
    assert part.exists(), "whoever only looks changes nothing"
    assert uploads.file("a").read_bytes() == stack
    assert not part.exists()


def test_a_reader_waits_for_the_end_of_the_sender(uploads: UploadFolder, stack: bytes) -> None:
    read: list[bytes] = []
    with uploads.writing("a", 0, len(stack)) as writer:
        writer.write(stack)
        writer.finish()
        file, part = uploads.file("a"), uploads.folder / "a/part"
        file.replace(part)  # as it is just before the end
        reader = Thread(target=lambda: read.append(uploads.file("a").read_bytes()))
        reader.start()
        reader.join(0.1)
        assert part.exists()
        part.replace(file)
    reader.join()
    assert read == [stack]


def test_what_a_crash_left_of_one_that_was_removed(uploads: UploadFolder, stack: bytes) -> None:
    for name in "ab":
        send(uploads, name, stack[:1000])
        (uploads.folder / name).rename(uploads.folder / f".{name}.gone")
    assert uploads.every() == []
    send_all(uploads, "a", stack)
    uploads.delete("a")
    assert not (uploads.folder / ".a.gone").exists()
    uploads.sweep(())
    assert not (uploads.folder / ".b.gone").exists()


def test_the_lock_of_a_long_upload_is_not_swept(uploads: UploadFolder, stack: bytes) -> None:
    past = time.time() - LIMITS.keep_s - 60
    send(uploads, "old", b"x")
    with uploads.writing("a", 0, len(stack)):
        for name in ("old", "a"):
            os.utime(uploads.folder / f".{name}.lock", (past, past))
        uploads.sweep(())
        assert not (uploads.folder / ".old.lock").exists()
        with pytest.raises(ConflictError, match="just now"):
            send(uploads, "a", b"x")


def test_an_upload_that_is_not_there(uploads: UploadFolder) -> None:
    for touch in (uploads.find, uploads.file, uploads.delete):
        with pytest.raises(NotFoundError):
            touch("a")
    assert uploads.every() == []
    assert uploads.sweep(()) == []


def test_what_nobody_touches_is_swept_unless_a_job_needs_it(uploads: UploadFolder, stack: bytes) -> None:
    for name in ("old", "needed", "new", "touched"):
        send_all(uploads, name, stack)
    send(uploads, "broken-off", b"x", 0, 50)
    past = time.time() - LIMITS.keep_s - 60
    for name in ("old", "needed", "touched", "broken-off"):
        for path in [*(uploads.folder / name).iterdir(), uploads.folder / name]:
            os.utime(path, (past, past))
    uploads.file("touched")
    assert uploads.sweep({"needed"}) == ["broken-off", "old"]
    assert names(uploads) == ["needed", "new", "touched"]
