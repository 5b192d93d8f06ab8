"""The grammar of MAIL and RCPT (RFC 5321 4.1.2): forgiving where a mail would be lost, in linear time."""

import re
from collections.abc import Iterable
from functools import lru_cache

from canary.smtp.admission import Limits, Refusal
from canary.smtp.data import TOO_BIG

_BRACKETED = re.compile(r'\s*+<((?:"(?:[^"\\]|\\.)*+"|[^<>"]++)*+)>\s*+(.*)')
_BARE = re.compile(r'\s*([^\s<>"]+)((?:\s.*)?)')
_ROUTE = re.compile(r'@[^:"]*:')
_SIZE = re.compile(r"SIZE=\d{1,20}")
_FLAGS = frozenset({"BODY=7BIT", "BODY=8BITMIME", "SMTPUTF8"})


@lru_cache(maxsize=1024)
def split_path(keyword: str, argument: str) -> tuple[str, tuple[str, ...]]:
    """The address and the parameters after `FROM:` or `TO:`, with or without brackets, without route.

    Raises Refusal. A source route is ignored, as RFC 5321 appendix C asks.
    """
    if argument[: len(keyword)].upper() != keyword:
        raise Refusal(f"501 5.5.4 Syntax: {keyword}<address>")
    path = argument[len(keyword) :]
    found = _BRACKETED.fullmatch(path) or _BARE.fullmatch(path)
    if found is None:
        raise Refusal(f"501 {'5.1.7' if keyword == 'FROM:' else '5.1.3'} Bad address syntax")
    address = found[1].strip()
    if address[:1] == "@" and (route := _ROUTE.match(address)):
        address = address[route.end() :]
    return address, tuple(found[2].split())


def check_parameters(parameters: Iterable[str], limits: Limits) -> None:
    """Raises Refusal unless MAIL's parameters are ones we announce and the declared size is within our limit."""
    for parameter in (given.upper() for given in parameters):
        if _SIZE.fullmatch(parameter):
            if int(parameter[5:]) > limits.size:
                raise Refusal(TOO_BIG)
        elif parameter.startswith(("SIZE", "BODY", "SMTPUTF8")) and parameter not in _FLAGS:
            raise Refusal("501 5.5.4 Bad parameter value")
        elif parameter not in _FLAGS:
            raise Refusal("555 5.5.4 Parameter not recognised")
