"""Recent results: the model with answers of the test, and the window over it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from fake_gateway import FakeGateway, FakeLater, job, picture, progress
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox, QToolButton

from scalediff_engine.client.messages import (
    JobList,
    JobState,
    SessionInfo,
    SessionState,
    UpscaleSettings,
    Window,
)
from scalediff_engine.images.recipe import read_recipe
from scalediff_engine.ui.files import PictureFiles
from scalediff_engine.ui.look import Look, Scheme
from scalediff_engine.ui.recent.model import RecentModel
from scalediff_engine.ui.recent.window import RecentWindow, job_age
from scalediff_engine.ui.workers import Workers

NOW = 1_000_000.0
Make = Callable[..., RecentModel]


@pytest.fixture
def make(app: QApplication, gateway: FakeGateway, later: FakeLater) -> Generator[Make]:
    workers = Workers(1)

    def made(session: str | None = None) -> RecentModel:
        return RecentModel(gateway, later, PictureFiles(), workers, session, lambda: NOW)

    yield made
    workers.close()


def done(job_id: str, **fields: Any) -> Any:
    return job(job_id, JobState.DONE, updated_at=NOW - 3600, **fields)


def listed(gateway: FakeGateway, *jobs: Any) -> None:
    gateway.last("jobs").succeed(JobList(list(jobs)))


def test_what_is_done_or_under_way_is_listed_and_nothing_else(
    gateway: FakeGateway, make: Make
) -> None:
    model = make()
    model.begin()
    listed(
        gateway,
        job("r"),
        done("d"),
        job("c", JobState.CANCELLED),
        job("f", JobState.FAILED),
        done("part", window=Window(0, 0, 8, 8)),
    )
    assert [found.id for found in model.jobs or ()] == ["r", "d"]
    assert model.chosen == "d"
    assert model.has_result


def test_a_job_that_ends_is_seen_without_asking(
    gateway: FakeGateway, later: FakeLater, make: Make
) -> None:
    model = make()
    model.begin()
    listed(gateway, job("a"))
    assert not model.has_result
    later.pass_ms(1500)
    listed(gateway, done("a"))
    assert model.has_result


def test_previews_come_two_at_a_time_and_newer_ones_again(
    gateway: FakeGateway, later: FakeLater, make: Make
) -> None:
    model = make()
    model.begin()
    listed(gateway, job("r", progress=progress(0.1, preview=1)), *map(done, "abc"))
    assert [asked.args for asked in gateway.pending("preview")] == [("r",), ("a",)]
    gateway.pending("preview")[0].succeed(picture().raster)
    assert set(model.previews) == {"r"}
    gateway.last("preview").fail("gone")
    later.pass_ms(1500)
    listed(gateway, job("r", progress=progress(0.2, preview=2)), *map(done, "abc"))
    while gateway.pending("preview"):
        gateway.last("preview").succeed(picture().raster)
    asked = [asked.args[0] for asked in gateway.all("preview")]
    assert asked.count("r") == 2
    assert set(model.previews) >= {"r", "a", "c"}


def test_an_engine_that_fails_once_is_asked_again(
    gateway: FakeGateway, later: FakeLater, make: Make
) -> None:
    model = make()
    model.begin()
    gateway.last("jobs").fail("no engine")
    assert model.problem is not None
    later.pass_ms(1500)
    listed(gateway, done("a"))
    assert model.problem is None


def test_compare_fetches_both_and_does_without_a_source(gateway: FakeGateway, make: Make) -> None:
    model = make()
    model.begin()
    listed(gateway, done("a"))
    model.compare()
    model.compare()
    gateway.last("result").succeed(picture(64, 48))
    gateway.last("image").fail("gone")
    assert len(gateway.all("result")) == 1
    assert model.comparison is not None
    assert model.comparison.source is None
    assert model.problem is None


def test_what_comes_for_another_choice_is_not_shown(gateway: FakeGateway, make: Make) -> None:
    model = make()
    model.begin()
    listed(gateway, done("a"), done("b"))
    model.compare()
    asked = gateway.last("result")
    model.choose("b")
    asked.succeed(picture())
    assert model.comparison is None
    assert not model.is_fetching


def test_save_writes_the_result_and_replaces_what_was_agreed_to(
    gateway: FakeGateway, make: Make, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    from PIL import Image

    model = make()
    model.begin()
    listed(gateway, done("a", title="Layer 1/sky", recipe='{"seed": 1}', width=64))
    assert model.suggested_name() == "Layer 1_sky_x4.png"
    file = tmp_path / "out.png"
    file.write_text("older")
    model.save(file)
    gateway.last("result").succeed(picture(64, 48))
    assert not gateway.all("image")  # nobody compares
    wait_until(lambda: bool(model.note))
    with Image.open(file) as saved:
        assert saved.size == (64, 48)
    assert read_recipe(file) == {"seed": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


def test_a_result_without_metadata_is_saved_without_its_recipe(
    gateway: FakeGateway, make: Make, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    from PIL import Image

    model = make()
    model.begin()
    listed(gateway, done("a", recipe='{"seed": 1}', settings=UpscaleSettings(strip=True)))
    model.save(tmp_path / "out.png")
    gateway.last("result").succeed(picture(64, 48))
    wait_until(lambda: bool(model.note))
    with Image.open(tmp_path / "out.png") as saved:
        assert "scalediff" not in saved.info


def test_a_folder_that_cannot_be_written_is_told(
    gateway: FakeGateway, make: Make, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    model, ended = make(), list[bool]()
    model.ended.add(lambda: ended.append(True))
    model.begin()
    listed(gateway, done("a"))
    model.save(tmp_path / "none" / "out.png")
    model.discard()  # that is not done before it is saved
    gateway.last("result").succeed(picture())
    wait_until(lambda: model.problem is not None)
    assert not model.note
    assert not ended
    model.discard()
    assert ended == [True]


def test_a_result_that_is_being_saved_is_saved_whatever_is_done_meanwhile(
    gateway: FakeGateway, make: Make, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    model, ended = make(), list[bool]()
    model.ended.add(lambda: ended.append(True))
    model.begin()
    listed(gateway, done("a"), done("b"))
    model.save(tmp_path / "out.png")
    assert model.is_saving
    model.choose("b")
    model.discard()
    assert not ended
    gateway.last("result").succeed(picture(64, 48))
    wait_until(lambda: ended == [True])
    assert (tmp_path / "out.png").is_file()


def test_delete_takes_a_result_away_and_chooses_its_neighbour(
    gateway: FakeGateway, make: Make
) -> None:
    model = make()
    model.begin()
    listed(gateway, done("a"), done("b"), done("c"))
    model.choose("b")
    model.remove()
    gateway.last("remove").succeed(done("b"))
    assert [found.id for found in model.jobs or ()] == ["a", "c"]
    assert model.chosen == "c"


def test_delete_stops_what_is_under_way(gateway: FakeGateway, make: Make) -> None:
    model = make()
    model.begin()
    listed(gateway, job("r"))
    model.remove()
    assert gateway.last("cancel").args == ("r",)
    assert not gateway.all("remove")


def test_an_editor_gets_the_chosen_result_with_its_own_options(
    gateway: FakeGateway, make: Make
) -> None:
    ended: list[int] = []
    model = make("s1")
    model.ended.add(lambda: ended.append(1))
    model.begin()
    info = SessionInfo("s1", SessionState.OPEN, "", "krita", "", 1, options={"depth": "u16"})
    gateway.last("session").succeed(info)
    listed(gateway, job("r"), done("a"))
    model.choose("r")
    model.insert()
    assert not gateway.all("answer_session")
    model.choose("a")
    model.insert()
    session, answer = gateway.last("answer_session").args
    assert (session, answer.accepted, answer.job) == ("s1", True, "a")
    assert answer.options == {"depth": "u16"}
    assert not ended
    gateway.last("answer_session").succeed(info)
    assert ended == [1]


def test_an_editor_hears_when_nothing_is_wanted(gateway: FakeGateway, make: Make) -> None:
    ended: list[int] = []
    model = make("s1")
    model.ended.add(lambda: ended.append(1))
    model.begin()
    model.discard()
    assert not gateway.last("answer_session").args[1].accepted
    gateway.last("answer_session").fail("no engine any more")
    model.discard()
    assert ended == [1]


def test_times_are_said_in_words() -> None:
    found = done("a")
    assert job_age(found, 10, 86390) == "Just now, kept for 24 hours more"
    assert job_age(found, 60, 60) == "1 minute ago, kept for 1 minute more"
    assert job_age(found, 3600 * 20, 3600 * 4) == "20 hours ago, kept for 4 hours more"
    assert job_age(job("r", progress=progress(0.426)), 0, 0) == "Running, 43 %"
    assert job_age(job("q", JobState.QUEUED), 0, 0) == "Waiting for its turn"


@pytest.fixture
def window(gateway: FakeGateway, make: Make) -> Generator[Callable[..., RecentWindow]]:
    shown: list[RecentWindow] = []

    def opened(*jobs: Any, session: str | None = None) -> RecentWindow:
        model = make(session)
        found = RecentWindow(model, Look(Scheme.DARK))
        found.show()
        found.activateWindow()
        QTest.qWaitForWindowActive(found)
        model.begin()
        if jobs:
            listed(gateway, *jobs)
        shown.append(found)
        return found

    yield opened
    for found in shown:
        found.hide()


def test_the_keyboard_chooses_and_inserts(
    window: Callable[..., RecentWindow], gateway: FakeGateway
) -> None:
    found = window(done("a", title="one"), done("b", title="two"), session="s")
    QTest.keyClick(found.list, Qt.Key.Key_Down)
    assert "two" in found.list.currentItem().text()
    QTest.keyClick(found, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert gateway.last("answer_session").args[1].job == "b"


def test_without_an_editor_it_says_how_to_get_there(window: Callable[..., RecentWindow]) -> None:
    found = window(done("a"))
    assert not found.insert.isVisible()
    assert "Filters > ScaleDiff" in found._hint.text()


def test_delete_asks_first(window: Callable[..., RecentWindow], gateway: FakeGateway) -> None:
    found = window(done("a", title="<b>cat</b>"))
    for press, count in (("Keep it", 0), ("Delete the result", 1)):
        QTest.keyClick(found, Qt.Key.Key_Delete)
        (question,) = [q for q in found.findChildren(QMessageBox) if q.isVisible()]
        assert "<b>cat</b>" in question.text()
        assert question.textFormat() is Qt.TextFormat.PlainText
        next(b for b in question.buttons() if b.text() == press).click()
        assert len(gateway.all("remove")) == count


def test_a_name_is_shown_as_it_is_written(window: Callable[..., RecentWindow]) -> None:
    found = window(done("a", title="<b>cat</b> & dog"))
    assert found._title.text() == "<b>cat</b> & dog"
    assert found._title.textFormat() is Qt.TextFormat.PlainText
    assert found.list.item(0).toolTip() == "<p>&lt;b&gt;cat&lt;/b&gt; &amp; dog</p>"


def test_an_empty_list_says_so_and_esc_closes(
    window: Callable[..., RecentWindow], gateway: FakeGateway
) -> None:
    found = window()
    gateway.last("jobs").succeed(JobList([]))
    assert "no results" in found._empty.text()
    assert not found.save.isEnabled()
    QTest.keyClick(found, Qt.Key.Key_Escape)
    assert not found.isVisible()


def test_save_as_offers_a_name(window: Callable[..., RecentWindow]) -> None:
    found = window(done("a", title="cat.png", width=64))
    found.save.click()
    (dialog,) = found.findChildren(QFileDialog)
    assert Path(dialog.selectedFiles()[0]).name == "cat_x4.png"
    dialog.reject()


def test_everything_has_a_name_and_can_be_reached(window: Callable[..., RecentWindow]) -> None:
    found = window(done("a"), session="s")
    for widget in (found.list, found.insert, found.save, found.compare, found.remove, found.leave):
        assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        text = getattr(widget, "text", str)
        assert widget.accessibleName() or text()


def test_the_drift_map_is_measured_when_it_is_wanted(
    window: Callable[..., RecentWindow], gateway: FakeGateway, wait_until: Callable[..., None]
) -> None:
    found = window(done("a", width=64, height=48))
    gateway.at_once["result"] = lambda _: picture(64, 48)
    gateway.at_once["image"] = lambda _: picture()
    found.compare.click()
    assert found._model.drift is None
    button = next(b for b in found.bar.findChildren(QToolButton) if "(M)" in b.toolTip())
    button.setChecked(True)
    wait_until(lambda: found._model.drift is not None)
