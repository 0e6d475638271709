"""Draw CPU seconds against a size on two logarithmic axes, as an SVG file for the docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

COLOURS = ("#0b5fa5", "#b3541e", "#2e7d32", "#6a3d9a")


def plot(
    sizes: Sequence[int], seconds: Mapping[str, Sequence[float]], title: str, size: str
) -> str:
    """Draw one line per work.

    Parameters
    ----------
    sizes : sequence of int
        Ascending.
    seconds : mapping of str to sequence of float
        CPU seconds by work; a line that is shorter than the sizes ends early.
    title, size : str
        What is drawn, and what the sizes count.
    """
    width, height, left, top = 640, 360, 70, 20
    low, high = -3, 2
    first, last = np.log10(sizes[0]), np.log10(sizes[-1])

    def x(n: float) -> float:
        return left + (np.log10(n) - first) / (last - first) * (width - left - 170)

    def y(s: float) -> float:
        return top + (high - np.log10(s)) / (high - low) * (height - top - 50)

    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'font-family="sans-serif" font-size="12">'
    )
    grid = [
        f'<line x1="{left}" x2="{x(sizes[-1]):.0f}" y1="{y(10.0**power):.1f}" '
        f'y2="{y(10.0**power):.1f}" stroke="#d0d0d0"/>'
        f'<text x="{left - 8}" y="{y(10.0**power) + 4:.1f}" text-anchor="end">'
        f"{10.0**power:g} s</text>"
        for power in range(low, high + 1)
    ]
    ticks = [
        f'<text x="{x(n):.1f}" y="{height - 28}" text-anchor="middle">{n:,}</text>' for n in sizes
    ]
    heading = f"<title>{title}</title>"
    ground = f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    parts = [head, heading, ground, *grid, *ticks]
    parts.append(
        f'<text x="{(left + x(sizes[-1])) / 2:.0f}" y="{height - 8}" text-anchor="middle">'
        f"{size}</text>"
    )
    for (name, values), colour in zip(seconds.items(), COLOURS, strict=False):
        line = " ".join(f"{x(n):.1f},{y(s):.1f}" for n, s in zip(sizes, values, strict=False))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        end, level = x(sizes[len(values) - 1]) + 8, y(values[-1]) + 4
        parts.append(f'<text x="{end:.1f}" y="{level:.1f}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])
