"""Every widget and panel in a real browser, over http and from a folder, by keyboard alone.

The page is synthetic (`tests/viz/samples.py`); the book's own pages are in `test_pages.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from minidl.viz import assets
from tests.browser.keyboard import FOCUSED, START
from tests.viz import samples
from tests.viz.test_puzzles import PUZZLES

PLAYERS = ["tree-sum", "kinds", "strides"]
PLACE = """r => { const a = r.getBoundingClientRect(), b = r.querySelector('[data-act=next]')
  .getBoundingClientRect(); return [Math.round(a.height), Math.round(b.top - a.top)]; }"""
WIDGETS = [w.name for w in samples.everything()]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample page, light and dark, beside the script and the style sheet."""
    out = tmp_path_factory.mktemp("samples")
    (out / "minidl.js").write_text(assets.script(), encoding="utf-8")
    (out / "minidl.css").write_text(assets.stylesheet(), encoding="utf-8")
    for theme in ("light", "dark"):
        (out / f"{theme}.html").write_text(samples.page(theme), encoding="utf-8")
    return out


@pytest.fixture(scope="session")
def bases(folder: Path, serve: Any) -> dict[str, str]:
    return {"http": serve(folder), "file": folder.as_uri()}


@pytest.fixture
def shown(bases, visit):
    """The sample page over http, its widgets awake."""
    opened = visit(bases["http"]).goto("light.html")
    yield opened.page
    opened.assert_silent()


def widget(page, name):
    return page.locator(f'[data-name="{name}"]')


def frame_text(page, name):
    """What a player shows: pictures, counters, caption (not the reader's answers)."""
    root = widget(page, name)
    parts = [root.locator(".mdl-body"), root.locator(".mdl-caption"), root.locator(".mdl-count")]
    return [p.inner_text() for p in parts]


def jump(page, name, frame):
    page.evaluate("h => { location.hash = h; }", f"#p={name}.{frame}")
    page.wait_for_function(
        "([n, f]) => document.querySelector(`[data-name='${n}']`).dataset.frame === f",
        arg=[name, str(frame)],
    )


def tab_to(page, root, inside):
    """Press Tab, from the start of a widget, until its part has the focus."""
    root.evaluate(START)
    for _ in range(80):
        if root.locator(inside).first.evaluate(FOCUSED):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reaches {inside}")


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_every_widget_wakes_and_the_page_is_silent(scheme, bases, visit):
    opened = visit(bases[scheme]).goto("light.html")
    ready = opened.page.locator("[data-minidl-ready='1'][data-name]")
    assert [r.get_attribute("data-name") for r in ready.all()] == WIDGETS
    opened.assert_silent()


def test_hostile_text_stays_text(shown):
    jump(shown, "kinds", 7)
    assert samples.HOSTILE in widget(shown, "kinds").inner_text()
    assert shown.evaluate("() => window.hurt") is None
    assert shown.locator("img").count() == 0


@pytest.mark.parametrize("name", PLAYERS)
def test_stepping_and_jumping_reach_the_same_frame(shown, name):
    total = int(widget(shown, name).locator(".mdl-count").inner_text().split("/")[1])
    jumped = []
    for frame in range(total, 0, -1):
        jump(shown, name, frame)
        jumped.append(frame_text(shown, name))
    stepped = [frame_text(shown, name)]
    while len(stepped) < total:
        widget(shown, name).locator("[data-act=next]").click()
        if frame_text(shown, name)[2] != stepped[-1][2]:
            stepped.append(frame_text(shown, name))
    assert stepped == jumped[::-1]
    assert len({str(t) for t in stepped}) == total


@pytest.mark.parametrize("name", [*PLAYERS, "stack-sample"])
def test_nothing_jumps(shown, name):
    root = widget(shown, name)
    shown.wait_for_timeout(200)
    places = set()
    for frame in range(1, int(root.locator(".mdl-count").inner_text().split("/")[1]) + 1):
        jump(shown, name, frame)
        places.add(tuple(root.evaluate(PLACE)))
    assert len(places) == 1


def test_keys_step_jump_to_milestones_and_ends_and_play(shown):
    root = widget(shown, "tree-sum")
    root.focus()
    at = lambda: int(root.get_attribute("data-frame"))  # noqa: E731
    seen = []
    for key in ["ArrowRight", "ArrowLeft", "End", "ArrowLeft", "Home", "Shift+ArrowRight"]:
        shown.keyboard.press(key)
        seen.append(at())
    assert seen == [2, 1, 9, 8, 1, 2]
    shown.keyboard.press("Shift+ArrowRight")
    assert at() == 6
    shown.keyboard.press("Space")
    shown.wait_for_function(
        "() => document.querySelector('[data-name=tree-sum]').dataset.frame === '8'", timeout=9000
    )
    assert root.locator("[data-act=play]").get_attribute("aria-label") in ("Pause", "Play")


def test_an_ask_pauses_and_keeps_the_answer_beside_the_count(shown):
    root = widget(shown, "tree-sum")
    jump(shown, "tree-sum", 2)
    assert "How many additions" in root.locator(".mdl-ask").inner_text()
    root.locator("[data-act=next]").click()
    assert root.get_attribute("data-frame") == "2"
    tab_to(shown, root, ".mdl-ask input")
    shown.keyboard.type("8")
    shown.keyboard.press("Enter")
    said = root.locator(".mdl-record").inner_text()
    assert "you: 8 · counted: 7" in said and "the first number needs no addition" in said
    shown.keyboard.press("Enter")
    assert root.get_attribute("data-frame") == "3"
    assert "you: 8 · counted: 7" in root.locator(".mdl-record").inner_text()


def test_show_me_is_always_there_and_goes_on(shown):
    root = widget(shown, "strides")
    tab_to(shown, root, "[data-act=show]")
    shown.keyboard.press("Enter")
    assert root.get_attribute("data-frame") == "2"
    assert "counted: stride 8" in root.locator(".mdl-record").inner_text()


def test_a_lane_is_picked_by_keyboard(shown):
    root = widget(shown, "tree-sum")
    jump(shown, "tree-sum", 8)
    tab_to(shown, root, "[data-key='0,0']")
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft", "Space"):
        shown.keyboard.press(key)
    assert root.locator("[data-key='0,0']").get_attribute("aria-pressed") == "true"
    root.locator(".mdl-ask >> text=Check").focus()
    shown.keyboard.press("Enter")
    assert "you: 0,0 · counted: 0,0" in root.locator(".mdl-record").inner_text()


def test_link_names_this_very_frame(bases, visit):
    opened = visit(bases["http"], permissions=["clipboard-read", "clipboard-write"])
    page = opened.goto("light.html#p=tree-sum.5").page
    root = widget(page, "tree-sum")
    assert root.get_attribute("data-frame") == "5"
    root.locator("[data-act=back]").click()
    root.locator("[data-act=link]").click()
    page.wait_for_function("() => document.body.innerText.includes('link copied')")
    address = page.evaluate("() => navigator.clipboard.readText()")
    assert address == f"{bases['http']}/light.html#p=tree-sum.4"


def test_each_step_is_spoken(shown):
    root = widget(shown, "tree-sum")
    root.locator("[data-act=next]").click()
    live = root.locator("[aria-live=polite]").first
    assert "Lane 0 adds lane 4" in live.inner_text()
    slider = root.locator("input[type=range]")
    assert slider.get_attribute("aria-valuetext") == "frame 2 of 9: stride 4"


def test_motion_is_absent_when_not_wanted(bases, visit):
    moving = {}
    for wish in ("reduce", "no-preference"):
        page = visit(bases["http"], reduced_motion=wish).goto("light.html").page
        moving[wish] = page.locator(".mdl-tick > span").first.evaluate(
            "e => Math.max(...getComputedStyle(e).transitionDuration.split(',').map(parseFloat))"
        )
    assert moving["reduce"] == 0 and 0 < moving["no-preference"] <= 0.2


def test_explorer_shows_its_whole_table_by_keyboard(shown):
    root, rows = widget(shown, "stride"), samples.explorer().frames
    seen = []
    for _ in range(2):
        tab_to(shown, root, "[data-knob=stride] input")
        shown.keyboard.press("Home")
        for step in range(4):
            seen.append(root.locator(".mdl-caption").inner_text())
            if step < 3:
                shown.keyboard.press("ArrowRight")
        tab_to(shown, root, "[data-knob=width] input")
        shown.keyboard.press("ArrowRight")
    order = [2 * s + w for w in (0, 1) for s in range(4)]
    assert seen == [rows[i]["caption"] for i in order]


def test_a_number_in_a_sentence_is_a_handle(shown):
    root = widget(shown, "stride")
    root.locator(".mdl-handle").select_option("3")
    assert "touches 32 sectors" in root.locator(".mdl-sentence").inner_text().replace("\n", "")
    assert root.locator("[data-knob=stride] output").inner_text() == "8 words"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(theme, bases, visit, axe):
    page = visit(bases["http"]).goto(f"{theme}.html").page
    for frame in (2, 4):
        jump(page, "tree-sum", frame)
        jump(page, "kinds", frame)
        assert axe(page, "main") == []


def test_light_and_dark_differ_in_every_widget(bases, visit):
    grounds = {}
    for theme in ("light", "dark"):
        page = visit(bases["http"]).goto(f"{theme}.html").page
        look = "list => list.map(e => getComputedStyle(e).backgroundColor)"
        grounds[theme] = set(page.locator("[data-minidl]").evaluate_all(look))
    assert grounds == {"light": {"rgb(255, 255, 255)"}, "dark": {"rgb(20, 24, 29)"}}


@pytest.fixture
def phone(bases, visit):
    page = visit(bases["http"], viewport={"width": 390, "height": 800}).goto("light.html").page
    page.wait_for_timeout(200)
    return page


def test_on_a_phone_the_stage_with_the_marked_lines_stands_first(phone):
    jump(phone, "stack-sample", 3)
    columns = widget(phone, "stack-sample").locator(".mdl-column")
    assert [c.get_attribute("data-stage") for c in columns.all()] == ["stablehlo", "python"]
    boxes = columns.evaluate_all("list => list.map(c => c.getBoundingClientRect().toJSON())")
    assert boxes[1]["top"] >= boxes[0]["bottom"] and boxes[1]["x"] == boxes[0]["x"]
    assert columns.first.locator(".mdl-cur").is_visible()


def test_nothing_jumps_on_a_phone(phone):
    root = widget(phone, "tree-sum")
    places = set()
    for frame in range(1, 10):
        jump(phone, "tree-sum", frame)
        places.add(tuple(root.evaluate(PLACE)))
    assert len(places) == 1


def test_a_phone_shows_one_column_and_no_overflow(phone):
    page = phone
    assert page.evaluate("() => document.scrollingElement.scrollWidth - innerWidth") <= 0
    root = widget(page, "tree-sum")
    left, right = (root.locator(s).first.bounding_box() for s in (".mdl-left", ".mdl-right"))
    assert right["y"] > left["y"] + left["height"] - 1


def test_without_javascript_the_first_frame_and_folded_answers_stand(bases, visit):
    page = visit(bases["file"], java_script_enabled=False).goto_plain("light.html").page
    assert "Eight numbers wait in eight lanes" in widget(page, "tree-sum").inner_text()
    stages = widget(page, "stack-sample").locator("details:has([data-stage])")
    assert [s.locator("pre").is_visible() for s in stages.all()] == [True, True, False, False]
    stages.last.locator("summary").click()
    assert "vmulps" in widget(page, "stack-sample").inner_text()
    for name, puzzle in PUZZLES.items():
        root = widget(page, name)
        assert puzzle.variants[0]["question"].replace("`", "") in root.inner_text()
        assert not root.locator("details p, details pre").first.is_visible()
        root.locator("summary").click()
        assert root.locator("details p, details pre").first.is_visible()
