"""What all tests share: the options, and skips that say why."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files")
    parser.addoption(
        "--require-browser",
        action="store_true",
        help="fail, rather than skip, the browser tests when no Chromium is found",
    )


def has_gpu() -> bool:
    """Whether an NVIDIA driver answers."""
    try:
        from numba import cuda

        return bool(cuda.is_available())
    except ImportError:
        return False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `gpu` skip, with the reason, where there is no GPU."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked and not has_gpu():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs an NVIDIA GPU; none answers here"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests append to `request.node.user_properties` as ("table", text) is printed."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) != "call":
                continue
            for name, text in report.user_properties:
                if name == "table":
                    terminalreporter.section(report.nodeid, sep="-")
                    terminalreporter.write_line(str(text))
