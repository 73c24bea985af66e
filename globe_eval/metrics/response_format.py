"""The form of a response: whether thought and answer stand where they were asked for, and how long the thought is."""

from __future__ import annotations

from globe_eval.answers.text import Cut, answer_blocks, split_thought
from globe_eval.metrics.globe import globe_format
from globe_eval.sample import Answer, Format


def response_format(answer: Answer, response: str, cut: Cut | None = None) -> Format:
    """The four measures of a response's form.

    - `globe`: 0 or 1, higher is better; the released regular expression.
    - `lenient`: 0 or 1, higher is better; see `lenient_format`.
    - `truncated`: the back end cut the response off, or its thought never ends; lower is better.
    - `n_words`: words of the reasoning, from 0; a length, neither good nor bad, to be looked at beside the others.

    `cut` is the response as it was read (`answers.parse.read`), where that is known.
    """
    cut = Cut.of(response) if cut is None or answer.repaired else cut
    return Format(
        globe_format(response),
        lenient_format(cut),
        answer.status == "truncated" or cut.parts.unfinished,
        n_words(answer.reasoning),
    )


def lenient_format(cut: Cut) -> float:
    """1.0 where a response holds a finished thought that says something, and an answer behind it; else 0.0.

    Unlike GLOBE's rule it accepts any case and spelling of the tags (`<thinking>`, `\\boxed{…}`), a thought without its
    opening tag (chat templates put that into the prompt), an answer tag that is not closed, and text around both.

    >>> [lenient_format(Cut.of(text)) for text in ("a bus</think> So: <answer>country: Malta", "<answer>x</answer>")]
    [1.0, 0.0]
    """
    said = cut.parts.said
    if cut.parts.unfinished or cut.parts.thought is None:
        return 0.0
    if not any(block.text.strip() for block in answer_blocks(said)):
        return 0.0
    return float((cut.text.endswith(said) and "<|channel|>" not in cut.text) or _answer_last(cut.text))


def _answer_last(text: str) -> bool:
    """Whether the last answer stands behind the end of the last thought."""
    blocks = answer_blocks(text)
    return bool(blocks) and split_thought(text[: blocks[-1].start]).thought is not None


def n_words(text: str | None) -> int:
    """How many words a text has, split at white space; 0 for none."""
    return len((text or "").split())
