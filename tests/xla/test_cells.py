"""Cells of a notebook have names of their own, also where the kernel keeps no history."""

from __future__ import annotations

import sys
from types import SimpleNamespace

from minidl.xla.frontend import spans


def test_cells_of_one_number_keep_apart(monkeypatch):
    files = {"/tmp/ipykernel_7/1.py": 1, "/tmp/ipykernel_7/2.py": 1, "/tmp/ipykernel_7/3.py": 2}
    shell = SimpleNamespace(compile=SimpleNamespace(_filename_map=files))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    for name in ("_shown", "_real"):
        monkeypatch.setattr(spans, name, {})
    monkeypatch.setattr(spans, "_numbers", [])
    assert [spans.shown_file(f) for f in files] == ["cell [1]", "cell [1.1]", "cell [2]"]
    assert spans._real["cell [1.1]"] == "/tmp/ipykernel_7/2.py"
    assert spans.shown_file("/tmp/ipykernel_7/1.py") == "cell [1]"
