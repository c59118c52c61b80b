"""The book's data files, and the order of its pages.

A page is named by its path under `book/` without suffix: `stack`, `isa/simt`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

BOOK = Path(__file__).resolve().parents[2]
ROOT = BOOK.parent


def load(name: str) -> Any:
    """The content of `book/<name>.yml`; None where there is no such file."""
    path = BOOK / f"{name}.yml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None


def pages(toc: Any = None) -> list[str]:
    """Every page in the order of `_toc.yml`."""
    toc = toc or yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    found: list[str] = []

    def walk(node: Any) -> None:
        for item in node if isinstance(node, list) else [node]:
            for key in ("root", "file"):
                if key in item:
                    found.append(item[key].removeprefix("book/"))
            for key in ("parts", "chapters", "sections"):
                walk(item.get(key, []))

    walk(toc)
    return found


def titles(env: Any) -> dict[str, str]:
    """Page name → title, for links."""
    return {name.removeprefix("book/"): node.astext() for name, node in env.titles.items()}
