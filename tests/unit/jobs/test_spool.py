"""The spool: uploads whole or not at all, ids that are checked, and what goes when."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from engine_server import files_in, lying, picture

from scalediff_engine.base.errors import (
    DiskFull,
    NotFound,
    OutputError,
    PictureTooLarge,
    UnreadablePicture,
)
from scalediff_engine.client.messages import ImageInfo
from scalediff_engine.jobs.retention import Kind
from scalediff_engine.jobs.spool import Spool, SpoolLimits, is_id, new_id

DAY = 24 * 3600.0
ODD_IDS = ["", "..", "../x", "0" * 31, "0" * 33, "A" * 32, "g" * 32, "0" * 31 + "\n", "٠" * 32, "/"]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", SpoolLimits(pixels=1000, quota_bytes=2**20, reserve_bytes=0))


def put(spool: Spool, data: bytes, piece: int = 7) -> ImageInfo:
    with spool.receive(len(data)) as upload:
        for start in range(0, len(data), piece):
            upload.feed(data[start : start + piece])
            upload.write(data[start : start + piece])
        return upload.finish()


def files(spool: Spool, tmp_path: Path) -> list[str]:
    return files_in(tmp_path / "spool")


@pytest.mark.parametrize("piece", [1, 7, 8, 100, 10_000])
def test_an_upload_lies_there_as_it_came(spool: Spool, piece: int) -> None:
    data = picture(9, 4, alpha="none", icc=b"profile")
    info = put(spool, data, piece)
    assert (info.width, info.height, info.has_alpha, info.size_bytes) == (9, 4, False, len(data))
    assert spool.image_file(info.id).read_bytes() == data
    assert spool.image(info.id) == info


def test_an_upload_appears_only_when_it_is_whole(spool: Spool, tmp_path: Path) -> None:
    data = picture()
    with spool.receive(len(data)) as upload:
        upload.feed(data)
        upload.write(data)
        (name,) = files(spool, tmp_path)
        assert name.endswith(".part")
        info = upload.finish()
        assert files(spool, tmp_path) == [f"images/{info.id}.pixels"]


def test_an_upload_that_is_given_up_leaves_nothing(spool: Spool, tmp_path: Path) -> None:
    data = picture()
    with spool.receive(len(data)) as upload:
        upload.feed(data[:60])
        upload.write(data[:60])
        assert len(files(spool, tmp_path)) == 1
    assert files(spool, tmp_path) == []
    assert spool.used_bytes() == 0
    upload.discard()
    upload.write(b"too late")
    assert files(spool, tmp_path) == []


@pytest.mark.parametrize(
    ("data", "announced", "kind"),
    [
        (picture()[:-1], len(picture()), UnreadablePicture),
        (picture() + b"x", len(picture()), UnreadablePicture),
        (picture(), len(picture()) + 1, UnreadablePicture),
        (picture(), len(picture()) - 1, UnreadablePicture),
        (b"", 0, UnreadablePicture),
        (b"SDPX", 8, UnreadablePicture),
        (b"PNG.....", 100, UnreadablePicture),
        (lying(b"{}", bytes(90)), 100, UnreadablePicture),
        (picture(40, 26), len(picture(40, 26)), PictureTooLarge),
    ],
)
def test_what_is_not_what_it_says_is_refused(
    spool: Spool, tmp_path: Path, data: bytes, announced: int, kind: type[Exception]
) -> None:
    def attempt() -> None:
        with spool.receive(announced) as upload:
            upload.feed(data)
            upload.write(data)
            upload.finish()

    with pytest.raises(kind) as told:
        attempt()
    assert str(told.value).endswith(".")
    assert files(spool, tmp_path) == []


def test_a_header_is_judged_before_the_samples_come(spool: Spool) -> None:
    data = picture(40, 26)
    with spool.receive(len(data)) as upload, pytest.raises(PictureTooLarge):
        upload.feed(data[: len(data) - 40 * 26 * 4])


def test_the_quota_counts_what_is_still_to_come(spool: Spool) -> None:
    half = 600 * 1024
    with spool.receive(half) as first:
        with pytest.raises(DiskFull, match="more"):
            spool.receive(half)
        first.discard()
        spool.receive(half).discard()


def test_the_quota_counts_the_files_of_jobs(spool: Spool) -> None:
    (spool.job_folder(new_id()) / "checkpoint").write_bytes(bytes(2**20 - 100))
    with pytest.raises(DiskFull):
        put(spool, picture())


def test_the_disks_reserve_stays_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path, SpoolLimits(reserve_bytes=1000))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9999, 0, 1500))
    spool.receive(400).discard()
    with pytest.raises(DiskFull, match="to spare"):
        spool.receive(600)
    with spool.receive(400), pytest.raises(DiskFull):
        spool.receive(400)


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EIO, OutputError)],
)
@pytest.mark.parametrize("fails", ["open", "write", "fsync"])
def test_a_disk_that_fails_leaves_nothing(
    spool: Spool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    kind: type[Exception],
    fails: str,
) -> None:
    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, fails, fail)
    with pytest.raises(kind):
        put(spool, picture())
    monkeypatch.undo()
    assert files(spool, tmp_path) == []
    assert spool.used_bytes() == 0


def test_short_writes_are_gone_on_with(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, bytes(data[:3])))
    data = picture()
    assert spool.image_file(put(spool, data).id).read_bytes() == data


def test_an_upload_that_is_given_up_while_it_is_written_leaves_nothing(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, begun, go = picture(), threading.Event(), threading.Event()
    write = os.write

    def slow(file: int, piece: memoryview) -> int:
        begun.set()
        go.wait(5)
        return write(file, piece)

    monkeypatch.setattr(os, "write", slow)
    upload = spool.receive(len(data))
    writing = threading.Thread(target=upload.write, args=(data,))
    writing.start()
    begun.wait(5)
    leaving = threading.Thread(target=upload.discard)
    leaving.start()
    go.set()
    writing.join(5)
    leaving.join(5)
    assert files(spool, tmp_path) == []


@pytest.mark.parametrize("word", ODD_IDS)
def test_an_odd_id_never_reaches_the_disk(
    spool: Spool, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_id(word)
    for ask in (
        spool.image_file,
        spool.image,
        spool.touch_image,
        spool.remove_image,
        spool.job_folder,
        spool.remove_job,
        lambda word: spool.job_file(word, "x"),
    ):
        with pytest.raises(NotFound):
            ask(word)


def test_ids_cannot_be_guessed(spool: Spool) -> None:
    assert len({new_id() for _ in range(100)}) == 100
    assert is_id(new_id())


def test_what_is_gone_is_not_found(spool: Spool) -> None:
    image = put(spool, picture()).id
    spool.remove_image(image)
    for ask in (spool.image, spool.touch_image, spool.remove_image):
        with pytest.raises(NotFound):
            ask(image)


def test_an_upload_that_was_damaged_on_the_disk_is_told(spool: Spool) -> None:
    image = put(spool, picture()).id
    spool.image_file(image).write_bytes(b"XXXXXXXXXXXXX")
    with pytest.raises(UnreadablePicture):
        spool.image(image)


def test_a_jobs_folder_comes_and_goes(spool: Spool) -> None:
    job = new_id()
    (spool.job_folder(job) / "result.pixels").write_bytes(b"x")
    assert spool.job_file(job, "result.pixels").read_bytes() == b"x"
    spool.remove_job(job)
    spool.remove_job(job)
    assert not spool.job_file(job, "result.pixels").exists()


def test_everything_belongs_to_the_owner_alone(spool: Spool, tmp_path: Path) -> None:
    put(spool, picture())
    spool.job_folder(new_id())
    for path in (tmp_path / "spool", *(tmp_path / "spool").rglob("*")):
        assert path.stat().st_mode & 0o077 == 0


def test_a_sweep_takes_what_is_overdue_and_nothing_else(spool: Spool, tmp_path: Path) -> None:
    now = time.time()
    old, live, young, touched = (put(spool, picture()).id for _ in range(4))
    for image in (old, live, touched):
        os.utime(spool.image_file(image), (now - DAY - 60,) * 2)
    spool.touch_image(touched)
    orphan, known, new = new_id(), new_id(), new_id()
    for job in (orphan, known, new):
        (spool.job_folder(job) / "checkpoint").write_bytes(b"x")
    for job in (orphan, known):
        os.utime(spool.job_folder(job), (now - 8 * DAY,) * 2)
    dead = tmp_path / "spool" / "images" / f"{new_id()}.part"
    dead.write_bytes(b"half")
    (tmp_path / "spool" / "images" / "a-note-of-the-user.txt").write_text("hello")
    data = picture()
    with spool.receive(len(data)) as arriving:
        arriving.feed(data)
        arriving.write(data)
        gone = spool.sweep(now, {live}, {known})
        arriving.finish()
    assert {(found.kind, found.id) for found in gone} == {
        (Kind.IMAGE, old),
        (Kind.JOB, orphan),
        (Kind.PART, dead.stem),
    }
    for image in (live, young, touched):
        spool.image(image)
    for job in (known, new):
        assert spool.job_file(job, "checkpoint").exists()
    assert (tmp_path / "spool" / "images" / "a-note-of-the-user.txt").exists()
    assert spool.sweep(now, {live}, {known}) == []


def test_a_spool_is_taken_up_again(spool: Spool, tmp_path: Path) -> None:
    info = put(spool, picture())
    assert Spool(tmp_path / "spool").image(info.id) == info


def test_uploads_do_not_look_at_the_files_of_other_jobs(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(30):
        (spool.job_folder(new_id()) / "result.pixels").write_bytes(bytes(100))
    counted = list(os.walk(spool._jobs))
    walked: list[object] = []
    walk = os.walk

    def noting(place: object, *rest: object) -> object:
        walked.append(place)
        return walk(place, *rest)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "walk", noting)
    put(spool, picture())
    assert len(counted) == 31
    assert len(walked) == 1  # the folder that the worker may be writing to


def test_the_total_follows_whatever_happens(spool: Spool, tmp_path: Path) -> None:
    def lying() -> int:
        return sum(path.stat().st_size for path in (tmp_path / "spool").rglob("*.*"))

    first, second = new_id(), new_id()
    image = put(spool, picture())
    assert spool.used_bytes() == lying() == image.size_bytes
    (spool.job_folder(first) / "checkpoint.x").write_bytes(bytes(1000))
    assert spool.used_bytes() == lying()
    (spool.job_folder(first) / "checkpoint.x").write_bytes(bytes(5000))
    spool.job_folder(second)
    (spool.job_folder(second) / "result.pixels").write_bytes(bytes(300))
    assert spool.used_bytes() == lying()
    assert Spool(tmp_path / "spool").used_bytes() == lying()
    spool.remove_image(image.id)
    spool.remove_job(first)
    assert spool.used_bytes() == lying() == 300
    spool.remove_job(second)
    assert spool.used_bytes() == 0
    (spool.job_folder(first) / "left.x").write_bytes(bytes(70))
    shutil.rmtree(tmp_path / "spool" / "jobs" / first)  # by hand
    spool.sweep(0.0, (), ())
    assert spool.used_bytes() == 0
