"""Horizontal bars as SVG: one group a cell, one bar a contender, on a logarithmic scale."""

import math
from html import escape

COLOURS = {"tidelog": "#0a7f8f", "tidelog-full": "#5bb3bd", "tidelog-fsync": "#0a7f8f", "kafka": "#e07b39",
           "kafka-flush1": "#b04a10", "floor": "#8a8f98", "stub": "#c3c7cd", "disk": "#8a8f98"}
OTHER = "#7a5cc0"
BAR, GAP, LEFT, WIDE, TOP = 13, 10, 250, 560, 46


def text(x, y, words, anchor="start", size=11, weight="normal"):
    return (f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}">'
            f"{escape(words)}</text>")


def bars(title, groups):
    """`groups` is {cell: {contender: value}}."""
    values = [value for each in groups.values() for value in each.values() if value > 0]
    if not values:
        return f'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="40">{text(10, 24, f"no {title}")}</svg>\n'
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)) + 1e-9)

    def across(value):
        return LEFT + WIDE * (math.log10(max(value, 10**low)) - low) / max(high - low, 1)

    y, parts = TOP, []
    for cell, each in groups.items():
        parts.append(text(LEFT - 8, y + BAR * len(each) / 2 + 4, cell, "end"))
        for contender, value in each.items():
            length = max(across(value) - LEFT, 1)
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 2}" '
                         f'fill="{COLOURS.get(contender, OTHER)}"/>')
            parts.append(text(LEFT + length + 4, y + BAR - 3, f"{value:.3g} {contender}", size=9))
            y += BAR
        y += GAP
    lines = []
    for power in range(low, high + 1):
        x = across(10.0**power)
        lines.append(f'<line x1="{x:.0f}" y1="{TOP - 6}" x2="{x:.0f}" y2="{y}" stroke="#dddddd"/>')
        lines.append(text(x, TOP - 10, f"{10.0**power:g}", "middle", 9))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDE + 150}" height="{y + 10}" font-family="sans-serif">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', text(10, 18, title, size=14, weight="bold"),
                      *lines, *parts, "</svg>"]) + "\n"
