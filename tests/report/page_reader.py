"""A strict reader of our pages: balanced tags, ids, tables and visible text."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "wbr", "link", "img", "input", "hr"}
SELF = {"path", "rect", "circle"}


@dataclass
class Page:
    """What was found."""

    ids: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    style: str = ""
    script: str = ""
    tables: dict[str, list[list[str]]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Visible text with ordinary spaces."""
        joined = " ".join(self.texts).replace("\u00a0", " ").replace("\u202f", "")
        return " ".join(joined.split())

    def values(self, name: str) -> list[str]:
        """Return every value of one attribute."""
        return [value for _, key, value in self.attributes if key == name]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.open: list[str] = []
        self.table: list[list[str]] | None = None
        self.joins = False

    def handle_starttag(self, tag, attrs):
        self.page.tags.append(tag)
        self.joins = tag == "wbr"
        for key, value in attrs:
            self.page.attributes.append((tag, key, value or ""))
            if key == "id":
                self.page.ids.append(value)
        if tag == "table":
            self.table = []
        if tag == "caption" and self.table is not None:
            self.page.tables[dict(attrs)["id"].removesuffix("-caption")] = self.table
        if tag == "tr" and self.table is not None:
            self.table.append([])
        if tag in {"td", "th"} and self.table:
            self.table[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in SELF:
            self.page.faults.append(f"<{tag}/> closes itself")
        self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.page.faults.append(f"</{tag}> closes nothing")
        if tag == "table":
            self.table = None

    def handle_data(self, data):
        inside = self.open[-1] if self.open else ""
        if inside == "style":
            self.page.style += data
        elif inside == "script":
            self.page.script += data
        else:
            joined = self.joins and self.page.texts
            if joined:
                data = self.page.texts.pop() + data
            self.page.texts.append(data)
            self.joins = False
            if self.table and self.table[-1] and {"td", "th"} & set(self.open):
                before = "" if joined else self.table[-1][-1] + " "
                cell = (before + data).replace("\u00a0", " ")
                self.table[-1][-1] = " ".join(cell.replace("\u202f", "").split())


def read(html: str) -> Page:
    """Return what one page holds; its faults are listed, not raised."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.page.faults += [f"<{tag}> is never closed" for tag in reader.open]
    return reader.page
