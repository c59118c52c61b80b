"""What a page shows before, or without, the script: panels and frames as plain markup.

Chapter: none (the book's machinery).
Sources: progressive enhancement.
Real: ipywidgets store a picture of nothing; without a kernel the page is blank.

Everything a frame carries is escaped here; the script uses `textContent`.
"""

from __future__ import annotations

from html import escape
from typing import Any

from minidl.viz.frame import Panel

SIGN = {"cur": "▶", "chg": "•", "ref": "=", "": ""}


def rich(text: str) -> str:
    """Prose with `code` between backticks."""
    parts = (escape(p) for p in text.split("`"))
    return "".join(f"<code>{p}</code>" if i % 2 and p else p for i, p in enumerate(parts))


def panel(data: Panel) -> str:
    """A panel as a figure of plain markup."""
    title = f"<figcaption>{rich(data['title'])}</figcaption>" if data["title"] else ""
    return f"<figure>{title}{_DRAW[data['kind']](data)}</figure>"


def _code(data: Panel) -> str:
    rows = []
    for i, line in enumerate(data["lines"], data["start"]):
        changed = i in (data["changed"] or ())
        role = "cur" if i in data["current"] else "chg" if changed else ""
        role = role or ("ref" if i in data["reference"] else "")
        rows.append(f"{SIGN[role] or ' '} {i:>3}  {escape(line)}")
    return "<pre>" + "\n".join(rows) + "</pre>"


def _table(head: list[str], rows: list[list[str]], stub: list[str] | None = None) -> str:
    top = [""] * (stub is not None) + head
    heads = "".join(f'<th scope="col">{rich(h)}</th>' for h in top) if any(head) else ""
    out = [f"<thead><tr>{heads}</tr></thead>"] if heads else []
    for i, row in enumerate(rows):
        name = f'<th scope="row">{escape(stub[i])}</th>' if stub is not None else ""
        out.append("<tr>" + name + "".join(f"<td>{rich(c)}</td>" for c in row) + "</tr>")
    return f'<table class="mdl-table">{"".join(out)}</table>'


def _grid(data: Panel) -> str:
    corner = f"{data['dtype']} {data['shape']}"
    return f"<div>{escape(corner)}</div>" + _table(data["cols"] or [], data["cells"], data["rows"])


def _bars(data: Panel) -> str:
    unit = f" {data['unit']}" if data["unit"] else ""
    rows = []
    for r in data["rows"]:
        expected = f" (expected {r['ref']})" if "ref" in r else ""
        rows.append([r["label"], f"{r['value']}{unit}{expected}"])
    return _table([], rows)


def _graph(data: Panel) -> str:
    names = {n["id"]: n["label"].replace("\n", " ") for n in data["nodes"]}
    ends = [f"{names[e['from']]} → {names[e['to']]}" for e in data["edges"]]
    return "<ul>" + "".join(f"<li>{escape(e)}</li>" for e in ends) + "</ul>"


def _timeline(data: Panel) -> str:
    rows = []
    for lane in data["lanes"]:
        spans = (f"{s['label']} {s['start']:g} to {s['end']:g}" for s in lane["spans"])
        rows.append([lane["label"], "; ".join(spans)])
    return _table(["", data["unit"]], rows)


def _nest(data: Panel) -> str:
    lines = []
    for row in data["rows"]:
        what = "" if row["what"] == "op" else f"({row['what']}) "
        lines.append(f"{SIGN[row['role']] or ' '} {'  ' * row['depth']}{what}{escape(row['text'])}")
    return "<pre>" + "\n".join(lines) + "</pre>"


def _text(data: Panel) -> str:
    return "".join(f"<p>{rich(p)}</p>" for p in data["paragraphs"])


_DRAW: dict[str, Any] = {
    "code": _code,
    "grid": _grid,
    "table": lambda d: _table(d["head"], d["rows"]),
    "bars": _bars,
    "graph": _graph,
    "timeline": _timeline,
    "text": _text,
    "nest": _nest,
}


def frame(data: dict[str, Any]) -> str:
    """A frame: its panels, counters and caption (both runs of a comparison)."""
    if "sides" in data:
        halves = "".join(f"<div>{frame(side)}</div>" for side in data["sides"])
        return f"{halves}<p>{caption(data)}</p>"
    panels = "".join(panel(p) for p in data["panels"])
    return panels + counters(data) + f'<p class="mdl-caption">{caption(data)}</p>'


def counters(data: dict[str, Any]) -> str:
    """Counters as one line of text."""
    parts = [f"{c['name']} {c['value']} {c.get('unit', '')}".strip() for c in data["counters"]]
    return f"<p>{escape(' · '.join(parts))}</p>" if parts else ""


def caption(data: dict[str, Any]) -> str:
    """Milestone, title and sentence."""
    milestone = f"◆ {rich(data['milestone'])} " if data.get("milestone") else ""
    title = f"<strong>{rich(data['title'])}</strong> " if data.get("title") else ""
    return milestone + title + rich(data.get("caption", ""))
