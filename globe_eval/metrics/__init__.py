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
from globe_eval.metrics.formats import lenient_format
from globe_eval.metrics.globe import (
    globe_accuracy,
    globe_city_match,
    globe_country_match,
    globe_extract,
    globe_format,
    globe_locatability,
    globe_match,
    globe_visual_match,
)
from globe_eval.metrics.grounding import ground, idf_recalls, lifts
from globe_eval.metrics.localizability import aurc, auroc, brier, coverage, risk_coverage, selective_accuracy
from globe_eval.metrics.names import city_correct, country_correct, named_cities
from globe_eval.metrics.paired import (
    Paired,
    differences_of_own_means,
    holm,
    paired_difference,
    paired_differences,
)
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
    "Paired",
    "acc_name",
    "aurc",
    "auroc",
    "bootstrap",
    "bootstrap_median",
    "brier",
    "city_correct",
    "cluster_labels",
    "country_correct",
    "coverage",
    "differences_of_own_means",
    "geoscore",
    "globe_accuracy",
    "globe_city_match",
    "globe_country_match",
    "globe_extract",
    "globe_format",
    "globe_locatability",
    "globe_match",
    "globe_visual_match",
    "ground",
    "holm",
    "idf_recalls",
    "interval",
    "lenient_format",
    "lifts",
    "mean_km",
    "median_km",
    "named_cities",
    "paired_difference",
    "paired_differences",
    "per_sample",
    "replicates",
    "resample_counts",
    "risk_coverage",
    "selective_accuracy",
    "summary",
    "valid_only",
    "within",
]
