"""Differences of providers from OpenAI's protocol: those that are known, and adapting to others after a refusal.

A request is adapted only where its answer stays the one that was asked for: a limit goes under the name that the
provider takes, a default of the benchmark's (greedy decoding, the seed) is left out where it is refused. What the user
asked for by name is never left out: there the provider's refusal is the error. Each adaptation is recorded with the
answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

LIMITS = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
OPTIONAL = (
    *("repetition_penalty", "top_k", "min_p", "seed", "random_seed", "stop", "response_format", "top_logprobs"),
    *("logprobs", "frequency_penalty", "presence_penalty", "top_p", "temperature"),
)
"""Fields that may be left out, in the order in which they are where a refusal names several."""
_ALWAYS_OPTIONAL = ("stop",)  # answers are cut there once more when they are read
_REFUSING = re.compile(
    r"not (be )?(support|permit|allow|recogni|accept|valid|enabled|implemented|specified)|n't (support|allow|accept)"
    r"|cannot (be|both)|unsupport|unknown|unrecogni[sz]ed|unexpected|extra.(inputs|forbidden|field)|cannot find field"
    r"|only the default|instead|invalid|deprecated|disallowed|forbidden|must be (set to|removed|omitted|1\b)"
    r"|incompatible",
    re.IGNORECASE,
)
_TOO_MUCH = re.compile(
    r"too (large|big|high|many)|at most|exceed|less than|below|minimum|>=|<=|maximum (value|allowed|context)", re.I
)
_STREAM = re.compile(
    r"non-?stream|(only|must|requires?)\b[^.]{0,40}\bstream|stream\W{0,3}[^.]{0,20}(required|must)", re.I
)
_SYSTEM = re.compile(
    r"system (role|message|prompt|instruction)s?|role\W[^.]{0,40}\bsystem|\bsystem\b[^.]{0,20}\brole"
    r"|developer instruction|roles must alternate|role\W[^.]{0,40}['\"]user['\"]",
    re.IGNORECASE,
)
_PICTURE = re.compile(
    r"webp|(image|picture|media|file|mime)[ _]?(type|format)|(load|decode|process) (the )?image|unsupported image", re.I
)
_VERSION = re.compile(r"([:@][\w.-]+|[-_.](latest|preview|exp|beta|v?\d{3,}|\d{2}-\d{2}|\d{4}-\d{2}-\d{2}))$")
_ANY = re.compile(r"[-_.:@]*(latest|preview|exp|beta|free)$")


@dataclass(frozen=True)
class Rules:
    """The adaptations of requests to one address."""

    rename: Mapping[str, str] = field(default_factory=dict)
    omit: frozenset[str] = frozenset()
    system_role: str | None = None
    stream: bool = False
    no_webp: bool = False

    def apply(self, fields: Mapping[str, Any], explicit: Collection[str]) -> tuple[dict[str, Any], list[str]]:
        """A request's fields as they are sent, and each change in words.

        `explicit` are the names that the user gave himself: they may change their name, and stay.

        >>> Rules({"max_tokens": "max_completion_tokens"}, frozenset({"seed"})).apply({"max_tokens": 9, "seed": 1}, ())
        ({'max_completion_tokens': 9}, ['max_completion_tokens for max_tokens', 'no seed'])
        """
        sent, changes = {}, []
        for name, value in fields.items():
            other = self.rename.get(name)
            if name in self.omit and may_be_left_out(name, value, explicit):
                changes.append(f"no {name}")
            elif other is not None and other not in fields:
                sent[other] = value
                changes.append(f"{other} for {name}")
            else:
                sent[name] = value
        if self.stream and "stream" not in sent:
            sent["stream"] = True
            changes.append("stream")
        return sent, changes


class Provider(NamedTuple):
    """A provider or server and its known differences from the protocol."""

    name: str
    hosts: str = r"(?!)"
    """Pattern of its hosts."""
    owner: str = r"(?!)"
    """Pattern of the `owned_by` in its list of models."""
    rules: Rules = Rules()
    reasoning_models: str = r"(?!)"
    """Pattern of the models that take neither a temperature nor stops."""
    key_header: str = "Authorization"
    any_name: bool = False
    """Whether models go by names of the user's own there, which replies do not repeat."""


_PENALTY = frozenset({"repetition_penalty", "top_k"})
_REASONING = frozenset({"temperature", "stop", "top_p", "logprobs", "top_logprobs"})

PROVIDERS = (
    Provider(
        "OpenAI",
        r"(^|\.)api\.openai\.com$",
        rules=Rules({"max_tokens": "max_completion_tokens"}, _PENALTY),
        reasoning_models=r"^(o\d|gpt-5(?!.*chat))",
    ),
    Provider(
        "Azure",
        r"\.(openai|cognitiveservices|services\.ai)\.azure\.com$",
        rules=Rules(omit=_PENALTY),
        reasoning_models=r"^(o\d|gpt-5(?!.*chat))",
        key_header="api-key",
        any_name=True,
    ),
    Provider("Anthropic", r"(^|\.)api\.anthropic\.com$", rules=Rules(omit=_PENALTY | {"seed"})),
    Provider("Gemini", r"generativelanguage\.googleapis\.com$", rules=Rules(omit=_PENALTY | {"seed"})),
    Provider("Mistral", r"(^|\.)api\.mistral\.ai$", rules=Rules({"seed": "random_seed"}, _PENALTY)),
    Provider("OpenRouter", r"(^|\.)openrouter\.ai$"),
    Provider(
        "Grok", r"(^|\.)api\.x\.ai$", rules=Rules(omit=_PENALTY, no_webp=True), reasoning_models=r"^grok-(3-mini|4)"
    ),
    Provider("Ollama", r"(^|\.)ollama\.com$", r"^library$", Rules(no_webp=True)),
    Provider("llama.cpp", owner=r"^llamacpp$", rules=Rules(no_webp=True)),
    Provider("LM Studio", owner=r"^organization_owner$"),
    Provider("SGLang", owner=r"^sglang$"),
    Provider("vLLM", owner=r"^vllm$"),
)


def provider_of(host: str, owners: Collection[str]) -> Provider:
    """The provider that answers at a host, or whose list of models says that it owns them; one without rules if none.

    >>> provider_of("api.mistral.ai", ()).name, provider_of("127.0.0.1", ["vllm"]).name, provider_of("a.b", ()).name
    ('Mistral', 'vLLM', '')
    """
    for one in PROVIDERS:
        if re.search(one.hosts, host.lower()) or any(re.search(one.owner, owner) for owner in owners):
            return one
    return Provider("")


def rules_of(provider: Provider, model: str) -> Rules:
    """The rules that are known for one of the provider's models."""
    if re.search(provider.reasoning_models, model.lower().rsplit("/", 1)[-1]):
        return replace(provider.rules, omit=provider.rules.omit | _REASONING)
    return provider.rules


def same_model(asked: str, served: str) -> bool:
    """Whether a reply's model can be the one that was asked for: the same name and no other version, size or date.

    >>> [same_model("gpt-4o", name) for name in ("openai/gpt-4o-2024-08-06", "gpt-4o-mini", "gemma-3-4b-it")]
    [True, False, False]
    >>> same_model("qwen2.5vl:7b", "qwen2.5vl:72b"), same_model("pixtral-12b-latest", "pixtral-12b-2409")
    (False, True)
    """
    (one, version), (other, its) = (_name_and_version(name) for name in (asked, served))
    return one == "auto" or (one == other and (version == its or not version or not its))


def _name_and_version(model: str) -> tuple[str, str]:
    """A model's name without its owner and file ending, and what stands behind it: a tag, a version, a date."""
    whole = re.sub(r"\.gguf$", "", model.strip().rstrip("/").replace("\\", "/").rsplit("/", 1)[-1].lower())
    name = before = whole
    while True:
        name = _VERSION.sub("", before)
        if name == before:
            return name, _ANY.sub("", whole[len(name) :])
        before = name


def may_be_left_out(name: str, value: Any, explicit: Collection[str]) -> bool:
    """Whether a request without the field asks for the same, or for what only the benchmark chose."""
    neutral = name in _ALWAYS_OPTIONAL or (name == "repetition_penalty" and value == 1.0)
    return neutral or (name in OPTIONAL and name not in explicit and (name != "repetition_penalty"))


def rules_after(
    rules: Rules,
    body: Any,
    message: str,
    sent: Mapping[str, Any],
    explicit: Collection[str],
    *,
    has_system: bool,
    has_webp: bool,
) -> Rules | None:
    """The rules after a refusal (400 or 422), with the change that it asks for; None where it asks for none.

    Args:
        rules: so far.
        body, message: the error's JSON, None where it is none, and what it says.
        sent, has_system, has_webp: the fields of the request that was refused, and whether it had such a message and
            picture.
        explicit: the names that the user gave himself.

    >>> said = {"error": {"message": "Unsupported parameter", "param": "max_tokens"}}
    >>> sent = {"max_tokens": 9}
    >>> rules_after(Rules(), said, "Unsupported parameter", sent, (), has_system=True, has_webp=False).rename
    {'max_tokens': 'max_completion_tokens'}
    """
    everything = f"{message} {json.dumps(body) if body is not None else ''}"
    if _STREAM.search(message) and "stream" not in sent:
        return replace(rules, stream=True)
    named = _named(body, message, sent)
    if named and _REFUSING.search(everything):
        for name, other in LIMITS.items():
            tried = name in rules.rename.values() or other in rules.rename
            if name in named and not tried and not (_TOO_MUCH.search(message) and other not in message):
                return replace(rules, rename={**rules.rename, name: other})
        for name in OPTIONAL:
            if name in named and may_be_left_out(name, sent[name], explicit):
                return replace(rules, omit=rules.omit | {name})
    if has_system and rules.system_role is None and _SYSTEM.search(message) and not named & set(OPTIONAL):
        return replace(rules, system_role="user")
    if has_webp and not rules.no_webp and _PICTURE.search(message):
        return replace(rules, no_webp=True)
    return None


def _named(body: Any, message: str, sent: Mapping[str, Any]) -> set[str]:
    """The fields of a request that its refusal names: by `param`, by FastAPI's `loc`, else in its text."""
    error = body.get("error", body) if isinstance(body, dict) else None
    param = error.get("param") if isinstance(error, dict) else None
    details = body.get("detail") if isinstance(body, dict) else None
    places = [one.get("loc") for one in details if isinstance(one, dict)] if isinstance(details, list) else []
    exact = {str(param), *(str(part) for place in places if isinstance(place, list) for part in place)} & set(sent)
    return exact or {
        name for name in sent if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", message, re.IGNORECASE)
    }
