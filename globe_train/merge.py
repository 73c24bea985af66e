"""Merges an adapter into its base model, for engines that load no adapters."""

from __future__ import annotations

import json
from pathlib import Path

from globe_eval.errors import InputError
from globe_eval.models import torchvision_cpu
from globe_train import checkpoint


def merge(adapter: Path, folder: Path) -> None:
    """Write the merged model into `folder`. Raises InputError for what is no adapter, for a folder that is there."""
    configuration = adapter / "adapter_config.json"
    if not configuration.is_file():
        raise InputError(f"{configuration}: no such file; an adapter is what a recipe with lora writes")
    if folder.exists():
        raise InputError(f"{folder}: is there already")
    torchvision_cpu.ensure()
    import peft
    from transformers import AutoModelForImageTextToText

    base = json.loads(configuration.read_text(encoding="utf-8"))["base_model_name_or_path"]
    model = AutoModelForImageTextToText.from_pretrained(base)
    peft.PeftModel.from_pretrained(model, adapter).merge_and_unload().save_pretrained(folder)
    checkpoint.load_processor(str(adapter), None).save_pretrained(folder)
