"""One of everything: widgets with every panel kind and every puzzle kind, for the tests."""

from __future__ import annotations

import numpy as np

from minidl import viz
from minidl.viz import panel

MLIR = """func.func public @main(%arg0: tensor<8xf32>, %arg1: tensor<f32>) -> tensor<8xf32> {
  %0 = stablehlo.broadcast_in_dim %arg1, dims = [] : (tensor<f32>) -> tensor<8xf32>
  %1 = stablehlo.multiply %arg0, %0 : tensor<8xf32>  // the `*`
  %cst = stablehlo.constant dense<0.000000e+00> : tensor<8xf32>
  %2 = stablehlo.maximum %1, %cst : tensor<8xf32>
  return %2 : tensor<8xf32>
}"""

HOSTILE = '</script><img src=x onerror="window.hurt=1"><b>&amp; ~1f'

REDUCE = """def total(x):
    for stride in (4, 2, 1):
        for lane in range(stride):
            x[lane] += x[lane + stride]
    return x[0]"""


def reduction() -> list[viz.Frame]:
    """A tree reduction of eight numbers, one frame an addition."""
    x = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0])
    adds = 0
    start = "Eight numbers wait in eight lanes; every lane will add its partner's number."
    frames = [_reduce_frame(x, [], [1], "start", start, adds, "eight numbers")]
    for stride in (4, 2, 1):
        for lane in range(stride):
            x[lane] += x[lane + stride]
            adds += 1
            caption = f"Lane {lane} adds lane {lane + stride}, whose number is needed no more."
            milestone = {4: "half the lanes rest", 2: "a quarter works", 1: "one lane is left"}[
                stride
            ]
            named = milestone if lane == 0 else None
            frames.append(_reduce_frame(x, [lane], [4], f"stride {stride}", caption, adds, named))
    end = "Lane 0 holds the sum of all eight after seven additions in three rounds."
    frames.append(_reduce_frame(x, [0], [5], "done", end, adds, None))
    return frames


def _reduce_frame(x, lanes, lines, title, caption, adds, milestone):
    grid = panel.grid(
        x.copy(), lanes, title="x", colours="magnitude", limits=(0, 31), dtype="float32"
    )
    work = [("useful", adds), ("issued", 8 * max(1, adds))]
    panels = [panel.code(REDUCE, lines, [], lang="python", title="total"), grid]
    panels.append(panel.bars(work, unit="lane-slots", title="work", current=["useful"]))
    counters = {"additions": adds, "sum so far": (float(x[0]), "")}
    tags = ["addition"] if lanes else []
    return viz.Frame(title, caption, panels, counters, milestone, tags)


def reduction_player() -> viz.Player:
    asks = {
        "half the lanes rest": viz.ask.number(
            "How many additions will the whole sum take?",
            7,
            replies={8: "8: the first number needs no addition.", 3: "3: those are the rounds."},
            right="Eight numbers, seven joins.",
        ),
        "one lane is left": viz.ask.pick("Which lane holds the sum at the end?", "x", [(0, 0)]),
    }
    whys = {
        "eight numbers": "the input is one number a lane",
        "half the lanes rest": viz.why(
            "a lane above the stride has no partner", "#rule", "the mask rule"
        ),
        "a quarter works": "the stride halves each round",
        "one lane is left": "after log2(8) = 3 rounds nothing is left to add",
    }
    return viz.Player(
        reduction(),
        name="tree-sum",
        title="A sum by a tree, lane by lane",
        asks=asks,
        whys=whys,
        overview="additions",
    )


def kinds() -> list[viz.Frame]:
    """Frames that hold every kind of panel."""
    rng = np.random.default_rng(0)
    weights = np.round(rng.normal(size=(5, 8)), 2)
    nodes = {"x": "x", "w": "w", "mul": "multiply", "b": "b", "add": "add", "max": "maximum\nfused"}
    edges = [("x", "mul"), ("w", "mul"), ("mul", "add"), ("b", "add", "4 KB", "dashed")]
    edges.append(("add", "max"))
    lanes = {
        "device 0": [(0, 3, "F0"), (3, 4, "send", "comm"), (4, 7, "B0")],
        "device 1": [(0, 4, "", "wait"), (4, 7, "F1")],
    }
    table = panel.table(
        [["multiply", 4096, 1.5], ["maximum", 4096, 0.25]], ["op", "bytes", "ms"], [0], title="cost"
    )
    return [
        viz.Frame("code", "The module has six ops.", [panel.code(MLIR, [3], [2], [6], title="IR")]),
        viz.Frame(
            "grids",
            "Signed weights diverge from zero.",
            [
                panel.grid(weights, [(2, 3)], [(1, 1)], title="W", colours="signed"),
                panel.grid(
                    rng.normal(size=(12, 32)),
                    title="tiny",
                    colours="signed",
                    text=False,
                    side="wide",
                ),
            ],
            milestone="signs show",
        ),
        viz.Frame("table", "The first row costs most.", [table], {"bytes": (8192, "B")}),
        viz.Frame(
            "graph",
            "The add feeds the maximum.",
            [
                panel.graph(
                    nodes,
                    edges,
                    current=["add"],
                    changed=["add>max"],
                    groups={"mul": "line 1", "add": "line 1", "max": "line 2"},
                    title="graph",
                )
            ],
        ),
        viz.Frame(
            "timeline",
            "Device 1 waits for device 0.",
            [panel.timeline(lanes, unit="ms", now=4, current=["device 0.0"], title="two devices")],
        ),
        viz.Frame(
            "bars",
            "Fusing moves half the bytes.",
            [
                panel.bars(
                    {"five ops": 32768, "one loop": 16384},
                    unit="B",
                    expected={"one loop": 16000},
                    title="bytes moved",
                )
            ],
        ),
        viz.Frame(
            "text", "Prose with `code`.", [panel.text("A paragraph.", HOSTILE, title="words")]
        ),
        viz.Frame(
            "nest",
            "An op holds a region, a region a block.",
            [
                panel.nest(
                    [
                        ("o0", 0, "op", "module"),
                        ("o0.r0", 1, "region", ""),
                        ("o0.r0.b0", 2, "block", ""),
                        ("o1", 3, "op", "%0 = stablehlo.negate %arg0 : tensor<8xf32>"),
                        ("o2", 3, "op", f"return %0 {HOSTILE}"),
                    ],
                    current=["o1"],
                    changed=["o2"],
                    reference=["o0.r0.b0"],
                    title="boxes",
                )
            ],
        ),
    ]


def kinds_player() -> viz.Player:
    return viz.Player(kinds(), name="kinds", title="Every kind of panel")


def compared() -> viz.Player:
    def run(stride: int, total: int) -> list[viz.Frame]:
        out = []
        for i in range(total):
            cells = np.arange(16) * stride % (i + 2)
            mile = {0: "start", total - 1: "loaded"}.get(i)
            caption = f"Load {i + 1} touches {stride} sectors."
            bars = panel.bars({"bytes": 32 * stride * (i + 1)}, unit="B", title="moved")
            grid = panel.grid(cells.reshape(2, 8), title="lanes")
            counters = {"sectors": stride * (i + 1)}
            out.append(viz.Frame(f"load {i + 1}", caption, [grid, bars], counters, mile))
        return out

    return viz.Player.compare(
        run(1, 3),
        run(8, 5),
        name="strides",
        title="Two ways to load the same numbers",
        labels=("stride 1", "stride 8"),
        asks={
            "start": viz.ask.choose(
                "Which run moves more bytes?",
                ["stride 1", "stride 8"],
                "stride 8",
                replies={"stride 1": "Its lanes share their sectors."},
                right="Every lane takes a sector of its own.",
            )
        },
        whys={"start": "a sector is 32 bytes", "loaded": "all lanes have their number"},
    )


def explorer() -> viz.Explorer:
    def row(stride: int, width: str) -> viz.Frame:
        lanes = np.arange(32) * stride * int(width) // 32
        sectors = len(set(lanes.tolist()))
        caption = f"A warp with stride {stride} touches {sectors} sectors of 32 bytes."
        bars = panel.bars({"sectors": sectors}, limit=64, title="sectors")
        grid = panel.grid(lanes.reshape(2, 16), title="sector of each lane", side="wide")
        return viz.Frame(
            "", caption, [grid, bars], {"sectors": sectors, "moved": (32 * sectors, "B")}
        )

    return viz.Explorer(
        "stride",
        {
            "stride": viz.Knob([1, 2, 4, 8], "stride", "words", start=2),
            "width": viz.Knob(["4", "8"], "bytes a lane", "B"),
        },
        row,
        title="What a stride costs",
        sentence="With stride {stride} the warp touches {sectors} sectors.",
    )


def puzzles() -> list[viz.Puzzle]:
    """Every kind of puzzle once; `SOLUTIONS` answers them."""
    choose = viz.Puzzle.choose(
        "p-choose",
        "Which loads the fewest bytes?",
        ["neighbours", "every 8th", HOSTILE],
        "neighbours",
        replies={"every 8th": "Each lane takes its own sector.", HOSTILE: "That is no `pattern`."},
        measured={"neighbours": "128 B", "every 8th": "1,024 B"},
        right="Four sectors serve 32 lanes.",
        hints=["Count sectors, not lanes.", "A sector holds 8 floats.", "32 / 8 = 4."],
    )
    number = viz.Puzzle.number(
        "p-number",
        "How many lane-slots are useful?",
        24,
        "slots",
        replies={64: "64: you counted lanes that were switched off.", 32: "32: that is one side."},
        right="16 + 8.",
        hints=["Only active lanes count.", "Add both sides.", "16 + 8 = 24."],
        variants=[{"question": "And with 4 lanes in the else side?", "answer": 20, "replies": {}}],
    )
    pick = viz.Puzzle.pick(
        "p-pick",
        "Pick the lines that make `%1`'s operands.",
        panel.code(MLIR, title="module"),
        [1, 2],
        replies={3: "Line 3 uses them.", frozenset([2]): "One of them is an argument."},
        right="An argument and a broadcast.",
        hints=["Read the names after the op."],
    )
    cells = viz.Puzzle.pick(
        "p-cells",
        "Pick the two largest cells.",
        panel.grid(np.array([[1, 9], [7, 3]]), title="m"),
        [(0, 1), (1, 0)],
        hints=["9 and 7."],
        right="9 and 7.",
    )
    order = viz.Puzzle.order(
        "p-order",
        "Put the ops in an order that runs.",
        ["%2 = maximum %1, 0", "%1 = add %0, b", "%0 = multiply x, w"],
        {0: [1], 1: [2]},
        replies={(0, 1): "`%1` is used before it exists."},
        right="Each value stands before its use.",
        hints=["Look for the op that needs no value."],
        lang="mlir",
    )
    fill = viz.Puzzle.fill(
        "p-fill",
        "Fill the blanks so that the relu verifies.",
        "%1 = stablehlo.___ %0, %cst : tensor<___xf32>",
        ["maximum", "minimum", "8", "4"],
        lambda op, n: op == "maximum" and n in ("8", "4"),
        replies={(0, "minimum"): "`minimum` keeps the negative side."},
        right="Any length will do.",
        otherwise="The parser refuses this.",
        hints=["A relu keeps what is positive."],
    )
    build = viz.Puzzle.build(
        "p-build",
        "Which edges do you fuse?",
        {
            "mul → add": ["fuse", "keep"],
            "add → max": ["fuse", "keep"],
            "max → out": ["fuse", "keep"],
        },
        lambda *cut: (
            (None, "The result must be kept.")
            if cut[2] == "fuse"
            else (16 + 8 * cut.count("keep") - 8, "Each kept edge writes and reads 8 KB.")
        ),
        target=16,
        unit="KB",
        right="One loop.",
        hints=["Every kept edge costs a write and a read."],
    )
    return [choose, number, pick, cells, order, fill, build]


def stages() -> list[viz.Stage]:
    """A small stack: one line of Python and what it became."""
    python = viz.Stage(
        "python",
        "Python",
        [viz.Line("def f(x, w, b):"), viz.Line("    return maximum(x * w + b, 0)", (1, 2, 3))],
        {"line": "1"},
    )
    hlo = [("%0 = stablehlo.multiply %x, %w", (1,)), ("%1 = stablehlo.add %0, %b", (2,))]
    hlo += [("%c = stablehlo.constant dense<0.0>", (3,)), ("%2 = stablehlo.maximum %1, %c", (3,))]
    loop = [("scf.for %i = %c0 to %n step %c8 {", ()), ("  %a = vector.load %x[%i]", (1,))]
    loop += [("  %m = arith.mulf %a, %w : vector<8xf32>", (1,))]
    loop += [("  %s = arith.addf %m, %b : vector<8xf32>", (2,))]
    loop += [("  %r = arith.maximumf %s, %zero : vector<8xf32>", (3,)), ("}", ())]
    asm = [(".LBB0_1:", ()), ("vmovups ymm2, ymmword ptr [rdi + 4*rax]", (1,))]
    asm += [("vmulps  ymm2, ymm2, ymm0", (1,)), ("vaddps  ymm2, ymm2, ymm1", (2,))]
    asm += [("vmaxps  ymm2, ymm2, ymm3", (3,)), ("vmovups ymmword ptr [rsi + 4*rax], ymm2", (3,))]
    asm += [("add     rax, 8", ()), ("jne     .LBB0_1", ()), ("ret", (1, 2, 3))]

    def stage(name, title, rows, what):
        lines = [viz.Line(text, ids) for text, ids in rows]
        return viz.Stage(name, title, lines, {what: str(len(rows))})

    return [
        python,
        stage("stablehlo", "StableHLO", hlo, "ops"),
        stage("loops", "loops", loop, "lines"),
        stage("x86", "x86-64", asm, "instructions"),
    ]


def stack() -> viz.StackExplorer:
    tour = [
        viz.Tour(
            "One line of Python stands at the left.", ["python", "stablehlo"], {"python": [2]}
        ),
        viz.Tour(
            "It became four ops, one of them a constant.",
            ["python", "stablehlo"],
            {"stablehlo": [3]},
            milestone="one line, four ops",
            ask=viz.ask.pick("Which op is the `+ b`?", "StableHLO", [2], right="The add."),
        ),
        viz.Tour("The add is one line.", ["python", "stablehlo", "loops"], {"stablehlo": [2]}),
        viz.Tour(
            "Eight numbers go through each instruction.",
            ["stablehlo", "loops", "x86"],
            {"loops": [3]},
            milestone="eight at a time",
        ),
    ]
    whys = {"one line, four ops": "each operator is traced alone", "eight at a time": "AVX holds 8"}
    return viz.stack_of(stages(), name="stack-sample", tour=tour, whys=whys)


def everything() -> list:
    return [
        reduction_player(),
        kinds_player(),
        compared(),
        explorer(),
        stack(),
        *puzzles(),
    ]


def page(theme: str = "light") -> str:
    """A bare page with everything; `minidl.js` and `minidl.css` stand beside it.

    The id of its heading makes a `window.minidl`, as the book's front page has one.
    """
    shown = "\n".join(w.html for w in everything()) + viz.source(viz.Frame.data).html
    ground = "#ffffff" if theme == "light" else "#121212"
    return (
        f'<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>samples</title>'
        f'<link rel="icon" href="data:,"><link rel="stylesheet" href="minidl.css">'
        f"<style>body {{ max-width: 860px; margin: 0 auto; padding: 1rem; background: {ground}; "
        "font: 16px/1.6 system-ui, sans-serif }</style></head>"
        f'<body><main><h1 id="minidl" style="color:#888">Samples</h1>{shown}</main>'
        '<script src="minidl.js"></script></body></html>'
    )
