"""The folder dialog without its widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fake_batches import AtOnce, FakeBatches, batch, item, save_picture
from fake_gateway import FakeGateway, FakeLater, models, plan_for

from scalediff_engine.batch.naming import Destination, Place
from scalediff_engine.client.batches import BatchItems, BatchList, BatchState, Existing, FileState
from scalediff_engine.client.messages import Problem
from scalediff_engine.images.formats import Format
from scalediff_engine.ui.folder.model import FolderModel, Phase
from scalediff_engine.ui.folder.rows import Filter, Status
from scalediff_engine.ui.upscale.choices import Extent
from scalediff_engine.ui.upscale.remembered import Memory

Make = Callable[..., FolderModel]


@pytest.fixture
def kept() -> list[tuple[Memory, Destination]]:
    return []


@pytest.fixture
def make(
    gateway: FakeGateway, batches: FakeBatches, later: FakeLater,
    kept: list[tuple[Memory, Destination]],
) -> Make:  # fmt: skip
    gateway.at_once.update(models=models, plan=plan_for)

    def make_it(*inputs: Path, is_begun: bool = True) -> FolderModel:
        model = FolderModel(
            gateway, batches, later, AtOnce(), inputs, Memory(),
            lambda memory, chosen: kept.append((memory, chosen)),
            clock=lambda: later.now_ms / 1000,
        )  # fmt: skip
        if is_begun:
            model.begin()
            later.pass_ms(1000)
        return model

    return make_it


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    save_picture(tmp_path / "holiday" / "a.png", 40, 30)
    save_picture(tmp_path / "holiday" / "deep" / "b.png", 20, 30)
    return tmp_path / "holiday"


def targets(model: FolderModel) -> list[str]:
    return [model.rows.target(index) for index in range(len(model.rows.entries))]


def test_a_folder_is_ready_with_names_sizes_and_time(make: Make, tree: Path) -> None:
    model = make(tree)
    assert targets(model) == [str(tree / "a_x4.png"), str(tree / "deep" / "b_x4.png")]
    assert model.can_start
    assert model.input.startable == 2
    assert model.input.estimator.estimate.seconds == pytest.approx(260)
    assert model.input.title == "holiday"


def test_folders_in_folders_are_looked_into_unless_they_are_not_wanted(
    make: Make, tree: Path, later: FakeLater
) -> None:
    model = make(tree)
    assert len(model.rows.entries) == 2
    model.input.look_deeper(False)
    later.pass_ms(1000)
    assert [entry.name for entry in model.rows.entries] == ["a.png"]
    assert model.input.skip_counts.total() == 1
    model.input.look_deeper(True)
    later.pass_ms(1000)
    assert len(model.rows.entries) == 2


def test_the_engine_is_asked_for_what_was_chosen(
    make: Make, tree: Path, later: FakeLater, batches: FakeBatches,
    kept: list[tuple[Memory, Destination]],
) -> None:  # fmt: skip
    model = make(tree)
    model.upscale.change(
        replace(model.upscale.choices, extent=Extent(scale=2.0), prompt="a beach", seed=9)
    )
    chosen = Destination(
        place=Place.FOLDER, folder="/out", format=Format.JPEG, quality=80, existing=Existing.REPLACE
    )
    model.input.change_destination(chosen)
    later.pass_ms(1000)
    model.start()
    assert model.phase is Phase.HANDING_OVER
    request, files = batches.last("create").args
    assert [(Path(f.source).name, f.target) for f in files] == [
        ("a.png", "/out/a_x2.jpg"), ("b.png", "/out/deep/b_x2.jpg"),
    ]  # fmt: skip
    settings = request.settings
    assert (settings.scale, settings.prompt, settings.seed) == (2.0, "a beach", 9)
    assert (request.existing, request.quality, request.title) == (Existing.REPLACE, 80, "holiday")
    assert kept[0][1] == chosen


def test_an_existing_result_is_skipped_unless_somebody_says_otherwise(
    make: Make, tree: Path, later: FakeLater, batches: FakeBatches
) -> None:
    (tree / "a_x4.png").write_bytes((tree / "a.png").read_bytes())
    model = make(tree)
    states = {Path(e.path).name: model.rows.status(i) for i, e in enumerate(model.rows.entries)}
    assert states["a.png"] is Status.EXISTS
    assert model.input.estimator.estimate.seconds == pytest.approx(260)  # b.png and a_x4.png itself
    model.start()
    assert batches.last("create").args[0].existing is Existing.SKIP


def test_pictures_that_would_share_a_name_are_left_out_and_the_others_are_done(
    make: Make, tree: Path, later: FakeLater, batches: FakeBatches
) -> None:
    save_picture(tree / "a.jpg")
    model = make(tree)
    assert model.can_start
    model.input.change_destination(Destination(format=Format.PNG))
    later.pass_ms(1000)
    assert "a_x4.png" in model.input.clash
    assert "{ext}" in model.input.clash
    assert model.can_start
    model.start()
    handed_over = {Path(file.source).name for file in batches.last("create").args[1]}
    assert handed_over == {Path(e.path).name for e in model.rows.entries} - {"a.png", "a.jpg"}
    assert handed_over
    assert model.left_out == 2


def test_the_extension_in_the_name_keeps_pictures_apart(
    make: Make, tree: Path, later: FakeLater
) -> None:
    save_picture(tree / "a.jpg")
    model = make(tree)
    model.input.change_destination(Destination(format=Format.PNG, pattern="{stem}_{ext}"))
    later.pass_ms(1000)
    assert not model.input.clash
    targets = {Path(model.rows.target(i)).name for i in range(len(model.rows.entries))}
    assert {"a_png.png", "a_jpg.png"} <= targets


def test_a_pattern_that_makes_no_sense_keeps_it_shut_and_does_no_harm(
    make: Make, tree: Path, later: FakeLater
) -> None:
    model = make(tree)
    model.input.change_destination(Destination(pattern="{stem"))
    assert model.input.example() == ""
    later.pass_ms(1000)
    assert not model.can_start
    assert "brace" in model.input.names_problem
    model.input.change_destination(Destination(pattern="{stem}!"))
    later.pass_ms(1000)
    assert model.can_start
    assert model.input.example() == "a!.png"


def test_what_will_not_fit_is_marked_and_left_out(
    make: Make, tree: Path, gateway: FakeGateway, later: FakeLater, batches: FakeBatches
) -> None:
    full = Problem("not-enough-memory", "This needs 9 GiB and there are 6.")
    model = make(is_begun=False)
    gateway.at_once["plan"] = lambda request: plan_for(
        request, full if request.width == 40 else None
    )
    model.begin()
    model.add([tree])
    later.pass_ms(1000)
    assert model.rows.status(0) is Status.WILL_NOT_FIT
    assert model.rows.unfit(0) == full.message
    assert model.input.startable == 1
    model.start()
    assert [Path(f.source).name for f in batches.last("create").args[1]] == ["b.png"]
    assert model.left_out == 1


def test_a_row_that_is_removed_is_not_started(
    make: Make, tree: Path, later: FakeLater, batches: FakeBatches
) -> None:
    model = make(tree)
    model.remove([0])
    assert not model.can_start
    later.pass_ms(1000)
    model.start()
    assert [Path(f.source).name for f in batches.last("create").args[1]] == ["b.png"]


def test_more_can_be_dropped_and_nothing_is_there_twice(
    make: Make, tree: Path, tmp_path: Path, later: FakeLater
) -> None:
    model = make(tree)
    other = save_picture(tmp_path / "single.png")
    model.add([other, tree, tree / "a.png"])
    later.pass_ms(1000)
    assert sorted(Path(entry.path).name for entry in model.rows.entries) == [
        "a.png", "b.png", "single.png",
    ]  # fmt: skip
    assert model.can_start


def test_what_was_removed_stays_out_when_another_folder_is_added(
    make: Make, tree: Path, tmp_path: Path, later: FakeLater
) -> None:
    save_picture(tmp_path / "other" / "c.png")
    model = make(tree)
    model.remove([0])
    model.add([tmp_path / "other"])
    later.pass_ms(1000)
    assert [entry.name for entry in model.rows.entries] == ["holiday/deep/b.png", "other/c.png"]
    model.add([tree / "a.png"])  # who names it again wants it
    later.pass_ms(1000)
    assert len(model.rows.entries) == 3


def test_a_batch_that_was_not_taken_leaves_the_list_as_it_was(
    make: Make, tree: Path, batches: FakeBatches
) -> None:
    model = make(tree)
    model.start()
    batches.last("create").fail("The engine has ended.")
    assert model.phase is Phase.CHOOSING
    assert model.problem == Problem("trouble", "The engine has ended.")
    assert model.can_start
    model.start()
    model.give_up()
    assert model.phase is Phase.CHOOSING
    assert batches.pending("create") == []


def test_once_it_is_handed_over_the_rows_are_the_batch_s(
    make: Make, tree: Path, batches: FakeBatches, later: FakeLater
) -> None:
    model = make(tree)
    model.start()
    batches.last("create").tell(2)  # type: ignore[misc]
    assert model.handed_over == 2
    batches.last("create").succeed(batch())
    assert model.phase is Phase.FOLLOWING
    assert [(e.width, e.height) for e in model.rows.entries] == [(40, 30), (20, 30)]
    batches.last("items").say([item(0, FileState.DONE), item(1)])  # type: ignore[arg-type]
    batches.last("items").succeed()
    assert model.rows.counts()[Filter.DONE] == 1
    model.remove([0])
    assert len(model.rows.entries) == 2
    model.choose_again()
    assert model.phase is Phase.CHOOSING
    assert [info.id for info in model.unfinished] == ["b1"]
    later.pass_ms(1000)
    model.show_batch("b1")
    assert model.phase is Phase.FOLLOWING


def test_an_unfinished_batch_of_these_pictures_is_shown_at_once(
    make: Make, tree: Path, batches: FakeBatches
) -> None:
    model = make(tree)
    paused = batch(state=BatchState.PAUSED)
    over = batch("b2", state=BatchState.DONE)
    batches.last("batches").succeed(BatchList([over, paused]))
    assert [asked.args for asked in batches.all("batch_items")] == [("b1", 1)]
    batches.last("batch_items").succeed(BatchItems([item(0, source=str(tree / "deep" / "b.png"))]))
    assert model.phase is Phase.FOLLOWING
    assert model.batch is not None
    assert model.batch.state is BatchState.PAUSED


def test_an_unfinished_batch_of_other_pictures_is_offered(
    make: Make, tree: Path, batches: FakeBatches
) -> None:
    model = make(tree)
    batches.last("batches").succeed(BatchList([batch(), batch("b2", state=BatchState.PAUSED)]))
    for asked in batches.pending("batch_items"):
        asked.succeed(BatchItems([item(0)]))
    assert model.phase is Phase.CHOOSING
    assert [info.id for info in model.unfinished] == ["b1", "b2"]


def test_closing_leaves_the_batch_to_the_engine(
    make: Make, tree: Path, batches: FakeBatches
) -> None:
    model = make(tree)
    model.start()
    batches.last("create").succeed(batch())
    ended: list[str] = []
    model.ended.add(lambda: ended.append("end"))
    model.end()
    model.close()
    assert ended == ["end"]
    assert batches.all("act") == []
    assert batches.all("remove") == []


def test_pause_and_end_waits_until_the_engine_knows(
    make: Make, tree: Path, batches: FakeBatches
) -> None:
    model = make(tree)
    model.start()
    batches.last("create").succeed(batch())
    model.pause_and_end()
    assert model.phase is Phase.FOLLOWING
    batches.last("act").succeed(batch(state=BatchState.PAUSED, events=2))
    assert model.phase is Phase.ENDED


def test_no_engine_is_no_start(
    make: Make, tree: Path, gateway: FakeGateway, later: FakeLater
) -> None:
    del gateway.at_once["plan"]
    model = make(tree)
    for asked in gateway.pending("plan"):
        asked.fail("There is no engine.", "engine-unreachable")
    assert not model.can_start
    gateway.at_once["plan"] = plan_for
    later.pass_ms(3000)
    assert model.can_start
