"""A small Qwen2.5-VL checkpoint made from nothing, whose random weights are chosen to be compared between engines.

The folder holds what a published checkpoint holds (weights, configuration, tokenizer, chat template, image and video
processor), so lm-eval's `hf-multimodal` and `vllm-vlm` and a vLLM server load it unchanged. It shows that the way from
a photograph to a score works, not where photographs were taken.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from globe_eval.benchmarks.prompts import PROMPTS, SYSTEM
from globe_eval.models import torchvision_cpu
from globe_train.laptop.student import (
    CHAT_TEMPLATE,
    END_OF_TEXT,
    END_OF_TURN,
    IMAGE,
    SPECIAL_TOKENS,
    VIDEO,
    VISION_END,
    VISION_START,
    byte_tokenizer,
    processor,
)

CORPUS = [
    "system\nuser\nassistant\n",
    SYSTEM,
    *(prompt.text for prompt in PROMPTS.values()),
    "<think>The sign is written in Latin script and the cars drive on the left side of the road. The flag, the trees "
    "and the style of the buildings point to the north of Europe.</think>",
    "<answer>country: France\ncity: Paris\nlatitude: 48.8566\nlongitude: 2.3522</answer>",
    "<answer>country: Brazil\ncity: Rio de Janeiro\nlatitude: -22.9068\nlongitude: -43.1729</answer>",
    "<answer>country: Japan\ncity: Tokyo\nlatitude: 35.6762\nlongitude: 139.6503</answer>",
    "<answer>country: Kenya\ncity: Nairobi\nlatitude: -1.2921\nlongitude: 36.8219</answer>",
    "<answer>country: Australia\ncity: Sydney\nlatitude: -33.8688\nlongitude: 151.2093</answer>",
    "<answer>country: United States\ncity: New York\nlatitude: 40.7128\nlongitude: -74.0060</answer>",
]
"""What the tokenizer's words come from: GLOBE's prompts, and answers in its form."""

CONTEXT = 4096
"""Tokens of prompt, picture and answer together: a whole default run (1,024 tokens of answer) fits."""


def configuration(words: Any) -> Any:
    """Two transformer layers of width 128 for the text, two of width 64 for the picture."""
    from transformers import Qwen2_5_VLConfig

    number = words.convert_tokens_to_ids
    end = {"bos_token_id": None, "eos_token_id": number(END_OF_TURN), "pad_token_id": number(END_OF_TEXT)}
    text = {
        "vocab_size": len(words),
        "hidden_size": 128,
        "intermediate_size": 384,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 6, 6]},
        **end,
    }
    vision = {
        "depth": 2,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_heads": 2,
        "out_hidden_size": 128,
        "fullatt_block_indexes": [1],
        "patch_size": 14,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "window_size": 56,
    }
    return Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=number(IMAGE),
        video_token_id=number(VIDEO),
        vision_start_token_id=number(VISION_START),
        vision_end_token_id=number(VISION_END),
        tie_word_embeddings=False,
    )


def model(words: Any, seed: int = 0) -> Any:
    """Random weights, from numpy's generator in the order of the parameters' names.

    The output layer is zero for every token but plain text and the end of the turn, so none of those is ever the
    likeliest: decoders write half a UTF-8 character, or a special token amid an answer, each in its own way.
    Attention is made sharper than chance, or it would average the picture away and every answer were the same, and the
    end of the turn likelier, or most answers would run until they are cut off.
    """
    torchvision_cpu.ensure()
    import torch
    from transformers import Qwen2_5_VLForConditionalGeneration

    built = Qwen2_5_VLForConditionalGeneration(configuration(words)).eval()
    random = np.random.default_rng(seed)
    with torch.no_grad():
        for name, weight in sorted(built.named_parameters()):
            if weight.ndim == 1:  # the gains of the norms are one, every bias is zero
                weight.fill_(float("bias" not in name))
                continue
            values = random.standard_normal(tuple(weight.shape), dtype=np.float32)
            fan_in = 1 if "embed_tokens" in name else math.prod(weight.shape[1:])
            sharpness = 3.0 if "language_model" in name and ("q_proj" in name or "k_proj" in name) else 1.0
            weight.copy_(torch.from_numpy(values * np.float32(sharpness / math.sqrt(fan_in))))
        built.lm_head.weight[[not _is_plain(words, token) for token in range(len(words))]] = 0.0
        built.lm_head.weight[words.eos_token_id] *= 1.5
    built.generation_config.eos_token_id = words.eos_token_id
    built.generation_config.pad_token_id = words.pad_token_id
    return built


def _is_plain(words: Any, token: int) -> bool:
    text: str = words.decode([token])
    if text in SPECIAL_TOKENS:
        return text == END_OF_TURN
    return text.isascii() and text.replace("\n", "").isprintable()


def build(folder: str | Path, seed: int = 0) -> Path:
    """Write the checkpoint into `folder`; the same seed gives the same bytes."""
    words = byte_tokenizer(CORPUS, 640, CONTEXT)
    model(words, seed).save_pretrained(folder)
    size = {"shortest_edge": 56 * 56, "longest_edge": 224 * 224}  # 4 to 64 tokens
    processor(words, size=size).save_pretrained(folder)
    return Path(folder)


def build_qwen3(folder: str | Path, seed: int = 0) -> Path:
    """A Qwen3-VL of two layers with random weights, as trained ones begin; it sees a picture as 4 to 16 tokens."""
    torchvision_cpu.ensure()
    from transformers import Qwen2VLImageProcessor, Qwen3VLConfig, Qwen3VLProcessor, Qwen3VLVideoProcessor

    words = byte_tokenizer(CORPUS, 640, CONTEXT)
    number = words.convert_tokens_to_ids
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 6, 6], "mrope_interleaved": True}
    text = {**TEXT, "vocab_size": len(words), "head_dim": 32, "rope_parameters": rope, **ends(words)}
    vision = {"depth": 2, "hidden_size": 64, "intermediate_size": 128, "num_heads": 2, "out_hidden_size": 128}
    vision |= {"patch_size": 16, "num_position_embeddings": 64, "deepstack_visual_indexes": [0]}
    config = Qwen3VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=number(IMAGE),
        video_token_id=number(VIDEO),
        vision_start_token_id=number(VISION_START),
        vision_end_token_id=number(VISION_END),
    )
    size = {"shortest_edge": 64 * 64, "longest_edge": 128 * 128}
    shape = {"size": size, "patch_size": 16}
    seeing = Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(**shape),
        tokenizer=words,
        video_processor=Qwen3VLVideoProcessor(**shape),
        chat_template=CHAT_TEMPLATE,
    )
    return saved(config, words, seeing, folder, seed)


def build_internvl(folder: str | Path, seed: int = 0) -> Path:
    """An InternVL3 of two layers with random weights; it cuts a picture into one or two tiles of 4 tokens."""
    torchvision_cpu.ensure()
    from transformers import GotOcr2ImageProcessor, InternVLConfig, InternVLProcessor, InternVLVideoProcessor

    words = byte_tokenizer(CORPUS, 640, CONTEXT)
    marks = {"start_image_token": VISION_START, "end_image_token": VISION_END}
    marks |= {"context_image_token": IMAGE, "video_token": VIDEO}
    template = CHAT_TEMPLATE.replace(f"{VISION_START}{IMAGE}{VISION_END}", f"{IMAGE}\\n")
    words = type(words)(tokenizer_object=words._tokenizer, **own_tokens(), extra_special_tokens=marks)
    words.chat_template = template
    vision = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    vision |= {"image_size": [56, 56], "patch_size": [14, 14], "attention_bias": True}
    rope = {"rope_type": "default", "rope_theta": 10000.0}
    config = InternVLConfig(
        text_config={"model_type": "qwen2", **TEXT, "vocab_size": len(words), "rope_parameters": rope, **ends(words)},
        vision_config=vision,
        image_token_id=words.convert_tokens_to_ids(IMAGE),
        image_seq_length=4,
        tie_word_embeddings=False,
    )
    tile = {"height": 56, "width": 56}
    seeing = InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(size=tile, crop_to_patches=True, min_patches=1, max_patches=2),
        tokenizer=words,
        video_processor=InternVLVideoProcessor(size=tile),
        image_seq_length=4,
        chat_template=template,
    )
    return saved(config, words, seeing, folder, seed)


TEXT = {
    **{"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4},
    **{"num_key_value_heads": 2, "max_position_embeddings": CONTEXT, "initializer_range": 0.06},
}


def ends(words: Any) -> dict[str, Any]:
    return {"bos_token_id": None, "eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id}


def own_tokens() -> dict[str, Any]:
    return {"eos_token": END_OF_TURN, "pad_token": END_OF_TEXT, "padding_side": "left", "model_max_length": CONTEXT}


def saved(config: Any, words: Any, seeing: Any, folder: str | Path, seed: int) -> Path:
    """Random weights by a seed, with the processor, in a folder."""
    import torch
    from transformers import AutoModelForImageTextToText

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        built = AutoModelForImageTextToText.from_config(config)
    built.generation_config.eos_token_id = words.eos_token_id
    built.generation_config.pad_token_id = words.pad_token_id
    built.save_pretrained(folder)
    seeing.save_pretrained(folder)
    return Path(folder)
