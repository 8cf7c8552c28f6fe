"""``scalediff bench speed``: options in, tables out, one sentence for what makes no sense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_flux import TINY_FLUX, tiny_parts

from scalediff_engine.base.errors import UsageError
from scalediff_engine.bench import random_components, speed
from scalediff_engine.bench.speed import KINDS, Request, Row, Speed
from scalediff_engine.cli import main
from scalediff_engine.cli.interrupt import Interrupts
from scalediff_engine.families import registry as families
from scalediff_engine.families.flux.model import FluxModel
from scalediff_engine.models.model import Model

FACTS = {"model": "toy", "weights": "real", "device": "a card", "torch": "2", "peak_tflops": 700.0}
ROW: Row = {"what": "decode", "side": 2048, "seconds": 0.25, "peak_gib": None}
SHORT = ("--sizes", "64", "--whole", "", "--attention", "npa", "--repeats", "1", "--device", "cpu")


def run(*arguments: str, as_json: bool = False) -> int:
    return main.run_guarded(["bench", *arguments], Interrupts(), as_json=as_json)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """What would have been measured."""
    requests: list[Request] = []

    def measure(request: Request, tell: Any) -> Speed:
        requests.append(request)
        tell(ROW)
        return Speed(FACTS, [ROW])

    monkeypatch.setattr(speed, "measure_speed", measure)
    return requests


@pytest.fixture
def flux(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: str) -> Model:
        return FluxModel(TINY_FLUX, tiny_parts(), torch.device("cpu"), torch.float32)

    monkeypatch.setattr(families, "load", load)
    monkeypatch.setattr(speed, "matrix_peak", lambda _: 1.0)  # pyright: ignore[reportUnknownLambdaType]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("speed",), "MODEL"),
        ((), "Missing command"),
        (("spede",), "No such command"),
        (("speed", "sdxl", "--sizes", "100"), "100 is no multiple of 64"),
        (("speed", "sdxl", "--sizes", "2048,4097"), "4097 is no multiple of 64"),
        (("speed", "sdxl", "--sizes", "32"), "'32' is no whole number from 64 to 16384"),
        (("speed", "sdxl", "--sizes", "2048x2048"), "'2048x2048' is no whole number"),
        (("speed", "sdxl", "--sizes", "-64"), "no whole number"),
        (("speed", "sdxl", "--sizes", "16448"), "from 64 to 16384"),
        (("speed", "sdxl", "--whole", "1000"), "1000 is no multiple of 64"),
        (("speed", "sdxl", "--attention", "full"), "no attention 'full'; there are direct, multi"),
        (("speed", "sdxl", "--attention", "npa,Direct"), "'Direct'"),
        (("speed", "sdxl", "--max-memory", "0"), "'0' is no whole number from 1 to 1024"),
        (("speed", "sdxl", "--max-memory", "8,lots"), "'lots'"),
        (("speed", "sdxl", "--repeats", "x"), "--repeats"),
        (("speed", "sdxl", "--nonsense"), "No such option"),
    ],
)
def test_wrong_usage_is_exit_2_and_one_sentence(
    arguments: tuple[str, ...],
    words: str,
    asked: list[Request],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(*arguments) == 2
    assert_one_sentence(capsys, words)
    assert asked == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (
            ("nope", "--random-weights"),
            4,
            "Unknown model 'nope'. Random weights can be made for: sdxl",
        ),
        (("embedded", "--random-weights"), 4, "Unknown model 'embedded'"),
        (("sdxl", "--random-weights", "--device", "gpu"), 2, "no device 'gpu'"),
        (("nope",), 4, "Unknown model 'nope'"),
        (("./nope.safetensors",), 4, "nope.safetensors"),
    ],
)
def test_a_model_that_is_not_there_is_one_sentence(
    arguments: tuple[str, ...],
    code: int,
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(random_components, "_random", pytest.fail)  # it takes 10 GB
    assert run("speed", *arguments) == code
    assert_one_sentence(capsys, words)


def assert_one_sentence(capsys: pytest.CaptureFixture[str], words: str) -> None:
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("scalediff: ")
    assert err.count("\n") == 1
    assert words in err


def test_options_say_what_is_measured(asked: list[Request]) -> None:
    options = "--random-weights --sizes 2048,1024, --attention npa,direct --whole 3072 --few-steps"
    more = "--max-memory 6,8 --repeats 3 --no-compile --device cuda:1"
    assert run("speed", "sdxl", *options.split(), *more.split()) == 0
    assert asked == [
        Request(
            "sdxl",
            random_weights=True,
            sizes=(2048, 1024),
            kinds=("npa", "direct"),
            device="cuda:1",
            repeats=3,
            compiles=False,
            whole=(3072,),
            few_steps=True,
            limits_gib=(6.0, 8.0),
        )
    ]


def test_without_options_everything_is_compared(asked: list[Request]) -> None:
    assert run("speed", "some/model.safetensors") == 0
    assert asked == [Request("some/model.safetensors")]
    assert asked[0].kinds == KINDS
    assert asked[0].compiles
    assert not asked[0].random_weights


def test_an_empty_list_measures_none_of_it(asked: list[Request]) -> None:
    assert run("speed", "sdxl", "--sizes", "", "--whole", " ", "--attention", "") == 0
    assert (asked[0].sizes, asked[0].whole, asked[0].kinds) == ((), (), ())


@pytest.mark.usefixtures("asked")
def test_tables_go_to_standard_output_and_rows_beside_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("speed", "sdxl") == 0
    out, err = capsys.readouterr()
    assert "| decode | 2048 |" in out
    assert "decode" in err
    assert err.count("\n") == 1


@pytest.mark.usefixtures("asked")
def test_with_json_each_line_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("speed", "sdxl", "--json", as_json=True) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert [json.loads(line) for line in out.splitlines()] == [
        {"event": "measured"} | ROW,
        {"event": "facts"} | FACTS,
    ]


def test_with_json_a_refusal_is_an_object_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("speed", "nope", "--random-weights", "--json", as_json=True) == 4
    error = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (error["event"], error["code"], error["exit_code"]) == ("error", "model-missing", 4)


@pytest.mark.usefixtures("flux")
def test_a_measurement_is_written_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "speed.json"
    file.write_text("an older one")
    assert run("speed", "./flux", *SHORT, "-o", str(file)) == 0
    written = json.loads(file.read_text())
    assert written["facts"]["model"] == "flux"
    assert [row["what"] for row in written["rows"]] == ["step", "encode", "decode"]
    assert [path.name for path in tmp_path.iterdir()] == ["speed.json"]
    assert "| npa | 64 | 1 |" in capsys.readouterr().out


@pytest.mark.usefixtures("asked")
def test_a_file_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("speed", "sdxl", "-o", str(tmp_path / "gone" / "speed.json")) == 7
    assert f"scalediff: The folder {tmp_path / 'gone'} does not exist." in capsys.readouterr().err


def test_the_arguments_of_one_run_do_not_reach_the_next(asked: list[Request]) -> None:
    for model in ("sdxl", "sd15"):
        assert run("speed", model) == 0
    assert [request.model for request in asked] == ["sdxl", "sd15"]


def test_an_unknown_device_is_refused_before_weights_are_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(random_components, "_random", pytest.fail)
    with pytest.raises(UsageError, match="no device 'gpu'"):
        random_components.load_random("flux", "gpu")
