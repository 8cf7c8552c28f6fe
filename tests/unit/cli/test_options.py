"""Short options, help, defaults from the environment and a file, completion, logs."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from scalediff_engine.base.errors import NotEnoughMemory
from scalediff_engine.cli import app_dialog, batch, main
from scalediff_engine.cli.app import app
from scalediff_engine.cli.interrupt import Interrupts
from scalediff_engine.cli.request import Sides
from scalediff_engine.client.batches import Existing
from scalediff_engine.images.formats import Format
from scalediff_engine.planning.settings import Preset

COMMANDS = ["upscale", "generate", "info", "models", "serve", "dialog", "doctor", "bench speed"]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("SCALEDIFF_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("platformdirs.user_config_dir", lambda *_, **__: str(tmp_path / "config"))


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What reaches the work, which is not done: (request, reporting)."""
    asked: list[Any] = []

    def run(request: Any, _: Interrupts, reporting: Any) -> int:
        asked.append((request, reporting))
        logging.getLogger("scalediff_engine.test").debug("a detail")
        return 0

    monkeypatch.setattr(batch, "run_upscale", run)
    monkeypatch.setattr(batch, "run_generate", run)
    return asked


def run(*arguments: str) -> int:
    return main.run_guarded(list(arguments), Interrupts(), as_json=False)


def config(tmp_path: Path, text: str) -> Path:
    (tmp_path / "config").mkdir(exist_ok=True)
    file = tmp_path / "config" / "config.toml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_short_word_for_help(
    command: str, capsys: pytest.CaptureFixture
) -> None:
    assert run(*command.split(), "-h") == 0
    short = capsys.readouterr().out
    assert run(*command.split(), "--help") == 0
    assert capsys.readouterr().out == short
    assert "-h, --help" in short
    assert "<" not in short  # no types of Python
    assert "General:\n  -v, --verbose " in short
    assert max(map(len, short.splitlines())) <= 80


def test_the_groups_have_a_short_word_for_help_too(capsys: pytest.CaptureFixture) -> None:
    assert (run("-h"), run("bench", "-h")) == (0, 0)
    assert "speed" in capsys.readouterr().out


def test_options_are_in_sections(capsys: pytest.CaptureFixture) -> None:
    run("upscale", "-h")
    sections = [
        line.rstrip(":")
        for line in capsys.readouterr().out.splitlines()
        if line.endswith(":") and line[0] != " "
    ]
    assert sections == [
        "Arguments",
        "Input and output",
        "What the result looks like",
        "Model and device",
        "Parts of the method, for comparisons",
        "Reports",
        "General",
    ]


def test_the_version_has_a_short_word(capsys: pytest.CaptureFixture) -> None:
    assert run("-V") == 0
    assert capsys.readouterr().out.startswith("scalediff 0")


def test_short_options(requests: list[Any]) -> None:
    assert run("upscale", "a.png", "-s", "2", "-m", "sdxl", "-f", "webp", "-o", "b.webp") == 0
    request = requests[0][0]
    assert (request.enlargement.scale, request.model.name) == (2, "sdxl")
    assert (request.destination.format, request.file) == (Format.WEBP, Path("b.webp"))
    assert run("generate", "a tree", "--size", "8x8", "-m", "sdxl", "-f", "png", "-o", "b.png") == 0
    assert requests[1][0].model.name == "sdxl"


def test_flags_for_scripts_reach_the_work(requests: list[Any]) -> None:
    assert run("upscale", "a.png", "--print0", "--fail-fast", "--strip") == 0
    request, reporting = requests[0]
    assert (request.fail_fast, request.strip, reporting.print0) == (True, True, True)
    assert run("upscale", "a.png") == 0
    request, reporting = requests[1]
    assert (request.fail_fast, request.strip, reporting.print0) == (False,) * 3


def test_defaults_come_from_the_usual_file(requests: list[Any], tmp_path: Path) -> None:
    config(
        tmp_path,
        'scale = 2\npreset = "best"\nseed = 7\n[upscale]\nmax-memory = 1.5\nno_lfm = true\n'
        'lora = ["a.safetensors", "b.safetensors:0.5"]\n[generate]\nseed = 8\n',
    )
    assert run("upscale", "a.png") == 0
    request = requests[0][0]
    assert request.enlargement.scale == 2
    assert (request.settings.preset, request.settings.seed) == (Preset.BEST, 7)
    assert request.max_memory_bytes == 1.5 * 2**30
    assert not request.settings.latent_frequency_mixing
    assert request.model.loras == ((Path("a.safetensors"), 1.0), (Path("b.safetensors"), 0.5))
    assert run("generate", "a", "--size", "8x8", "-m", "sdxl", "-o", "b.png") == 0
    assert requests[1][0].settings.seed == 8
    assert run("upscale", "a.png", "--no-config") == 0
    assert requests[2][0].settings.seed == 0


def test_another_file_can_be_named(
    requests: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config(tmp_path, "seed = 1")
    other = tmp_path / "other.toml"
    other.write_text("seed = 2")
    run("upscale", "a.png", "--config", str(other))
    monkeypatch.setenv("SCALEDIFF_CONFIG", str(other))
    run("upscale", "a.png")
    assert [request.settings.seed for request, _ in requests] == [2, 2]


def test_the_command_line_goes_before_the_environment_and_that_before_the_file(
    requests: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config(tmp_path, 'seed = 1\nprompt = "file"\nmodel = "sd15"')
    monkeypatch.setenv("SCALEDIFF_SEED", "2")
    monkeypatch.setenv("SCALEDIFF_PROMPT", "environment")
    run("upscale", "a.png", "--seed", "3")
    request = requests[0][0]
    assert request.settings.seed == 3
    assert request.settings.prompt == "environment"
    assert request.model.name == "sd15"
    assert request.settings.preset is Preset.BALANCED


def test_every_option_has_a_variable(requests: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "SCALEDIFF_MAX_MEMORY": "2",
        "SCALEDIFF_SKIP_EXISTING": "yes",
        "SCALEDIFF_LORA": "my loras/a.safetensors\nb.safetensors:0.5",
        "SCALEDIFF_PRINT0": "1",
        "SCALEDIFF_STRIP": "0",
        "SCALEDIFF_FORMAT": "tiff",
        "SCALEDIFF_DEVICE": "",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert run("upscale", "a.png") == 0
    request, reporting = requests[0]
    assert request.max_memory_bytes == 2 * 2**30
    assert request.destination.existing is Existing.SKIP
    assert [path.name for path, _ in request.model.loras] == ["a.safetensors", "b.safetensors"]
    assert (reporting.print0, request.strip) == (True, False)
    assert (request.destination.format, request.model.device) == (Format.TIFF, "auto")


def test_a_default_gives_way_to_what_excludes_it(
    requests: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config(tmp_path, 'scale = 2\noutput-dir = "there"\noverwrite = true')
    monkeypatch.setenv("SCALEDIFF_SKIP_EXISTING", "1")
    assert run("upscale", "a.png", "--size", "300x", "-o", "b.png") == 0
    request = requests[0][0]
    assert request.enlargement.scale is None
    assert request.enlargement.size == Sides(300, None)
    assert request.destination.folder == ""
    assert request.destination.existing is Existing.SKIP


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour = 1", ('"colour"', "unknown key")),
        ("cale = 2", ('Did you mean "scale"?',)),
        ("[upscale]\nbase-steps = 2", ('"base-steps" in [upscale]',)),
        ("[upscail]\nscale = 2", ("unknown table [upscail]", '"upscale"')),
        ("scale = ", ("not valid TOML",)),
        ("scale = 'x'", ("config.toml", "--scale")),
        ("scale = true", ('"scale" must be a number or a string',)),
        ("quiet = 1", ('"quiet" must be true or false',)),
        ("scale = 64", ("between 1 and 32", "config.toml")),
        ("lora = 'a.safetensors:99'", ("between -10 and 10", "config.toml")),
        ("config = 'x'", ("unknown key",)),
    ],
)
def test_what_is_wrong_in_the_file_is_one_sentence_that_names_it(
    text: str, words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    config(tmp_path, text)
    assert run("upscale", "a.png") == 2
    err = capsys.readouterr().err
    assert "config.toml" in err
    assert err.count("\n") == 1
    for word in words:
        assert word in err


def test_help_works_although_the_file_is_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    config(tmp_path, "scale = ")
    assert run("upscale", "--help") == 0
    assert "--scale" in capsys.readouterr().out


def test_a_file_that_was_named_must_be_there(capsys: pytest.CaptureFixture) -> None:
    assert run("upscale", "a.png", "--config", "gone.toml") == 2
    assert "Cannot read gone.toml" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SCALEDIFF_SCALE", "big", "--scale"),
        ("SCALEDIFF_SCALE", "64", "between 1 and 32"),
        ("SCALEDIFF_STRIP", "perhaps", "1 or 0"),
        ("SCALEDIFF_PRESET", "quick", "fast, balanced, best"),
    ],
)
def test_what_is_wrong_in_a_variable_is_one_sentence_that_names_it(
    name: str,
    value: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setenv(name, value)
    assert run("upscale", "a.png") == 2
    err = capsys.readouterr().err
    assert name in err
    assert words in err
    assert err.count("\n") == 1


def test_variables_of_other_meanings_stay_out_of_it(
    requests: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ENV", "TORCH", "COMMAND", "HOME", "THEME", "NONSENSE"):
        monkeypatch.setenv(f"SCALEDIFF_{name}", "/somewhere")
    assert run("upscale", "a.png") == 0


@pytest.mark.parametrize(
    ("variable", "text", "passed"),
    [
        (None, "", (None, None)),
        (None, 'theme = "dark"\nhome = "/h"', ("dark", "/h")),
        ("light", 'theme = "dark"\nhome = "/h"', (None, None)),
        ("a theme of a later version", "", (None, None)),
    ],
)
def test_variables_of_the_engine_and_the_dialogs_are_read_where_they_are_needed(
    variable: str | None,
    text: str,
    passed: tuple[str | None, str | None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        app_dialog, "run_dialog", lambda *given: asked.append((given[3], given[2])) or 0
    )
    config(tmp_path, text)
    if variable is not None:
        monkeypatch.setenv("SCALEDIFF_THEME", variable)
        monkeypatch.setenv("SCALEDIFF_HOME", variable)
    assert run("dialog") == 0
    assert asked == [passed]


@pytest.mark.parametrize(
    ("text", "size"),
    [("300x", (300, 200)), ("x300", (450, 300)), ("250%", (375, 250)), ("400x300", (400, 300))],
)
def test_a_size_may_leave_a_side_open_or_be_a_percentage(
    text: str, size: tuple[int, int], requests: list[Any]
) -> None:
    from scalediff_engine.base.geometry import Size

    assert run("upscale", "a.png", "--size", text) == 0
    assert requests[0][0].enlargement.target(Size(150, 100)) == Size(*size)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("50%", "between 100% and 3200%"),
        ("x", "one side"),
        ("0x", "at least 1 pixel"),
        ("%", "percentage"),
    ],
)
def test_sizes_that_make_no_sense(text: str, words: str, capsys: pytest.CaptureFixture) -> None:
    assert run("upscale", "a.png", "--size", text) == 2
    assert words in capsys.readouterr().err


def test_a_new_picture_needs_both_sides(capsys: pytest.CaptureFixture) -> None:
    assert run("generate", "a", "-o", "a.png", "-m", "sdxl", "--size", "300x") == 2
    assert "width x height" in capsys.readouterr().err


def test_the_log_file_has_versions_arguments_and_details(
    requests: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    log = tmp_path / "run.log"
    log.write_text("before\n")
    assert run("upscale", "a.png", "--log-file", str(log)) == 0
    text = log.read_text()
    assert text.startswith("before\n")
    assert "a detail" in text
    assert "Python" in text
    assert capsys.readouterr().err == ""
    assert not logging.getLogger("scalediff_engine").handlers


def test_the_log_file_has_the_traceback_of_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def fail(*_: Any) -> int:
        raise NotEnoughMemory("Too large.")

    monkeypatch.setattr(batch, "run_upscale", fail)
    log = tmp_path / "run.log"
    assert run("upscale", "a.png", "--log-file", str(log)) == 5
    assert "Traceback" in log.read_text()
    assert capsys.readouterr().err == "scalediff: Too large.\n"


def test_a_log_file_that_cannot_be_written_is_a_sentence(
    requests: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert run("upscale", "a.png", "--log-file", str(tmp_path / "no" / "run.log")) == 7
    assert "Cannot write the log file" in capsys.readouterr().err
    assert not requests


@pytest.mark.parametrize(
    ("flags", "has_versions", "has_details"),
    [
        ((), False, False),
        (("-v",), True, False),
        (("-v", "-v"), True, True),
        (("-vv",), True, True),
    ],
)
def test_verbose_says_more_on_standard_error(
    flags: tuple[str, ...],
    has_versions: bool,
    has_details: bool,
    requests: list[Any],
    capsys: pytest.CaptureFixture,
) -> None:
    assert run("upscale", "a.png", *flags) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert ("Python" in err, "a detail" in err) == (has_versions, has_details)


def complete(words: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("_SCALEDIFF_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    return CliRunner().invoke(app, prog_name="scalediff").stdout.split()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("scalediff ge", ["generate"]),
        ("scalediff upscale --fail", ["--fail-fast"]),
        ("scalediff upscale a.png --preset b", ["balanced", "best"]),
        ("scalediff upscale a.png -m emb", ["embedded"]),
        ("scalediff upscale a.png -f ", ["png", "webp", "jpeg", "tiff"]),
        ("scalediff generate x --device cu", ["cuda"]),
        ("scalediff dialog --theme d", ["dark"]),
    ],
)
def test_the_shell_completes_commands_options_and_values(
    words: str, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert complete(words, monkeypatch) == found


def test_the_program_answers_the_shell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("_SCALEDIFF_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "scalediff upscale --fail")
    monkeypatch.setenv("COMP_CWORD", "2")
    with pytest.raises(SystemExit):
        run()
    assert capsys.readouterr().out == "--fail-fast\n"


def test_words_for_completion_are_those_that_are_understood() -> None:
    from scalediff_engine.cli import options
    from scalediff_engine.images.formats import Format
    from scalediff_engine.planning.settings import Attention, Method
    from scalediff_engine.planning.settings_parsing import check_device
    from scalediff_engine.server.journal import LEVELS

    assert {one.value for one in Preset} == set(options.PRESETS)
    assert {one.value for one in Format} == set(options.FORMATS)
    assert {one.value for one in Method} == set(options.METHODS)
    assert {one.value for one in Attention} == set(options.ATTENTIONS)
    assert set(LEVELS) == set(options.LOG_LEVELS)
    for device in options.DEVICES:
        check_device(device)


def test_no_two_options_of_a_command_share_a_word() -> None:
    group: Any = get_command(app)
    for command in group.commands.values():
        words = [word for param in command.params for word in param.opts]
        assert len(words) == len(set(words))


@pytest.mark.parametrize(
    ("arguments", "value", "is_json"),
    [((), "", False), ((), "1", True), ((), "0", False), (("--json",), "", True)],
)
def test_errors_are_json_wherever_that_is_asked_for(
    arguments: tuple[str, ...], value: str, is_json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(main, "run_guarded", lambda *_, as_json: seen.append(as_json) or 0)
    for name in ("hush_libraries", "share_the_processor", "_hide_late_interrupts"):
        monkeypatch.setattr(main, name, lambda: None)
    monkeypatch.setattr(Interrupts, "install", lambda _: None)
    monkeypatch.setattr("sys.argv", ["scalediff", "upscale", "a.png", *arguments])
    monkeypatch.setenv("SCALEDIFF_JSON", value)
    with pytest.raises(SystemExit):
        main.run()
    assert seen == [is_json]
