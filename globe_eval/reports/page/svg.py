"""Builds SVG elements: text and attributes are always escaped, colours come from the page's style."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup, escape


def element(name: str, *children: object, **attributes: object) -> Markup:
    """An element. `class_` is class, other underscores are hyphens; None is left out, numbers have two decimals.

    >>> element("text", "a < b", x=1.0, class_="soft", text_anchor="end")
    Markup('<text x="1" class="soft" text-anchor="end">a &lt; b</text>')
    """
    given = Markup("").join(
        Markup(' {}="{}"').format(Markup(_attribute(key)), number(value) if isinstance(value, float) else value)
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup("").join(escape(child) for child in children if child is not None)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), given, inside)


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-") if key != "viewBox" else key


def number(value: float) -> str:
    """A number with at most two decimals and no trailing zeros.

    >>> number(3.0), number(0.126), number(-0.0)
    ('3', '0.13', '0')
    """
    return f"{round(value, 2) + 0.0:.10g}"


def path(xs: Sequence[float], ys: Sequence[float], **attributes: object) -> Markup:
    """A line through points."""
    points = "L".join(f"{number(x)} {number(y)}" for x, y in zip(xs, ys, strict=True))
    return element("path", d=f"M{points}" if points else None, fill="none", **attributes)


def linear(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """A scale from values to units of the drawing."""
    return lambda value: start + (value - low) / (high - low) * (end - start)


def logarithmic(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """A logarithmic scale; values outside are clamped to its ends."""
    inner = linear(math.log10(low), math.log10(high), start, end)
    return lambda value: inner(math.log10(min(max(value, low), high)))


def drawing(width: float, height: float, *children: object, title: str, description: str, name: str) -> Markup:
    """A picture with a text alternative; `name` is unlike any other on the page."""
    return element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", description, id=f"{name}-desc"),
        *children,
        viewBox=f"0 0 {number(width)} {number(height)}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )
