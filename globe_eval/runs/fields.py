"""What the records of a run are made of: numbers that may be missing, degrees, hashes, and objects that are strict."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Finite = Annotated[
    float | None, BeforeValidator(lambda x: None if isinstance(x, float) and not math.isfinite(x) else x)
]
"""Infinite and undefined figures are null: JSON has no word for them, and 0 would be a lie."""
Share = Annotated[float, Field(ge=0, le=1)] | None
"""A figure of one photograph between 0 and 1, null where it is undefined."""


class Strict(BaseModel):
    """Nothing but what is declared, and nothing changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
