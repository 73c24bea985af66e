"""A model behind an OpenAI-compatible chat endpoint: a served vLLM, or any provider.

lm-eval's own `local-chat-completions` encodes every picture as PNG before the first request, leaves `<image>` in the
text and ends the run with the first request that fails for good. Here a picture's own bytes, without their metadata,
are read just before its request is sent and forgotten after it, and a request that fails is the error of its own
photograph.
"""

from __future__ import annotations

import math
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.client import HTTPException, responses
from typing import Any

import httpx
from lm_eval.api.instance import Instance
from tqdm import tqdm

from globe_eval import __version__
from globe_eval.benchmarks.images import ImageError, picture_bytes
from globe_eval.errors import InputError, nearest
from globe_eval.models import chat, sharing, wire
from globe_eval.models.response import Response
from globe_eval.models.simple import SimpleModel

REFUSALS = 3  # in a row and before any answer: the whole run would be refused
GONE_BEHIND_A_GATEWAY = (502, 503, 504)


class _Final(Exception):
    """A request that no further attempt will help."""


class _Refused(_Final):
    """401, 403 or 404: about the key, the address or the model, and so most likely about every request."""


@dataclass
class _Address(sharing.Server):
    """One address of an endpoint, and what was learnt about it."""

    url: httpx.URL = field(kw_only=True)
    offered: list[str] = field(default_factory=list)
    """The models that it lists, empty where it lists none."""
    answered: bool = False
    refused: int = 0
    knows_repetition_penalty: bool = True


class Endpoint(SimpleModel):
    """An OpenAI-compatible chat endpoint that sees images.

    Several of them, with the same model behind each, share the work: see :mod:`globe_eval.models.sharing`.

    Args:
        base_url: such as `http://localhost:8000/v1`; with or without `/chat/completions`. Several with commas between.
        model: the model's name there; the only one that the server lists, if not given.
        num_concurrent: requests in flight at each address.
        timeout: seconds that a request may take, from the connection to the reply's last byte.
        max_retries: further attempts after 429, a 5xx, a broken connection, a time-out or a reply that is no chat
            completion. Any other 4xx is final. An attempt that found no server does not count.
        api_key_env: the environment variable that holds the key; without it in the environment none is sent.
        seed: sent with each request (raised by one for each repetition of the same request); None sends none.
        backoff: seconds before the first further attempt; doubled for each next, with jitter, up to a minute. A
            server's Retry-After is honoured, unless it exceeds `timeout`.
        patience: seconds to wait for a server that answered before and then went away, such as one that is started
            again; what is left is given up only when every address has been silent for so long.

    Raises:
        InputError: arguments out of range, an address where nothing answers, a refused key, a model that cannot be
            told.

    """

    name = "endpoint"

    def __init__(
        self,
        base_url: str | Sequence[str],
        model: str | None = None,
        num_concurrent: int = 16,
        timeout: float = 600,
        max_retries: int = 5,
        api_key_env: str = "OPENAI_API_KEY",
        seed: int | None = 1234,
        backoff: float = 1.0,
        patience: float = 300,
    ) -> None:
        super().__init__()
        self.num_concurrent = int(_at_least("num_concurrent", num_concurrent, 1))
        self.timeout = _at_least("timeout", timeout, 0.001)
        self.patience = sharing.Patience(
            max_retries=int(_at_least("max_retries", max_retries, 0)),
            backoff=_at_least("backoff", backoff, 0.0),
            restart=_at_least("patience", patience, 0.0),
            seed=seed,
        )
        self.api_key_env = api_key_env
        self.seed = seed
        key = os.environ.get(api_key_env, "").strip()
        if not (key.isascii() and key.isprintable()):
            raise InputError(f"endpoint: the environment variable {api_key_env} holds characters that no key has")
        self._key = key
        self._tls = httpx.create_ssl_context()  # tens of milliseconds, so once
        urls = [_base(url) for url in (base_url.split(",") if isinstance(base_url, str) else base_url)]
        self._addresses = [self._address(url) for url in dict.fromkeys(urls)]
        self.model = str(model) if model is not None else self._only_model()
        if len(urls) > 1:
            self._refuse_other_models()

    def get_model_info(self) -> dict[str, Any]:
        """What identifies the model in a result: no key, no password, no query."""
        return {"model_name": self.model, "base_url": self._shown, "seed": self.seed}

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """The chat as JSON: the template is the server's. A last message of the assistant is continued (vLLM)."""
        return sys.intern(chat.write_history(chat_history))  # lm-eval keeps one for each photograph, mostly the same

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[Response]:
        """One response a request, in the same order. A request that failed for good has an `error` and no text.

        Raises:
            InputError: the server refuses the key, the address or the model before it has answered anything.

        """
        responses = [Response()] * len(requests)
        # None: quiet where standard error is no terminal
        with tqdm(total=len(requests), desc=f"Asking {self.model}", disable=disable_tqdm or None) as progress:
            for index, response in self.answers(requests):
                responses[index] = response
                if response.error is None:
                    self.cache_hook.add_partial("generate_until", requests[index].args, response)
                progress.update()
        return responses

    def answers(self, requests: Sequence[Instance]) -> Iterator[tuple[int, Response]]:
        """Each request's index and response the moment it arrives, `num_concurrent` in flight at each address.

        Leaving the loop early (an exception, Ctrl-C) sends nothing more.
        """
        seen: Counter[int] = Counter()
        repeats = []
        for request in requests:
            repeats.append(seen[id(request)])
            seen[id(request)] += 1

        def ask(address: _Address, line: wire.Connection, index: int, place: sharing.Place) -> Response:
            try:
                return self._ask(address, line, requests[index], repeats[index], place)
            except _Refused as error:
                address.refused += 1
                if not address.answered and address.refused >= min(REFUSALS, len(requests)):
                    raise InputError(f"endpoint {address.name}: every request is refused: {error}") from None
                raise

        shared = sharing.share(self._addresses, len(requests), self.num_concurrent, ask, self.patience)
        with closing(shared):
            for index, outcome in shared:
                if isinstance(outcome, InputError):
                    raise outcome
                if isinstance(outcome, Exception):  # nothing else that one photograph does may end the run
                    known = isinstance(outcome, ImageError | _Final | sharing.GivenUp)
                    reason = str(outcome) if known else f"{type(outcome).__name__}: {outcome}"
                    outcome = Response("", error=self._line(reason))
                yield index, outcome

    def _ask(
        self, address: _Address, line: wire.Connection, request: Instance, repeat: int, place: sharing.Place
    ) -> Response:
        """One attempt. Raises what :func:`globe_eval.models.sharing.share` knows, _Final, ImageError or InputError."""
        context, gen_kwargs, *rest = request.args
        fields = {"model": self.model, **chat.decoding(gen_kwargs)}
        if self.seed is not None and "seed" not in gen_kwargs:
            fields["seed"] = self.seed + repeat
        no_penalty = fields.get("repetition_penalty") == 1.0
        if no_penalty and not address.knows_repetition_penalty:
            del fields["repetition_penalty"]
        pictures = [picture_bytes(picture) for picture in (rest[0].get("visual") or [] if rest else [])]
        body = chat.write_request(context, pictures, fields)
        try:
            with place:
                reply = line.exchange("POST", "chat/completions", body, self.timeout)
        except wire.Unreachable:
            raise
        except (OSError, HTTPException) as error:
            raise sharing.Passing(self._line(f"{type(error).__name__}: {error}"), lost=True) from None
        if reply.status < 500:
            address.heard()
        if (
            no_penalty
            and "repetition_penalty" in fields
            and reply.status == 400
            and b"repetition_penalty" in reply.body
        ):
            # A provider that does not know the field has no penalty either, which is what 1.0 asks for.
            address.knows_repetition_penalty = False
            return self._ask(address, line, request, repeat, place)
        response = self._read(address, reply, chat.stops(gen_kwargs))
        address.answered = True
        return response

    def _read(self, address: _Address, reply: wire.Reply, ends: list[str]) -> Response:
        """The response in a reply. Raises Passing or _Final."""
        if reply.status == 200:
            try:
                return chat.read_reply(reply.json(), ends)
            except ValueError as error:  # no JSON, or no chat completion
                raise sharing.Passing(self._line(f"{type(error).__name__}: {error}")) from None
        failure = self._line(f"HTTP {reply.status}: {_message(reply)}")
        if reply.status in (401, 403, 404):
            raise _Refused(failure + self._advice(address, reply.status))
        if reply.status not in (408, 429) and reply.status < 500:
            raise _Final(failure)
        asked_to_wait = _retry_after(reply)
        if asked_to_wait is not None and asked_to_wait > self.timeout:
            raise _Final(f"{failure} (asks to wait {asked_to_wait:.0f} s)")
        raise sharing.Passing(failure, asked_to_wait, lost=reply.status in GONE_BEHIND_A_GATEWAY)

    def _address(self, url: httpx.URL) -> _Address:
        """An address where something answers, with the models that it lists. Raises InputError where nothing can work.

        Several addresses must all answer at the start: one that does not is more likely mistyped than late.
        """
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"globe-eval/{__version__}",
            **({"Authorization": f"Bearer {self._key}"} if self._key else {}),
        }
        # Without what may be secret in it.
        address = _Address(
            name=str(url.copy_with(query=None, userinfo=b"")),
            connect=lambda: wire.Connection(url, headers, self._tls),
            is_there=lambda line: self._models(line).status not in GONE_BEHIND_A_GATEWAY,
            url=url,
        )
        try:
            with address.connect() as line:
                reply = self._models(line)
            if reply.status == 401:
                raise InputError(
                    f"endpoint {address.name}: {self._line(_message(reply) + self._advice(address, reply.status))}"
                )
            address.offered = [str(model["id"]) for model in reply.json()["data"]]
        except wire.Unreachable as error:
            raise InputError(
                f"endpoint {address.name}: nothing answers there ({self._line(error)}); start the server or correct "
                "base_url"
            ) from None
        except (OSError, HTTPException, ValueError, KeyError, TypeError):
            pass  # some providers list nothing: the first requests will tell
        return address

    def _models(self, line: wire.Connection) -> wire.Reply:
        return line.exchange("GET", "models", None, wire.CONNECT_S)

    def _only_model(self) -> str:
        offered = self._addresses[0].offered
        if len(offered) == 1:
            return offered[0]
        offers = f"it offers {', '.join(offered)}" if offered else "it does not say what it offers"
        raise InputError(f"endpoint {self._addresses[0].name}: say which model, as in --model_args model=…; {offers}")

    def _refuse_other_models(self) -> None:
        for address in self._addresses:
            if address.offered and self.model not in address.offered:
                raise InputError(
                    f"endpoint {address.name}: does not offer the model {self.model!r}"
                    f"{nearest(self.model, address.offered)} but {', '.join(address.offered)}; addresses that share "
                    "the work must offer the same"
                )

    def _advice(self, address: _Address, status: int) -> str:
        if status == 404:
            offers = f"; the server offers {', '.join(address.offered)}" if address.offered else ""
            ending = "" if address.url.path != "/" else "; does base_url lack its /v1?"
            return f" (asked for the model {self.model!r}{nearest(self.model, address.offered)}{offers}{ending})"
        key = "the key in" if self._key else "there is no key in"
        return f" ({key} the environment variable {self.api_key_env})"

    @property
    def _shown(self) -> str:
        return ",".join(address.name for address in self._addresses)

    def _line(self, reason: object) -> str:
        """One short line without the key and without pictures, which servers like to quote."""
        text = " ".join(str(reason).split())
        if self._key:
            text = text.replace(self._key, "[key]")
        return re.sub(r"[A-Za-z0-9+/=]{80,}", "[data]", text)[:300]


def _base(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(str(base_url).strip())
    except httpx.InvalidURL as error:
        raise InputError(f"endpoint: base_url {base_url!r} is no address ({error})") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise InputError(f"endpoint: base_url {base_url!r} is no address such as http://localhost:8000/v1")
    path = url.path.rstrip("/").removesuffix("/chat/completions").rstrip("/")
    return url.copy_with(path=path or "/")


def _at_least(name: str, value: float, least: float) -> float:
    whole = isinstance(least, int)
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not least <= value < math.inf:
        raise InputError(f"endpoint: {name}={value!r}; allowed: {'whole ' if whole else ''}numbers from {least}")
    return value


def _message(reply: wire.Reply) -> str:
    """What the server says went wrong, in OpenAI's form, FastAPI's, or as text."""
    try:
        said = reply.json()
        said = said.get("error", said)
        said = said.get("message") or said.get("detail") or said
    except (ValueError, AttributeError):
        said = reply.body.decode("utf-8", "replace")
    return str(said) or responses.get(reply.status, "")


def _retry_after(reply: wire.Reply) -> float | None:
    """Seconds that the server asks to wait: a number or a date."""
    value = reply.headers.get("Retry-After")
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
