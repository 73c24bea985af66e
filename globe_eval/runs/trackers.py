"""Figures sent to W&B or Trackio through lm-eval's loggers."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Literal

from globe_eval.errors import InputError, reason_of

Tracker = Literal["wandb", "trackio"]


def send(tracker: Tracker, found: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Log a result through lm-eval's logger, `arguments` being those of `wandb.init` or `trackio.init`.

    Figures, settings and the results JSON; no samples. Raises InputError where the tracker is not installed.
    """
    if find_spec(tracker) is None:
        raise InputError(f"--to {tracker}: {tracker} is not installed; pip install 'globe-eval[track]'")
    try:
        _log(tracker, found, arguments)
    except Exception as error:  # not logged in, no network, an argument that the tracker does not know
        raise InputError(f"--to {tracker}: {reason_of(error)}") from error


def _log(tracker: Tracker, found: dict[str, Any], arguments: dict[str, Any]) -> None:
    from lm_eval import loggers

    if tracker == "wandb":
        wandb = loggers.WandbLogger(init_args=arguments)
        wandb.post_init(found)
        wandb.log_eval_result()
        wandb.run.finish()
    else:
        trackio = loggers.TrackioLogger(init_args=arguments)
        trackio.post_init(found)
        trackio.log_eval_result()
        trackio.finish()
