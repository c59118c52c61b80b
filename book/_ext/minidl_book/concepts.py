"""Terms: defined once in `book/concepts.yml`, shown wherever they are needed.

    - term: warp
      definition: 32 threads of a GPU that share one instruction at a time.
      page: isa/simt          the page that teaches it
      needs: [thread]         terms it stands on
      forms: [warps]          other spellings in the text (optional)

`{needs}` prints what a page needs and teaches; `{concepts}` prints the glossary;
{concept}`warp` shows the definition on hover and focus and links to the glossary.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive

from minidl_book.data import load, pages

Concept = dict[str, Any]


def concepts() -> dict[str, Concept]:
    """Every concept by term, in the order of the file."""
    return {c["term"]: c for c in load("concepts") or []}


def forms(concept: Concept) -> list[str]:
    """The spellings under which a concept appears in text."""
    return [concept["term"], *concept.get("forms", [])]


def find(spelling: str) -> Concept | None:
    """The concept with this term or form, whatever the case."""
    low = spelling.lower()
    return next((c for c in concepts().values() if low in map(str.lower, forms(c))), None)


def anchor(concept: Concept) -> str:
    return "concept-" + nodes.make_id(concept["term"])


def taught(page: str) -> list[Concept]:
    """The concepts that a page teaches."""
    return [c for c in concepts().values() if c["page"] == page]


def needed(page: str) -> list[Concept]:
    """The concepts of earlier pages that a page's own concepts stand on."""
    table = concepts()
    names = {n for c in taught(page) for n in c.get("needs", []) if table[n]["page"] != page}
    return [c for c in table.values() if c["term"] in names]


def reference(concept: Concept, text: str, builder: Any, docname: str) -> nodes.raw:
    """A link into the glossary that carries the definition."""
    target = builder.get_relative_uri(docname, "book/appendix/glossary") + "#" + anchor(concept)
    definition = concept["definition"]
    body = (
        f'<a class="concept" href="{escape(target)}">{escape(text)}'
        f'<span class="concept-definition" role="tooltip">{escape(definition)}</span></a>'
    )
    return nodes.raw("", body, format="html")


def escape(text: str) -> str:
    return (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    )


def concept_role(name, rawtext, text, lineno, inliner, options=None, content=None):
    """The role {concept}`term`."""
    env = inliner.document.settings.env
    concept = find(text)
    if concept is None:
        message = inliner.reporter.error(f"no concept {text!r} in book/concepts.yml", line=lineno)
        return [inliner.problematic(rawtext, rawtext, message)], [message]
    return [reference(concept, text, env.app.builder, env.docname)], []


class Needs(Directive):
    """What the page needs, and what it teaches."""

    def run(self) -> list[nodes.Node]:
        env = self.state.document.settings.env
        env.note_dependency("book/concepts.yml")
        page = env.docname.removeprefix("book/")
        box = nodes.container(classes=["needs"])
        for label, group in (("Needs", needed(page)), ("Teaches", taught(page))):
            if group:
                box += self.line(label, group, env)
        return [box]

    def line(self, label: str, group: list[Concept], env: Any) -> nodes.paragraph:
        line = nodes.paragraph("", "", nodes.strong("", label), nodes.Text(" "))
        for i, concept in enumerate(group):
            line += nodes.Text(" · " if i else "")
            line += reference(concept, concept["term"], env.app.builder, env.docname)
        return line


class Glossary(Directive):
    """Every concept whose page exists, in alphabetical order."""

    def run(self) -> list[nodes.Node]:
        env = self.state.document.settings.env
        known = set(pages())
        listed = [c for c in concepts().values() if c["page"] in known]
        box = nodes.definition_list(classes=["glossary"])
        for concept in sorted(listed, key=lambda c: c["term"].lower()):
            box += self.item(concept, env)
        return [box] if listed else [nodes.paragraph("", "No term is defined yet.")]

    def item(self, concept: Concept, env: Any) -> nodes.definition_list_item:
        uri = env.app.builder.get_relative_uri(env.docname, "book/" + concept["page"])
        term = nodes.term("", concept["term"], ids=[anchor(concept)])
        link = nodes.reference("", concept["page"], refuri=uri, internal=True)
        text = nodes.paragraph("", concept["definition"] + " Taught in ", link, nodes.Text("."))
        if concept.get("needs"):
            text += nodes.Text(" Stands on " + ", ".join(concept["needs"]) + ".")
        return nodes.definition_list_item("", term, nodes.definition("", text))


def setup(app: Any) -> None:
    app.add_role("concept", concept_role)
    app.add_directive("needs", Needs)
    app.add_directive("concepts", Glossary)
