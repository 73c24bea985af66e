"""Metrics: pure functions over arrays, distances in kilometres, a missing value is missing."""

from __future__ import annotations

from globe_eval.metrics.accuracy import (
    THRESHOLDS_KM,
    acc_name,
    geoscore,
    mean_km,
    median_km,
    per_sample,
    summary,
    valid_only,
    within,
)
from globe_eval.metrics.globe import (
    globe_accuracy,
    globe_city_match,
    globe_country_match,
    globe_extract,
    globe_match,
)
from globe_eval.metrics.mentions import (
    Mention,
    Reading,
    asserts,
    asserts_many,
    canonical,
    read,
    with_hypernyms,
)
from globe_eval.metrics.names import city_correct, country_correct, named_cities
from globe_eval.metrics.statistics import (
    bootstrap,
    bootstrap_median,
    cluster_labels,
    interval,
    replicates,
    resample_counts,
)

__all__ = [
    "THRESHOLDS_KM",
    "Mention",
    "Reading",
    "acc_name",
    "asserts",
    "asserts_many",
    "bootstrap",
    "bootstrap_median",
    "canonical",
    "city_correct",
    "cluster_labels",
    "country_correct",
    "geoscore",
    "globe_accuracy",
    "globe_city_match",
    "globe_country_match",
    "globe_extract",
    "globe_match",
    "interval",
    "mean_km",
    "median_km",
    "named_cities",
    "per_sample",
    "read",
    "replicates",
    "resample_counts",
    "summary",
    "valid_only",
    "with_hypernyms",
    "within",
]
