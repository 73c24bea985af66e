"""Going on after a kill, and never losing the last good checkpoint."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from globe_eval.errors import InputError

TRAINER_STATE = "trainer_state.json"


def checkpoints(output: Path) -> list[Path]:
    """The checkpoints of a run that can be gone on from, the oldest first.

    The trainer writes its state last, so a checkpoint without a readable one was cut off while it was written.
    """
    found = [path for path in output.glob("checkpoint-*") if path.name.removeprefix("checkpoint-").isdigit()]
    return sorted((path for path in found if is_complete(path)), key=step_of)


def step_of(checkpoint: Path) -> int:
    """After how many steps a checkpoint was written."""
    return int(checkpoint.name.removeprefix("checkpoint-"))


def is_complete(checkpoint: Path) -> bool:
    """Whether a checkpoint was written to its end."""
    try:
        state = json.loads((checkpoint / TRAINER_STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(state, dict) and state.get("global_step") == step_of(checkpoint)


def resumable(trainer_class: type) -> type:
    """A trainer of transformers that resumes what it saved and whose checkpoints are whole or absent.

    - transformers 5.17 to 5.23 load nothing when a Qwen2.5-VL run is resumed: the names of the weights on the disk are
      the hub's, those of the module are not, and what does not fit is skipped with a warning (transformers#43701). Here
      the weights are read as `from_pretrained` reads them, which renames them, and every one must fit. Adapters,
      DeepSpeed and FSDP have loading code of their own and are left to it.
    - transformers looks whether all steps are done after a step only, so a run whose last checkpoint is its last step
      (a kill between it and the trained model) would be trained one step too many.
    - A checkpoint that could not be written (a full disk) is removed, and the error says which one is left.
    """

    class Resumable(trainer_class):  # type: ignore[misc]
        def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
            inner = self.accelerator.unwrap_model(self.model if model is None else model)
            if hasattr(inner, "peft_config") or self.is_deepspeed_enabled or self.is_fsdp_enabled:
                super()._load_from_checkpoint(resume_from_checkpoint, model)
                return
            saved = type(inner).from_pretrained(resume_from_checkpoint, dtype=inner.dtype)
            inner.load_state_dict(saved.state_dict(), strict=True)
            inner.tie_weights()

        def _run_epoch(self, *args: Any, **named: Any) -> None:
            if 0 < self.state.max_steps <= self.state.global_step:
                self.control.should_training_stop = True
                return
            super()._run_epoch(*args, **named)

        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            folder = Path(self._get_output_dir(trial=trial)) / f"checkpoint-{self.state.global_step}"
            with whole_or_absent(folder):
                super()._save_checkpoint(model, trial)

    Resumable.__name__ = Resumable.__qualname__ = trainer_class.__name__
    return Resumable


@contextmanager
def whole_or_absent(folder: Path) -> Iterator[None]:
    """Remove a checkpoint that could not be written to its end, and say so in one line."""
    try:
        yield
    except Exception as error:  # safetensors, torch and json each raise their own for a full disk
        shutil.rmtree(folder, ignore_errors=True)
        raise unwritten(folder, "the checkpoint", folder.parent, error) from error


@contextmanager
def saving(output: Path) -> Iterator[None]:
    """Say in one line that a trained model could not be written, and from where to go on."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        raise unwritten(output, "the trained model", output, error) from error


def unwritten(folder: Path, what: str, output: Path, error: Exception) -> InputError:
    """The error for what could not be written, with the checkpoint of the run that is left."""
    good = checkpoints(output)
    kept = f"the last good checkpoint is {good[-1]}; free some space and go on with --resume" if good else ""
    reason = " ".join(str(error).split())[:300]  # torch does not say that a disk is full
    free = f"{shutil.disk_usage(output).free / 2**20:,.0f} MiB are free there"
    return InputError(
        f"{folder}: {what} could not be written: {reason}; {free}; {kept or 'there is no checkpoint before it'}"
    )
