"""`Explorer`: knobs.  One to three parameters, every combination computed beforehand.

Chapter: every one.
Sources: Bret Victor, "Explorable Explanations"; ipywidgets `interact`.
Real: `interact` calls a kernel at each move; a page has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from minidl.viz import codec, markup, scales
from minidl.viz.frame import Frame, ViewError, show, unknown
from minidl.viz.shown import Shown

MAX_ROWS = 512


@dataclass(frozen=True)
class Knob:
    """A parameter: its values in order, what the reader sees it called, its unit."""

    values: Sequence[Any]
    label: str = ""
    unit: str = ""
    start: Any = None


class Explorer(Shown):
    """`params` {name: values or Knob}; `table` a function of them or {values: Frame}.

    `sentence` may hold handles and counters: "with stride {stride} the warp
    touches {sectors} sectors".
    """

    kind = "Explorer"

    def __init__(
        self,
        name: str,
        params: Mapping[str, Sequence[Any] | Knob],
        table: Callable[..., Frame] | Mapping[tuple[Any, ...], Frame],
        *,
        title: str = "",
        sentence: str = "",
    ) -> None:
        self.knobs = {n: k if isinstance(k, Knob) else Knob(list(k)) for n, k in params.items()}
        self._check()
        rows = list(product(*(k.values for k in self.knobs.values())))
        data = [_row(table, tuple(self.knobs), values).data() for values in rows]
        scales.share(data)
        _check_sentence(sentence, self.knobs, data[0])
        knobs = [_knob(n, k) for n, k in self.knobs.items()]
        payload: dict[str, Any] = {"kind": "explorer", "params": knobs, "sentence": sentence}
        payload["frames"] = codec.encode(data)
        first = self._place(knobs)
        static = _static_knobs(knobs) + markup.frame(data[first])
        super().__init__(name, title, payload, static)

    def _check(self) -> None:
        if not 1 <= len(self.knobs) <= 3:
            raise ViewError(f"{len(self.knobs)} parameters; an explorer has one to three")
        rows = 1
        for knob in self.knobs.values():
            rows *= len(knob.values)
        if not 1 <= rows <= MAX_ROWS:
            raise ViewError(f"{rows} combinations; an explorer has 1 to {MAX_ROWS}")

    @staticmethod
    def _place(knobs: list[dict[str, Any]]) -> int:
        at = 0
        for knob in knobs:
            at = at * len(knob["values"]) + knob["start"]
        return at

    @property
    def frames(self) -> list[dict[str, Any]]:
        """Every row of the table as the page decodes it."""
        return codec.decode(self.payload["frames"])


def _row(
    table: Callable[..., Frame] | Mapping[tuple[Any, ...], Frame],
    names: tuple[str, ...],
    values: tuple[Any, ...],
) -> Frame:
    if callable(table):
        return table(**dict(zip(names, values, strict=True)))
    if values not in table:
        raise unknown("row of the table", values, table)
    return table[values]


def _knob(name: str, knob: Knob) -> dict[str, Any]:
    values = list(knob.values)
    if knob.start is not None and knob.start not in values:
        raise unknown(f"value of {name}", knob.start, values)
    start = 0 if knob.start is None else values.index(knob.start)
    shown = [show(v, grouped=False) for v in values]
    label = knob.label or name
    return {"name": name, "label": label, "unit": knob.unit, "values": shown, "start": start}


def _check_sentence(sentence: str, knobs: Mapping[str, Knob], frame: dict[str, Any]) -> None:
    known = [*knobs, *(c["name"] for c in frame["counters"])]
    for i, part in enumerate(sentence.replace("}", "{").split("{")):
        if i % 2 and part not in known:
            raise unknown("parameter or counter", part, known)


def _static_knobs(knobs: list[dict[str, Any]]) -> str:
    parts = [f"{k['label']} = {k['values'][k['start']]} {k['unit']}".strip() for k in knobs]
    return f"<p>{markup.rich(', '.join(parts))}</p>"
