"""Base class of this package's models, and the answer format that baselines write."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, Self

import numpy as np
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.utils import simple_parse_args_string

from globe_eval.errors import InputError, nearest


class SimpleModel(LM):  # type: ignore[misc]
    """An lm-eval model without a tokenizer; what is left to write is `__init__` and `generate_until`."""

    MULTIMODAL: ClassVar[bool] = True
    name: ClassVar[str]

    @property
    def tokenizer_name(self) -> str:
        """There is no tokenizer: the model's own name, which lm-eval asks for beside a chat template."""
        return self.name

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """The messages' texts, one after the other."""
        return "\n".join(message["content"] for message in chat_history)

    def chat_template(self, chat_template: bool | str = False) -> str:
        """Empty: there is no template."""
        return ""

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> Any:
        """Not there: these models know no probabilities."""
        raise NotImplementedError(f"model {self.name!r} answers in text only")

    loglikelihood_rolling = loglikelihood

    @classmethod
    def create_from_arg_string(cls, arg_string: str, additional_config: dict[str, Any] | None = None) -> Self:
        """The model from `--model_args` as text, `key=value,key=value`."""
        return cls.create_from_arg_obj(simple_parse_args_string(arg_string), additional_config)

    @classmethod
    def create_from_arg_obj(cls, arg_dict: dict[str, Any], additional_config: dict[str, Any] | None = None) -> Self:
        """The model from `--model_args`. lm-eval's batch size and device (`additional_config`) mean nothing here.

        Raises InputError for an argument that is unknown or missing.
        """
        parameters = inspect.signature(cls).parameters
        for given in arg_dict:
            if given not in parameters:
                raise InputError(
                    f"model {cls.name!r}: no argument {given!r}{nearest(given, parameters)} "
                    f"(allowed: {', '.join(parameters)})"
                )
        for name, parameter in parameters.items():
            if parameter.default is parameter.empty and name not in arg_dict:
                raise InputError(f"model {cls.name!r}: the argument {name!r} is missing, as in --model_args {name}=…")
        return cls(**arg_dict)


def answer_text(
    *,
    country: str | None = None,
    admin: str | None = None,
    city: str | None = None,
    point: tuple[float, float] | None = None,
) -> str:
    """Everything that is known in GLOBE's form of answer, so that one text serves every answer form.

    `point` is (latitude, longitude) in degrees, written in full and without an exponent. Nothing known gives an empty
    text.

    >>> print(answer_text(country="France", city="Paris", point=(48.8566, 2.3522)))
    <answer>country: France
    city: Paris
    latitude: 48.8566
    longitude: 2.3522</answer>
    """
    lines = [
        f"{label}: {' '.join(name.split())}"
        for label, name in (("country", country), ("state", admin), ("city", city))
        if name and name.strip()
    ]
    if point is not None:
        lines += [
            f"{label}: {np.format_float_positional(degrees, trim='0')}"
            for label, degrees in zip(("latitude", "longitude"), point, strict=True)
        ]
    return "<answer>" + "\n".join(lines) + "</answer>" if lines else ""
