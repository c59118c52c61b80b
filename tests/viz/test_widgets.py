"""Players, explorers and the stack explorer as Python makes them: names, sizes, refusals."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from minidl import viz
from minidl.core.step import Step
from minidl.viz import check, panel
from tests.viz import samples


def frames(n: int = 4, **named: int) -> list[viz.Frame]:
    at = {i: name.replace("_", " ") for name, i in named.items()}
    return [
        viz.Frame(f"f{i}", f"Frame {i}.", [panel.text(str(i))], milestone=at.get(i))
        for i in range(n)
    ]


def player(n: int = 4, named: dict | None = None, **more) -> viz.Player:
    return viz.Player(frames(n, **(named or {})), name="p", title="P", **more)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("widget", samples.everything(), ids=repr)
def test_html_is_the_same_at_every_making_and_small(widget):
    again = {repr(w): w for w in samples.everything()}[repr(widget)]
    assert again.html == widget.html
    assert again is not widget
    assert "0x" not in repr(widget)
    assert len(widget.html.encode()) <= 60_000


@pytest.mark.parametrize("widget", samples.everything(), ids=repr)
def test_root_says_kind_and_name(widget):
    reader = Tags()
    reader.feed(widget.html)
    tag, attrs = reader.tags[0]
    assert (tag, attrs["data-minidl"], attrs["data-name"]) == ("div", widget.kind, widget.name)
    assert widget.kind in ("Player", "Explorer", "Puzzle")


@pytest.mark.parametrize("widget", samples.everything(), ids=repr)
def test_nothing_a_frame_carries_becomes_markup(widget):
    reader = Tags()
    reader.feed(widget.html)
    assert not [t for t, a in reader.tags if t == "img" or "onerror" in a]
    assert [t for t, _ in reader.tags].count("script") == 1
    assert widget.html.count("</script>") == 1


def test_outside_a_notebook_the_bundle_is_text_and_html():
    made = samples.kinds_player()
    assert set(made._repr_mimebundle_()) == {"text/plain", "text/html"}
    assert made._repr_mimebundle_()["text/plain"] == "<Player kinds>"


def test_importing_viz_loads_nothing_heavy():
    code = "import sys, minidl.viz as v; v.Player; v.panel; v.StackExplorer; v.style; print(sorted("
    code += "{'matplotlib','anywidget','ipywidgets','llvmlite','IPython'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_unknown_milestones_raise_and_name_the_nearest():
    with pytest.raises(viz.ViewError, match="no milestone is named 'half the warp wait'") as error:
        player(4, {"half_the_warp_waits": 2}, whys={"half the warp wait": "…"})
    assert error.value.hint == "did you mean 'half the warp waits'?"
    ask = viz.ask.number("How many?", 3)
    with pytest.raises(viz.ViewError, match="no milestone is named 'zzz'; there are: 'm'"):
        player(4, {"m": 1}, asks={"zzz": ask})


def test_asks_and_whys_follow_their_milestone_when_frames_are_added():
    ask = viz.ask.number("How many?", 3)
    for n in (2, 5):
        found = check.decode(player(n + 1, {"m": n - 1}, asks={"m": ask}, whys={"m": "so"}))[
            "frames"
        ]
        assert [i for i, f in enumerate(found) if "ask" in f] == [n - 1]
        assert found[n - 1]["why"] == {"text": "so"}


def test_an_ask_needs_a_next_frame():
    with pytest.raises(viz.ViewError, match="that is the last one"):
        player(3, {"m": 2}, asks={"m": viz.ask.number("How many?", 3)})


def test_an_ask_is_at_most_20_words():
    with pytest.raises(viz.ViewError, match="has 21 words, at most 20"):
        player(3, {"m": 0}, asks={"m": viz.ask.number(" ".join(["word"] * 21), 3)})


def test_a_pick_names_a_panel_that_is_there():
    with pytest.raises(viz.ViewError, match="no panel is named 'elsewhere'"):
        player(3, {"m": 0}, asks={"m": viz.ask.pick("Which?", "elsewhere", [1])})


def test_a_player_has_at_most_60_frames_and_60_kb():
    assert len(player(60).frames) == 60
    with pytest.raises(viz.ViewError, match="61 frames, a player has 1 to 60") as error:
        player(61)
    assert "first, second and last round" in error.value.hint
    noise = np.random.default_rng(0)
    big = [viz.Frame("", ".", [panel.grid(noise.normal(size=(30, 30)))]) for _ in range(20)]
    with pytest.raises(viz.ViewError, match="a widget may take 60,000"):
        viz.Player(big, name="big", title="")


def test_at_most_four_counters():
    with pytest.raises(viz.ViewError, match="5 counters, at most 4"):
        viz.Frame("f", "", counters=dict.fromkeys("abcde", 1)).data()


def test_steps_play_through_their_state_or_a_view():
    step = Step(
        "add", None, {"panels": [panel.text("x")], "caption": "Adds.", "counters": {"n": 1}}
    )
    made = viz.Player([step], name="s", title="S")
    assert (made.frames[0]["title"], made.frames[0]["caption"]) == ("add", "Adds.")
    seen = viz.Player(
        [Step("go", 3, 4)], name="s", title="S", view=lambda s: viz.Frame(s.title, ".")
    )
    assert seen.frames[0]["title"] == "go"
    with pytest.raises(viz.ViewError, match="state of int and no panels"):
        viz.Player([Step("go", 3, 4)], name="s", title="S")


@pytest.mark.parametrize("name", ["", "Has Space", "dot.ted", "UPPER", "-x"])
def test_a_name_must_fit_a_link(name):
    with pytest.raises(viz.ViewError, match="is no name for a widget"):
        viz.Player(frames(), name=name, title="")


def test_numbers_are_shown_as_the_book_prints_them():
    from minidl.viz.frame import show

    given = [7, 123456, 0.1, 1 / 3, 1e-7, -0.0, np.float32(2.5), np.int64(3), True, "x"]
    shown = ["7", "123,456", "0.1", "0.3333", "1e-07", "0", "2.5", "3", "1", "x"]
    assert [show(v) for v in given] == shown


def test_compare_waits_for_the_slower_and_shares_scales():
    found = check.decode(samples.compared())["frames"]
    captions = [[s["caption"] for s in f["sides"]] for f in found]
    assert len(found) == 5
    assert captions[0] == ["Load 1 touches 1 sectors.", "Load 1 touches 8 sectors."]
    assert captions[3] == ["Load 2 touches 1 sectors.", "Load 4 touches 8 sectors."]
    assert [f.get("milestone") for f in found] == ["start", None, None, None, "loaded"]
    tops = {p["max"] for f in found for s in f["sides"] for p in s["panels"] if p["kind"] == "bars"}
    assert tops == {32.0 * 8 * 5}


def test_compare_refuses_runs_that_disagree_on_the_order():
    with pytest.raises(viz.ViewError, match="different order"):
        viz.Player.compare(
            frames(3, a=0, b=1), frames(3, b=0, a=1), name="c", title="", labels=("l", "r")
        )


def test_explorer_holds_every_combination_in_order():
    made = viz.Explorer(
        "e", {"a": [1, 2], "b": [10, 20, 30]}, lambda a, b: viz.Frame("", f"{a * b}.")
    )
    assert [f["caption"] for f in made.frames] == ["10.", "20.", "30.", "20.", "40.", "60."]
    table = {(1,): viz.Frame("", "one."), (2,): viz.Frame("", "two.")}
    assert len(viz.Explorer("e", {"a": [1, 2]}, table).frames) == 2


def test_explorer_refuses_what_it_cannot_show():
    with pytest.raises(viz.ViewError, match="4 parameters"):
        viz.Explorer("e", {key: [1] for key in "abcd"}, lambda **k: viz.Frame())
    with pytest.raises(viz.ViewError, match="1000 combinations"):
        viz.Explorer("e", {"a": range(1000)}, lambda a: viz.Frame())
    with pytest.raises(viz.ViewError, match="no parameter or counter is named 'c'"):
        viz.Explorer("e", {"a": [1]}, lambda a: viz.Frame(), sentence="{a} gives {c}")
    with pytest.raises(viz.ViewError, match="no row of the table"):
        viz.Explorer("e", {"a": [1, 2]}, {(1,): viz.Frame()})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: panel.code("a\nb", [3]), "line 3 is outside lines 1 to 2"),
        (lambda: panel.code("a", lang="klingon"), "no colours for 'klingon'"),
        (lambda: panel.grid(np.zeros((2, 2, 2))), "one or two axes"),
        (lambda: panel.grid([1, 2], [5]), r"cell \(0, 5\) is outside a grid of \[1, 2\]"),
        (lambda: panel.grid([1], colours="rainbow"), "no colours named 'rainbow'"),
        (lambda: panel.table([[1, 2]], ["a"]), "row 0 has 2 cells, the head has 1"),
        (lambda: panel.graph(["a"], [("a", "b")]), "names 'b', which is no node"),
        (lambda: panel.timeline({"d": [(0, 1, "x", "nap")]}), "compute, comm or wait"),
        (lambda: panel.text("x", side="up"), "left, right or wide"),
    ],
)
def test_panels_refuse_by_name(make, message):
    with pytest.raises(viz.ViewError, match=message):
        make()


def test_graph_places_each_node_below_what_it_needs_and_apart():
    drawn = samples.kinds()[3].panels[0]
    at = {n["id"]: n for n in drawn["nodes"]}
    for edge in drawn["edges"]:
        assert at[edge["from"]]["y"] < at[edge["to"]]["y"]
    for a in drawn["nodes"]:
        for b in drawn["nodes"]:
            if a["id"] < b["id"] and abs(a["y"] - b["y"]) < 20:
                assert abs(a["x"] - b["x"]) >= (a["w"] + b["w"]) / 2


def test_two_opposite_arrows_are_drawn_apart():
    drawn = panel.graph(["a", "b"], [("a", "b"), ("b", "a")])
    there, back = ([x for x, _ in e["points"]] for e in drawn["edges"])
    assert min(there) - max(back) >= 16
    alone = panel.graph(["a", "b"], [("a", "b")])["edges"][0]["points"]
    assert {x for x, _ in alone} == {drawn["nodes"][0]["x"]}


def test_stack_lines_are_related_when_their_ids_meet():
    data = check.decode(samples.stack())
    sets = [set(s) for s in data["sets"]]
    stages = {s["name"]: [sets[i] for i in s["ids"]] for s in data["stages"]}
    add = stages["stablehlo"][1]
    hits = {n: [i + 1 for i, ids in enumerate(rows) if ids & add] for n, rows in stages.items()}
    assert hits == {"python": [2], "stablehlo": [2], "loops": [4], "x86": [4, 9]}


def test_stack_refuses_unknown_stages_and_lines():
    stages = samples.stages()
    for tour, message in [
        (viz.Tour("x", ["assembly"]), "no stage is named 'assembly'"),
        (viz.Tour("x", ["python"], {"python": [9]}), "has no line 9; it has 2"),
        (viz.Tour("x", ["python"], ask=viz.ask.number("?", 1)), "no milestone to ask at"),
    ]:
        with pytest.raises(viz.ViewError, match=message):
            viz.stack_of(stages, tour=[tour, viz.Tour("y", ["python"])])


def test_source_shows_the_package_text_with_its_place():
    shown = viz.source(viz.Frame.data)
    assert shown.text.startswith("def data(self)")
    assert repr(shown).startswith("<source minidl/viz/frame.py:")
    assert shown.path == "minidl/viz/frame.py"
    with pytest.raises(viz.ViewError, match="no source is known of int"):
        viz.source(3)


def test_check_text_reads_the_words_back():
    lines = viz.check_text(samples.reduction_player())
    assert lines[0].startswith("eight numbers | start | Eight numbers wait in eight lanes")
    assert lines[-1].endswith("additions 7 | sum so far 31")


def test_shortcomings_name_what_the_grammar_misses():
    assert check.shortcomings(check.decode(samples.reduction_player())) == []
    found = check.shortcomings(check.decode(samples.kinds_player()))
    assert "asks nothing before it tells" in found
    assert "milestone 'signs show' has no why" in found


def test_style_is_one_size_and_colours_of_okabe_and_ito():
    import matplotlib as mpl

    with mpl.rc_context():
        look = viz.style()
        assert mpl.rcParams["figure.figsize"][0] == 6.4
        viz.style("half")
        assert mpl.rcParams["figure.figsize"][0] == 3.1
        assert set(look.categories) <= {
            "#000000", "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"
        }  # fmt: skip
    with pytest.raises(viz.ViewError, match="full or half"):
        viz.style("huge")
