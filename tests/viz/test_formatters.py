"""Engine types display in a notebook, and the engine knows nothing of it."""

from __future__ import annotations

import subprocess
import sys

from minidl import ir
from minidl.viz import formatters

SCRIPT = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
import minidl.viz
from minidl import ir
module = ir.parse("module @m {}")
data, _ = shell.display_formatter.format(module)
assert "data-minidl-source" in data["text/html"], data
assert "module @m" in data["text/plain"]
"""


def test_a_module_shows_as_a_listing_in_ipython():
    subprocess.run([sys.executable, "-W", "ignore", "-c", SCRIPT], check=True, timeout=120)


def test_outside_ipython_nothing_is_registered():
    script = "import minidl.viz.formatters as f; assert f.register() is False"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_text_is_escaped():
    html = formatters.module_html(ir.parse('module attributes {a = "</pre><b>"} {}'))
    assert "</pre><b>" not in html and "&lt;/pre&gt;" in html
