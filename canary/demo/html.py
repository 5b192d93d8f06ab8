"""The looks of a letter: plain text, and HTML in four styles."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

from canary.demo.shops import Item

_LINK = re.compile(r"https?://\S+[\w/]")


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """A title, paragraphs with lists of items among them, and the small print; `picture` is the link of an image."""

    title: str
    blocks: tuple[str | tuple[Item, ...], ...]
    foot: str = ""
    picture: str = ""


def in_plain(page: HtmlPage) -> str:
    """Return a page as text, a paragraph a line."""
    blocks = [block if isinstance(block, str) else _listed(block) for block in page.blocks]
    foot = ["-- ", page.foot] if page.foot else []
    return "\n\n".join(blocks) + "".join(f"\n{line}" for line in ("", *foot))


def in_html(page: HtmlPage, skin: str, tint: str) -> str:
    """Return a page as an HTML document in ASCII, in one of the styles in `SKINS`."""
    html = SKINS[skin](page, tint)
    return html.encode("ascii", "xmlcharrefreplace").decode()


def _listed(items: tuple[Item, ...]) -> str:
    return "\n".join(
        f"  * {item.name}  {item.price}" + (f"\n    {item.praise}" if item.praise else "") for item in items
    )


def _inner(page: HtmlPage, list_items: Callable[[tuple[Item, ...]], str], opening: str = "<p>") -> str:
    """Return the blocks as HTML, each on a line of its own, the lists in the style of the skin."""
    return "\n".join(
        f"{opening}{_linked(block)}</p>" if isinstance(block, str) else list_items(block) for block in page.blocks
    )


def _linked(text: str) -> str:
    safe = escape(text).replace("\n", "<br>\n")
    return _LINK.sub(lambda found: f'<a href="{found[0]}">{found[0]}</a>', safe)


def _picture(page: HtmlPage) -> str:
    return f'<img src="{page.picture}" width="600" height="120" alt="{escape(page.title)}">\n' if page.picture else ""


def _cards(page: HtmlPage, tint: str) -> str:
    def cards(items: tuple[Item, ...]) -> str:
        cells = "\n".join(
            f'<td valign="top" style="border:1px solid #ddd;padding:8px"><b>{escape(item.name)}</b><br>\n'
            f'<span style="color:{tint}">{item.price}</span><br>\n{escape(item.praise)}</td>'
            for item in items
        )
        return f'<table width="600" cellspacing="6"><tr>\n{cells}\n</tr></table>'

    return (
        f"<!DOCTYPE html>\n<html><head><title>{escape(page.title)}</title></head>\n"
        f'<body style="margin:0;background:#f4f4f4;font-family:Verdana,sans-serif">\n'
        f'<table align="center" width="620" bgcolor="#ffffff"><tr><td>\n{_picture(page)}'
        f'<h1 style="color:{tint};font-size:20px">{escape(page.title)}</h1>\n{_inner(page, cards)}\n'
        f'<p style="font-size:10px;color:#777">{_linked(page.foot)}</p>\n</td></tr></table></body></html>\n'
    )


def _column(page: HtmlPage, tint: str) -> str:
    def column(items: tuple[Item, ...]) -> str:
        return "\n".join(
            f'<h3 style="color:{tint};margin-bottom:2px">{escape(item.name)} <small>{item.price}</small></h3>\n'
            f"<p>{escape(item.praise)}</p>"
            for item in items
        )

    return (
        f'<html>\n<body bgcolor="#fffdf7" style="font:15px/1.5 Georgia,serif;max-width:560px;margin:auto">\n'
        f"{_picture(page)}<h2>{escape(page.title)}</h2>\n{_inner(page, column)}\n<hr>\n"
        f'<div class="small">{_linked(page.foot)}</div>\n</body>\n</html>\n'
    )


def _band(page: HtmlPage, tint: str) -> str:
    def rows(items: tuple[Item, ...]) -> str:
        lines = "\n".join(
            f"<tr><td>{escape(item.name)}<br><i>{escape(item.praise)}</i></td>"
            f'<td align="right"><b>{item.price}</b></td></tr>'
            for item in items
        )
        return f'<table width="100%" cellpadding="6">\n{lines}\n</table>'

    return (
        "<html><head><style>body{font-family:Arial,Helvetica}p{margin:12px 18px}</style></head><body>\n"
        f'<div style="background:{tint};color:#fff;padding:14px 18px;font-size:22px">{escape(page.title)}</div>\n'
        f"{_picture(page)}{_inner(page, rows)}\n"
        f'<div style="background:#eee;padding:10px 18px;font-size:11px">{_linked(page.foot)}</div></body></html>\n'
    )


def _lure(page: HtmlPage, tint: str) -> str:
    return (
        f'<html><body><center><font face="Arial" color="{tint}" size="5"><b>{escape(page.title)}</b></font></center>\n'
        f'{_inner(page, _listed, "<p align=center>")}\n<font size="1" color="#cccccc">{escape(page.foot)}</font>\n'
        "</body></html>\n"
    )


SKINS: Mapping[str, Callable[[HtmlPage, str], str]] = {
    "cards": _cards,
    "column": _column,
    "band": _band,
    "lure": _lure,
}
