"""One hand for matplotlib: size, colour, type; a light ground that sits well on dark pages.

Chapter: every one with a plot.
Sources: Okabe & Ito 2008 (colours told apart by colour-blind eyes); Tufte 1983.
Real: matplotlib's own style sheets leave size and hatch to the author.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from minidl.viz.frame import ViewError

WIDTH_IN = {"full": 6.4, "half": 3.1}


@dataclass(frozen=True)
class Style:
    """The colours by role and by category; the same as the widgets' light values."""

    current: str = "#0b5cad"
    changed: str = "#8f4300"
    reference: str = "#3d444d"
    rest: str = "#9aa3ad"
    ink: str = "#1f2328"
    ground: str = "#fbfbfa"
    categories: tuple[str, ...] = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
    hatches: tuple[str, ...] = ("", "//", "..", "xx", "\\\\", "--")
    markers: tuple[str, ...] = ("o", "s", "^", "D", "v", "P")
    dashes: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
    magnitude: str = "Blues"
    signed: str = "PuOr"


def style(width: str = "full", height_in: float | None = None) -> Style:
    """Set matplotlib's defaults for one figure (width 6.4 or 3.1 in) and return the colours."""
    if width not in WIDTH_IN:
        raise ViewError(f"a figure is full or half wide, not {width!r}")
    import matplotlib as mpl
    from cycler import cycler

    look = Style()
    wide = WIDTH_IN[width]
    high = height_in or round(wide * 0.58, 2)
    settings: Any = _settings(look, wide, high, cycler)
    mpl.rcParams.update(settings)
    _plain_svg()
    return look


def _settings(look: Style, wide: float, high: float, cycler: Any) -> dict[str, Any]:
    cycle = cycler(color=look.categories, linestyle=look.dashes, marker=look.markers)
    grounds = dict.fromkeys(
        ("figure.facecolor", "axes.facecolor", "savefig.facecolor"), look.ground
    )
    inks = ("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor")
    return {
        **grounds,
        **dict.fromkeys(inks, look.ink),
        "figure.figsize": (wide, high),
        "figure.dpi": 100,
        "savefig.dpi": 100,
        "figure.constrained_layout.use": True,
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.labelsize": 9,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "legend.fontsize": 8,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.8,
        "axes.prop_cycle": cycle,
        "lines.linewidth": 1.6,
        "lines.markersize": 4,
        "hatch.linewidth": 0.6,
        "image.cmap": look.magnitude,
        "grid.color": "#d3d8de",
        "grid.linewidth": 0.6,
        "svg.fonttype": "none",
        "svg.hashsalt": "minidl",
    }


def _plain_svg() -> None:
    """In a notebook: SVG without the date, so that a second run writes the same bytes."""
    if "ipykernel" not in sys.modules:
        return
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    set_matplotlib_formats("svg", metadata={"Date": None, "Creator": None})
