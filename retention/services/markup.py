"""What a mail's HTML holds: pictures, links and words."""

from __future__ import annotations

from html.parser import HTMLParser


class Markup(HTMLParser):
    """Gathers pictures, links and words."""

    SILENT = ("style", "title", "script", "head")

    def __init__(self) -> None:
        super().__init__()
        self.images: list[dict[str, str | None]] = []
        self.links: list[tuple[str, str]] = []
        """Pairs of URL and words."""
        self.words: list[str] = []
        self._silent = 0
        self._link: str | None = None
        self._said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in self.SILENT:
            self._silent += 1
        if tag == "img":
            self.images.append(given)
            if self._link is not None:
                self._said.append(given.get("alt") or "")
        if tag == "a":
            self._link, self._said = given.get("href") or "", []

    def handle_endtag(self, tag: str) -> None:
        if tag in self.SILENT:
            self._silent = max(self._silent - 1, 0)
        if tag == "a" and self._link is not None:
            self.links.append((self._link, " ".join(" ".join(self._said).split())))
            self._link = None

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.extend(data.split())
            if self._link is not None:
                self._said.append(data)


def read(html: str) -> Markup:
    """Return what a mail's HTML holds."""
    reader = Markup()
    reader.feed(html)
    reader.close()
    return reader
