"""A small Qwen2.5-VL checkpoint made from nothing: `python -m globe_train.tiny_qwen FOLDER [--seed 0]`.

Nothing is downloaded. The folder holds what a published checkpoint holds (weights, configuration, tokenizer, chat
template, image and video processor), so lm-eval's `hf-multimodal` and `vllm-vlm` and a vLLM server load it unchanged.
The weights are random: it shows that the way from a photograph to a score works, not where photographs were taken.
"""

from __future__ import annotations

import argparse
import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np

from globe_eval.benchmarks.prompts import PROMPTS, SYSTEM
from globe_eval.models import torchvision_cpu

END_OF_TEXT, START_OF_TURN, END_OF_TURN = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
VISION_START, VISION_END, VISION = "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>"
IMAGE, VIDEO = "<|image_pad|>", "<|video_pad|>"
SPECIAL_TOKENS = [END_OF_TEXT, START_OF_TURN, END_OF_TURN, VISION_START, VISION_END, VISION, IMAGE, VIDEO]

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }}"
    "{% else %}{{ '<|vision_start|><|image_pad|><|vision_end|>' }}{% endif %}"
    "{% endfor %}{% endif %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
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


def tokenizer() -> Any:
    """Byte-level BPE trained on `CORPUS`: every byte is a token, so any text can be encoded."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=640, special_tokens=SPECIAL_TOKENS, initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token=END_OF_TURN,
        pad_token=END_OF_TEXT,
        additional_special_tokens=SPECIAL_TOKENS[1:],
        extra_special_tokens={
            "image_token": IMAGE,
            "video_token": VIDEO,
            "vision_bos_token": VISION_START,
            "vision_eos_token": VISION_END,
        },
        chat_template=CHAT_TEMPLATE,
        padding_side="left",
        model_max_length=CONTEXT,
    )


def processor(words: Any) -> Any:
    """The stock processor, video part included, that sees a picture as 4 to 64 tokens (56 to 224 pixels a side)."""
    torchvision_cpu.ensure()
    from transformers import Qwen2_5_VLProcessor, Qwen2VLImageProcessor, Qwen2VLVideoProcessor

    size = {"shortest_edge": 56 * 56, "longest_edge": 224 * 224}
    return Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(size=size),
        tokenizer=words,
        video_processor=Qwen2VLVideoProcessor(size=size),
        chat_template=CHAT_TEMPLATE,
    )


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
    words = tokenizer()
    model(words, seed).save_pretrained(folder)
    processor(words).save_pretrained(folder)
    return Path(folder)


def main(arguments: list[str] | None = None) -> None:
    """Build a checkpoint and print one line about it."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    parser = argparse.ArgumentParser(prog="python -m globe_train.tiny_qwen", description=build.__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    weights = build(options.folder, options.seed) / "model.safetensors"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    print(f"{options.folder}: Qwen2.5-VL with random weights, seed {options.seed}, model.safetensors sha256 {digest}")


if __name__ == "__main__":
    main()
