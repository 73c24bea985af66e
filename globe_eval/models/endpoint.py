"""The model `endpoint`: an OpenAI-compatible chat endpoint, a served vLLM or any provider.

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
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Protocol, get_args

from lm_eval.api.instance import Instance
from tqdm import tqdm
from yarl import URL

from globe_eval import __version__, secrets
from globe_eval.benchmarks.images import ImageError, is_webp, picture_bytes, sent_bounds
from globe_eval.errors import InputError, nearest
from globe_eval.models import pace, providers, reply, request, sharing, transport
from globe_eval.models.response import Response, Served
from globe_eval.models.sharing import Failures, FinalFailure
from globe_eval.models.simple import SimpleModel

GONE_BEHIND_A_GATEWAY = (502, 503, 504)
_OF_ALL = (401, 402, 403, 404)
IN_PASSING = (408, 409, 425, 429)
"""Below 500: too slow, in another's way, too early, too fast."""
_SPENT = re.compile(
    r"\b(insufficient|not enough|out of|used all|add|buy|purchase)[\W_]+(\w+\W+){0,3}"
    r"(credits?(?! card)|balance|funds|quota)\b"
    r"|credit balance|per-?day|daily (limit|quota)|(spending|hard) (limit|cap)|good standing|is suspended"
    r"|\u4f59\u989d|\u6b20\u8d39",  # "balance" and "in arrears" in Chinese
    re.I,
)
_KEY = re.compile(r"api[ _-]?key", re.I)


class Budget(Protocol):
    """A budget that an endpoint asks before each request (`runs.usage.Budget`)."""

    def add(self, response: Response) -> None:
        """Count an answer."""

    def spent(self, in_flight: int) -> bool:
        """Whether one request more, beside those in flight, may exceed it."""


@dataclass
class _Address(sharing.Server):
    """One address of an endpoint: its models, provider, adaptations and failures."""

    url: URL = field(kw_only=True)
    offered: list[str] = field(default_factory=list)
    """The models that it lists, empty where it lists none."""
    provider: providers.Provider = field(default_factory=lambda: providers.Provider(""))
    rules: providers.Rules = field(default_factory=providers.Rules)
    failures: Failures = field(default_factory=lambda: Failures(0, 0))
    ids: dict[transport.Connection, str] = field(default_factory=dict)
    """The id of the last reply on each connection."""
    ids_repeat: bool = False
    """Whether replies on several connections carry one and the same id, so that an id says nothing."""


class Endpoint(SimpleModel):
    """An OpenAI-compatible chat endpoint that sees images.

    Several of them, with the same model behind each, share the work: see :mod:`globe_eval.models.sharing`. What
    providers want otherwise than the protocol says: :mod:`globe_eval.models.providers`.

    Args:
        base_url: such as `http://localhost:8000/v1`; with or without `/chat/completions`. Several with commas between.
        model: the model's name there; the only one that the server lists, if not given.
        num_concurrent: requests in flight at each address; fewer while it complains of too many.
        timeout: seconds that a request may take, from the connection to the reply's last byte.
        max_retries: further attempts after a 5xx, a broken connection, a time-out or a reply that is no chat
            completion. Any 4xx is final but 408, 409, 425 and 429. An attempt that found no server does not count,
            nor does one that is answered with 429: the server is asked again at its own pace, for as long as it
            answers others within `patience`.
        api_key_env: the environment variable that holds the key; without it in the environment none is sent.
        seed: sent with each request (raised by one for each repetition of the same request); None sends none.
        backoff: seconds before the first further attempt; doubled for each next, with jitter, up to a minute. A
            server's Retry-After is honoured, unless it exceeds `timeout`.
        patience: seconds to wait for a server that answered before and then went away, such as one that is started
            again; what is left is given up only when every address has been silent for so long.
        headers: further headers of each request, name -> value. `$NAME` in a value is what the environment variable
            NAME holds: so is a key given that is no bearer token (`{"api-key": "$AZURE_API_KEY"}`).
        ca_bundle: a PEM file of the authorities that https is checked with.
        requests_per_minute, tokens_per_minute: of each address; None leaves it to the server to complain.
        stream: ask for the answer as server-sent events, for servers that give it in no other way.
        system_role: what the system message goes as: `system`, `developer`, or `user` for chat templates that have no
            system. None: as `system`, and as `user` where the server refuses that.
        picture_format: `jpeg` or `png` for servers that take nothing else; None sends files in their own format.
        max_bytes: of a picture; larger ones are encoded again. None sends all.
        served_model: the model's name in the replies, where it is another than the one that is asked for.

    Raises InputError: arguments out of range, an address where nothing answers, a refused key, a model that cannot be
    told.
    """

    name = "endpoint"
    explicit: frozenset[str] = frozenset()
    """Decoding arguments that the user gave himself: they are never left out of a request."""

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
        headers: Mapping[str, str] | None = None,
        ca_bundle: str | None = None,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        stream: bool = False,
        system_role: request.SystemRole | None = None,
        picture_format: str | None = None,
        max_bytes: int | None = None,
        served_model: str | None = None,
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
        for name, value in (("requests_per_minute", requests_per_minute), ("tokens_per_minute", tokens_per_minute)):
            if value is not None:
                _at_least(name, value, 0.001)
        self._per_minute = requests_per_minute, tokens_per_minute
        self.stream = _one_of("stream", stream, (True, False))
        self.system_role = _one_of("system_role", system_role, (None, *get_args(request.SystemRole)))
        self.bounds = sent_bounds(picture_format, max_bytes)
        self.served_model = served_model
        self.api_key_env = api_key_env
        self.seed = seed
        self._key = transport.known_secret(os.environ.get(api_key_env, "").strip(), api_key_env)
        self._headers = transport.expand_headers(headers)
        self._lock = threading.Lock()  # over what was learnt of the addresses, failures and money
        self._tls = transport.tls_context(ca_bundle)  # tens of milliseconds, so once
        urls = [transport.base_address(url) for url in (base_url.split(",") if isinstance(base_url, str) else base_url)]
        self._addresses = [self._address(url) for url in dict.fromkeys(urls)]
        self.model = str(model) if model is not None else self._only_model()
        if len(urls) > 1:
            self._refuse_other_models()
        for address in self._addresses:
            address.rules = providers.rules_of(address.provider, self.model)

    def get_model_info(self) -> dict[str, Any]:
        """The model's name, address and seed, as results record them; without key, password and query."""
        return {"model_name": self.model, "base_url": self._shown, "seed": self.seed}

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """The chat as JSON: the template is the server's. A last message of the assistant is continued (vLLM)."""
        return sys.intern(request.write_history(chat_history))  # lm-eval keeps one a photograph, mostly the same

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[Response]:
        """One response a request, in the same order. A request that failed for good has an `error` and no text.

        Raises InputError: the server refuses the key, the address or the model before it has answered anything, or
        answers every request with the same refusal.
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

    def answers(
        self,
        requests: Sequence[Instance],
        *,
        repeats: Sequence[int] | None = None,
        answered: int = 0,
        budget: Budget | None = None,
    ) -> Iterator[tuple[int, Response]]:
        """Each request's index and response the moment it arrives, `num_concurrent` in flight at each address.

        Leaving the loop early (an exception, Ctrl-C) sends nothing more.

        Args:
            requests: from lm-eval.
            repeats: of each request, which repetition of the same question it is, from 0; it raises the seed. None
                counts how often the same object comes.
            answered: how many photographs of the run were answered before.
            budget: is told of each answer; once it is spent no request is sent, and those in flight are waited for.
        """
        if repeats is None:
            seen: Counter[int] = Counter()
            repeats = []
            for one in requests:
                repeats.append(seen[id(one)])
                seen[id(one)] += 1
        given_up = Failures(len(requests), answered)
        for address in self._addresses:
            address.failures = Failures(len(requests), answered)

        sent: set[int] = set()  # and not counted yet

        def ask(address: _Address, line: transport.Connection, index: int) -> Response:
            try:
                response = self._ask(address, line, requests[index], repeats[index], lambda: stop(index))
                with self._lock:
                    address.failures.answered()
                    if budget is not None:
                        budget.add(response)
                return response
            except FinalFailure as failure:
                with self._lock:
                    hopeless = address.failures.hopeless_after(failure)
                if hopeless:
                    raise InputError(f"endpoint {address.name}: every request is refused: {failure}") from None
                raise
            finally:
                sent.discard(index)

        def stop(index: int) -> bool:
            with self._lock:
                sent.add(index)
                return self._why_all_fail() is not None or (budget is not None and budget.spent(len(sent) - 1))

        unanswered = dict.fromkeys(range(len(requests)))
        shared = sharing.share(self._addresses, len(requests), self.num_concurrent, ask, self.patience)
        with closing(shared):
            for index, outcome in shared:
                del unanswered[index]
                if isinstance(outcome, Response):
                    given_up.answered()
                elif isinstance(outcome, sharing.GivenUp) and not outcome.lost and given_up.hopeless_after(outcome):
                    raise InputError(f"endpoint {self._shown}: every request fails: {outcome}")
                if isinstance(outcome, Exception):  # nothing else that one photograph does may end the run
                    known = isinstance(outcome, ImageError | FinalFailure | sharing.GivenUp)
                    reason = str(outcome) if known else f"{type(outcome).__name__}: {outcome}"
                    outcome = Response("", error=self._line(reason))
                yield index, outcome
        if (why := self._why_all_fail()) is not None:
            for index in unanswered:
                yield index, Response("", error=self._line(f"not asked, after: {why}"))

    def _why_all_fail(self) -> str | None:
        return next((why for one in self._addresses if (why := one.failures.of_account) is not None), None)

    def _ask(
        self, address: _Address, line: transport.Connection, one: Instance, repeat: int, stop: Callable[[], bool]
    ) -> Response:
        """One attempt. Raises what `sharing.share` knows, FinalFailure, ImageError or InputError."""
        context, gen_kwargs, *rest = one.args
        visual = (rest[0].get("visual") or []) if rest else []
        fields = {"model": self.model, **request.decoding(gen_kwargs)}
        if self.seed is not None and "seed" not in gen_kwargs:
            fields["seed"] = self.seed + repeat
        if self.stream:
            fields.setdefault("stream", True)
        while True:
            rules = address.rules
            sent, changes = rules.apply(fields, self.explicit)
            role: Any = self.system_role or rules.system_role
            if role != self.system_role:
                changes.append(f"system message as {role}")

            kinds = self.bounds.kinds or (("image/jpeg", "image/png") if rules.no_webp else None)
            pictures = [picture_bytes(picture, self.bounds._replace(kinds=kinds)) for picture in visual]
            body = request.write_request(context, pictures, sent, role or "system")
            with address.pace as sent_at:
                if stop():
                    raise pace.Enough
                came = self._exchange(line, body)
            if came.status < 500:
                address.has_answered()
            try:
                response, identifier = self._read(address, came, sent_at, request.stops(gen_kwargs))
            except FinalFailure as failure:
                better = came.status in (400, 422) and providers.rules_after(
                    rules,
                    _json(came),
                    reply.message_of(came),
                    sent,
                    self.explicit,
                    has_system=role in (None, "system") and '"role": "system"' in context,
                    has_webp="image/webp" in {mime for _, mime in pictures},
                )
                with self._lock:
                    if rules is address.rules:
                        if not better:
                            raise failure
                        address.rules = better
                        self._say(address, failure, rules, better)
                continue
            with self._lock:
                twice = identifier is not None and _came_before(address, line, identifier)
            if twice:
                line.close()
                raise sharing.TemporaryFailure(f"the reply with the id {identifier} came twice", free=True)
            if rules.no_webp and self.bounds.kinds is None and any(map(is_webp, visual)):
                changes.append("WebP pictures as PNG")
            if changes:
                served = response.served or Served()
                response.served = served._replace(adapted=tuple(changes))
            return response

    def _exchange(self, line: transport.Connection, body: bytes) -> transport.Reply:
        try:
            return line.exchange("POST", "chat/completions", body, self.timeout)
        except transport.Broken as error:
            raise sharing.TemporaryFailure(self._line(str(error)), lost=True) from None

    def _read(
        self, address: _Address, came: transport.Reply, sent_at: float, ends: list[str]
    ) -> tuple[Response, str | None]:
        """The response in a reply, and the reply's id.

        Raises TemporaryFailure, FinalFailure, or InputError for another model's.
        """
        status, message = came.status, None
        if 200 <= status < 300:
            try:
                response, identifier = reply.read(came, ends)
            except reply.MalformedReply as error:
                raise sharing.TemporaryFailure(self._line(f"{type(error).__name__}: {error}")) from None
            except reply.FailureInside as error:
                status, message = error.status, str(error)
            else:
                self._refuse_another_model(address, response)
                address.pace.good((response.prompt_tokens or 0) + (response.completion_tokens or 0))
                address.pace.spent(came.headers)
                return response, identifier
        body = _json(came)
        if message is None:
            message = reply.message_of(came)
        if reply.refused(status, body):
            address.pace.good()
            return Response("", finish_reason="content_filter"), None
        failure = self._line(f"HTTP {status}: {message}")
        wait = pace.asked_to_wait(came.headers, body, message)
        if wait is not None and wait > self.timeout:
            raise FinalFailure(f"{failure} (asks to wait {wait:.0f} s)", account=True)
        if status == 402 or (status in (400, 403, 429) and _SPENT.search(f"{came.text} {message}")):
            raise FinalFailure(failure, account=True)
        bad_key = status == 401 or (status in (400, 403) and _KEY.search(message) is not None)
        if bad_key or status in _OF_ALL:
            raise FinalFailure(failure + self._advice(address, status), of_all=True, account=bad_key)
        if status not in IN_PASSING and status < 500:
            raise FinalFailure(failure)
        if status in (429, 529):
            address.pace.slow_down(sent_at, wait)
            if time.monotonic() - address.pace.answered_at > self.patience.restart:
                raise FinalFailure(f"{failure} (and nothing else for {self.patience.restart:g} s)", account=True)
            raise sharing.TemporaryFailure(failure, free=True)
        raise sharing.TemporaryFailure(failure, wait, lost=status in GONE_BEHIND_A_GATEWAY)

    def _refuse_another_model(self, address: _Address, response: Response) -> None:
        served = response.served.model if response.served else None
        if served is None or (address.provider.any_name and self.served_model is None):
            return
        if not providers.same_model(self.served_model or self.model, served):
            raise InputError(
                f"endpoint {address.name}: asked for the model {self.served_model or self.model!r}, and {served!r} "
                f"answers; correct model=, or say served_model={served} if that is its name there"
            )

    def _say(self, address: _Address, failure: FinalFailure, old: providers.Rules, new: providers.Rules) -> None:
        changed = next(name for name in vars(new) if getattr(new, name) != getattr(old, name))
        what = {
            "rename": "; ".join(f"{to} for {name}" for name, to in (new.rename.items() - old.rename.items())),
            "omit": f"requests without {', '.join(sorted(new.omit - old.omit))}",
            "system_role": "the system message before the user's",
            "stream": "answers are streamed",
            "no_webp": "WebP pictures are sent as PNG",
        }[changed]
        sharing.log.warning(f"globe-eval: {address.name}: {what}, from now on ({failure})")

    def _address(self, url: URL) -> _Address:
        """An address where something answers, with the models that it lists. Raises InputError where nothing can work.

        Several addresses must all answer at the start: one that does not is more likely mistyped than late.
        """
        for secret in (url.password, *url.query.values()):
            secrets.keep(secret)
        if url.user and url.password:
            secrets.keep(f"{url.user}:{url.password}")
        known = providers.provider_of(url.host or "", ())
        key = f"Bearer {self._key}" if known.key_header == "Authorization" else self._key
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"globe-eval/{__version__}",
            **({known.key_header: key} if self._key else {}),
            **self._headers,
        }
        # Without what may be secret in it.
        address = _Address(
            name=str(url.with_user(None).with_query(None).with_fragment(None)),
            connect=lambda: transport.Connection(url, headers, self._tls),
            is_there=lambda line: self._models(line).status not in GONE_BEHIND_A_GATEWAY,
            new_pace=lambda: pace.Pace(self.num_concurrent, *self._per_minute, self.patience.pause),
            url=url,
            provider=known,
        )

        try:
            with address.connect() as line:
                came = self._models(line)
            if came.status == 401:
                said = reply.message_of(came) + self._advice(address, came.status)
                raise InputError(f"endpoint {address.name}: {self._line(said)}")
            listed = [one for one in came.json()["data"] if isinstance(one["id"], str)]
            address.offered = [one["id"] for one in listed]
            if not known.name:
                address.provider = providers.provider_of("", {str(one.get("owned_by", "")) for one in listed})
        except transport.Unreachable as error:
            hint = f", or set no_proxy={url.host}" if transport.proxy_of(url) is not None else ""
            raise InputError(
                f"endpoint {address.name}: nothing answers there ({self._line(str(error))}); start the server or "
                f"correct base_url{hint}"
            ) from None
        except (transport.Broken, ValueError, KeyError, TypeError, AttributeError):
            pass  # some providers list nothing: the first requests will tell
        return address

    def _models(self, line: transport.Connection) -> transport.Reply:
        return line.exchange("GET", "models", None, transport.CONNECT_S)

    def _only_model(self) -> str:
        offered = self._addresses[0].offered
        if len(offered) == 1:
            return offered[0]
        offers = f"it offers {_first_ten(offered)}" if offered else "it does not say what it offers"
        raise InputError(f"endpoint {self._addresses[0].name}: say which model, as in --model_args model=…; {offers}")

    def _refuse_other_models(self) -> None:
        for address in self._addresses:
            if address.offered and self.model not in address.offered:
                raise InputError(
                    f"endpoint {address.name}: does not offer the model {self.model!r}"
                    f"{nearest(self.model, address.offered)} but {_first_ten(address.offered)}; addresses that share "
                    "the work must offer the same"
                )

    def _advice(self, address: _Address, status: int) -> str:
        if status == 404:
            offers = f"; the server offers {_first_ten(address.offered)}" if address.offered else ""
            ending = "" if address.url.path != "/" else "; does base_url lack its /v1?"
            near = "" if self.model in address.offered else nearest(self.model, address.offered)
            return f" (asked for the model {self.model!r}{near}{offers}{ending})"
        key = "the key in" if self._key else "there is no key in"
        return f" ({key} the environment variable {self.api_key_env})"

    @property
    def _shown(self) -> str:
        return ",".join(address.name for address in self._addresses)

    def _line(self, reason: str) -> str:
        """One short line without secrets and without pictures, which servers like to quote."""
        return re.sub(r"[A-Za-z0-9+/=]{80,}", "[data]", secrets.redact(" ".join(reason.split())))[:300]


def _came_before(address: _Address, line: transport.Connection, identifier: str) -> bool:
    """Whether this connection brought the same reply before: then it answers something else, and was sent twice."""
    if identifier in (one for other, one in address.ids.items() if other is not line):
        address.ids_repeat = True
    before = address.ids.get(line)
    address.ids[line] = identifier
    if before != identifier or address.ids_repeat:
        return False
    address.ids_repeat = len(address.ids) == 1 and line.closed_for == identifier  # on a new connection as well
    line.closed_for = identifier
    return not address.ids_repeat


def _at_least(name: str, value: float, least: float) -> float:
    """The value of an argument. Raises InputError below `least`, or for a fraction where `least` is whole."""
    whole = isinstance(least, int)
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not least <= value < math.inf:
        raise InputError(f"endpoint: {name}={value!r}; allowed: {'whole ' if whole else ''}numbers from {least}")
    return value


def _one_of(name: str, value: Any, allowed: Sequence[Any]) -> Any:
    """The value of an argument. Raises InputError for any but the allowed ones."""
    if value not in allowed:
        raise InputError(f"endpoint: {name}={value!r}; allowed: {', '.join(map(str, allowed))}")
    return value


def _first_ten(names: Sequence[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more


def _json(came: transport.Reply) -> Any:
    try:
        return came.json()
    except ValueError:
        return None
