"""The identity of a run: every setting that could change an answer; a journal is resumed only where it is the same."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from globe_eval.secrets import without_secrets

CANNOT_CHANGE_AN_ANSWER = {
    # Where the model is, how often and how patiently it is asked. The model's name stays part of the identity.
    *("base_url", "api_key_env", "headers", "ca_bundle", "num_concurrent", "max_concurrent", "timeout", "max_retries"),
    *("backoff", "patience"),
    *("requests_per_minute", "tokens_per_minute", "stream", "served_model", "concurrency", "address"),
    # How the same computation is laid out. A run that ran out of memory goes on with other values; rounding, the only
    # thing that they touch, differs between two machines as well.
    *("batch_size", "max_batch_size", "device", "device_map", "device_map_option", "parallelize", "low_cpu_mem_usage"),
    *("max_memory_per_gpu", "max_cpu_memory", "offload_folder", "gpus", "use_fast_tokenizer"),
    *("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size", "distributed_executor_backend"),
    *("gpu_memory_utilization", "max_num_seqs", "max_num_batched_tokens", "enforce_eager", "enable_prefix_caching"),
    *("swap_space", "cpu_offload_gb", "disable_log_stats", "limit_mm_per_prompt", "mm_processor_cache_gb"),
    # Where files are kept, and leave to read them.
    *("cache_dir", "download_dir", "trust_remote_code", "token"),
}
"""Model arguments that a run may change and still go on. Every other one is part of its identity."""
_WHOLE, _BLOCKS, _BLOCK = 1 << 20, 64, 4096


def identity(*, max_pixels: int | None = None, max_side: int | None = None, **settings: Any) -> dict[str, Any]:
    """All settings that could change an answer, as plain JSON values, without secrets.

    The limit, the shard, the distance and the geocoder are not part of it: they choose photographs, or score answers.
    A model argument that is a file or folder here also counts with its content, for weights change under one name.
    """
    arguments = settings["model_args"]
    published = {
        "system_instruction": without_secrets({"": settings["system_instruction"]})[""],
        "decoding": without_secrets(settings["decoding"]),
        "model_args": relevant(arguments),
        "model_files": {name: digest for name, value in arguments.items() if (digest := fingerprint(value))},
    }
    return as_json({**settings, **published, "max_pixels": max_pixels, "max_side": max_side})


def relevant(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Model arguments (or the model's own information) without secrets and without what cannot change an answer.

    >>> relevant({"pretrained": "a/b", "api_key": "sk-1", "num_concurrent": 8})
    {'pretrained': 'a/b', 'api_key': '(removed)'}
    """
    return without_secrets({name: value for name, value in arguments.items() if name not in CANNOT_CHANGE_AN_ANSWER})


def weights(arguments: Mapping[str, Any]) -> str | None:
    """What a run is named by besides its back end: weights, a served model, a file of answers; None without any.

    >>> weights({"pretrained": "a/b", "dtype": "half"}), weights({"dtype": "half"})
    ('a/b', None)
    """
    named = ("pretrained", "model", "model_name", "answers")
    return next((str(arguments[key]) for key in named if arguments.get(key)), None)


def as_json(value: dict[str, Any]) -> dict[str, Any]:
    """The value as it comes back from a JSON file."""
    return dict(json.loads(json.dumps(value, default=str)))


def sha256(value: Mapping[str, Any]) -> str:
    """SHA-256 of an identity; the order of its entries does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Each entry that differs, with both values. The model's own information counts where both have it.

    >>> differences({"seed": 0, "model_args": {"dtype": "half"}}, {"seed": 1, "model_args": {}})
    ['seed was 0, is 1', "model_args.dtype was 'half', is None"]
    """
    found = []
    for name in [*there, *(name for name in here if name not in there)]:
        old, new = there.get(name), here.get(name)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            if name == "model_info":
                old, new = ({key: x[key] for key in x if key in old and key in new} for x in (old, new))
            found += [f"{name}.{line}" for line in differences(old, new)]
        else:
            found.append(f"{name} was {_shown(old)}, is {_shown(new)}")
    return found


def fingerprint(value: Any) -> str | None:
    """SHA-256 of a file, or of the files in a folder (not below it), names and sizes; None for what is neither.

    Of a file above 1 MB, 64 blocks spread over it are read: training changes weights everywhere.
    """
    if not isinstance(value, str | Path) or not str(value):
        return None
    try:
        path = Path(value).expanduser()
        files = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
        if not path.exists():
            return None
        digest = hashlib.sha256()
        for file in files:
            size = file.stat().st_size
            digest.update(f"{file.name if path.is_dir() else ''}\0{size}\0".encode())
            with file.open("rb") as opened:
                if size <= _WHOLE:
                    digest.update(opened.read())
                else:
                    for block in range(_BLOCKS):
                        opened.seek((size - _BLOCK) * block // (_BLOCKS - 1))
                        digest.update(opened.read(_BLOCK))
    except (OSError, ValueError):  # a text that is no path, or a file that only the model may read
        return None
    return digest.hexdigest()


def _shown(value: Any) -> str:
    shown = repr(value)
    return f"{shown[:13]}…'" if re.fullmatch("'[0-9a-f]{64}'", shown) else shown
