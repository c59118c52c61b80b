"""`Puzzle`: the reader's move.  A question whose whole answer space the engine has judged.

Chapter: every one ("Your turn").
Sources: BOOK, "Puzzle kinds"; srush's puzzles.
Real: auto-graders say right or wrong; each likely mistake has its own reply here.

choose, number, pick   a plain question (`ask`), number also with variants
order                  lines, judged by what needs what: every valid order is right
fill                   blanks from a bank of tokens
build                  a small choice per edge, buffer, layer: measured beforehand
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from minidl.viz import ask, markup, scales
from minidl.viz.ask import Ask
from minidl.viz.frame import Panel, ViewError, show, unknown
from minidl.viz.shown import Shown

MAX_ANSWERS = 4096
Hints = Sequence[str]


class Puzzle(Shown):
    """One question on the page; make it by `Puzzle.choose`, `.number`, `.pick`, …

    Common arguments: `panels` are drawn above the answers; `hints` are up to
    three layers (nudge, plan, full answer); `right` is said after the right answer.
    """

    kind = "Puzzle"

    def __init__(
        self, name: str, title: str, what: str, variants: list[dict[str, Any]], answer: str
    ) -> None:
        for one in variants:
            one["panels"] = [dict(p) for p in one.get("panels", ())]
            if not 0 < len(one["hints"]) <= 3:
                raise ViewError(f"{len(one['hints'])} hints; a puzzle has one to three layers")
            scales.share([one])
        payload = {"kind": "puzzle", "puzzle": what, "variants": variants}
        super().__init__(name, title, payload, _static(variants[0], answer))

    @property
    def variants(self) -> list[dict[str, Any]]:
        """The question and everything judged about it, as the page gets it."""
        return list(self.payload["variants"])

    def judge(self, given: Any, variant: int = 0) -> tuple[bool, str]:
        """Verdict and reply, as the page gives them.

        `given`: an option's text, a number, keys, the order of item indices, the
        tokens of the blanks, or the options chosen.
        """
        spec, what = self.variants[variant], self.payload["puzzle"]
        if what in ("choose", "number", "pick"):
            return ask.judge(Ask(spec), given)
        judges: dict[str, Callable[[dict[str, Any], Any], tuple[bool, str]]]
        judges = {"order": judge_order, "fill": judge_fill, "build": judge_build}
        return judges[what](spec, given)

    @classmethod
    def choose(
        cls,
        name: str,
        question: str,
        options: Sequence[str],
        answer: str,
        *,
        hints: Hints,
        replies: Mapping[str, str],
        measured: Mapping[str, str] | None = None,
        right: str = "",
        panels: Sequence[Panel] = (),
        title: str = "Your turn",
    ) -> Puzzle:
        """One of up to six options; every wrong one has its own reply."""
        made = ask.choose(
            question, options, answer, replies=replies, measured=measured, right=right
        )
        for option in options:
            if option != answer and not replies.get(option):
                raise ViewError(f"the wrong option {option!r} has no reply of its own")
        spec = made.data | {"hints": list(hints), "panels": panels}
        return cls(name, title, "choose", [spec], answer)

    @classmethod
    def number(
        cls,
        name: str,
        question: str,
        answer: float,
        unit: str = "",
        *,
        hints: Hints,
        replies: Mapping[float, str] | None = None,
        tolerance: float = 0,
        right: str = "",
        panels: Sequence[Panel] = (),
        variants: Iterable[Mapping[str, Any]] = (),
        title: str = "Your turn",
    ) -> Puzzle:
        """A number; `variants` are dicts with other values for any of these arguments."""
        base: dict[str, Any] = {"question": question, "answer": answer, "unit": unit}
        base |= {"hints": hints, "replies": replies, "tolerance": tolerance, "right": right}
        base["panels"] = panels
        specs = [_number_spec(base | dict(v)) for v in ({}, *variants)]
        return cls(name, title, "number", specs, f"{show(answer)} {unit}".strip())

    @classmethod
    def pick(
        cls,
        name: str,
        question: str,
        panel: Panel,
        answer: Iterable[Any],
        *,
        hints: Hints,
        only: Iterable[Any] = (),
        replies: Mapping[Any, str] | None = None,
        right: str = "",
        others: Sequence[Panel] = (),
        title: str = "Your turn",
    ) -> Puzzle:
        """Parts of a panel: lines, lanes, cells, rows, edges, nodes, spans, bars."""
        named = {**panel, "title": panel["title"] or panel["kind"]}
        made = ask.pick(question, named["title"], answer, only=only, replies=replies, right=right)
        there = keys_of(panel)
        for key in (*made.data["answer"], *made.data["only"]):
            if key not in there:
                raise unknown(f"part of the {panel['kind']} panel", key, there)
        spec = made.data | {"hints": list(hints), "panels": [named, *others]}
        return cls(name, title, "pick", [spec], ", ".join(made.data["answer"]))

    @classmethod
    def order(
        cls,
        name: str,
        question: str,
        items: Sequence[str],
        needs: Mapping[int, Iterable[int]],
        *,
        hints: Hints,
        replies: Mapping[tuple[int, int], str] | None = None,
        right: str = "",
        lang: str = "text",
        panels: Sequence[Panel] = (),
        title: str = "Your turn",
    ) -> Puzzle:
        """Lines as shown first (not in order); `needs[i]` are the items that stand before i."""
        pairs = [[i, j] for i, before in needs.items() for j in before]
        spec: dict[str, Any] = {"question": question, "items": list(items), "needs": pairs}
        spec["replies"] = [[i, j, text] for (i, j), text in (replies or {}).items()]
        spec |= {"right": right, "lang": lang, "hints": list(hints), "panels": panels}
        order = _valid_order(len(items), pairs)
        if judge_order(spec, range(len(items)))[0]:
            raise ViewError("the lines stand in a valid order already")
        return cls(name, title, "order", [spec], "\n".join(items[i] for i in order))

    @classmethod
    def fill(
        cls,
        name: str,
        question: str,
        template: str,
        bank: Sequence[str],
        accept: Callable[..., bool] | Iterable[Sequence[str]],
        *,
        hints: Hints,
        replies: Mapping[tuple[int, str], str] | None = None,
        right: str = "",
        otherwise: str = "",
        panels: Sequence[Panel] = (),
        title: str = "Your turn",
    ) -> Puzzle:
        """`template` has `___` for each blank; `accept` judges the tokens (the engine does)."""
        parts = template.split("___")
        answers = _space([bank] * (len(parts) - 1))
        good = accept if callable(accept) else _member(accept)
        right_ones = [i for i, tokens in enumerate(answers) if good(*tokens)]
        if not right_ones:
            raise ViewError("no filling is accepted, the puzzle has no answer")
        told = [[blank, list(bank).index(t), text] for (blank, t), text in (replies or {}).items()]
        spec = {"question": question, "parts": parts, "bank": list(bank), "accept": right_ones}
        spec |= {"replies": told, "right": right, "otherwise": otherwise}
        spec |= {"hints": list(hints), "panels": panels}
        filled = _filled(parts, answers[right_ones[0]])
        return cls(name, title, "fill", [spec], filled)

    @classmethod
    def build(
        cls,
        name: str,
        question: str,
        choices: Mapping[str, Sequence[str]],
        measure: Callable[..., Any],
        *,
        target: float,
        unit: str,
        hints: Hints,
        goal: str = "least",
        right: str = "",
        panels: Sequence[Panel] = (),
        title: str = "Your turn",
    ) -> Puzzle:
        """A choice per edge, buffer, layer.  `measure(*options)` is a number, or
        (number, note), or (None, why it is not allowed)."""
        answers = _space(list(choices.values()))
        measured = [_measured(measure(*a)) for a in answers]
        values = [v for v, _ in measured]
        best = _check_build(values, target, goal)
        notes = sorted({n for _, n in measured})
        spec: dict[str, Any] = {"question": question, "goal": goal, "target": target, "unit": unit}
        spec["choices"] = [{"label": k, "options": list(v)} for k, v in choices.items()]
        spec |= {"values": values, "best": best, "notes": notes, "right": right}
        spec |= {"note_of": [notes.index(n) for _, n in measured]}
        spec |= {"hints": list(hints), "panels": panels}
        how = ", ".join(answers[values.index(best)])
        return cls(name, title, "build", [spec], f"{how}: {best} {unit}")


def keys_of(panel: Panel) -> list[str]:
    """The keys by which the parts of a panel are picked."""
    kind = panel["kind"]
    if kind == "code":
        return [str(panel["start"] + i) for i in range(len(panel["lines"]))]
    if kind == "grid":
        return [f"{r},{c}" for r, row in enumerate(panel["cells"]) for c in range(len(row))]
    if kind == "table":
        return [str(r) for r in range(len(panel["rows"]))]
    if kind == "graph":
        edges = [f"{e['from']}>{e['to']}" for e in panel["edges"]]
        return [n["id"] for n in panel["nodes"]] + edges
    if kind == "timeline":
        return [s["id"] for lane in panel["lanes"] for s in lane["spans"]]
    return [r["label"] for r in panel["rows"]] if kind == "bars" else []


def judge_order(spec: dict[str, Any], given: Sequence[int]) -> tuple[bool, str]:
    """Whether every item stands after what it needs."""
    place = {item: i for i, item in enumerate(given)}
    for i, j in spec["needs"]:
        if place[i] < place[j]:
            own = [r[2] for r in spec["replies"] if r[:2] == [i, j]]
            items = spec["items"]
            return False, own[0] if own else f"`{items[i]}` needs `{items[j]}` before it."
    return True, spec["right"]


def judge_fill(spec: dict[str, Any], given: Sequence[str]) -> tuple[bool, str]:
    """Whether the engine accepts these tokens."""
    at = [spec["bank"].index(t) for t in given]
    if _place(at, [len(spec["bank"])] * len(at)) in spec["accept"]:
        return True, spec["right"]
    own = [text for blank, token, text in spec["replies"] if at[blank] == token]
    return False, own[0] if own else spec["otherwise"] or "The engine rejects this one."


def judge_build(spec: dict[str, Any], given: Sequence[str]) -> tuple[bool, str]:
    """What the engine measured for this choice, against the goal."""
    at = [c["options"].index(g) for c, g in zip(spec["choices"], given, strict=True)]
    place = _place(at, [len(c["options"]) for c in spec["choices"]])
    value, note = spec["values"][place], spec["notes"][spec["note_of"][place]]
    if value is None:
        return False, note or "The engine refuses this choice."
    ok = value <= spec["target"] if spec["goal"] == "least" else value >= spec["target"]
    return ok, f"{value} {spec['unit']}. {note}".strip()


def _number_spec(given: dict[str, Any]) -> dict[str, Any]:
    keys = ("tolerance", "replies", "right")
    extra = {k: given[k] for k in keys}
    made = ask.number(given["question"], given["answer"], given["unit"], **extra)
    return made.data | {"hints": list(given["hints"]), "panels": given["panels"]}


def _space(options: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """All answers, in mixed-radix order; at most 4,096."""
    size = 1
    for o in options:
        size *= len(o)
    if not 1 < size <= MAX_ANSWERS:
        raise ViewError(f"{size} possible answers; the engine judges 2 to {MAX_ANSWERS}")
    return list(product(*options))


def _place(at: Sequence[int], sizes: Sequence[int]) -> int:
    place = 0
    for digit, size in zip(at, sizes, strict=True):
        place = place * size + digit
    return place


def _member(accepted: Iterable[Sequence[str]]) -> Callable[..., bool]:
    right = {tuple(a) for a in accepted}
    return lambda *tokens: tokens in right


def _measured(value: Any) -> tuple[float | int | None, str]:
    number, note = value if isinstance(value, tuple) else (value, "")
    if number is None:
        return None, note
    plain = float(f"{float(number):.6g}")
    return (int(number) if plain == int(number) else plain), note


def _check_build(values: list[float | int | None], target: float, goal: str) -> float | int:
    """The best value; the goal is reached by at least one and at most a fifth of the choices."""
    if goal not in ("least", "most"):
        raise ViewError(f"a goal is least or most, not {goal!r}")
    allowed = [v for v in values if v is not None]
    reached = [v for v in allowed if (v <= target if goal == "least" else v >= target)]
    if not reached or 5 * len(reached) > len(values):
        raise ViewError(
            f"target {target} is reached by {len(reached)} of {len(values)} choices",
            hint="choose a target that at least one and at most a fifth of them reach",
        )
    return min(allowed) if goal == "least" else max(allowed)


def _valid_order(count: int, pairs: list[list[int]]) -> list[int]:
    left, order = list(range(count)), list[int]()
    while left:
        free = [i for i in left if all(j in order for a, j in pairs if a == i)]
        if not free:
            raise ViewError(f"items {left} need each other in a circle")
        order.append(free[0])
        left.remove(free[0])
    return order


def _filled(parts: list[str], tokens: Sequence[str]) -> str:
    return parts[0] + "".join(t + p for t, p in zip(tokens, parts[1:], strict=True))


def _static(spec: dict[str, Any], answer: str) -> str:
    """Question, panels, options; the answer in a fold."""
    panels = "".join(markup.panel(p) for p in spec["panels"])
    given = [o["text"] for o in spec.get("options", [])] or spec.get("items", [])
    options = "".join(f"<li>{markup.rich(o)}</li>" for o in given)
    listed = f"<ul>{options}</ul>" if options else ""
    blanks = f"<pre>{markup.escape('______'.join(spec['parts']))}</pre>" if "parts" in spec else ""
    said = (
        f"<pre>{markup.escape(answer)}</pre>" if "\n" in answer else f"<p>{markup.rich(answer)}</p>"
    )
    right = f"<p>{markup.rich(spec['right'])}</p>" if spec["right"] else ""
    fold = f"<details><summary>Answer</summary>{said}{right}</details>"
    return f"<p>{markup.rich(spec['question'])}</p>{panels}{blanks}{listed}{fold}"
