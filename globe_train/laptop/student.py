"""A Qwen2.5-VL of 1.5 million weights, made from nothing, that can learn miniworld in minutes on a CPU.

`globe-train student FOLDER [--seed 0]`. The folder loads wherever a published checkpoint does. What learning needs:

- its words are phrases: the byte-level BPE does not split at spaces, so an entity, a place or a whole prompt is one
  token, and an exchange is about 65 tokens long (any other text is still encoded, by the byte);
- pictures are seen at 112 pixels: 64 patches, 16 tokens;
- the weights start at a standard deviation of 0.06 (with the usual 0.02 a model of this size stays blind to the
  picture for hundreds of steps), those of the first layer as the whitening of miniworld's patches
  (`docs/decisions/0006-training.md`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from globe_eval.benchmarks.prompts import PROMPTS, SYSTEM
from globe_eval.metrics.globe import GLOBE_LOCATABLE
from globe_eval.miniworld import VOCABULARY, world
from globe_eval.models import torchvision_cpu
from globe_train.laptop import teacher

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

SIDE = 112
"""Pixels a side that the processor scales pictures down to."""

PATCH = 14
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the channels, as Qwen2.5-VL's processor normalises them."""

CONTEXT = 2048
WIDTH = 128
INITIALIZER_RANGE = 0.06


def phrases() -> list[str]:
    """What is one token each: whole prompts, entities, places, and the frame of a teacher's text around them."""
    prompts = [SYSTEM, GLOBE_LOCATABLE, *(prompt.text for prompt in PROMPTS.values())]
    frame = ["<think>", teacher.CONCLUSION, ".</think><answer>country: ", "\ncity: ", "</answer>", ", ", teacher.NONE]
    for heading in teacher.HEADINGS:
        frame += [f"{start}{heading}: {rest}" for start in ("\n", "<think>") for rest in ("", teacher.NONE)]
    places = [name for city in world.cities() for name in (city.country, city.name)]
    return list(dict.fromkeys([*prompts, *frame, *VOCABULARY, *places, teacher.NOWHERE]))


def tokenizer() -> Any:
    """Byte-level BPE, so that any text can be encoded, and a token for each of `phrases`."""
    words = ["system", "user", "assistant", "yes", "no"] * 100
    return byte_tokenizer([*words, *phrases()], 320, CONTEXT, phrases())


def byte_tokenizer(corpus: Sequence[str], vocabulary: int, context: int, phrases: Sequence[str] = ()) -> Any:
    """Byte-level BPE with Qwen's special tokens and chat template; every byte is a token, and each of `phrases`."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=SPECIAL_TOKENS, initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(corpus, trainer)
    bpe.add_tokens([AddedToken(phrase, normalized=False) for phrase in phrases])
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
        model_max_length=context,
    )


def processor(words: Any, **shape: Any) -> Any:
    """The stock processor, video part included; `shape` is what its image processor takes."""
    torchvision_cpu.ensure()
    from transformers import Qwen2_5_VLProcessor, Qwen2VLImageProcessor, Qwen2VLVideoProcessor

    return Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(**shape),
        tokenizer=words,
        video_processor=Qwen2VLVideoProcessor(**shape),
        chat_template=CHAT_TEMPLATE,
    )


def configuration(words: Any) -> Any:
    """Two layers of width 128 for the text, three for the picture, each of which sees the whole picture."""
    from transformers import Qwen2_5_VLConfig

    number = words.convert_tokens_to_ids
    text = {
        "vocab_size": -(-len(words) // 8) * 8,
        "hidden_size": WIDTH,
        "intermediate_size": 3 * WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 6, 6]},
        "initializer_range": INITIALIZER_RANGE,
        "bos_token_id": None,
        "eos_token_id": number(END_OF_TURN),
        "pad_token_id": number(END_OF_TEXT),
    }
    vision = {
        "depth": 3,
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_heads": 4,
        "out_hidden_size": WIDTH,
        "fullatt_block_indexes": [0, 1, 2],
        "patch_size": PATCH,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "window_size": 112,
        "initializer_range": INITIALIZER_RANGE,
    }
    return Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=number(IMAGE),
        video_token_id=number(VIDEO),
        vision_start_token_id=number(VISION_START),
        vision_end_token_id=number(VISION_END),
        tie_word_embeddings=True,
    )


def whitening(n: int, count: int = 64) -> Any:
    """Weights of the first layer: what makes the patches of miniworld's pictures uncorrelated, the strongest first.

    A first layer that starts like this shows the rest of the model details as loud as plain colours are, instead of
    learning to in thousands of pictures (as in airbench, arXiv 2404.00498). From `count` training pictures.
    Shape (n, 3, 2, patch, patch): the two frames that a picture is doubled to share it.
    """
    import numpy as np
    from PIL import Image

    from globe_eval.miniworld import photographs, render

    mean, std = np.array(MEAN), np.array(STD)
    patches, corners = [], range(0, SIDE - PATCH + 1, PATCH // 2)
    for row in photographs("train", count, seed=1):
        picture = render(row).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        pixels = (np.asarray(picture, dtype=np.float64) / 255 - mean) / std
        for top, left in product(corners, corners):
            patches.append(pixels[top : top + PATCH, left : left + PATCH].transpose(2, 0, 1).ravel())
    flat = np.array(patches)
    values, vectors = np.linalg.eigh(np.cov(flat.T))
    order = np.argsort(values)[::-1][:n]
    chosen = vectors[:, order] * np.sign(vectors[np.abs(vectors[:, order]).argmax(axis=0), order])
    weights = (chosen / np.sqrt(values[order] + 1e-3 * values.max() / 10)).T.reshape(len(order), 3, 1, PATCH, PATCH)
    return np.repeat(weights / 2, 2, axis=2)


def build(folder: str | Path, seed: int = 0) -> Path:
    """Write the checkpoint into `folder`; the same seed gives the same bytes."""
    torchvision_cpu.ensure()
    import torch
    from transformers import Qwen2_5_VLForConditionalGeneration

    words = tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen2_5_VLForConditionalGeneration(configuration(words))
    with torch.no_grad():
        model.model.visual.patch_embed.proj.weight.copy_(torch.from_numpy(whitening(WIDTH)))
    model.generation_config.eos_token_id = words.eos_token_id
    model.generation_config.pad_token_id = words.pad_token_id
    model.save_pretrained(folder)
    size = {"shortest_edge": 56 * 56, "longest_edge": SIDE * SIDE}
    processor(words, size=size, patch_size=PATCH).save_pretrained(folder)
    return Path(folder)
