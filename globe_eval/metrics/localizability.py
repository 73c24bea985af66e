"""Whether a model knows when it can locate a photograph: its own confidence against what became of its answer.

A confidence p in [0, 1] is what the model thinks of its chance (`localizability` says where it comes from). The
outcome y is True where the answer lay within 25 or 200 km, or where the benchmark says that it can be located at all.
Refusing is a judgement too: not localizable, p = 0. An answer that states no confidence claims to be right: p = 1.

The AUROC tells whether the confidences rank the photographs rightly, the Brier score whether they are probabilities,
AURC and the coverage what is gained by abstaining. There is no expected calibration error here: a model that always
states the base rate has almost none and knows nothing.

The functions below take `confidence` and `outcome`, both of shape (n,), and leave pairs with a NaN out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np
import numpy.typing as npt

from globe_eval.sample import Answer, Localizability, Source

Floats = npt.NDArray[np.float64]

SOURCES: tuple[Source, ...] = get_args(Source)

RISK = 0.2
"""The share of wrong answers that coverage allows."""

_BLOCK = 4_000_000
"""How many weights are worked on at once."""


def localizability(answer: Answer) -> Localizability | None:
    """The model's own judgement of one photograph; None where the response is none (empty, cut off, unreadable).

    In this order: the probability of "yes" that the back end gave for GLOBE's yes/no question; a refusal (0); a stated
    confidence, which beside "localizable: no" is one in the no where it exceeds one half; a bare yes (1) or no (0); and
    that the model answered at all (1).

    >>> localizability(Answer(city="Paris", stated_confidence=0.7, status="answered"))
    Localizability(confidence=0.7, localizable=True, source='stated')
    >>> localizability(Answer(city="Paris", stated_localizable=False, stated_confidence=0.75, status="answered"))
    Localizability(confidence=0.25, localizable=False, source='stated')
    >>> localizability(Answer(status="refused"))
    Localizability(confidence=0.0, localizable=False, source='refused')
    """
    found = _confidence(answer)
    return None if found is None else Localizability(found[0], found[0] >= 0.5, found[1])


def _confidence(answer: Answer) -> tuple[float, Source] | None:
    if answer.p_yes is not None:
        return answer.p_yes, "probability"
    if answer.status == "refused":
        return 0.0, "refused"
    stated, localizable = answer.stated_confidence, answer.stated_localizable
    if stated is not None:
        return (min(stated, 1 - stated) if localizable is False else stated), "stated"
    if localizable is not None:
        return float(localizable), "judged"
    return (1.0, "answered") if answer.status == "answered" else None


def auroc(confidence: npt.ArrayLike, outcome: npt.ArrayLike) -> float:
    """Area under the ROC curve: how likely a located photograph has the higher confidence; ties count one half.

    In [0, 1], higher is better, 0.5 for a constant; NaN where all outcomes are alike. The Mann-Whitney statistic,
    equal to scikit-learn's `roc_auc_score`.

    >>> auroc([0.9, 0.8, 0.8, 0.1], [1, 1, 0, 0]), auroc([0.5, 0.6], [1, 1])
    (0.875, nan)
    """
    return float(ranked(confidence, outcome)[0])


def risk_coverage(confidence: npt.ArrayLike, outcome: npt.ArrayLike) -> list[tuple[float, float]]:
    """The curve: (coverage, risk) at each distinct confidence, from the most confident on; empty without any pair.

    >>> risk_coverage([0.9, 0.8, 0.8], [1, 1, 0])
    [(0.3333333333333333, 0.0), (1.0, 0.3333333333333333)]
    """
    p, y = np.asarray(confidence, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    here = ~(np.isnan(p) | np.isnan(y))
    p, y = p[here], y[here]
    if not len(p):
        return []
    order, ends = _groups(p)
    answered, wrong = ends + 1, np.cumsum(1 - y[order])[ends]
    return [(float(c), float(r)) for c, r in zip(answered / len(p), wrong / answered, strict=True)]


def ranked(
    confidence: npt.ArrayLike, outcome: npt.ArrayLike, weights: npt.ArrayLike | None = None, *, risk: float = RISK
) -> Floats:
    """AUROC, AURC and coverage, each photograph counting as often as its weight says; shape (3,), or (rows, 3).

    AURC, the area under the risk-coverage curve (El-Yaniv & Wiener, JMLR 2010; Geifman & El-Yaniv, NIPS 2017), is the
    mean, over k = 1 … n, of the share wrong among the k most confident; lower is better. Equal confidences are taken in
    random order, of which the expectation is computed exactly. Coverage is the largest share of photographs that can be
    answered with at most `risk` of the answers wrong: the most confident ones, those of equal confidence together or
    not at all, for nobody could choose among them. All three lie in [0, 1]; NaN without any pair, and as `auroc`.

    Args:
        confidence: (n,); a pair with a NaN weighs nothing.
        outcome: (n,), 0 or 1.
        weights: whole numbers, (n,) or (rows, n): a row a resample of the photographs. None counts each once.
        risk: the share of wrong answers that coverage allows.

    >>> ranked([0.9, 0.8, 0.1], [1, 1, 0]).round(4).tolist(), ranked([0.5, 0.5, 0.5], [1, 1, 0]).round(4).tolist()
    ([1.0, 0.1111, 0.6667], [0.5, 0.3333, 0.0])
    """
    every = np.asarray(confidence, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    here = ~(np.isnan(every[0]) | np.isnan(every[1]))
    p, y = every[0][here], every[1][here]
    given = np.ones((1, len(here))) if weights is None else np.atleast_2d(np.asarray(weights, dtype=np.float64))
    result = np.full((len(given), 3), np.nan)
    if len(p):
        order, ends = _groups(p)
        starts = np.concatenate([[0], ends[:-1] + 1])
        columns, right = np.flatnonzero(here)[order], y[order] > 0
        harmonic = _harmonic(given.sum(axis=1).max(initial=0))
        at_once = max(1, _BLOCK // len(p))
        for first in range(0, len(given), at_once):
            drawn = given[first : first + at_once, columns]
            in_all = np.add.reduceat(drawn, starts, axis=1)
            wrong = np.add.reduceat(np.where(right, 0.0, drawn), starts, axis=1)
            result[first : first + at_once] = _statistics(in_all, wrong, harmonic, risk)
    return result[0] if weights is None or np.ndim(weights) == 1 else result


def ranked_groups(
    confidence: npt.ArrayLike, outcome: npt.ArrayLike, groups: npt.NDArray[np.intp], counts: Floats
) -> Floats:
    """`ranked` of resamples by group, from how often each drew each group; shape (rows, 3), to the last bit the same.

    Args:
        confidence, outcome: (n,), no NaN.
        groups: (n,) the number of each photograph's group, as columns of `counts`.
        counts: whole numbers, (rows, n_groups).

    Photographs of one group and one confidence are counted together, which is much faster where confidences are few.
    """
    p, y = np.asarray(confidence, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    distinct, which = np.unique(-p, return_inverse=True)
    cells, shape = groups * len(distinct) + which, (counts.shape[1], len(distinct))
    together, missed = (
        np.bincount(cells, weights, minlength=shape[0] * shape[1]).reshape(shape) for weights in (None, y <= 0)
    )
    in_all = counts @ together
    return _statistics(in_all, counts @ missed, _harmonic(in_all.sum(axis=1).max(initial=0)), RISK)


def _harmonic(n: float) -> Floats:
    """The harmonic numbers from 0 to n."""
    return np.concatenate([[0.0], np.cumsum(1 / np.arange(1, int(n) + 1))])


def _statistics(in_all: Floats, wrong: Floats, harmonic: Floats, risk: float) -> Floats:
    """The three statistics of each row, from how many photographs each confidence has and how many of them are wrong.

    Within a group of g equal confidences, of which a share w is wrong, after n of which e were wrong, the expected risk
    after t more is (e + t w) / (n + t) = w + (e - n w) / (n + t): summed over t by harmonic numbers.
    """
    answered, missed = np.cumsum(in_all, axis=1), np.cumsum(wrong, axis=1)
    n, all_wrong = answered[:, -1], missed[:, -1]
    before, missed_before = answered - in_all, missed - wrong
    with np.errstate(invalid="ignore", divide="ignore"):
        pairs = ((in_all - wrong) * (all_wrong[:, None] - missed + wrong / 2)).sum(axis=1)
        auroc = pairs / ((n - all_wrong) * all_wrong)
        share = np.where(in_all > 0, wrong / in_all, 0.0)
        later = harmonic[answered.astype(np.intp)] - harmonic[before.astype(np.intp)]
        aurc = (in_all * share + (missed_before - before * share) * later).sum(axis=1) / n
        allowed = (missed <= risk * answered + 1e-9) & (answered > 0)
        coverage = np.where(allowed, answered, 0.0).max(axis=1) / n
    return np.column_stack([auroc, aurc, coverage])


def _groups(p: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The photographs from the most confident on, and the place in that order where each distinct confidence ends."""
    order = np.argsort(-p, kind="stable")
    return order, np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)


def thinned(curve: Sequence[tuple[float, float]], most: int = 100) -> list[tuple[float, float]]:
    """At most `most` points of a curve, evenly chosen, the first and the last among them; what a plot needs."""
    if len(curve) <= most:
        return list(curve)
    return [curve[round(i * (len(curve) - 1) / (most - 1))] for i in range(most)]
