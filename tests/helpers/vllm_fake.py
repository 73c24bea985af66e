"""A package named vllm that writes down what it is given, for lm-eval's `vllm-vlm` where no vLLM is installed."""

from __future__ import annotations

from pathlib import Path

FILES = {
    "vllm/__init__.py": '''
import json
import os
from types import SimpleNamespace

TextPrompt = TokensPrompt = dict


class SamplingParams:
    """Parameters of the real one, which refuses others too."""

    def __init__(
        self, *, n=None, presence_penalty=None, frequency_penalty=None, repetition_penalty=None, temperature=None,
        top_p=None, top_k=None, min_p=None, seed=None, stop=None, stop_token_ids=None, ignore_eos=None, max_tokens=None,
        min_tokens=None, skip_special_tokens=None, spaces_between_special_tokens=None,
    ):
        self.given = {name: value for name, value in locals().items() if name != "self" and value is not None}


class LLM:
    def __init__(self, model, **more):
        self.llm_engine = SimpleNamespace(model_config=SimpleNamespace(max_model_len=4096))

    def generate(self, prompts, sampling_params, use_tqdm):
        with open(os.environ["VLLM_FAKE_LOG"], "a", encoding="utf-8") as log:
            print(json.dumps({"prompts": len(prompts), "sampling": sampling_params.given}), file=log)
        return [SimpleNamespace(outputs=[SimpleNamespace(text="country: Japan\\ncity: Kyoto")]) for _ in prompts]
''',
    "vllm/lora/__init__.py": "",
    "vllm/lora/request.py": "class LoRARequest: ...\n",
    "vllm/renderers/__init__.py": "",
    "vllm/renderers/hf.py": "def resolve_chat_template(**_): ...\n",
    "vllm/tokenizers.py": (
        "from transformers import AutoTokenizer\n\n\n"
        "def get_tokenizer(name, **_):\n    return AutoTokenizer.from_pretrained(name)\n"
    ),
    "vllm-0.31.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: vllm\nVersion: 0.31.0\n",
    "ray.py": "",  # lm-eval imports it beside vLLM
}


def install(folder: Path) -> None:
    """Write the package into a folder for PYTHONPATH."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip("\n"), encoding="utf-8")
