from __future__ import annotations

import errno
import logging

import pytest
import torch

from scalediff_engine.base.errors import ModelMissing, NotEnoughMemory, OutputError
from scalediff_engine.base.geometry import Size
from scalediff_engine.client.messages import Problem
from scalediff_engine.worker.job import device_is_lost, problem_of


def test_what_is_for_people_goes_as_it_is() -> None:
    error = ModelMissing("There is no model.")
    assert problem_of(error, None) == Problem("model-missing", "There is no model.")


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_memory_that_ran_out_is_said_with_the_size(error: Exception) -> None:
    problem = problem_of(error, Size(800, 600))
    assert problem.code == "not-enough-memory"
    assert "on the way to 800x600." in problem.message
    assert "ran out." in problem_of(error, None).message


def test_a_defect_is_logged_and_said_without_what_it_holds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    try:
        raise ValueError("the prompt in /home/somebody")
    except ValueError as error:
        problem = problem_of(error, None)
    assert problem.code == "error"
    assert "ValueError" in problem.message
    assert "prompt" not in problem.message
    assert "Traceback" in caplog.text


def test_why_a_file_could_not_be_written_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    error = OutputError("The result cannot be written.")
    error.__cause__ = OutputError("/home/anna/diary.png cannot be written.")
    error.__cause__.__cause__ = OSError(errno.EROFS, "Read-only file system", "/home/anna")
    with caplog.at_level(logging.ERROR):
        assert problem_of(error, None).code == "output-unwritable"
    assert "Read-only file system" in caplog.text
    assert "anna" not in caplog.text


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (RuntimeError("CUDA error: an illegal memory access was encountered"), True),
        (torch.AcceleratorError("unspecified launch failure"), True),
        (torch.OutOfMemoryError("CUDA out of memory"), False),
        (RuntimeError("CUDA error: out of memory"), False),
        (NotEnoughMemory("The memory ran out (CUDA error: out of memory)."), False),
        (ValueError("x"), False),
    ],
)
def test_a_device_that_is_lost_is_told_from_other_errors(error: Exception, lost: bool) -> None:
    assert device_is_lost(error) == lost
