"""The book's Sphinx extension: offline pages, our widgets, and directives fed by data.

site       no third party, no script twice, the widgets' script and style on every page
concepts   `{needs}`, `{concepts}` and the role `{concept}`, from book/concepts.yml
here       `{here}`: the strip "you are here", from book/here.yml
ledger     `{ledger}`: the one table of the training step, from book/ledger.yml
"""

from __future__ import annotations

from minidl_book import concepts, here, ledger, site


def setup(app):
    for part in (site, concepts, here, ledger):
        part.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
