"""What all stages of a job share, and the evaluations of the model that they are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from scalediff_engine.base.geometry import Size
from scalediff_engine.memory.plan import MemoryPlan
from scalediff_engine.method.guidance import average_views
from scalediff_engine.method.noise import Level
from scalediff_engine.models.model import Conditioning, Model, PromptEmbeddings
from scalediff_engine.pipeline.canvas import LatentCrop
from scalediff_engine.pipeline.checkpoint import Checkpoint, Checkpoints
from scalediff_engine.pipeline.oom_retry import OomRetry
from scalediff_engine.pipeline.upsampling import Enlarging
from scalediff_engine.planning.plan import Plan, StagePlan
from scalediff_engine.planning.progress import Meter, Phase
from scalediff_engine.planning.settings import Attention, Settings
from scalediff_engine.spec.family import FamilyFacts

Within = Callable[[Sequence[int]], AbstractContextManager[None]]


def plainly(_prompts: Sequence[int]) -> AbstractContextManager[None]:
    """Evaluate and do nothing else."""
    return nullcontext()


@dataclass(frozen=True)
class UpscaleContext:
    """One job on its way.

    Attributes:
        plan, settings: what to do
        model: runs every stage; it is as it was before when the job ends or raises
        meter: hears of every step, and may raise ``Cancelled``
        condition: the prompts
        generator: on the CPU, seeded; all that is random comes from it
        attempts: runs pieces of work under the plan for memory that holds at the moment
        checkpoints: what is saved, and what an earlier run of the job left
    """

    plan: Plan
    settings: Settings
    model: Model
    meter: Meter
    condition: Conditioning
    generator: torch.Generator
    attempts: OomRetry
    checkpoints: Checkpoints

    @property
    def enlarging(self) -> Enlarging:
        """How the pictures are enlarged that the stages begin with."""
        wanted = self.model.facts.begins_with_network and self.settings.begins_with_network
        return Enlarging(self.plan.sizes, with_network=wanted)

    def cut(self, stage: int) -> LatentCrop:
        """Give what there is to know of where a stage's latent lies."""
        return LatentCrop(self.plan, stage, self.model.facts.latent_factor)

    def is_done(self, stage: int) -> bool:
        """Whether an earlier run of the job went beyond this stage."""
        begun = self.checkpoints.begun
        return begun is not None and stage < begun.stage

    def begun(self, stage: int) -> Checkpoint | None:
        """Where an earlier run of the job stood, if it was in this stage."""
        begun = self.checkpoints.begun
        return begun if begun is not None and stage == begun.stage else None

    def report_stage(self, stage: int) -> None:
        """Tell that a stage begins, or where in it an earlier run of the job stood."""
        begun = self.begun(stage)
        if begun is None:
            self.meter.report(Phase.ENCODE, stage)
        else:
            self.meter.report(Phase.DENOISE, stage, begun.step)

    def report_sample(self, stage: int, step: int) -> None:
        """Tell how far the sample of a stage is, see ``pipeline.norm_statistics``."""
        if self.begun(stage) is None:
            self.meter.report(Phase.ENCODE, stage, step)
        else:
            self.report_stage(stage)

    def keep(self, stage: int, step: int, z_t: Tensor, z_ref_low: Tensor | None) -> None:
        """Save a checkpoint after ``step`` steps of a stage, if one is wanted."""
        if not self.checkpoints.is_due():
            return
        low = None if z_ref_low is None else z_ref_low.cpu()
        state, memory = self.generator.get_state(), self.attempts.index
        job = self.checkpoints.job
        self.checkpoints.save(Checkpoint(job, stage, step, memory, z_t.cpu(), low, state))

    def encode(self, make: Callable[[], Tensor]) -> Tensor:
        """Encode what ``make`` gives, (1, 3, H, W), to (1, C, H/f, W/f).

        Nothing holds that picture afterwards, since it may be large.
        """
        return self.attempts.run(lambda _: self.model.encode(make()))

    def decode(self, z: Tensor) -> Tensor:
        """(1, C, rows, cols) to (1, 3, rows*f, cols*f)."""
        return self.attempts.run(lambda _: self.model.decode(z))

    def predict(
        self,
        z_t: Tensor,
        level: Level,
        stage: StagePlan,
        attention: Attention,
        within: Within = plainly,
    ) -> Tensor:
        """Evaluate the model, and once more for guidance where that is wanted and matters.

        Args:
            z_t: (n, C, rows, cols) at ``level``; mostly one picture
            level: its noise
            stage: has the guidance
            attention: whether the latent is seen in views; the other kinds are the model's affair
            within: opened around each evaluation, with the numbers of its prompts

        Returns:
            (n, C, rows, cols), the model's output.
        """
        evaluate = _evaluation(self.model, attention, stage.guidance)
        sigma = level.sigma / level.alpha if level.alpha else math.inf  # flows begin without signal
        pixels = len(z_t) * z_t.shape[-2] * z_t.shape[-1] * self.model.facts.latent_factor**2
        single = len(z_t) == 1  # the model repeats it as often as there are prompts
        said = self.condition.positive, self.condition.negative
        prompts = [
            words if single else PromptEmbeddings.batched(*[words] * len(z_t)) for words in said
        ]

        def evaluate_batch(numbers: tuple[int, ...], words: PromptEmbeddings) -> Tensor:
            with within(numbers):
                return evaluate(z_t if single else torch.cat([z_t] * len(numbers)), level, words)

        if not stage.guides(sigma):
            return self.attempts.run(lambda _: evaluate_batch((0,), prompts[0]))

        def both(plan: MemoryPlan) -> Tensor:
            if plan.batches(pixels) and PromptEmbeddings.can_batch(*prompts):
                return evaluate_batch((0, 1), PromptEmbeddings.batched(*prompts))
            return torch.cat(
                [evaluate_batch((number,), words) for number, words in enumerate(prompts)]
            )

        positive, negative = self.attempts.run(both).chunk(2)
        return self.model.guide(positive, negative, stage.guidance, level)


def begin(
    plan: Plan, settings: Settings, model: Model, meter: Meter, checkpoints: Checkpoints
) -> UpscaleContext:
    """Encode the prompts, seed what is random, and have the model compiled where it is worth it."""
    generator = torch.Generator().manual_seed(settings.seed)
    begun = checkpoints.begun
    if begun is not None:
        generator.set_state(begun.generator)
    attempts = OomRetry(model, plan.memory, 0 if begun is None else begun.memory)
    negative = settings.negative or model.facts.default_negative
    condition = model.condition(settings.prompt, negative, _base_size(plan, model.facts))
    model.compile(on=plan.compiled)
    return UpscaleContext(plan, settings, model, meter, condition, generator, attempts, checkpoints)


def _base_size(plan: Plan, facts: FamilyFacts) -> Size:
    """What a picture of these proportions is at the native size: each window is to look like it."""
    if plan.from_noise:
        return plan.stages[0].canvas
    canvas = plan.sizes.canvas
    exact = canvas.scaled(math.sqrt(facts.native.area / canvas.area))
    width, height = (
        max(1, round(side / multiple)) * multiple
        for side, multiple in zip(exact, facts.multiples, strict=True)
    )
    return Size(width, height)


def _evaluation(
    model: Model, attention: Attention, guidance: float
) -> Callable[[Tensor, Level, PromptEmbeddings], Tensor]:
    if attention is not Attention.MULTIDIFFUSION:
        return lambda z, level, words: model.predict(z, level, words, guidance)
    view = model.facts.native.grid(model.facts.latent_factor)
    return lambda z, level, words: average_views(
        z, view, lambda part: model.predict(part, level, words, guidance)
    )
