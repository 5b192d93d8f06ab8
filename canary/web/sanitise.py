"""Making a stranger's HTML safe to show: formatted text, and nothing that acts, loads or leads away."""

import html
import re

import nh3

from canary.mail.text import MAX_HTML, MAX_TAGS, html_to_text

TAGS = frozenset(
    "a abbr address article b big blockquote br caption center cite code col colgroup dd del div dl dt em font footer"
    " h1 h2 h3 h4 h5 h6 header hr i ins kbd li main mark ol p pre q s section small span strike strong sub sup table"
    " tbody td tfoot th thead tr tt u ul".split()
)
GONE = frozenset(
    "applet audio canvas embed frameset head iframe math noembed noframes noscript object script select style svg"
    " template textarea title video xmp".split()
)
"""These are removed with their content; of every other tag that is not shown, forms included, the text stays."""

ATTRIBUTES = frozenset(
    "align bgcolor border cellpadding cellspacing colspan dir height lang rowspan valign width".split()
)
LOOKS = frozenset(
    "background-color border border-bottom border-collapse border-color border-left border-radius border-right"
    " border-spacing border-style border-top border-width color font-family font-size font-style font-weight"
    " letter-spacing line-height list-style-type margin margin-bottom margin-left margin-right margin-top max-width"
    " padding padding-bottom padding-left padding-right padding-top text-align text-decoration text-transform"
    " vertical-align white-space width word-break".split()
)
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox"
    ),
    "X-Frame-Options": "SAMEORIGIN",
}
"""Even if the cleaner fails: no script runs, nothing loads, no click leads anywhere."""

DOWNLOAD = {"Content-Security-Policy": "default-src 'none'; sandbox"}

# What in a style could load something, or hide that it does: CSS escapes any letter by a backslash.
_LOADS = re.compile(r"url|image|expression|attr|var|@|\\|/\*|<", re.IGNORECASE)
_HOSTS = str.maketrans({".": "[.]"})
_SHOWN = re.compile(r"\b(https?|ftp)(://)([^\s/<>\"']{1,300})", re.IGNORECASE)
_PAGE = (
    '<!doctype html><html lang="und"><head><meta charset="utf-8"><meta name="color-scheme" content="light">'
    "<title>{title}</title><style>body{{margin:12px;background:#fff;color:#111;font:15px/1.5 sans-serif;"
    "overflow-wrap:anywhere}}table{{max-width:100%}}</style></head><body>{body}</body></html>"
)


def page(markup: str, title: str) -> str:
    """Return a whole page that shows a mail's HTML safely."""
    return _PAGE.format(title=html.escape(title), body=sanitised(markup))


def sanitised(markup: str) -> str:
    """Return (at most 256 KB of) HTML without anything that loads, runs, submits or leads away; it may be empty.

    Links keep their text only, and addresses in the text are defanged. HTML with too many tags for a parser becomes
    plain text.
    """
    if markup.count("<", 0, MAX_HTML) > MAX_TAGS:
        return f"<p>{_defanged(html.escape(html_to_text(markup)[0]))}</p>"
    clean = nh3.clean(
        markup[:MAX_HTML],
        tags=set(TAGS),
        clean_content_tags=set(GONE),
        attributes={"*": {*ATTRIBUTES, "style"}, "font": {"color", "face", "size"}},
        attribute_filter=_attribute,
        filter_style_properties=set(LOOKS),
        url_schemes=set(),
        link_rel=None,
    )
    return _defanged(clean)


def _attribute(_: str, name: str, value: str) -> str | None:
    return None if name == "style" and _LOADS.search(value) else value[:1000]


def _defanged(markup: str) -> str:
    return _SHOWN.sub(lambda m: f"{m[1].lower().replace('tt', 'xx')}{m[2]}{m[3].translate(_HOSTS)}", markup)
