"""JupyterLab as a reader drives it: open a notebook, run all, step a player, turn a knob."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = next(n for n in ("step", "stack", "hello") if (ROOT / "book" / f"{n}.ipynb").exists())
TOKEN = "minidl"
START_S, RUN_S = 60, 120
OPTIONS = [
    "--no-browser",
    "--allow-root",
    "--port=0",
    "--ip=127.0.0.1",
    f"--IdentityProvider.token={TOKEN}",
    "--expose-app-in-browser",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.collaborative=False",
]
# the chosen kernel has started; a question which kernel to take is answered with its default
KERNEL_READY = """() => {
  document.querySelector(".jp-Dialog .jp-mod-accept")?.click();
  const context = jupyterapp.shell.currentWidget?.sessionContext;
  return context?.isReady && context.session?.kernel?.status === "idle";
}"""
# each code cell has run in this session: outputs are drawn anew and the kernel is idle
ALL_RUN = """() => {
  const panel = jupyterapp.shell.currentWidget;
  const cells = panel.content.widgets.filter(c => c.model.type === "code");
  return cells.every(c => c.model.executionState === "idle" && c.model.executionCount)
    && cells.at(-1).model.executionCount === cells.length
    && panel.sessionContext.session.kernel.status === "idle";
}"""

COUNTS = """() => jupyterapp.shell.currentWidget.content.widgets
  .filter(c => c.model.type === "code").map(c => c.model.executionCount)"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory, chromium_path):
    """The address of a JupyterLab on a copy of the notebook, with settings of its own."""
    home = tmp_path_factory.mktemp("lab")
    work = home / "book"
    work.mkdir()
    shutil.copy(ROOT / "book" / f"{NOTEBOOK}.ipynb", work)
    shutil.copytree(ROOT / "book" / "data", work / "data")
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    names += ("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")
    environment = os.environ | {name: str(home / name.lower()) for name in names}
    command = [sys.executable, "-m", "jupyterlab", *OPTIONS, f"--ServerApp.root_dir={work}"]
    with open(home / "log", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=work)
    try:
        yield wait_for(home / "jupyter_runtime_dir", server, home / "log")
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def wait_for(runtime: Path, server: subprocess.Popen, log: Path) -> str:
    """The server's address, once it answers."""
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        for file in runtime.glob("jpserver-*.json"):
            url = json.loads(file.read_text())["url"].rstrip("/")
            try:
                urllib.request.urlopen(f"{url}/api/status?token={TOKEN}").close()
                return url
            except (urllib.error.URLError, ConnectionError):
                pass
        time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not answer: {log.read_text()[-2000:]}")


@pytest.fixture
def notebook(lab, visit):
    """The notebook open in JupyterLab, every cell run."""
    seen = visit(lab)
    seen.page.goto(f"{lab}/lab/tree/{NOTEBOOK}.ipynb?token={TOKEN}")
    seen.page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    seen.page.wait_for_function(KERNEL_READY, timeout=60_000)
    for command in ("clear-all-cell-outputs", "run-all-cells"):
        seen.page.evaluate(f"() => {{ jupyterapp.commands.execute('notebook:{command}'); }}")
    seen.page.wait_for_function(ALL_RUN, timeout=RUN_S * 1000)
    return seen


def test_lab_runs_the_notebook_steps_a_player_and_turns_a_knob(notebook):
    page = notebook.page
    counts = page.evaluate(COUNTS)  # Lab draws only the cells near the window
    assert counts == list(range(1, len(counts) + 1)) and counts

    player = page.locator('[data-minidl="Player"][data-minidl-ready]').first
    player.scroll_into_view_if_needed()
    assert player.get_attribute("data-frame") == "1"
    before = player.locator(".mdl-caption").first.inner_text()
    player.locator('[data-act="next"]').click()
    player.page.wait_for_function("n => n.dataset.frame === '2'", arg=player.element_handle())
    assert player.locator(".mdl-caption").first.inner_text() != before

    explorer = page.locator('.mdl-explorer[data-minidl="Explorer"][data-minidl-ready]').first
    explorer.scroll_into_view_if_needed()
    before = explorer.get_attribute("data-frame")
    knob = explorer.locator("[data-knob]").first.locator("input, select")
    knob.focus()
    knob.press("ArrowRight")
    assert explorer.get_attribute("data-frame") != before
    assert not [line for line in notebook.console if "minidl" in line]
    assert notebook.foreign() == []
