"""Workarounds for defects of trl and transformers, each with the versions that have it.

`tests/train/test_patches.py` runs the unpatched libraries and fails when one of these is no longer needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from globe_train.checkpoint import reading, whole_or_absent


def resumable(trainer_class: type) -> type:
    """A trainer of transformers that resumes what it saved and whose checkpoints are whole or absent.

    - transformers 5.17 to 5.24 load nothing when a Qwen2.5-VL run is resumed: the names of the weights on the disk are
      the hub's, those of the module are not, and what does not fit is skipped with a warning (transformers#43701). Here
      the weights are read as `from_pretrained` reads them, which renames them, and every one must fit. Adapters,
      DeepSpeed and FSDP have loading code of their own and are left to it.
    - transformers (to 5.24) looks whether all steps are done after a step only, so a run whose last checkpoint is its
      last step (a kill between it and the trained model) would be trained one step too many.
    - A checkpoint that could not be written (a full disk) is removed, and the error says which one is left; one that
      cannot be read, or is of another model, is one line.
    """

    class Resumable(trainer_class):  # type: ignore[misc]
        def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
            inner = self.accelerator.unwrap_model(self.model if model is None else model)
            with reading(resume_from_checkpoint):
                if hasattr(inner, "peft_config") or self.is_deepspeed_enabled or self.is_fsdp_enabled:
                    super()._load_from_checkpoint(resume_from_checkpoint, model)
                    return
                saved = type(inner).from_pretrained(resume_from_checkpoint, dtype=inner.dtype)
                inner.load_state_dict(saved.state_dict(), strict=True)
                inner.tie_weights()

        def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
            with reading(checkpoint):
                super()._load_optimizer_and_scheduler(checkpoint)

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


def one_placeholder(trainer_class: type) -> type:
    """A GRPO trainer whose vLLM of the same process sees a picture as one placeholder, which vLLM multiplies itself.

    trl 1.16 hands vLLM each prompt with its picture's placeholders already multiplied, and a vLLM of the same process
    multiplies them again (trl#6294, open; with vLLM 0.32 16 placeholders became 31). Nothing fails: the model answers
    another prompt than the one that it is trained on. `sampling/sampling_logp_difference` in the log shows it.
    """

    class OnePlaceholder(trainer_class):  # type: ignore[misc]
        _rendered: list[list[int]]

        def _tokenize_prompts(self, prompts: Sequence[Any]) -> Any:
            if self.use_vllm and self.vllm_mode == "colocate":
                self._rendered = unexpanded_tokens(prompts, self.processing_class, self.chat_template)
            return super()._tokenize_prompts(prompts)

        def _generate_single_turn(self, prompt_ids: Any, images: Any, *others: Any, **named: Any) -> Any:
            ours = self.use_vllm and self.vllm_mode == "colocate" and images is not None
            return super()._generate_single_turn(self._rendered if ours else prompt_ids, images, *others, **named)

    OnePlaceholder.__name__ = OnePlaceholder.__qualname__ = trainer_class.__name__
    return OnePlaceholder


def unexpanded_tokens(prompts: Sequence[Any], processor: Any, chat_template: str | None) -> list[list[int]]:
    """Token ids of prompts as the tokenizer alone writes them: a placeholder a picture."""
    from trl.data_utils import prepare_multimodal_messages

    texts = processor.apply_chat_template(
        [prepare_multimodal_messages(prompt) for prompt in prompts],
        chat_template=chat_template,
        add_generation_prompt=True,
        tokenize=False,
    )
    found: list[list[int]] = processor.tokenizer(texts, add_special_tokens=False)["input_ids"]
    return found
