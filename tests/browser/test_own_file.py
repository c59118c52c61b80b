"""A page of `python -m minidl show`, as a reader opens it: from the folder, silent, by keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from minidl.__main__ import main

PROGRAM = """
func.func public @main(%x: tensor<4x16xf32>, %w: tensor<16x8xf32>) -> tensor<4x8xf32> {
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %0 = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
    : (tensor<4x16xf32>, tensor<16x8xf32>) -> tensor<4x8xf32>
  %1 = func.call @relu(%0) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = stablehlo.exponential %1 : tensor<4x8xf32>
  %3 = stablehlo.reduce(%2 init: %zero) applies stablehlo.add across dimensions = [1]
    : (tensor<4x8xf32>, tensor<f32>) -> tensor<4xf32>
  %4 = stablehlo.broadcast_in_dim %3, dims = [0] : (tensor<4xf32>) -> tensor<4x8xf32>
  %5 = stablehlo.divide %2, %4 : tensor<4x8xf32>
  %6 = stablehlo.reshape %5 : (tensor<4x8xf32>) -> tensor<32xf32>
  %7 = stablehlo.reshape %6 : (tensor<32xf32>) -> tensor<4x8xf32>
  return %7 : tensor<4x8xf32>
}
func.func private @relu(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %0 = stablehlo.broadcast_in_dim %zero, dims = [] : (tensor<f32>) -> tensor<4x8xf32>
  %1 = stablehlo.maximum %x, %0 : tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}
"""


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one page."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.mlir").write_text(PROGRAM)
    assert main(["show", str(folder / "mine.mlir"), "-o", str(folder / "mine.html")]) == 0
    return folder


@pytest.fixture
def opened(own: Path, visit: Any):
    """The page as a file, its widgets awake; silent to the end."""
    seen = visit(own.as_uri()).goto("mine.html")
    yield seen.page
    seen.assert_silent()
    assert [r for r in seen.requests if not r.startswith("data:")] == [f"{own.as_uri()}/mine.html"]


def widget(page: Any, name: str) -> Any:
    return page.locator(f'[data-name="{name}"]')


def at(root: Any) -> int:
    return int(root.get_attribute("data-frame"))


def test_every_widget_wakes(opened):
    ready = opened.locator("[data-minidl-ready='1'][data-name]")
    names = [r.get_attribute("data-name") for r in ready.all()]
    assert names[:3] == ["boxes", "rewriting", "stages"]


def test_the_rewriting_is_walked_by_keyboard_to_its_end(opened):
    root = widget(opened, "rewriting")
    assert "how many will be left" in root.locator(".mdl-ask").inner_text()
    root.locator("[data-act=show]").focus()
    opened.keyboard.press("Enter")
    root.focus()
    titles = set()
    total = int(root.locator(".mdl-count").inner_text().split("/")[1])
    while at(root) < total:
        titles.add(root.locator(".mdl-caption strong").inner_text().strip())
        opened.keyboard.press("ArrowRight")
    assert {"inline", "fold", "reshape of reshape", "dead code", "canonicalize"} <= titles
    left = root.locator(".mdl-counter dd").first.inner_text()
    assert f"to {left}" in root.locator(".mdl-title").inner_text()


def test_a_change_stands_before_and_after(opened):
    root = widget(opened, "rewriting")
    opened.evaluate("() => { location.hash = '#p=rewriting.6'; }")
    opened.wait_for_function(
        "() => document.querySelector('[data-name=rewriting]').dataset.frame === '6'"
    )
    panels = root.locator(".mdl-panel").evaluate_all("list => list.map(p => p.dataset.panel)")
    assert panels == ["it was", "it is", "the module now"]


def test_lines_of_all_stages_are_tied(opened):
    root = widget(opened, "stages")
    root.locator(".mdl-tab", has_text="x86-64").click()
    line = root.locator('[data-stage="file"] .mdl-line', has_text="stablehlo.divide")
    line.click()
    related = root.locator('[data-stage="x86"] .mdl-rel')
    assert related.count() > 3
    assert line.get_attribute("aria-pressed") == "true"


def test_the_boxes_light_makers_and_users(opened):
    root = widget(opened, "boxes")
    names = root.locator("option").all_inner_texts()
    chosen = next(name for name in names if "stablehlo.exponential" in name)
    root.locator("select").select_option(label=chosen)
    head = lambda role: root.locator(f".mdl-box-head.mdl-{role}").all_inner_texts()  # noqa: E731
    assert len(head("cur")) == 1 and "exponential" in head("cur")[0]
    assert len(head("ref")) == 1 and "call @relu" in head("ref")[0]
    assert ["reduce" in h or "divide" in h for h in head("chg")] == [True, True]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(theme, own, visit, axe):
    seen = visit(own.as_uri(), color_scheme=theme).goto("mine.html")
    assert axe(seen.page, "main") == []
    ground = "e => getComputedStyle(e).backgroundColor"
    light = seen.page.locator("body").evaluate(ground) == "rgb(251, 251, 252)"
    assert light == (theme == "light")


def test_a_phone_needs_no_sideways_scrolling(own, visit):
    page = visit(own.as_uri(), viewport={"width": 400, "height": 800}).goto("mine.html").page
    assert page.evaluate("() => document.scrollingElement.scrollWidth - innerWidth") <= 0


def test_without_script_the_page_can_be_read(own, visit):
    page = visit(own.as_uri(), java_script_enabled=False).goto_plain("mine.html").page
    text = page.locator("main").inner_text()
    assert "is lowered to the end" in text and "All" in text and "steps in words" in text
