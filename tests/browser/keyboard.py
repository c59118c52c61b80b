"""Hands that only type: solve and fail a puzzle, step a player, turn a knob.

Every move is a key; focus moves by Tab inside the widget, so what Tab cannot reach fails.
What is right, and what the page must reply, comes from Python's judge (`minidl.viz`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from minidl.viz import ask, puzzle

MOST_TABS, MOST_ARROWS = 300, 200
START = """root => { const had = root.getAttribute("tabindex");
  root.setAttribute("tabindex", "-1"); root.focus();
  if (had === null) root.removeAttribute("tabindex"); else root.setAttribute("tabindex", had); }"""
FOCUSED = "node => node === document.activeElement"
BOX = """node => { const b = node.getBoundingClientRect();
  return [b.x + b.width / 2, b.y + b.height / 2]; }"""


def plain(text: str) -> str:
    """Text as the page shows it: no backticks, single spaces."""
    return re.sub(r"\s+", " ", text.replace("`", "")).strip()


def text_of(element: Any) -> str:
    return plain(element.inner_text())


def tab_to(root: Any, target: Any) -> None:
    """Press Tab from the widget's start until the target has the focus."""
    root.evaluate(START)
    node = target.element_handle()  # found once: asking it is ten times as quick
    for _ in range(MOST_TABS):
        if node.evaluate(FOCUSED):
            return
        root.page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {target} inside {root}")


def press(root: Any, target: Any, key: str = "Enter") -> None:
    tab_to(root, target)
    root.page.keyboard.press(key)


def select(root: Any, box: Any, index: int) -> None:
    """Choose an option of a select by Home and arrows."""
    tab_to(root, box)
    root.page.keyboard.press("Home")
    for _ in range(index):
        root.page.keyboard.press("ArrowDown")


def walk_to(root: Any, key: str) -> None:
    """Move the focus among the parts of a panel by arrows until it stands on `key`."""
    target = root.locator(f'[data-key="{key}"][aria-pressed]').element_handle()
    for _ in range(MOST_ARROWS):
        if target.evaluate(FOCUSED):
            return
        here = root.page.evaluate(f"() => ({BOX})(document.activeElement)")
        there = target.evaluate(BOX)
        dx, dy = there[0] - here[0], there[1] - here[1]
        sideways = abs(dx) > abs(dy)
        arrow = ("Right" if dx > 0 else "Left") if sideways else ("Down" if dy > 0 else "Up")
        root.page.keyboard.press(f"Arrow{arrow}")
    raise AssertionError(f"arrows do not reach part {key}")


# ---- answers -----------------------------------------------------------------------------


def digits(place: int, sizes: Sequence[int]) -> list[int]:
    """A place in a table of all answers as one index for each blank or choice."""
    out = []
    for size in reversed(sizes):
        place, digit = divmod(place, size)
        out.insert(0, digit)
    return out


def sizes_of(what: str, spec: dict[str, Any]) -> list[int]:
    if what == "fill":
        return [len(spec["bank"])] * (len(spec["parts"]) - 1)
    return [len(choice["options"]) for choice in spec["choices"]]


def right_answer(what: str, spec: dict[str, Any]) -> Any:
    """The engine's answer, as `give` types it."""
    if what in ("choose", "number", "pick"):
        return spec["answer"]
    if what == "order":
        return puzzle._valid_order(len(spec["items"]), spec["needs"])
    place = spec["accept"][0] if what == "fill" else spec["values"].index(spec["best"])
    return digits(place, sizes_of(what, spec))


def wrong_answers(what: str, spec: dict[str, Any]) -> list[Any]:
    """Every wrong answer that has a reply of its own, and one that has not."""
    if what == "choose":
        return [i for i in range(len(spec["options"])) if i != spec["answer"]]
    if what == "number":
        far = spec["answer"] + 10 * spec["tolerance"] + 7777
        return [value for value, _ in spec["replies"]] + [far]
    if what == "pick":
        return [keys for keys, _ in spec["replies"] if set(keys) != set(spec["answer"])] + [[]]
    if what == "order":
        return [list(range(len(spec["items"])))]
    sizes = sizes_of(what, spec)
    count = 1
    for size in sizes:
        count *= size
    bad = next(p for p in range(count) if not verdict(what, spec, digits(p, sizes))[0])
    return [digits(bad, sizes)]


def verdict(what: str, spec: dict[str, Any], given: Any) -> tuple[bool, str]:
    """What Python's judge says to an answer in `give`'s form."""
    if what == "choose":
        return ask.judge(ask.Ask({**spec, "kind": what}), spec["options"][given]["text"])
    if what in ("number", "pick"):
        return ask.judge(ask.Ask({**spec, "kind": what}), given)
    if what == "order":
        return puzzle.judge_order(spec, given)
    if what == "fill":
        return puzzle.judge_fill(spec, [spec["bank"][i] for i in given])
    options = [c["options"][i] for c, i in zip(spec["choices"], given, strict=True)]
    return puzzle.judge_build(spec, options)


def give(root: Any, what: str, spec: dict[str, Any], answer: Any) -> None:
    """Enter an answer by keyboard."""
    {"choose": _choose, "number": _number, "pick": _pick, "order": _order}.get(what, _selects)(
        root, spec, answer
    )


def _choose(root: Any, spec: dict[str, Any], answer: int) -> None:
    press(root, root.locator(f'button[data-option="{answer}"]'))


def _number(root: Any, spec: dict[str, Any], answer: float) -> None:
    tab_to(root, root.locator(".mdl-number input"))
    root.page.keyboard.press("Control+a")
    root.page.keyboard.type(str(answer))
    root.page.keyboard.press("Enter")


def _pick(root: Any, spec: dict[str, Any], answer: list[str]) -> None:
    pressed = root.locator('[data-key][aria-pressed="true"]')
    chosen = [node.get_attribute("data-key") for node in pressed.all()]
    for key in set(chosen) ^ set(answer):
        tab_to(root, root.locator('[data-key][aria-pressed][tabindex="0"]').first)
        walk_to(root, key)
        root.page.keyboard.press("Space")
    press(root, root.locator(".mdl-picker button").last)


def _order(root: Any, spec: dict[str, Any], answer: list[int]) -> None:
    rows = root.locator(".mdl-order li")
    for place, item in enumerate(answer):
        now = [int(row.get_attribute("data-item")) for row in rows.all()]
        moves = now.index(item) - place
        if moves:
            tab_to(root, rows.nth(now.index(item)).locator('[data-move="up"]'))
        for _ in range(moves):
            root.page.keyboard.press("Enter")
    press(root, root.locator('[data-act="check"]'))


def _selects(root: Any, spec: dict[str, Any], answer: list[int]) -> None:
    boxes = root.locator(".mdl-answer select")
    shift = 1 if "bank" in spec else 0  # a blank has an empty option first
    for i, index in enumerate(answer):
        select(root, boxes.nth(i), index + shift)
    press(root, root.locator('[data-act="check"]'))


# ---- players -----------------------------------------------------------------------------


def caption_of(frame: dict[str, Any]) -> str:
    """A frame's words as its caption shows them."""
    milestone = f"◆ {frame['milestone']} " if frame.get("milestone") else ""
    title = f"{frame['title']} " if frame.get("title") else ""
    return plain(milestone + title + frame.get("caption", ""))


def step_on(root: Any, frame: dict[str, Any]) -> None:
    """One step forward; a question that waits lets pass the second time."""
    place = root.get_attribute("data-frame")
    root.page.keyboard.press("ArrowRight")
    if frame.get("ask") and root.get_attribute("data-frame") == place:
        root.page.keyboard.press("ArrowRight")
