"""What is said when something cannot be."""

from __future__ import annotations

import json

from scalediff_engine.client.messages import Problem
from scalediff_engine.server import problems


def test_a_message_with_a_files_odd_name_can_be_sent() -> None:
    answer = problems.answer(422, Problem("usage", "no \udcff file"))
    assert json.loads(bytes(answer.body))["message"] == "no ? file"


def test_a_message_has_an_end() -> None:
    answer = problems.answer(422, Problem("usage", "x" * 10**6))
    assert len(bytes(answer.body)) < 10_000


def test_the_first_of_several_errors_is_told() -> None:
    errors = [
        {"type": "missing", "loc": ("body", "image"), "msg": "Field required"},
        {"type": "other", "loc": ("body",), "msg": "x"},
    ]
    assert problems.sentence_of(errors) == "image: Field required."
