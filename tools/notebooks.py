"""Notebooks in one canonical form: run them, check them, make them from text.

    python tools/notebooks.py --execute [book/x.ipynb …]      run and write (all when none named)
    python tools/notebooks.py --verify  [book/x.ipynb …]      run and compare bytes, write nothing
    python tools/notebooks.py --check   [book/x.ipynb …]      what the tests refuse, without running
    python tools/notebooks.py --from-text draft.md book/x.ipynb
    python tools/notebooks.py --to-text book/x.ipynb draft.md

Canonical: fixed kernelspec and language_info, cells with ids, execution counts 1..n, no widget
state, adjacent streams joined, of a traceback only the cell's own frame and the message.

The text form is Markdown; `+++` starts a new text cell, and a code cell is

    ```{code-cell}
    :id: break-shape
    :tags: raises-exception, hide-output
    :alt: what the figure that this cell draws shows
    f(x)
    ```

Real: jupytext and nbstripout, for a book whose outputs are kept and tested.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"}
LANGUAGE |= {"pygments_lexer": "ipython3"}
WIDGET = "application/vnd.jupyter.widget-view+json"
PICTURES = {"image/png", "image/jpeg", "image/svg+xml"}
ANSI = re.compile(r"\x1b\[[0-9;]*m")
MARKERS = re.compile(r"NBVAL_|PYTEST_VALIDATE_", re.IGNORECASE)
TIMEOUT_S = 120
LINE, CELL, FILE_BYTES = 78, 40, 500_000
ERROR_CELLS = 2  # cells of one notebook that may fail on purpose


def all_notebooks() -> list[Path]:
    """Every notebook of the book."""
    return sorted(p for p in BOOK.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


# ---- the canonical form ------------------------------------------------------------------


def cell_id(kind: str, source: str, taken: set[str]) -> str:
    """An id made from the cell's text; a number is added when two cells are equal."""
    stem = f"{kind}-{hashlib.sha256(source.encode()).hexdigest()[:8]}"
    names = (stem if i == 0 else f"{stem}-{i}" for i in range(len(taken) + 1))
    return next(name for name in names if name not in taken)


def short_traceback(lines: list[str]) -> list[str]:
    """The cell's own frame and the message; library frames carry paths of one machine."""
    plain = [ANSI.sub("", line) for line in lines]
    kept = [line for line in plain[:-1] if line.startswith("Cell In")]
    return [*kept, *plain[-1:]]


def canonical_output(output: NotebookNode) -> NotebookNode | None:
    """One output without widget state or metadata; None when nothing is left to show."""
    if output.output_type == "error":
        output.evalue = ANSI.sub("", output.evalue)
        output.traceback = short_traceback(output.traceback)
    if "data" in output:
        output.data.pop(WIDGET, None)
        output.metadata = NotebookNode()
        if not output.data:
            return None
    return output


def join_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Adjacent outputs of the same stream become one; the kernel cuts them by time."""
    joined: list[NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else None
        stream = output.output_type == "stream"
        if last and stream and last.output_type == "stream" and last.name == output.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def canonical_cell(cell: NotebookNode, taken: set[str]) -> None:
    """Bring one cell into the canonical form, in place."""
    cell.source = cell.source.strip("\n")
    kind = "text" if cell.cell_type == "markdown" else "code"
    if cell.get("id", "") in taken | {""}:
        cell.id = cell_id(kind, cell.source, taken)
    taken.add(cell.id)
    kept = {key: cell.metadata[key] for key in ("mystnb", "tags") if cell.metadata.get(key)}
    cell.metadata = NotebookNode(kept)
    if cell.cell_type == "code":
        outputs = [canonical_output(output) for output in cell.outputs]
        cell.outputs = join_streams([output for output in outputs if output is not None])


def canonical(nb: NotebookNode) -> str:
    """The notebook's canonical text; a run notebook gets counts 1..n."""
    nb.metadata = NotebookNode(kernelspec=KERNEL, language_info=LANGUAGE)
    nb.nbformat, nb.nbformat_minor = 4, 5
    taken: set[str] = set()
    count = 0
    for cell in nb.cells:
        canonical_cell(cell, taken)
        if cell.cell_type == "code" and cell.execution_count is not None:
            count += 1
            cell.execution_count = count
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = count
    nbformat.validate(nb)
    return nbformat.writes(nb).rstrip("\n") + "\n"


def executed(path: Path) -> str:
    """The canonical text of a notebook after running it in a fresh kernel."""
    from nbclient import NotebookClient

    nb = read(path)
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(nb, timeout=TIMEOUT_S, kernel_name=KERNEL["name"], resources=resources).execute()
    return canonical(nb)


# ---- the static check --------------------------------------------------------------------


def check_code(cell: NotebookNode, count: int) -> Iterator[str]:
    """What is wrong with a code cell that should have run as number `count`."""
    tags = cell.metadata.get("tags", [])
    lines = cell.source.split("\n")
    fails = "raises-exception" in tags
    if cell.execution_count != count:
        yield f"execution count is {cell.execution_count}, not {count}: run --execute"
    if MARKERS.search(cell.source) or any(MARKERS.match(tag.replace("-", "_")) for tag in tags):
        yield "NBVAL markers are refused: make the output the same on every machine"
    if fails and not cell.id.startswith("break"):
        yield "a cell may raise only if its id starts with 'break'"
    if fails != any(output.output_type == "error" for output in cell.outputs):
        yield "an error without the tag raises-exception, or the tag without an error"
    if any(output.get("name") == "stderr" for output in cell.outputs):
        yield "writes to stderr"
    if cell.source.rstrip().endswith(";"):
        yield "ends with ';': write `_ = …`"
    if len(lines) > CELL and "hide-input" not in tags:
        yield f"has {len(lines)} lines, more than {CELL}: fold it with the tag hide-input"
    pictures = [
        o for o in cell.outputs if "data" in o and {"image/png", "image/svg+xml"} & set(o.data)
    ]
    if pictures and not cell.metadata.get("mystnb", {}).get("image", {}).get("alt"):
        yield "draws a figure without alt text: say what it shows with `:alt:`"
    for line in lines:
        if len(line) > LINE:
            yield f"line of {len(line)} characters, more than {LINE}: {line[:40]}…"


def check(path: Path) -> list[str]:
    """Everything the tests refuse in a notebook, as readable lines."""
    nb, text = read(path), path.read_text(encoding="utf-8")
    found, count = [], 0
    for i, cell in enumerate(nb.cells):
        where = f"{path.relative_to(ROOT)} cell {i} ({cell.get('id', 'no id')})"
        if not cell.source.strip():
            found.append(f"{where}: is empty")
        if cell.cell_type == "code":
            count += 1
            found += [f"{where}: {problem}" for problem in check_code(cell, count)]
    failing = sum("raises-exception" in c.metadata.get("tags", []) for c in nb.cells)
    name = str(path.relative_to(ROOT))
    if failing > ERROR_CELLS:
        found.append(f"{name}: {failing} cells fail on purpose, more than {ERROR_CELLS}")
    if len(text.encode()) > FILE_BYTES:
        found.append(f"{name}: {len(text.encode()):,} bytes, more than {FILE_BYTES:,}")
    if canonical(nb) != text:
        found.append(f"{name}: is not in canonical form: run --execute")
    return found


# ---- text to notebook and back -----------------------------------------------------------

OPTION = re.compile(r":(id|tags|alt): *(.*)")


def code_cell(lines: list[str]) -> NotebookNode:
    """A code cell from the lines between the fences."""
    options: dict[str, str] = {}
    while lines and (match := OPTION.fullmatch(lines[0].strip())):
        options[match[1]] = match[2].strip()
        lines = lines[1:]
    cell = nbformat.v4.new_code_cell("\n".join(lines).strip("\n"))
    cell.id = options.get("id", "")
    if options.get("tags"):
        cell.metadata.tags = [tag.strip() for tag in options["tags"].split(",")]
    if options.get("alt"):
        cell.metadata.mystnb = {"image": {"alt": options["alt"]}}
    return cell


def options_text(cell: NotebookNode) -> str:
    """The option lines of a code cell."""
    alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
    rows = {"id": cell.id, "tags": ", ".join(cell.metadata.get("tags", [])), "alt": alt}
    return "".join(f":{name}: {value}\n" for name, value in rows.items() if value)


def text_cell(lines: list[str]) -> list[NotebookNode]:
    """A text cell, or none when the lines are blank."""
    source = "\n".join(lines).strip("\n")
    if not source.strip():
        return []
    cell = nbformat.v4.new_markdown_cell(source)
    cell.id = ""
    return [cell]


def from_text(text: str) -> NotebookNode:
    """A notebook that has not run, from its text form."""
    cells: list[NotebookNode] = []
    held: list[str] = []
    fence: str | None = None  # the marker of the block we are in
    for line in text.split("\n"):
        mark = re.match(r"(`{3,}|~{3,}|:{3,})", line)
        if fence is None and line.strip() == "+++":
            cells, held = cells + text_cell(held), []
        elif fence is None and line.startswith("```{code-cell}"):
            cells, held, fence = cells + text_cell(held), [], "code"
        elif fence == "code" and line.rstrip() == "```":
            cells, held, fence = [*cells, code_cell(held)], [], None
        else:
            held.append(line)
            if mark and fence is None:
                fence = mark[1]
            elif mark and fence == line.rstrip():
                fence = None
    if fence is not None:
        raise SystemExit(f"a block that opens with {fence!r} is never closed")
    nb = nbformat.v4.new_notebook()
    nb.cells = cells + text_cell(held)  # their ids come with the canonical form
    return nb


def to_text(nb: NotebookNode) -> str:
    """The text form; outputs are left out."""
    parts: list[str] = []
    for i, cell in enumerate(nb.cells):
        if cell.cell_type == "markdown":
            follows = i > 0 and nb.cells[i - 1].cell_type == "markdown"
            parts.append("+++\n\n" * follows + cell.source)
        else:
            parts.append("```{code-cell}\n" + options_text(cell) + cell.source + "\n```")
    return "\n\n".join(parts) + "\n"


def kept_ids(nb: NotebookNode, old: Path) -> NotebookNode:
    """Give cells whose source did not change the id they had in the old notebook."""
    if old.exists():
        ids = {cell.source: cell.id for cell in reversed(read(old).cells)}
        for cell in nb.cells:
            cell.id = cell.id or ids.pop(cell.source, "")
    return nb


# ---- the command -------------------------------------------------------------------------


def paths(named: list[str]) -> list[Path]:
    return [Path(name).resolve() for name in named] or all_notebooks()


def execute(named: list[str], write: bool) -> int:
    """Run notebooks; write them, or compare them with what is there."""
    different = 0
    for path in paths(named):
        text = executed(path)
        same = text == path.read_text(encoding="utf-8")
        if write and not same:
            path.write_text(text, encoding="utf-8", newline="\n")
        different += not same
        print(f"{'same   ' if same else 'changed'} {path.relative_to(ROOT)}", flush=True)
    return 0 if write else int(different > 0)


def convert(arguments: argparse.Namespace) -> int:
    """Between text and notebook; a converted notebook has still to be executed."""
    source, target = (Path(name).resolve() for name in arguments.from_text or arguments.to_text)
    if arguments.from_text:
        text = canonical(kept_ids(from_text(source.read_text(encoding="utf-8")), target))
    else:
        text = to_text(read(source))
    target.write_text(text, encoding="utf-8", newline="\n")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("notebooks", nargs="*", help="default: all of the book")
    what = parser.add_mutually_exclusive_group(required=True)
    for name in ("execute", "verify", "check"):
        what.add_argument(f"--{name}", action="store_true")
    what.add_argument("--from-text", nargs=2, metavar=("TEXT", "NOTEBOOK"))
    what.add_argument("--to-text", nargs=2, metavar=("NOTEBOOK", "TEXT"))
    arguments = parser.parse_args()
    if arguments.from_text or arguments.to_text:
        return convert(arguments)
    if arguments.check:
        problems = [problem for path in paths(arguments.notebooks) for problem in check(path)]
        print("\n".join(problems) or "every notebook is canonical and within its limits")
        return int(bool(problems))
    return execute(arguments.notebooks, write=arguments.execute)


if __name__ == "__main__":
    sys.exit(main())
