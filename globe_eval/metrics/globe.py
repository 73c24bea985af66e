"""What the released code of GLOBE measures, bit for bit, under names that begin with `globe_`.

Source: lingli1996/GLOBE @ cfc439b (Apache-2.0), `examples/train/grpo/globe/eval.py` and `plugin.py`, the code of
Li et al., "Recognition through Reasoning", NeurIPS 2025 (arXiv 2506.14674). These exist to be compared with numbers
from that code. The rule is generous in one place and strict in another: "Niger" is right for "Nigeria", "USA" is wrong
for "United States", "**Paris**" is wrong for "Paris". `country_correct` and `city_correct` are the honest measures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from globe_eval import lazy_re as re

GLOBE_THRESHOLD = 0.7

_BETWEEN = re.compile(r"</think>\s*<answer>")
_COUNTRY = re.compile(r"country:\s*([^\n]+)")
_CITY = re.compile(r"city:\s*([^\n]+)")


def globe_extract(response: str | None, cot: bool = True) -> tuple[str, str]:
    """Country and city as the released evaluation reads them, in lower case; "" where it finds none.

    With `cot` the inside of the first `<answer>…</answer>` is read, or the whole response where there is no such pair;
    without it always the whole response. The labels `country:` and `city:` are found in lower case only, and a label
    at the end of its line takes the next line as its value.

    >>> globe_extract("<think>city: Rome?</think><answer>country: France\\ncity: Paris.</answer>")
    ('france', 'paris.')
    >>> globe_extract("Country: France")
    ('', '')
    """
    text = response or ""
    answer = _first_answer(text) if cot else None
    return _names(text if answer is None else answer)


def globe_match(pred: str, truth: str, threshold: float = GLOBE_THRESHOLD) -> bool:
    """Whether one name contains the other, in any case, and the shorter has at least `threshold` of its length.

    Lengths are those before lower-casing, which lengthens some letters ("İ" becomes two). An empty prediction never
    matches, an empty truth never at a threshold above 0.

    >>> globe_match("niger", "Nigeria"), globe_match("usa", "United States"), globe_match("", "France")
    (True, False, False)
    """
    if not pred:
        return False
    pred_in_truth = pred.lower() in truth.lower() and len(pred) / len(truth) >= threshold
    truth_in_pred = truth.lower() in pred.lower() and len(truth) / len(pred) >= threshold
    return pred_in_truth or truth_in_pred


def globe_country_match(response: str | None, country: str | None) -> float:
    """1.0 where the released evaluation counts the country of a response as right, else 0.0; NaN without a truth.

    An empty string is a truth that nothing matches, as in the released code; None is an unknown truth.

    >>> globe_country_match("country: France", "France"), globe_country_match("country: France", None)
    (1.0, nan)
    """
    return _match_or_nan(globe_extract(response)[0], country)


def globe_city_match(response: str | None, city: str | None) -> float:
    """1.0 where the released evaluation counts the city of a response as right, else 0.0; NaN without a truth.

    >>> globe_city_match("country: USA\\ncity: New York", "New York City")
    0.0
    """
    return _match_or_nan(globe_extract(response)[1], city)


def globe_accuracy(response: str | None, country: str, city: str) -> float:
    """The released training reward `globe_accuracy`: 1.0 for country and city, 0.2 for the country alone, else 0.0.

    The class `GeoLocAccuracyV2ORM`, Eq. 3 of the paper with alpha = 0.8. Unlike the evaluation it reads nothing
    outside `<answer>…</answer>`.

    >>> globe_accuracy("<answer>country: France\\ncity: Lyon</answer>", "France", "Paris")
    0.2
    >>> globe_accuracy("country: France\\ncity: Paris", "France", "Paris")
    0.0
    """
    said_country, said_city = _names(_first_answer(response or "") or "")
    if not globe_match(said_country, country):
        return 0.0
    return 1.0 if globe_match(said_city, city) else 0.2


def globe_visual_match(response: str | None, entities: Sequence[str] | None) -> float:
    """The released training reward `globe_visual_match`: the share of the annotated tags found before `</think>`.

    Tags are compared as lower-cased substrings, so "tree" is found in "street" and "no palm trees" earns "palm tree";
    without a `</think>` the answer counts too; without tags it is 0. In [0, 1], higher is better; None for the entities
    is an unknown annotation and gives NaN. The class `GeoVisalEntityMatching2ORM`: a recall of the tags, where the
    paper's Eq. 2 is a precision of what the reasoning names. For comparison only: a dump of the whole vocabulary gets
    1.0. `grounding_recall` and `grounding_lift` are the honest measures.

    >>> globe_visual_match("<think>a street</think><answer>Bridgetown</answer>", ["tree", "bridge"])
    0.5
    """
    if entities is None:
        return float("nan")
    thought = (response or "").split("</think>")[0].replace("<think>", "").lower()
    tags = {entity.lower() for entity in entities}
    return sum(tag in thought for tag in tags) / len(tags) if tags else 0.0


def globe_format(response: str | None) -> float:
    """The released format reward `external_math_format`: 1.0 for `<think>…</think> <answer>…</answer>`, else 0.0.

    Nothing may stand before the first tag or behind the last, not even a line end; between the two only white space.
    Equal to the released `^<think>.*?</think>\\s*<answer>.*?</answer>(?![\\s\\S])`, in linear time.

    >>> globe_format("<think>a bus</think><answer>x</answer>"), globe_format("<think></think><answer></answer>\\n")
    (1.0, 0.0)
    """
    text = response or ""
    if not (text.startswith("<think>") and text.endswith("</answer>")):
        return 0.0
    between = _BETWEEN.search(text, len("<think>"))
    return float(between is not None and between.end() <= len(text) - len("</answer>"))


GLOBE_LOCATABLE = (
    "Given input image and its location reasoning text, please determine if the image is visually locatable, then "
    "output “yes” or “no” directly.\n"
)
"""The system message of the released reward `globe_locatablity` (sic), of which the user message is the photograph and
the reasoning."""


def globe_locatability(first_token: Mapping[str, float] | None) -> float:
    """The released reward `globe_locatablity`: p(yes) / (p(yes) + p(no) + 1e-19), of the first token of the judgement.

    p sums the spellings yes, Yes, YES and no, No, NO among the likeliest tokens (the released code asks for five). In
    [0, 1], higher is more localizable. NaN where no probabilities are known or neither word is among them; the
    released code gives 0.0 then, as for a photograph that cannot be located.

    >>> import math
    >>> globe_locatability({"yes": math.log(0.6), "Yes": math.log(0.1), "No": math.log(0.2)}).__round__(6)
    0.777778
    """
    yes, no = (
        math.fsum(math.exp(first_token[word]) for word in (name, name.title(), name.upper()) if word in first_token)
        if first_token
        else 0.0
        for name in ("yes", "no")
    )
    return yes / (yes + no + 1e-19) if yes + no else float("nan")


def _first_answer(text: str) -> str | None:
    """The inside of the first `<answer>…</answer>`, stripped; None without a complete pair.

    Equal to the released `<answer>(.*?)</answer>`, which takes quadratic time on a response of many opening tags.
    """
    inside, closing, _ = text.partition("<answer>")[2].partition("</answer>")
    return inside.strip() if closing else None


def _names(text: str) -> tuple[str, str]:
    country, city = _COUNTRY.search(text), _CITY.search(text)
    return country[1].strip().lower() if country else "", city[1].strip().lower() if city else ""


def _match_or_nan(pred: str, truth: str | None) -> float:
    return float("nan") if truth is None else float(globe_match(pred, truth))
