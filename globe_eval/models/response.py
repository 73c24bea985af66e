"""`Response`: the text of an answer, a `str` with finish reason, error and token counts."""

from __future__ import annotations

from typing import Any, NamedTuple

from globe_eval.files import valid_utf8


class Served(NamedTuple):
    """The model that answered, as the reply names it, and how the request was adapted."""

    model: str | None = None
    fingerprint: str | None = None
    """OpenAI's `system_fingerprint`."""
    provider: str | None = None
    """OpenRouter's: who computed the answer."""
    adapted: tuple[str, ...] = ()
    """What the request was changed to, because the provider refuses the rest (`models.providers`)."""
    dropped: tuple[str, ...] = ()
    """Fields of the reply that were of a wrong type, and are missing for it."""

    def as_json(self) -> dict[str, Any]:
        """The fields that are set, as JSON values."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in self._asdict().items() if v}


class Response(str):
    """The text of one answer, and what the back end said about it.

    A plain ``str`` wherever lm-eval or a parser wants one, empty where there is no answer; what is no UTF-8 in it
    becomes its escape (`files.valid_utf8`). The attributes survive copying and pickling.

    >>> answer = Response("country: Japan", finish_reason="stop")
    >>> answer == "country: Japan", answer.finish_reason, answer.error
    (True, 'stop', None)
    """

    __slots__ = ("completion_tokens", "error", "finish_reason", "first_token", "prompt_tokens", "served")

    finish_reason: str | None
    """Why generation ended, as the back end calls it: "stop", "length" (cut off), ..."""
    error: str | None
    """Why no answer came, in one line; None where one did."""
    prompt_tokens: int | None
    completion_tokens: int | None
    """Tokens that went in and came out, where the back end counts them."""
    first_token: dict[str, float] | None
    """The likeliest first tokens and their log-probabilities, where these were asked for."""
    served: Served | None
    """Who answered, where the back end says so."""

    def __new__(
        cls,
        text: str = "",
        *,
        finish_reason: str | None = None,
        error: str | None = None,
        prompt_tokens: int | None = None,
        completion_tokens: int | None = None,
        first_token: dict[str, float] | None = None,
        served: Served | None = None,
    ) -> Response:
        """See the class."""
        self = super().__new__(cls, valid_utf8(str(text)))
        self.finish_reason = finish_reason
        self.error = error if error is None else valid_utf8(error)
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = completion_tokens
        self.first_token = first_token
        self.served = served
        return self
