"""A model behind an OpenAI-compatible chat endpoint: a served vLLM, or any provider.

lm-eval's own `local-chat-completions` encodes every picture as PNG before the first request, leaves `<image>` in the
text and ends the run with the first request that fails for good. Here a picture's own bytes, without their metadata,
are read when its request is sent and forgotten after it, and a request that fails is the error of its own photograph.
"""

from __future__ import annotations

import json
import logging
import math
import os
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from queue import Empty, SimpleQueue
from typing import Any

import httpx
from lm_eval.api.instance import Instance
from tqdm import tqdm

from globe_eval.benchmarks.images import ImageError, picture_bytes
from globe_eval.errors import InputError, nearest
from globe_eval.models import chat
from globe_eval.models.response import Response
from globe_eval.models.simple import SimpleModel

CONNECT_S = 10.0
MAX_WAIT_S = 60.0
REFUSALS = 3  # in a row and before any answer: the whole run would be refused


class _Refused(Exception):
    """401, 403 or 404: about the key, the address or the model, and so most likely about every request."""


class Endpoint(SimpleModel):
    """An OpenAI-compatible chat endpoint that sees images.

    Args:
        base_url: such as `http://localhost:8000/v1`; with or without `/chat/completions`.
        model: the model's name there; the only one that the server lists, if not given.
        num_concurrent: requests in flight.
        timeout: seconds that a request may take.
        max_retries: further attempts after 429, a 5xx, a broken connection, a time-out or a reply that is no chat
            completion. Any other 4xx is final.
        api_key_env: the environment variable that holds the key; without it in the environment none is sent.
        seed: sent with each request (raised by one for each repetition of the same request); None sends none.
        backoff: seconds before the first further attempt; doubled for each next, with jitter, up to a minute. A
            server's Retry-After is honoured, unless it exceeds `timeout`.

    Raises:
        InputError: arguments out of range, an address where nothing answers, a refused key, a model that cannot be
            told.

    """

    name = "endpoint"

    def __init__(
        self,
        base_url: str,
        model: str | None = None,
        num_concurrent: int = 16,
        timeout: float = 600,
        max_retries: int = 5,
        api_key_env: str = "OPENAI_API_KEY",
        seed: int | None = 1234,
        backoff: float = 1.0,
    ) -> None:
        super().__init__()
        self.num_concurrent = int(_at_least("num_concurrent", num_concurrent, 1))
        self.timeout = _at_least("timeout", timeout, 0.001)
        self.max_retries = int(_at_least("max_retries", max_retries, 0))
        self.backoff = _at_least("backoff", backoff, 0.0)
        self.api_key_env = api_key_env
        self.seed = seed
        self._url = _base(base_url)
        self._heard = False
        self._knows_repetition_penalty = True
        # It would log each request's address, at a level that lm-eval shows.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        key = os.environ.get(api_key_env, "").strip()
        if not key.isascii():
            raise InputError(f"endpoint: the environment variable {api_key_env} holds characters that no key has")
        self._key = key
        self._tls = httpx.create_ssl_context()  # tens of milliseconds, so once
        self._offered = self._probe()
        self.model = str(model) if model is not None else self._only_model()

    def get_model_info(self) -> dict[str, Any]:
        """What identifies the model in a result: no key, no password, no query."""
        return {"model_name": self.model, "base_url": self._shown, "seed": self.seed}

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """The chat as JSON: the template is the server's. A last message of the assistant is continued (vLLM)."""
        return chat.write_history(chat_history)

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

    def answers(self, requests: list[Instance]) -> Iterator[tuple[int, Response]]:
        """Each request's index and response the moment it arrives, `num_concurrent` in flight.

        Leaving the loop early (an exception, Ctrl-C) sends nothing more.
        """
        todo: SimpleQueue[tuple[int, Instance, int]] = SimpleQueue()
        repeats: Counter[int] = Counter()
        for index, request in enumerate(requests):
            todo.put((index, request, repeats[id(request)]))
            repeats[id(request)] += 1
        done: SimpleQueue[tuple[int, Response | Exception]] = SimpleQueue()
        left = threading.Event()

        def work(client: httpx.Client) -> None:
            with client:
                while not left.is_set():
                    try:
                        index, request, repeat = todo.get_nowait()
                    except Empty:
                        return
                    done.put((index, self._outcome(client, request, repeat, left)))

        # A client each: one pool that all share costs a third of the requests/s at 64. Daemons, so that Ctrl-C need not
        # wait for answers that may take minutes.
        for _ in range(min(self.num_concurrent, len(requests))):
            threading.Thread(target=work, args=(self._connect(),), daemon=True).start()
        refused = 0
        try:
            for _ in requests:
                index, outcome = done.get()
                if isinstance(outcome, InputError):
                    raise outcome
                if isinstance(outcome, _Refused):
                    refused += 1
                    if not self._heard and refused >= min(REFUSALS, len(requests)):
                        raise InputError(f"endpoint {self._shown}: every request is refused: {outcome}")
                if isinstance(outcome, Exception):
                    known = isinstance(outcome, ImageError | _Refused)
                    reason = str(outcome) if known else f"{type(outcome).__name__}: {outcome}"
                    outcome = Response("", error=self._line(reason))
                self._heard = self._heard or outcome.error is None
                yield index, outcome
        finally:
            left.set()

    def _outcome(
        self, client: httpx.Client, request: Instance, repeat: int, left: threading.Event
    ) -> Response | Exception:
        """The response, or why there is none: nothing that one photograph does may end the run."""
        try:
            context, gen_kwargs, *rest = request.args
            fields = chat.decoding(gen_kwargs)
            if self.seed is not None and "seed" not in gen_kwargs:
                fields["seed"] = self.seed + repeat
            pictures = [picture_bytes(picture) for picture in (rest[0].get("visual") or [] if rest else [])]
            asked = chat.messages(context, pictures)
            if asked[-1]["role"] == "assistant":
                fields |= {"add_generation_prompt": False, "continue_final_message": True}
            jitter = random.Random(f"{self.seed} {request.task_name} {request.doc_id} {repeat}")

            def ask() -> Response:
                if not self._knows_repetition_penalty:
                    fields.pop("repetition_penalty", None)
                body = json.dumps({"model": self.model, "messages": asked, **fields}).encode()
                return self._ask(client, body, chat.stops(gen_kwargs), jitter, left)

            response = ask()
            if fields.get("repetition_penalty") == 1.0 and "repetition_penalty" in (response.error or ""):
                # A provider that does not know the field has no penalty either, which is what 1.0 asks for.
                self._knows_repetition_penalty = False
                response = ask()
            return response
        except Exception as error:
            return error

    def _ask(
        self, client: httpx.Client, body: bytes, ends: list[str], jitter: random.Random, left: threading.Event
    ) -> Response:
        """Send `body` until it is answered or hope is gone. Raises _Refused."""
        failure = ""
        for attempt in range(self.max_retries + 1):
            asked_to_wait = None
            try:
                reply = client.post(self._at("chat/completions"), content=body)
                if reply.status_code == 200:
                    return chat.read_reply(reply.json(), ends)
                failure = f"HTTP {reply.status_code}: {_message(reply)}"
                if reply.status_code in (401, 403, 404):
                    raise _Refused(failure + self._advice(reply.status_code))
                if reply.status_code not in (408, 429) and reply.status_code < 500:
                    return Response("", error=self._line(failure))
                asked_to_wait = _retry_after(reply)
            except (httpx.RequestError, ValueError) as error:  # ValueError: no JSON, or no chat completion
                failure = f"{type(error).__name__}: {error}"
            if asked_to_wait is not None and asked_to_wait > self.timeout:
                return Response("", error=self._line(f"{failure} (asks to wait {asked_to_wait:.0f} s)"))
            wait = min(self.backoff * 2**attempt, MAX_WAIT_S) * jitter.uniform(0.5, 1.5)
            if attempt < self.max_retries and left.wait(max(wait, asked_to_wait or 0.0)):
                break
        return Response("", error=self._line(f"gave up after {attempt + 1} attempts, the last: {failure}"))

    def _connect(self) -> httpx.Client:
        return httpx.Client(
            headers={"Content-Type": "application/json"}
            | ({"Authorization": f"Bearer {self._key}"} if self._key else {}),
            timeout=httpx.Timeout(self.timeout, connect=min(CONNECT_S, self.timeout)),
            verify=self._tls,
        )

    def _probe(self) -> list[str]:
        """The models that the server lists, empty where it lists none. Raises InputError where nothing can work."""
        client = self._connect()
        try:
            with client:
                reply = client.get(self._at("models"), timeout=min(CONNECT_S, self.timeout))
            if reply.status_code == 401:
                raise InputError(f"endpoint {self._shown}: {self._line(_message(reply) + self._advice(401))}")
            return [str(model["id"]) for model in reply.json()["data"]]
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise InputError(
                f"endpoint {self._shown}: nothing answers there ({self._line(error)}); start the server or correct "
                "base_url"
            ) from None
        except (httpx.RequestError, ValueError, KeyError, TypeError):
            return []  # some providers list nothing: the first requests will tell

    def _only_model(self) -> str:
        if len(self._offered) == 1:
            return self._offered[0]
        offers = f"it offers {', '.join(self._offered)}" if self._offered else "it does not say what it offers"
        raise InputError(f"endpoint {self._shown}: say which model, as in --model_args model=…; {offers}")

    def _advice(self, status: int) -> str:
        if status == 404:
            offers = f"; the server offers {', '.join(self._offered)}" if self._offered else ""
            ending = "" if self._url.path != "/" else "; does base_url lack its /v1?"
            return f" (asked for the model {self.model!r}{nearest(self.model, self._offered)}{offers}{ending})"
        key = "the key in" if self._key else "there is no key in"
        return f" ({key} the environment variable {self.api_key_env})"

    def _at(self, path: str) -> httpx.URL:
        return self._url.copy_with(path=f"{self._url.path.rstrip('/')}/{path}")

    @property
    def _shown(self) -> str:
        """The address without what may be secret in it."""
        return str(self._url.copy_with(query=None, userinfo=b""))

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


def _message(reply: httpx.Response) -> str:
    """What the server says went wrong, in OpenAI's form, FastAPI's, or as text."""
    try:
        said = reply.json()
        said = said.get("error", said)
        said = said.get("message") or said.get("detail") or said
    except (ValueError, AttributeError):
        said = reply.text
    return str(said) or reply.reason_phrase


def _retry_after(reply: httpx.Response) -> float | None:
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
