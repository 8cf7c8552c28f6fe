"""Deliberate mistakes, one or more in each package, that the quick tests must notice.

Each is made in a copy of the sources, never in the clone. One that goes unnoticed shows that a test
is missing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
_ENGINE = "scalediff_engine"
_TESTS_FAILED = 1
_LIMIT_S = 240


class Mistake(NamedTuple):
    """A change of one place in a source file.

    Attributes:
        file: relative to the clone
        right, wrong: text that the file has exactly once, and what stands there instead
        tests: relative to ``tests/unit``; at least one of them must fail
    """

    file: str
    right: str
    wrong: str
    tests: str


MISTAKES = (
    Mistake(
        f"{_ENGINE}/base/files.py",
        'path.casefold() if sys.platform in ("win32", "darwin") else path',
        "path.casefold()",
        "base/test_files.py",
    ),
    Mistake(
        f"{_ENGINE}/client/watch.py",
        "if not is_second_half:  # the LF of a CRLF does not end another line",
        "if True:",
        "client/test_client_sse.py",
    ),
    Mistake(
        f"{_ENGINE}/client/files.py",
        '| getattr(os, "O_NOFOLLOW", 0)',
        "",
        "client/test_client_places.py",
    ),
    Mistake(
        f"{_ENGINE}/plugin_common/placement.py",
        "_rounded(source.x * wide), _rounded(source.y * high)",
        "_rounded(source.x * high), _rounded(source.y * wide)",
        "plugin_common/test_placement.py",
    ),
    Mistake(
        f"{_ENGINE}/spec/family.py",
        "return not checkpoint.parts.issuperset(family.parts)",
        "return checkpoint.parts.isdisjoint(family.parts)",
        "families/test_registry.py",
    ),
    Mistake(
        f"{_ENGINE}/images/raw.py",
        "(np.clip(colours, 0, 1) if whole else colours) * alpha",
        "np.clip(colours, 0, 1) if whole else colours",
        "images/test_raw.py",
    ),
    Mistake(
        f"{_ENGINE}/images/lock.py",
        "if not 0.0 < cutoff <= 1.0:",
        "if not 0.0 <= cutoff <= 1.0:",
        "images/test_lock.py",
    ),
    Mistake(
        f"{_ENGINE}/method/patches.py",
        "min(max(r - (window - size) // 2, 0), last_window)",
        "min(max(r - window // 2, 0), last_window)",
        "method/test_patches.py",
    ),
    Mistake(
        f"{_ENGINE}/method/frequency.py",
        'z_small = interpolate(z.float(), size=small, mode="bilinear", antialias=True)',
        'z_small = interpolate(z.float(), size=small, mode="bilinear")',
        "method/test_frequency.py",
    ),
    Mistake(
        f"{_ENGINE}/method/frequency.py",
        "return z0 + gamma * (z_ref_low - low(z0, c))",
        "return z0 + gamma * (low(z0, c) - z_ref_low)",
        "method/test_frequency.py",
    ),
    Mistake(
        f"{_ENGINE}/memory/plan.py",
        "return min(free - _CONTEXT_BYTES, limit - max(_CONTEXT_BYTES, limit // 16))",
        "return min(free, limit)",
        "memory/test_choose.py",
    ),
    Mistake(
        f"{_ENGINE}/upscalers/enlarge.py",
        "size.width * (col + 1) // cols",
        "size.width * col // cols + side_px",
        "upscalers/test_enlarge.py",
    ),
    Mistake(
        f"{_ENGINE}/store/header.py",
        "if file_bytes < needed_bytes:",
        "if file_bytes < length:",
        "store/test_checkpoint_header.py",
    ),
    Mistake(
        f"{_ENGINE}/batch/naming.py",
        "return os.path.join(self.folder, below)",
        "return self.folder",
        "batch/test_conflicts.py",
    ),
    Mistake(
        f"{_ENGINE}/jobs/record.py",
        "Action.FINISH: JobState.DONE,  # the last step was its last",
        "Action.FINISH: JobState.PAUSED,",
        "jobs/test_states.py",
    ),
    Mistake(
        f"{_ENGINE}/jobs/record.py",
        "record.crashes >= _CRASHES or record.all_crashes >= _ALL_CRASHES",
        "record.crashes >= _CRASHES and record.all_crashes >= _ALL_CRASHES",
        "jobs/test_scheduler.py",
    ),
    Mistake(
        f"{_ENGINE}/models/lora.py",
        "return alphas[name] / rank",
        "return alphas[name]",
        "models/test_lora.py",
    ),
    Mistake(
        f"{_ENGINE}/families/unet/attention.py",
        'return int(index) if place == "down_blocks" else levels - 1 - int(index)',
        "return int(index)",
        "families/unet/test_unet_attention.py",
    ),
    Mistake(
        f"{_ENGINE}/planning/window.py",
        "math.ceil(box.right * across - 1e-9)",
        "math.floor(box.right * across + 1e-9)",
        "pipeline/test_window.py",
    ),
    Mistake(
        f"{_ENGINE}/planning/plan.py",
        "return stage.guidance > 1 and stage.guided_sigmas is not None",
        "return stage.guided_sigmas is not None",
        "pipeline/test_plan.py",
    ),
    Mistake(
        f"{_ENGINE}/pipeline/postprocess.py",
        "if settings.source_lock:",
        "if not settings.source_lock:",
        "pipeline/test_looking.py",
    ),
    Mistake(
        f"{_ENGINE}/server/security.py",
        "if hmac.compare_digest(given[0][len(_SCHEME) :], token.encode()):",
        "if given[0][len(_SCHEME) :]:",
        "../contract/test_security.py",
    ),
    Mistake(
        f"{_ENGINE}/server/routes/health.py",
        "    except OSError:\n        return 0\n",
        "    except ZeroDivisionError:\n        return 0\n",
        "../contract/test_connections.py",
    ),
    Mistake(
        f"{_ENGINE}/worker/keeping.py",
        "return self._wanted or self._clock() - self._newest_s >= self._every_s",
        "return self._clock() - self._newest_s >= self._every_s",
        "worker/test_keeping.py",
    ),
    Mistake(
        f"{_ENGINE}/ui/words.py",
        "if whole < 600 and rest:",
        "if whole < 60 and rest:",
        "../ui/test_ui_words.py",
    ),
    Mistake(
        f"{_ENGINE}/ui/view/state.py",
        "return (Part(Side.SOURCE, 0.0, line), Part(Side.RESULT, line, width - line))",
        "return (Part(Side.RESULT, 0.0, line), Part(Side.SOURCE, line, width - line))",
        "../ui/test_ui_view.py",
    ),
    Mistake(
        f"{_ENGINE}/bench/metrics.py",
        ".mean((0, 1), dtype=np.float64)).max() * 255)",
        ".mean((0, 1), dtype=np.float64)).mean() * 255)",
        "bench/test_metrics.py",
    ),
    Mistake(
        f"{_ENGINE}/cli/values.py",
        "factor = float(percent[1]) / 100",
        "factor = float(percent[1])",
        "cli/test_options.py",
    ),
    Mistake(
        "plugin_gimp/scalediff/scalediff_gimp/formats.py",
        'premultiplied = "a" if self.alpha == "premultiplied" else ""',
        'premultiplied = ""',
        "plugin_gimp/test_gimp_formats.py",
    ),
    Mistake(
        "installer/core/download.py",
        "if hashlib.sha256(wheel.read_bytes()).hexdigest() != sha256:",
        "if not sha256:",
        "installer/test_fetching_uv.py",
    ),
)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "mistake", MISTAKES, ids=[f"{i}-{Path(m.file).stem}" for i, m in enumerate(MISTAKES)]
)
def test_a_mistake_is_noticed(mistake: Mistake, tmp_path: Path) -> None:
    text = (ROOT / mistake.file).read_text("utf-8")
    assert text.count(mistake.right) == 1, "this list is behind the sources"
    _copy(tmp_path, mistake.file, text.replace(mistake.right, mistake.wrong))
    code, said = _run(tmp_path, mistake.tests)
    assert code == _TESTS_FAILED, said


@pytest.mark.nightly
def test_a_copy_without_a_mistake_passes_and_is_what_is_tested(tmp_path: Path) -> None:
    file = f"{_ENGINE}/method/patches.py"
    _copy(tmp_path, file, (ROOT / file).read_text("utf-8"))
    code, said = _run(tmp_path, "method/test_patches.py")
    assert code == 0, said
    asked = "import scalediff_engine.method.patches as tested; print(tested.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == str(tmp_path / file)


def _copy(copy: Path, file: str, text: str) -> None:
    """Make a clone of links, where one file has another text."""
    clone, parts = ROOT, Path(file).parts
    for part in parts:
        copy.mkdir(exist_ok=True)
        for each in clone.iterdir():
            if each.name not in (part, "__pycache__"):
                (copy / each.name).symlink_to(each)
        clone, copy = clone / part, copy / part
    copy.write_text(text, "utf-8")


def _run(copy: Path, tests: str) -> tuple[int, str]:
    """Run tests over a copy, up to the first that fails."""
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    command += ["-m", "not slow and not nightly and not gpu", "--durations=0"]
    where = copy / os.path.normpath(f"tests/unit/{tests}")
    done = subprocess.run(
        [*command, str(where)],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT_S,
    )
    return done.returncode, done.stdout[-4000:] + done.stderr[-2000:]
