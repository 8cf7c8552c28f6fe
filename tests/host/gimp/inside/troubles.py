"""Without an engine, with a wrong one, with one that the plug-in starts, and in German."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(sys.argv[0]).parent))
from gi.repository import Gimp

from kit import call, chosen, fingerprint, names, new_image, new_layer, pixels, size, stage, titled

HOME = Path(os.environ["SCALEDIFF_HOME"])
RECORD = HOME / "run" / "engine.json"


def without_an_engine_a_sentence_says_how_it_is_installed(stage) -> None:
    image = new_image()
    layer = new_layer(image, "alone")
    before = fingerprint(image)
    status, error, _, _ = call("scalediff-upscale", image, [layer])
    assert status == "execution-error", status
    assert "not installed" in error and "Install ScaleDiff" in error, error
    assert fingerprint(image) == before


def another_version_of_the_engine_is_named(stage) -> None:
    image = new_image()
    layer = new_layer(image, "other version")
    (HOME / "run").mkdir(mode=0o700, parents=True, exist_ok=True)
    record = {"pid": os.getpid(), "port": 9, "token": "t", "protocol": 99}
    record |= {"version": "99", "started_at": 0.0, "pid_space": "another"}
    file = HOME / "run" / "engine.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(record))
    status, error, _, _ = call("scalediff-upscale", image, [layer])
    file.unlink()
    assert status == "execution-error", status
    assert "99" in error and "update the plug-in" in error, error
    assert names(image) == ["other version"]


def an_engine_that_does_not_start_is_told_with_its_log(stage) -> None:
    image = new_image()
    layer = new_layer(image, "broken")
    command = HOME / "engine-command.json"
    command.write_text(json.dumps(["/bin/false"]))
    command.chmod(0o600)
    status, error, _, _ = call("scalediff-upscale", image, [layer])
    command.unlink()
    assert status == "execution-error", status
    assert "did not start (exit code 1)" in error, error


def menus_and_documentation_speak_the_users_language(stage) -> None:
    procedure = Gimp.get_pdb().lookup_procedure("scalediff-upscale")
    assert procedure.get_menu_label() == "Mit ScaleDiff vergrößern …", procedure.get_menu_label()
    assert procedure.get_menu_paths() == ["<Image>/Filters/ScaleDiff"]
    assert "Diffusionsmodell" in procedure.get_blurb(), procedure.get_blurb()
    image = new_image()
    layer = new_layer(image, "beside", 10, 10)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 30, 20, 8, 8)
    status, error, _, _ = call("scalediff-upscale", image, [layer])
    assert status == "execution-error" and "Auswahl" in error, error


def every_procedure_is_documented(stage) -> None:
    for name in ("upscale", "upscale-visible", "upscale-in-place", "repeat", "recent"):
        procedure = Gimp.get_pdb().lookup_procedure(f"scalediff-{name}")
        assert len(procedure.get_blurb()) > 20 and len(procedure.get_help()) > 60
        for argument in procedure.get_arguments():
            assert argument.get_blurb(), (name, argument.name)
        assert [value.name for value in procedure.get_return_values()] == [
            "result-image",
            "result-layer",
        ]


def the_plugin_starts_the_engine_by_itself(stage) -> None:
    command = HOME / "engine-command.json"
    told = os.environ.get("TEST_ENGINE_COMMAND", "")
    assert told, "the test says how"
    command.write_text(told)
    command.chmod(0o600)
    image = new_image()
    layer = new_layer(image, "first")
    # what GIMP has in its environment must not reach the engine
    status, error, _, made = call("scalediff-upscale", image, [layer], scale=2.0)
    assert status == "success", error
    assert size(made) == (96, 80)
    log = (HOME / "log" / "engine.log").read_text()
    assert log, "the engine wrote its log"


def an_engine_that_is_killed_in_the_midst_of_a_job_is_started_again(stage) -> None:
    image = new_image()
    layer = new_layer(image, "outlives")
    killed = []
    killer = threading.Thread(target=_kill_the_engine_at_work, args=(killed,), daemon=True)
    killer.start()
    status, error, _, made = call(
        "scalediff-upscale", image, [layer], scale=2.0, settings='{"steps": 100}'
    )
    assert status == "success", error
    assert (size(made), names(image)) == ((96, 80), ["outlives 2x", "outlives"])
    assert any(pixels(made))
    assert killed and killed[0] != json.loads(RECORD.read_text())["pid"]


def _kill_the_engine_at_work(killed) -> None:
    """Ends the engine without a word once its worker has done a step of a job."""
    sys.path.append(str(Path(Gimp.directory()) / "plug-ins" / "scalediff"))
    from scalediff_gimp.client import start
    from scalediff_gimp.client.places import Places

    client = start.Client(lambda: start.find(Places(HOME)))
    while True:
        for job in client.jobs().jobs:
            if (
                job.title == titled("outlives")
                and job.progress is not None
                and job.progress.step > 5
            ):
                killed.append(json.loads(RECORD.read_text())["pid"])
                os.kill(killed[0], signal.SIGKILL)
                return
        time.sleep(0.05)


here = stage()
here.play(chosen(globals()))
