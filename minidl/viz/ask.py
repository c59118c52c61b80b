"""A question: asked by a player before it tells, or by a puzzle.

Chapter: every one.
Sources: BOOK, "each player asks before it tells"; each likely wrong answer has its reply.
Real: concept inventories (Hestenes et al. 1992) build their options from wrong ideas.

choose   one of at most six options, named by their text
number   a number with its unit and tolerance
pick     parts of a panel by their keys (see `panel`)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minidl.viz.frame import ViewError, unknown

MAX_OPTIONS, MAX_WORDS = 6, 20


@dataclass(frozen=True)
class Ask:
    """A question whose answer the engine knows; `data` is what the page gets."""

    data: dict[str, Any]

    @property
    def answer(self) -> Any:
        """The right answer as `judge` takes it: an option's text, a number, or keys."""
        if self.data["kind"] == "choose":
            return self.data["options"][self.data["answer"]]["text"]
        return self.data["answer"]


def choose(
    question: str,
    options: Sequence[str],
    answer: str,
    *,
    replies: Mapping[str, str] | None = None,
    measured: Mapping[str, str] | None = None,
    right: str = "",
    otherwise: str = "",
) -> Ask:
    """One of up to six options; `replies` names the mistake behind each wrong one."""
    if not 2 <= len(options) <= MAX_OPTIONS or len(set(options)) != len(options):
        raise ViewError(f"{len(options)} options; expected 2 to {MAX_OPTIONS} different ones")
    if answer not in options:
        raise unknown("option", answer, options)
    for given in (replies or {}), (measured or {}):
        for key in given:
            if key not in options:
                raise unknown("option", key, options)
    rows = [_option(o, (replies or {}).get(o, ""), (measured or {}).get(o, "")) for o in options]
    data = _data("choose", question, right, otherwise)
    return Ask({**data, "options": rows, "answer": list(options).index(answer)})


def number(
    question: str,
    answer: float,
    unit: str = "",
    *,
    tolerance: float = 0,
    replies: Mapping[float, str] | None = None,
    right: str = "",
    otherwise: str = "",
) -> Ask:
    """A number; right within `tolerance`.  `replies` has a text for each likely wrong one."""
    for wrong in replies or {}:
        if abs(wrong - answer) <= tolerance:
            raise ViewError(f"{wrong} has a reply for wrong answers, but it is right")
    data = _data("number", question, right, otherwise)
    told = [[_plain(k), v] for k, v in (replies or {}).items()]
    limits = {"answer": _plain(answer), "tolerance": tolerance}
    return Ask({**data, **limits, "unit": unit, "replies": told})


def pick(
    question: str,
    panel: str,
    answer: Iterable[Any],
    *,
    only: Iterable[Any] = (),
    replies: Mapping[Any, str] | None = None,
    right: str = "",
    otherwise: str = "",
) -> Ask:
    """Parts of the panel titled `panel`, by key; a key may be a tuple (row, column)."""
    data = _data("pick", question, right, otherwise)
    told = [[_keys(k if isinstance(k, frozenset) else [k]), v] for k, v in (replies or {}).items()]
    keys = {"answer": _keys(answer), "only": _keys(only)}
    if not keys["answer"]:
        raise ViewError("nothing to pick: the answer is empty")
    return Ask({**data, "panel": panel, **keys, "replies": told})


def judge(ask: Ask, given: Any) -> tuple[bool, str]:
    """What the page says to an answer: whether it is right, and the reply (as `ask.js`)."""
    d = ask.data
    if d["kind"] == "choose":
        texts = [o["text"] for o in d["options"]]
        i = texts.index(given)
        ok = i == d["answer"]
        words = d["options"][i]["reply"] or (d["right"] if ok else d["otherwise"] or "No.")
        measured = d["options"][i]["measured"]
        return ok, f"{words} ({measured})" if measured else words
    if d["kind"] == "number":
        return _judge_number(d, float(given))
    return _judge_pick(d, _keys(given))


def _judge_number(d: dict[str, Any], given: float) -> tuple[bool, str]:
    near = [abs(given - x) <= d["tolerance"] + 1e-12 for x in (d["answer"], *_firsts(d))]
    if near[0]:
        return True, d["right"]
    if any(near[1:]):
        return False, d["replies"][near.index(True, 1) - 1][1]
    size = "large" if given > d["answer"] else "small"
    said = int(given) if given == int(given) else given
    return False, d["otherwise"] or f"{said} is too {size}."


def _judge_pick(d: dict[str, Any], given: list[str]) -> tuple[bool, str]:
    right, chosen = set(d["answer"]), set(given)
    if right == chosen:
        return True, d["right"]
    for keys, reply in d["replies"]:
        if set(keys) == chosen:
            return False, reply
    for keys, reply in d["replies"]:
        if len(keys) == 1 and keys[0] in chosen - right:
            return False, reply
    hits = len(right & chosen)
    missing = len(right) - hits
    tally = f"{hits} of your {len(chosen)} are right; {missing} more are missing."
    return False, d["otherwise"] or tally


def _firsts(d: dict[str, Any]) -> list[float]:
    return [r[0] for r in d["replies"]]


def _data(kind: str, question: str, right: str, otherwise: str) -> dict[str, Any]:
    return {"kind": kind, "question": question, "right": right, "otherwise": otherwise}


def _option(text: str, reply: str, measured: str) -> dict[str, str]:
    return {"text": text, "reply": reply, "measured": measured}


def _plain(value: Any) -> float | int:
    value = value.item() if hasattr(value, "item") else value
    return int(value) if float(value).is_integer() else float(value)


def _keys(places: Iterable[Any]) -> list[str]:
    return [",".join(map(str, p)) if isinstance(p, tuple) else str(p) for p in places]
