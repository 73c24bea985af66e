"""A second model that is asked about the answers of a run: an endpoint, and a cache file of its replies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from globe_eval.errors import InputError
from globe_eval.files import json_lines

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance

    from globe_eval.benchmarks.images import Photograph
    from globe_eval.models.endpoint import Endpoint


@dataclass(frozen=True)
class SecondModel:
    """An endpoint, and the user's decoding arguments for it."""

    endpoint: Endpoint
    decoding: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The model's name, with the user's decoding arguments if any: what its answers depend on."""
        return self.endpoint.model + (json.dumps(self.decoding, sort_keys=True) if self.decoding else "")

    def request(self, system: str, user: str, decoding: Mapping[str, Any], *pictures: Photograph) -> Instance:
        """A request as lm-eval makes them; the user's decoding arguments count before `decoding`."""
        from lm_eval.api.instance import Instance

        from globe_eval.models.decoding import merge_arguments
        from globe_eval.models.request import write_history

        history = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        arguments = merge_arguments(decoding, self.decoding)
        more = {"visual": list(pictures)} if pictures else {}
        return Instance("generate_until", {}, (write_history(history), arguments, more), 0)


def second_model(flag: str, arguments: Mapping[str, Any], seed: int) -> SecondModel:
    """The model that `--flag base_url=…,model=…,gen_kwargs={…}` names. Raises InputError where it cannot be used."""
    from globe_eval.models.endpoint import Endpoint

    if "base_url" not in arguments:
        raise InputError(f"{flag}: base_url is missing, as in {flag} base_url=http://localhost:8000/v1,model=…")
    decoding = arguments.get("gen_kwargs") or {}
    if not isinstance(decoding, Mapping):
        raise InputError(f'{flag}: gen_kwargs={decoding!r}; allowed: an object such as {{"temperature": null}}')
    given = {name: value for name, value in arguments.items() if name != "gen_kwargs"}
    model = Endpoint.create_from_arg_obj({"seed": seed, **given})
    model.explicit = frozenset(decoding) | ({"seed"} & set(arguments))
    return SecondModel(model, decoding)


def question_key(*asked: object) -> str:
    """The SHA-256 of all inputs that an answer depends on."""
    return hashlib.sha256("\0".join(map(str, asked)).encode()).hexdigest()


class AnswerFile:
    """Answers by the hash of what was asked, a JSON line each: the same question is asked once.

    The answer is the `field` of a line. Without a path nothing is kept.
    """

    def __init__(self, path: Path | None, field: str) -> None:
        self.path, self.field = path, field
        self.known: dict[str, Any] = {}
        data = path.read_bytes() if path is not None and path.is_file() else b""
        end = data.rfind(b"\n") + 1
        self._torn_from = end if end < len(data) else None  # a line that a crash cut short: asked again
        for line in data[:end].splitlines():  # of bytes: U+2028 in an answer ends no line
            with suppress(ValueError, KeyError, TypeError):
                entry = json.loads(line)
                self.known[entry["key"]] = entry[field]

    def add(self, key: str, answer: Any, **about: Any) -> None:
        """Append an answer to the file; `about` it is written and never read."""
        self.known[key] = answer
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                if self._torn_from is not None:
                    file.truncate(self._torn_from)
                    self._torn_from = None
                file.write(json_lines([{"key": key, **about, self.field: answer}]))
