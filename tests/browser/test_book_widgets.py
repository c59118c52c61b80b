"""Every widget of every page: stepped, asked, turned, solved and failed, by keyboard alone."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from minidl.viz import ask
from minidl.viz.check import payloads, unpack
from minidl_book.data import pages
from tests.browser import keyboard
from tests.browser.conftest import visiting

OPEN_FOLDS = """n => { for (let p = n; p; p = p.parentElement)
  if (p.tagName === "DETAILS") p.open = true; }"""
SITE = Path(__file__).resolve().parents[2] / "_build" / "html"


@cache
def built(page: str) -> list[dict]:
    """The unpacked payloads of a page of the built book."""
    path = SITE / "book" / f"{page}.html"
    known = payloads(path.read_text(encoding="utf-8")) if path.exists() else []
    return [unpack(data) for data in known]


def widgets(*kinds: str) -> list:
    """(page, payload) of every widget of these kinds."""
    return [
        pytest.param(page, data, id=f"{page}-{data['name']}")
        for page in pages()
        for data in built(page)
        if data["kind"] in kinds
    ]


@pytest.fixture(scope="module")
def shared(browser):
    """`shared(base, key, page)` → the visit again while the key is the same; None closes it."""
    with ExitStack() as stack:
        open_now = [None, None]

        def visit(base, key, page=None):
            if open_now[0] != key:
                stack.close()
                open_page = stack.enter_context(visiting(browser)) if key else None
                open_now[:] = key, key and open_page(base).goto(f"book/{page}.html")
            return open_now[1]

        yield visit


@pytest.fixture
def opened(request, shared, addresses):
    """`opened(page, payload)` → the visit and the widget's element, over http.

    A page is opened once for all tests of one function; a failure closes it.
    """

    def open_widget(page, data):
        seen = shared(addresses["http"], (request.function, page), page)
        root = seen.page.locator(f'[data-minidl][data-name="{data["name"]}"]').first
        unfold(root)
        root.scroll_into_view_if_needed()
        return seen, root

    failed = request.session.testsfailed
    yield open_widget
    if request.session.testsfailed > failed:
        shared(None, None)


def unfold(root) -> None:
    """Open the folds a widget stands in, as a reader does before she uses it."""
    root.evaluate(OPEN_FOLDS)


@pytest.mark.parametrize(("page", "data"), widgets("player", "compare"))
def test_player_steps_to_its_end_and_jumping_gives_the_same(page, data, opened):
    seen, root = opened(page, data)
    frames, shown = data["frames"], []
    root.focus()
    for i, frame in enumerate(frames):
        assert root.get_attribute("data-frame") == str(i + 1)
        assert keyboard.caption_of(frame) in keyboard.text_of(root)
        shown.append(keyboard.text_of(root.locator(".mdl-body")))
        root.focus()
        if i + 1 < len(frames):
            keyboard.step_on(root, frame)
    seen.page.keyboard.press("Home")
    assert keyboard.text_of(root.locator(".mdl-body")) == shown[0]
    seen.page.keyboard.press("End")
    assert keyboard.text_of(root.locator(".mdl-body")) == shown[-1]
    seen.assert_silent()


@pytest.mark.parametrize(("page", "data"), widgets("player", "compare", "stack"))
def test_player_asks_and_keeps_the_answer_beside_the_count(page, data, opened):
    frames = data.get("frames") or data.get("tour") or []
    seen, root = opened(page, data)
    root.focus()
    for frame in frames:
        spec = frame.get("ask")
        if spec:
            wrong = keyboard.wrong_answers(spec["kind"], spec)[0]
            keyboard.give(root, spec["kind"], spec, wrong)
            record = keyboard.text_of(root.locator(".mdl-record"))
            assert "you: " in record and "counted: " in record
            assert keyboard.plain(ask.judge(ask.Ask(spec), given_text(spec, wrong))[1]) in record
            root.focus()
        keyboard.step_on(root, frame)
    seen.assert_silent()


def given_text(spec, answer):
    return spec["options"][answer]["text"] if spec["kind"] == "choose" else answer


@pytest.mark.parametrize(("page", "data"), widgets("explorer"))
def test_explorer_turns_every_knob(page, data, opened):
    seen, root = opened(page, data)
    for param in data["params"]:
        knob = root.locator(f'[data-knob="{param["name"]}"]').locator("input, select")
        keyboard.tab_to(root, knob)
        key = "ArrowRight" if param["start"] + 1 < len(param["values"]) else "ArrowLeft"
        if knob.evaluate("n => n.tagName") == "SELECT":
            key = key.replace("Right", "Down").replace("Left", "Up")
        before = root.get_attribute("data-frame")
        seen.page.keyboard.press(key)
        place = int(root.get_attribute("data-frame"))
        assert str(place) != before
        frame, text = data["frames"][place - 1], keyboard.text_of(root)
        assert keyboard.caption_of(frame) in text
        for counter in frame["counters"]:
            assert str(counter["value"]) in text
    seen.assert_silent()


@pytest.mark.parametrize(("page", "data"), widgets("puzzle"))
def test_puzzle_refuses_each_wrong_answer_and_takes_the_right_one(page, data, opened):
    seen, root = opened(page, data)
    what, spec = data["puzzle"], data["variants"][0]
    for answer in [*keyboard.wrong_answers(what, spec), keyboard.right_answer(what, spec)]:
        ok, reply = keyboard.verdict(what, spec, answer)
        keyboard.give(root, what, spec, answer)
        assert root.get_attribute("data-verdict") == ("right" if ok else "wrong"), answer
        said = keyboard.text_of(root.locator(".mdl-reply"))
        assert said.startswith("✓ Right." if ok else "✗ Not yet.")
        assert keyboard.plain(reply) in said
    assert "solved" in keyboard.text_of(root.locator(".mdl-badge"))
    seen.assert_silent()


@pytest.mark.parametrize("page", dict.fromkeys(p.values[0] for p in widgets("puzzle")))
def test_what_was_solved_is_solved_after_a_reload(page, opened):
    puzzles = [data for data in built(page) if data["kind"] == "puzzle"]
    for data in puzzles:
        seen, root = opened(page, data)
        what, spec = data["puzzle"], data["variants"][0]
        assert "solved" not in root.locator(".mdl-badge").text_content()
        keyboard.give(root, what, spec, keyboard.right_answer(what, spec))
    seen.page.reload()
    for data in puzzles:
        assert "solved" in opened(page, data)[1].locator(".mdl-badge").text_content()
    seen.assert_silent()


@pytest.mark.parametrize(("page", "data"), widgets("puzzle"))
def test_puzzle_gives_its_hints_one_by_one(page, data, opened):
    seen, root = opened(page, data)
    hints = data["variants"][0]["hints"]
    for i, hint in enumerate(hints):
        keyboard.press(root, root.locator('[data-act="hint"]'))
        lines = root.locator(".mdl-hint-list li")
        assert lines.count() == i + 1
        assert keyboard.plain(hint) in keyboard.text_of(lines.nth(i))
    seen.assert_silent()


@pytest.mark.parametrize(("page", "data"), widgets("stack"))
def test_stack_marks_the_relatives_of_a_line(page, data, opened):
    seen, root = opened(page, data)
    tabs = root.locator(".mdl-tab")
    for i in range(2):
        if tabs.nth(i).get_attribute("aria-pressed") != "true":
            keyboard.press(root, tabs.nth(i))
    line = root.locator(".mdl-column").first.locator(".mdl-line").first
    keyboard.tab_to(root, line)
    for _ in range(60):
        if root.locator(".mdl-column").nth(1).locator(".mdl-rel").count():
            break
        seen.page.keyboard.press("ArrowDown")
    else:
        raise AssertionError("no line of the first column has a relative in the second")
    seen.page.keyboard.press("Enter")
    assert root.locator('.mdl-line[aria-pressed="true"]').count() >= 1
    box = root.locator(".mdl-filter")
    keyboard.tab_to(root, box)
    seen.page.keyboard.type("zzzz")
    assert keyboard.text_of(root.locator(".mdl-found")) == "0 lines"
    seen.assert_silent()
