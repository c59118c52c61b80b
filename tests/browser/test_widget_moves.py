"""Puzzles solved and failed by keyboard alone, and the stack explorer, in a real browser."""

from __future__ import annotations

import pytest

from tests.browser.test_widgets import bases, folder, jump, shown, tab_to, widget  # noqa: F401
from tests.viz.test_puzzles import PUZZLES


def choose(page, root, option):
    tab_to(page, root, f"[data-option='{option}']")
    page.keyboard.press("Enter")


def number(page, root, text):
    tab_to(page, root, "input")
    page.keyboard.press("Control+a")
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def pick(page, root, keys):
    """Toggle parts, walking with the arrow keys from the first."""
    for key in keys:
        tab_to(page, root, "[data-key][tabindex='0']")
        for arrow in ("ArrowUp", "ArrowLeft") * 8:
            page.keyboard.press(arrow)
        for _ in range(12):
            here = page.evaluate("() => document.activeElement.dataset.key")
            if here == key:
                break
            down = "," not in key or here.split(",")[0] != key.split(",")[0]
            page.keyboard.press("ArrowDown" if down else "ArrowRight")
        page.keyboard.press("Space")
    tab_to(page, root, ".mdl-picker button")
    page.keyboard.press("Enter")


def order(page, root, moves):
    """`moves` are (place, "up" or "down")."""
    for place, way in moves:
        tab_to(page, root, f"li:nth-child({place}) [data-move={way}]")
        page.keyboard.press("Enter")
    tab_to(page, root, "[data-act=check]")
    page.keyboard.press("Enter")


def select(page, root, choices):
    """Set each list by typing the start of an option's name."""
    for i, text in enumerate(choices):
        tab_to(page, root, f"select >> nth={i}")
        page.keyboard.type(text)
    tab_to(page, root, "[data-act=check]")
    page.keyboard.press("Enter")


MOVES = [
    ("p-choose", choose, 1, 0),
    ("p-number", number, "64", "24"),
    ("p-pick", pick, ["3"], ["3", "1", "2"]),
    ("p-cells", pick, ["0,0"], ["0,0", "0,1", "1,0"]),
    ("p-order", order, [], [(1, "down"), (2, "down"), (1, "down")]),
    ("p-fill", select, ["minimum", "8"], ["maximum", "4"]),
    ("p-build", select, ["keep", "keep", "keep"], ["fuse", "fuse", "keep"]),
]


@pytest.mark.parametrize(("name", "act", "wrong", "right"), MOVES, ids=[m[0] for m in MOVES])
def test_puzzle_fails_and_is_solved_by_keyboard_alone(shown, name, act, wrong, right):  # noqa: F811
    root = widget(shown, name)
    act(shown, root, wrong)
    assert root.get_attribute("data-verdict") == "wrong"
    assert "✗ Not yet." in root.locator(".mdl-reply").inner_text()
    assert root.get_attribute("data-solved") is None
    act(shown, root, right)
    assert root.get_attribute("data-verdict") == "right"
    spec = PUZZLES[name].variants[0]
    assert spec["right"].replace("`", "") in root.locator(".mdl-reply").inner_text()
    assert "solved" in root.locator(".mdl-badge").inner_text()


WRONG = [
    ("p-choose", choose, 1, "Each lane takes its own sector. (1,024 B)"),
    ("p-number", number, "32 slots", "32: that is one side."),
    ("p-number", number, "7", "7 is too small."),
    ("p-number", number, "many", "Write a number"),
    ("p-pick", pick, ["2"], "One of them is an argument."),
    ("p-order", order, [], "%1 is used before it exists."),
    ("p-fill", select, ["minimum", "4"], "minimum keeps the negative side."),
    ("p-build", select, ["fuse", "fuse", "fuse"], "The result must be kept."),
]


@pytest.mark.parametrize(("name", "act", "given", "reply"), WRONG)
def test_each_wrong_answer_gets_its_own_reply_on_the_page(shown, name, act, given, reply):  # noqa: F811
    root = widget(shown, name)
    act(shown, root, given)
    assert reply in root.locator(".mdl-reply").inner_text()


def test_hints_come_in_layers(shown):  # noqa: F811
    root = widget(shown, "p-number")
    said = []
    for _ in range(3):
        root.locator("[data-act=hint]").click()
        said.append(root.locator(".mdl-hint-list li").last.inner_text())
    words = ["Only active lanes count.", "Add both sides.", "16 + 8 = 24."]
    assert [s.split(": ", 1)[1] for s in said] == words
    shown.keyboard.press("Enter")
    assert root.locator(".mdl-hint-list li").count() == 3


def test_another_one_asks_anew_and_nothing_is_locked(shown):  # noqa: F811
    root = widget(shown, "p-number")
    number(shown, root, "24")
    root.locator("[data-act=another]").click()
    assert "4 lanes in the else side" in root.locator(".mdl-question").inner_text()
    number(shown, root, "24")
    assert root.get_attribute("data-verdict") == "wrong"
    number(shown, root, "20")
    assert root.get_attribute("data-verdict") == "right"


def test_what_was_solved_stays_after_a_reload(shown):  # noqa: F811
    choose(shown, widget(shown, "p-choose"), 0)
    shown.reload()
    assert "solved" in widget(shown, "p-choose").locator(".mdl-badge").inner_text()
    assert widget(shown, "p-number").locator(".mdl-badge").inner_text() == ""


def marked(root):
    """Lines marked in each column, by the column's stage."""
    return root.evaluate(
        """r => Object.fromEntries([...r.querySelectorAll('.mdl-column')].map(c => [c.dataset.stage,
        [...c.querySelectorAll('.mdl-cur, .mdl-rel')].map(l => Number(l.dataset.key))]))"""
    )


def line(root, stage, number):
    return root.locator(f"[data-stage={stage}] [data-key='{number}']")


def test_pointing_marks_relatives_in_all_columns_and_draws_links(shown):  # noqa: F811
    root = widget(shown, "stack-sample")
    jump(shown, "stack-sample", 4)
    shown.keyboard.press("Escape")
    line(root, "stablehlo", 2).click()
    line(root, "stablehlo", 2).click()
    line(root, "stablehlo", 2).hover()
    line(root, "loops", 4).hover()
    found = marked(root)
    assert found["stablehlo"] == [2] and found["loops"] == [4]
    assert root.locator(".mdl-links path").count() == len(found) - 1
    assert "↔ 1" in root.locator("[data-tab=x86]").inner_text()


def test_clicking_pins_until_it_is_clicked_again(shown):  # noqa: F811
    root = widget(shown, "stack-sample")
    line(root, "stablehlo", 4).click()
    line(root, "stablehlo", 1).hover()
    assert marked(root) == {"python": [2], "stablehlo": [3, 4]}
    assert line(root, "stablehlo", 4).get_attribute("aria-pressed") == "true"
    line(root, "stablehlo", 4).click()
    line(root, "stablehlo", 2).hover()
    assert marked(root) == {"python": [2], "stablehlo": [2]}


def test_stack_is_walked_by_keyboard(shown):  # noqa: F811
    root = widget(shown, "stack-sample")
    tab_to(shown, root, "[data-stage=python] .mdl-line")
    shown.keyboard.press("ArrowDown")
    assert marked(root) == {"python": [2], "stablehlo": [1, 2, 3, 4]}
    shown.keyboard.press("ArrowRight")
    shown.keyboard.press("ArrowDown")
    assert marked(root) == {"python": [2], "stablehlo": [2]}
    shown.keyboard.press("Enter")
    assert line(root, "stablehlo", 2).get_attribute("aria-pressed") == "true"
    tab_to(shown, root, "[data-tab=x86]")
    shown.keyboard.press("Enter")
    assert marked(root)["x86"] == [4]


def test_filter_keeps_the_lines_that_hold_the_words(shown):  # noqa: F811
    root = widget(shown, "stack-sample")
    tab_to(shown, root, "input[type=search]")
    shown.keyboard.type("ADD")
    visible = [t.inner_text() for t in root.locator(".mdl-line:visible code").all()]
    assert visible == ["%1 = stablehlo.add %0, %b"]
    assert root.locator(".mdl-found").inner_text() == "1 line"


def test_the_tour_asks_which_line_and_plays_on(shown):  # noqa: F811
    root = widget(shown, "stack-sample")
    jump(shown, "stack-sample", 2)
    assert marked(root) == {"python": [2], "stablehlo": [3]}
    pick(shown, root, ["2"])
    assert "you: 2 · counted: 2" in root.locator(".mdl-record").inner_text()
    root.locator("[data-act=next]").click()
    assert set(marked(root)) <= {"python", "stablehlo", "loops"}
    assert marked(root)["stablehlo"] == [2]


def test_a_return_stands_for_everything_and_is_a_far_relative(shown):  # noqa: F811
    root = widget(shown, "stack-sample")
    for tab in ("stablehlo", "x86"):
        root.locator(f"[data-tab={tab}]").click()
    line(root, "python", 2).click()
    assert marked(root)["x86"] == [2, 3, 4, 5, 6]
    assert "mdl-far" in line(root, "x86", 9).get_attribute("class")
    line(root, "x86", 9).click()
    assert marked(root)["python"] == [2]


def test_numbers_that_answer_a_question_come_after_it(shown):  # noqa: F811
    root = widget(shown, "stack-sample")
    count = root.locator("[data-tab=x86] .mdl-tab-count")
    jump(shown, "stack-sample", 2)
    assert not count.is_visible()
    root.locator("[data-act=show]").click()
    assert count.is_visible()


SEEN = """r => [...r.querySelectorAll('.mdl-column .mdl-lines')].map(box => {
  const own = box.querySelectorAll('.mdl-cur'), at = box.getBoundingClientRect();
  return [...(own.length ? own : box.querySelectorAll('.mdl-rel'))].slice(0, 2).every(l => {
    const m = l.getBoundingClientRect();
    return m.top >= at.top - 1 && m.bottom <= at.bottom + 1; }); })"""


def test_each_frame_brings_its_lines_into_view_and_leaves_the_page(shown):  # noqa: F811
    root = widget(shown, "stack-sample")
    root.evaluate("r => r.querySelector('.mdl-scene').style.setProperty('--mdl-tall', 1)")
    place = shown.evaluate("() => scrollY")
    for frame in (1, 2, 3, 4):
        root.locator(".mdl-slider").evaluate(
            "(s, f) => { s.value = f; s.dispatchEvent(new Event('input')); }", frame
        )
        assert root.get_attribute("data-frame") == str(frame)
        assert root.evaluate(SEEN) == [True, True]
    assert shown.evaluate("() => scrollY") == place
