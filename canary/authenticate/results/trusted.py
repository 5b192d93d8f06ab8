"""Trusted Authentication-Results: what the receiver before us found out, where we may trust it (RFC 8601)."""

import re
from collections.abc import Collection, Iterator, Sequence

from canary.authenticate.lookup import dns_name
from canary.authenticate.message import Field, Message
from canary.authenticate.results.field import Results, ResultStatement, read_field
from canary.mail.received import Hop, Received, hop_of, is_internal, is_private, read_received
from canary.model.domain_names import is_within
from canary.model.proof import ArcResult, DkimResult, DmarcResult, Proofs, Result, SpfResult

MAX_RECEIVED = 50
MAX_FIELDS = 20
MAX_SIGNATURES = 10

OUTLOOK = "protection.outlook.com"
"""The id to trust for Microsoft 365, which writes fields without an id (see `_written_by`)."""

_SAME_SIDE = {"outlook.com": ("office365.com", "exchangelabs.com")}
"""Domains in which an organisation's receivers have names, besides its own."""


def read_results(message: Message, trusted: Collection[str]) -> Proofs | None:
    """Return what a trusted writer states, None if no field is where only such a writer could have put it.

    Fields count when they are above the line by which the writer received the mail from outside, or else directly below
    it, where the writer must have removed every forgery of its own id (section 5). Further down they count only below
    lines whose client is on a private network or the writer's own: what anybody else handed over, anybody wrote.
    """
    writers = _writers(trusted)
    for writer in writers:
        if found := _results_of(message.fields, writer, writers):
            return proofs_stated(found, writer)
    return None


def border_hop(message: Message, trusted: Collection[str]) -> Hop | None:
    """Return the host outside that a trusted writer received the mail from; None where no believed line shows one."""
    writers = _writers(trusted)
    for writer in writers:
        passed: list[Received] = []
        for at, seen in _believed(message.fields, writers):
            passed.append(seen)
            if _is_writers(seen, writer) and seen.ip and not is_private(seen.ip):
                return hop_of(seen, at, passed)
    return None


def _writers(trusted: Collection[str]) -> list[str]:
    return [writer for writer in map(dns_name, trusted) if writer]


def _results_of(fields: Sequence[Field], writer: str, writers: Sequence[str]) -> list[Results]:
    lines = (at for at, seen in _believed(fields, writers) if _is_writers(seen, writer))
    return next(filter(None, (_results_at(fields, writer, boundary) for boundary in lines)), [])


def _results_at(fields: Sequence[Field], writer: str, boundary: int) -> list[Results]:
    above = [at for at in range(boundary) if _is_results(fields[at])][:MAX_FIELDS]
    read = [(at, read_field(fields[at].value)) for at in above]
    found = [results for at, results in read if _written_by(writer, results, fields[at:boundary])]
    return found or [results for results in _below(fields, boundary) if is_within(results.writer, writer)]


def _below(fields: Sequence[Field], boundary: int) -> list[Results]:
    """Return the fields between the writer's line and that of the hop before it, which is not the writer's."""
    end = next((at for at in range(boundary + 1, len(fields)) if fields[at].key == b"received"), len(fields))
    found = [each for each in fields[boundary + 1 : end] if _is_results(each)]
    return [read_field(each.value) for each in found[:MAX_FIELDS]]


def _is_results(found: Field) -> bool:
    return found.key == b"authentication-results"


def _believed(fields: Sequence[Field], writers: Sequence[str]) -> Iterator[tuple[int, Received]]:
    """Yield the lines that only trusted hosts can have written, from the top, the last being that of the border."""
    received = [at for at, found in enumerate(fields) if found.key == b"received"]
    for at in received[:MAX_RECEIVED]:
        seen = read_received(fields[at].value.decode("utf-8", "replace"))
        if not any(_is_side_of(writer, seen.by) for writer in writers):
            return
        yield at, seen
        if not _is_handed_on(seen, writers):
            return


def _is_handed_on(seen: Received, writers: Sequence[str]) -> bool:
    """Whether the client of a believed line is private or the writers' own, so that the next line is theirs too.

    A client chooses its HELO, which therefore counts only with a writer whose own machines alone talk to that one.
    """
    if seen.ip and is_private(seen.ip):
        return True
    own = any(_is_of(writer, seen.name) for writer in writers)
    among = any(_is_of(writer, seen.by) and _is_of(writer, seen.helo.lower()) for writer in writers)
    return own or among or (not seen.ip and (seen.inside or seen.local))


def _is_writers(seen: Received, writer: str) -> bool:
    return is_within(seen.by, writer) or is_within(writer, seen.by)


def _is_side_of(writer: str, host: str) -> bool:
    """Whether a host belongs to the writer's organisation, or has a name that means nothing outside it."""
    return host != "" and (_is_of(writer, host) or is_within(writer, host) or is_internal(host))


def _is_of(writer: str, host: str) -> bool:
    """Whether a host has a name of the writer's organisation."""
    labels = writer.split(".")
    # Short names below the ending of a country are mostly endings themselves (co.uk, com.br).
    organisation = ".".join(labels[-3 if len(labels[-1]) == 2 and len("".join(labels[-2:-1])) <= 3 else -2 :])
    return any(is_within(host, domain) for domain in (organisation, *_SAME_SIDE.get(organisation, ())))


def _written_by(writer: str, found: Results, down_to_boundary: Sequence[Field]) -> bool:
    """Whether a field above the boundary is the writer's.

    Microsoft 365 writes no id. Its field is recognised by its place: directly above the line by which its edge received
    the mail, with only its Received-SPF between, so that nobody outside can have put it there.
    """
    if found.writer or writer != OUTLOOK:
        return is_within(found.writer, writer)
    return all(each.key in {b"authentication-results", b"received-spf"} for each in down_to_boundary)


_WORDS = {result.value: result for result in Result} | {
    "hardfail": Result.FAIL,
    "timeout": Result.TEMPERROR,
    "error": Result.TEMPERROR,
    # Microsoft's guess for domains without a DMARC record.
    "bestguesspass": Result.NONE,
}


def proofs_stated(found: Sequence[Results], writer: str) -> Proofs:
    """Return what the fields of one writer state together."""
    stated = [statement for results in found for statement in results.statements]
    dkim = tuple(_dkim(s, writer) for s in stated if s.method == "dkim" and s.word != "none")[:MAX_SIGNATURES]
    # The envelope sender proves more than HELO where both were checked (section 2.7.2).
    senders = sorted((s for s in stated if s.method == "spf"), key=lambda s: "smtp.mailfrom" not in s.properties)
    spf = _spf(senders[0], writer) if senders else SpfResult()
    dmarc = next((_dmarc(s, spf, dkim, writer) for s in stated if s.method == "dmarc"), DmarcResult())
    arc = next((_arc(s, writer) for s in stated if s.method == "arc"), ArcResult())
    return Proofs(spf, dkim, dmarc, arc)


def _result(statement: ResultStatement) -> Result:
    """Return the word as a result; an unknown word proves nothing."""
    return _WORDS.get(statement.word, Result.NONE)


def _reason(statement: ResultStatement, writer: str) -> str:
    known = statement.word in set(Result)
    return f"{writer} says {statement.comment or statement.word if known else statement.word[:40]}"


def _domain(address: str) -> str:
    return dns_name(address.rpartition("@")[2])


def _spf(statement: ResultStatement, writer: str) -> SpfResult:
    scope = "mailfrom" if "smtp.mailfrom" in statement.properties else "helo"
    domain = _domain(statement.properties.get(f"smtp.{scope}", ""))
    return SpfResult(_result(statement), domain, scope, _reason(statement, writer))


def _dkim(statement: ResultStatement, writer: str) -> DkimResult:
    properties = statement.properties
    identity = properties.get("header.i", "")[:320]
    signer = properties.get("header.d", identity)
    return DkimResult(
        _result(statement),
        domain="" if signer == "none" else _domain(signer),
        selector=dns_name(properties.get("header.s", "")),
        identity=identity,
        algorithm=properties.get("header.a", "")[:40],
        reason=_reason(statement, writer),
    )


def _dmarc(statement: ResultStatement, spf: SpfResult, dkim: Sequence[DkimResult], writer: str) -> DmarcResult:
    author = _domain(statement.properties.get("header.from", ""))
    policy = re.search(r"\bp=(none|quarantine|reject)\b", statement.comment, re.IGNORECASE)
    passed = _result(statement) is Result.PASS
    signers = [each.domain for each in dkim if each.result is Result.PASS and passed]
    senders = [spf.domain] if spf.result is Result.PASS and passed else []
    return DmarcResult(
        _result(statement),
        author,
        policy=policy[1].lower() if policy else "",
        aligned_dkim=_nearest(author, signers),
        aligned_spf=_nearest(author, senders),
        reason=_reason(statement, writer),
    )


def _arc(statement: ResultStatement, writer: str) -> ArcResult:
    instances = re.search(r"\bi=([0-9]{1,2})\b", statement.comment)
    return ArcResult(
        _result(statement), instances=int(instances[1]) if instances else 0, reason=_reason(statement, writer)
    )


def _nearest(author: str, domains: Sequence[str]) -> str:
    """Return the domain that the writer found aligned, as far as names show: the author's own, one above or below it."""
    kin = [domain for domain in domains if is_within(domain, author) or is_within(author, domain)]
    return author if author in kin else next(iter(kin), "")
