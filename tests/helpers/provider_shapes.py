"""What providers and servers send, as their documentation and public threads have it: replies, refusals, errors.

A situation is what a provider does with every photograph, or with the second of three (`refusal`, `filter`, `cut off`,
`too large`), or with the first attempts (`rate limit`). None: the provider has no such thing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from servers import Reply

TEXT = "country: United Kingdom\ncity: London"
SITUATIONS = (
    *("text", "reasoning apart", "refusal", "filter", "cut off", "rate limit", "quota gone", "too large a picture"),
)


def openai_error(message: str, code: Any = None, param: str | None = None, kind: str = "invalid_request_error") -> Any:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def chat(model: str, content: Any, finish: Any = "stop", message: Any = None, **more: Any) -> dict[str, Any]:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content, **(message or {})},
        "finish_reason": finish,
    }
    usage = {"prompt_tokens": 300, "completion_tokens": 20, "total_tokens": 320}
    return {"object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": usage, **more}


@dataclass
class Shape:
    """One provider: its address, its model as it is asked for and as replies name it, and what it sends."""

    name: str
    base_url: str
    model: str
    served: str
    owner: str = "system"
    refuses: dict[str, Reply] = field(default_factory=dict)
    """Field -> the reply to a request that has it."""
    reasoning: Any = None
    """(content, more of the message)."""
    refusal: Any = None
    filter: Reply | dict[str, Any] | None = None
    cut_off: str = "length"
    rate_limit: Reply | None = None
    quota: Reply | None = None
    too_large: Reply | None = None
    sends: dict[str, Any] = field(default_factory=dict)
    """Fields that arrive after what is adapted, a few of them."""
    key_header: tuple[str, str] = ("Authorization", "Bearer planted-key-0123456789")


CANNOT = "I'm sorry, but I can't help with identifying this location."

SHAPES = [
    Shape(
        "OpenAI",
        "http://api.openai.com/v1",
        "gpt-5",
        "gpt-5-2025-08-07",
        refuses={
            "max_tokens": Reply(
                openai_error(
                    "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                    "'max_completion_tokens' instead.",
                    "unsupported_parameter",
                    "max_tokens",
                ),
                400,
            ),
            "temperature": Reply(
                openai_error(
                    "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) "
                    "value is supported.",
                    "unsupported_value",
                    "temperature",
                ),
                400,
            ),
            "repetition_penalty": Reply(
                openai_error("Unknown parameter: 'repetition_penalty'.", None, "repetition_penalty"), 400
            ),
        },
        refusal=(None, {"refusal": "I'm sorry, I can't assist with that."}),
        filter=Reply(
            openai_error(
                "Invalid prompt: your prompt was flagged as potentially violating our usage policy.", "invalid_prompt"
            ),
            400,
        ),
        rate_limit=Reply(
            openai_error(
                "Rate limit reached for gpt-5 on requests per min (RPM): Limit 3. Please try again in 120ms.",
                "rate_limit_exceeded",
                kind="requests",
            ),
            429,
            {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "120ms"},
        ),
        quota=Reply(
            openai_error(
                "You exceeded your current quota, please check your plan and billing details.",
                "insufficient_quota",
                kind="insufficient_quota",
            ),
            429,
        ),
        too_large=Reply(openai_error("Invalid image: exceeds the maximum size of 20 MB.", "image_too_large"), 400),
        sends={"max_completion_tokens": 1024},
    ),
    Shape(
        "Azure",
        "http://mine.openai.azure.com/openai/v1",
        "my-deployment",
        "gpt-4o-2024-08-06",
        refuses={
            "repetition_penalty": Reply(openai_error("Unrecognized request argument supplied: repetition_penalty"), 400)
        },
        refusal=(CANNOT, {}),
        filter=Reply(
            {
                "error": {
                    "message": "The response was filtered due to the prompt triggering Azure OpenAI's content "
                    "management policy.",
                    "type": None,
                    "param": "prompt",
                    "code": "content_filter",
                    "status": 400,
                    "innererror": {"code": "ResponsibleAIPolicyViolation"},
                }
            },
            400,
        ),
        rate_limit=Reply(
            {
                "error": {
                    "code": "429",
                    "message": "Requests have exceeded call rate limit. Please retry after 1 second.",
                }
            },
            429,
            {"retry-after": "0.1"},
        ),
        quota=Reply({"error": {"code": "insufficient_quota", "message": "The subscription is out of credit."}}, 403),
        too_large=Reply({"error": {"code": "BadRequest", "message": "Image size exceeds the limit."}}, 400),
        sends={"max_tokens": 1024, "temperature": 0},
        key_header=("api-key", "planted-key-0123456789"),
    ),
    Shape(
        "Anthropic",
        "http://api.anthropic.com/v1",
        "claude-sonnet-4-5",
        "claude-sonnet-4-5-20250929",
        refuses={
            "repetition_penalty": Reply(
                {
                    "type": "error",
                    "error": {
                        "type": "invalid_request_error",
                        "message": "repetition_penalty: Extra inputs are not permitted",
                    },
                },
                400,
            )
        },
        refusal=(CANNOT, {}),
        filter=Reply(
            {
                "type": "error",
                "error": {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"},
            },
            400,
        ),
        cut_off="max_tokens",
        rate_limit=Reply(
            {
                "type": "error",
                "error": {
                    "type": "rate_limit_error",
                    "message": "This request would exceed your organization's rate limit.",
                },
            },
            429,
            {"retry-after": "0.1"},
        ),
        quota=Reply(
            {
                "type": "error",
                "error": {
                    "type": "invalid_request_error",
                    "message": "Your credit balance is too low to access the Anthropic API.",
                },
            },
            400,
        ),
        too_large=Reply(
            {"type": "error", "error": {"type": "request_too_large", "message": "image exceeds 5 MB maximum"}}, 413
        ),
        sends={"max_tokens": 1024, "temperature": 0},
    ),
    Shape(
        "Gemini",
        "http://generativelanguage.googleapis.com/v1beta/openai",
        "gemini-2.5-flash",
        "models/gemini-2.5-flash",
        refuses={
            name: Reply(
                [
                    {
                        "error": {
                            "code": 400,
                            "message": f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.',
                            "status": "INVALID_ARGUMENT",
                        }
                    }
                ],
                400,
            )
            for name in ("seed", "repetition_penalty")
        },
        reasoning=("<think>A red bus.</think>" + TEXT, {}),
        refusal=(CANNOT, {}),
        filter={
            "choices": [{"finish_reason": "content_filter: PROHIBITED_CONTENT", "index": 0}],
            "model": "models/gemini-2.5-flash",
        },
        cut_off="MAX_TOKENS",
        rate_limit=Reply(
            [
                {
                    "error": {
                        "code": 429,
                        "message": "You exceeded your current quota, please check your plan and billing details.",
                        "status": "RESOURCE_EXHAUSTED",
                        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.1s"}],
                    }
                }
            ],
            429,
        ),
        quota=Reply(
            [
                {
                    "error": {
                        "code": 429,
                        "message": "You exceeded your current quota.",
                        "status": "RESOURCE_EXHAUSTED",
                        "details": [
                            {
                                "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                                "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
                            }
                        ],
                    }
                }
            ],
            429,
        ),
        too_large=Reply(
            [
                {
                    "error": {
                        "code": 400,
                        "message": "Request payload size exceeds the limit: 20971520 bytes.",
                        "status": "INVALID_ARGUMENT",
                    }
                }
            ],
            400,
        ),
        sends={"max_tokens": 1024, "temperature": 0},
    ),
    Shape(
        "Mistral",
        "http://api.mistral.ai/v1",
        "magistral-medium-latest",
        "magistral-medium-2509",
        owner="mistralai",
        refuses={
            name: Reply(
                {
                    "detail": [
                        {
                            "type": "extra_forbidden",
                            "loc": ["body", name],
                            "msg": "Extra inputs are not permitted",
                            "input": 1,
                        }
                    ]
                },
                422,
            )
            for name in ("seed", "repetition_penalty")
        },
        reasoning=(
            [
                {"type": "thinking", "thinking": [{"type": "text", "text": "A red bus."}]},
                {"type": "text", "text": TEXT},
            ],
            {},
        ),
        refusal=(CANNOT, {}),
        filter=Reply(
            {
                "object": "error",
                "message": "The request was blocked by content moderation.",
                "type": "invalid_request",
                "code": 3053,
            },
            403,
        ),
        cut_off="model_length",
        rate_limit=Reply(
            {"object": "error", "message": "Requests rate limit exceeded", "type": "rate_limited", "code": "1300"},
            429,
            {"ratelimitbysize-reset": "1"},
        ),
        quota=Reply({"message": "Payment required: your account has no credit."}, 402),
        too_large=Reply(
            {"object": "error", "message": "Image too large.", "type": "invalid_request_error", "code": 3051}, 400
        ),
        sends={"max_tokens": 1024, "random_seed": 0},
    ),
    Shape(
        "OpenRouter",
        "http://openrouter.ai/api/v1",
        "openai/gpt-4o",
        "openai/gpt-4o-2024-08-06",
        reasoning=(TEXT, {"reasoning": None, "reasoning_details": [{"type": "reasoning.text", "text": "A red bus."}]}),
        refusal=("", {"refusal": "I can't help with that."}),
        filter=Reply(
            {
                "error": {
                    "code": 403,
                    "message": 'openai/gpt-4o requires moderation. Your input was flagged for "violence".',
                    "metadata": {"reasons": ["violence"]},
                }
            },
            403,
        ),
        rate_limit=Reply(
            {"error": {"code": 429, "message": "Provider returned error", "metadata": {"raw": "slow down"}}}, 200
        ),
        quota=Reply(
            {"error": {"message": "Insufficient credits. Add more using https://openrouter.ai/credits", "code": 402}},
            402,
        ),
        too_large=Reply({"error": {"code": 413, "message": "Request entity too large"}}, 413),
        sends={"max_tokens": 1024, "temperature": 0},
    ),
    Shape(
        "Grok",
        "http://api.x.ai/v1",
        "grok-4",
        "grok-4-0709",
        refuses={
            name: Reply(
                {
                    "code": "Client specified an invalid argument",
                    "error": f"Model grok-4 does not support parameter {name}.",
                },
                400,
            )
            for name in ("stop", "repetition_penalty")
        },
        reasoning=(TEXT, {"reasoning_content": "A red bus."}),
        refusal=(CANNOT, {}),
        filter=Reply(
            {
                "code": "permission-denied",
                "error": "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE (content policy).",
            },
            403,
        ),
        rate_limit=Reply({"code": "resource-exhausted", "error": "Too many requests."}, 429),
        quota=Reply(
            {"code": "forbidden", "error": "Your team has used all available credits: insufficient credits."}, 403
        ),
        too_large=Reply({"code": "Client specified an invalid argument", "error": "Image is larger than 20 MiB."}, 400),
        sends={"max_tokens": 1024},
    ),
    Shape(
        "Ollama",
        "http://127.0.0.1:11434/v1",
        "qwen2.5vl",
        "qwen2.5vl:latest",
        owner="library",
        reasoning=(TEXT, {"reasoning": "A red bus."}),
        refusal=(CANNOT, {}),
        rate_limit=Reply(
            openai_error("server busy, please try again. maximum pending requests exceeded", kind="api_error"), 503
        ),
        too_large=Reply(openai_error("invalid image input: too large", kind="invalid_request_error"), 400),
        sends={"max_tokens": 1024, "temperature": 0, "seed": 0},
    ),
    Shape(
        "llama.cpp",
        "http://127.0.0.1:8080/v1",
        "/models/qwen2.5-vl-7b-q4.gguf",
        "qwen2.5-vl-7b-q4.gguf",
        owner="llamacpp",
        reasoning=(TEXT, {"reasoning_content": "A red bus."}),
        refusal=(CANNOT, {}),
        rate_limit=Reply({"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}, 503),
        too_large=Reply(
            {
                "error": {
                    "code": 400,
                    "message": "the request exceeds the available context size",
                    "type": "exceed_context_size_error",
                }
            },
            400,
        ),
        sends={"max_tokens": 1024, "temperature": 0, "seed": 0},
    ),
    Shape(
        "LM Studio",
        "http://127.0.0.1:1234/v1",
        "qwen2.5-vl-7b-instruct",
        "qwen2.5-vl-7b-instruct",
        owner="organization_owner",
        reasoning=(TEXT, {"reasoning_content": "A red bus."}),
        refusal=(CANNOT, {}),
        too_large=Reply(
            {"error": "Trying to keep the first 9000 tokens when context the overflows. Use a smaller image."}, 400
        ),
        sends={"max_tokens": 1024, "temperature": 0, "seed": 0},
    ),
    Shape(
        "SGLang",
        "http://127.0.0.1:30000/v1",
        "qwen",
        "qwen",
        owner="sglang",
        reasoning=(TEXT, {"reasoning_content": "A red bus."}),
        refusal=(CANNOT, {}),
        rate_limit=Reply(
            {"object": "error", "message": "The request queue is full.", "type": "ServiceUnavailable", "code": 503}, 503
        ),
        too_large=Reply(
            {
                "object": "error",
                "message": "The input is longer than the model's context length.",
                "type": "BadRequestError",
                "param": None,
                "code": 400,
            },
            400,
        ),
        sends={"max_tokens": 1024, "temperature": 0, "repetition_penalty": 1.0},
    ),
    Shape(
        "vLLM",
        "http://127.0.0.1:8000/v1",
        "globe-7b",
        "globe-7b",
        owner="vllm",
        reasoning=(TEXT, {"reasoning": "A red bus."}),
        refusal=(CANNOT, {}),
        rate_limit=Reply(openai_error("Server is overloaded", 503, kind="ServiceUnavailableError"), 503),
        too_large=Reply(
            openai_error("The prompt is longer than the maximum model length of 1024.", 400, kind="BadRequestError"),
            400,
        ),
        sends={"max_tokens": 1024, "temperature": 0, "repetition_penalty": 1.0},
    ),
]
