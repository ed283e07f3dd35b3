"""Checks a built documentation site: nothing is loaded from elsewhere, and every internal link leads somewhere.

    python3 .ci/check_docs.py out/docs

Sphinx warns about references it cannot resolve; this reads what a browser would: the pages and style sheets.
"""

import html.parser
import pathlib
import re
import sys
import urllib.parse

# Attributes that make a browser fetch something; `href` does so in <link> only.
FETCHED = {"src", "srcset", "poster", "data", "action"}
IN_CSS = re.compile(r"""(?:url\(\s*|@import\s+)['"]?((?:https?:)?//[^'")\s]+)""")


class Page(html.parser.HTMLParser):
    """What one page defines, links to and loads."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if not value:
                continue
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            elif name == "style":
                self.loads += IN_CSS.findall(value)
            elif name == "href" and tag == "a":
                self.links.append(value)
            elif name in FETCHED or (name == "href" and tag == "link"):
                self.loads.append(value)

    handle_startendtag = handle_starttag


def external(url: str) -> bool:
    parts = urllib.parse.urlsplit(url)
    return bool(parts.netloc) or parts.scheme not in ("", "data")


def read(path: pathlib.Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def problems(root: pathlib.Path) -> list[str]:
    pages = {path: read(path) for path in sorted(root.rglob("*.html"))}
    found = [] if pages else [f"{root}: no pages"]
    for path, page in pages.items():
        name = path.relative_to(root)
        found += [f"{name}: loads {url}" for url in page.loads if external(url)]
        for url in [*page.links, *(url for url in page.loads if not url.startswith("data:"))]:
            if external(url):
                continue
            parts = urllib.parse.urlsplit(url)
            target = (path.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                found.append(f"{name}: no file {url}")
            elif target in pages and (anchor := urllib.parse.unquote(parts.fragment)):
                found += [] if anchor in pages[target].anchors else [f"{name}: no anchor {url}"]
    for path in sorted(root.rglob("*.css")):
        found += [f"{path.relative_to(root)}: loads {url}" for url in IN_CSS.findall(path.read_text(encoding="utf-8"))]
    return found


if __name__ == "__main__":
    faults = problems(pathlib.Path(sys.argv[1]).resolve())
    print("\n".join(faults) or "documentation: nothing from elsewhere, all internal links lead somewhere")
    sys.exit(bool(faults))
