"""The process that parses mails for another, one after the other: python -m canary.processes.parse_child OCTETS SECONDS

It reads from standard input how long a mail is (8 octets) and the mail, and writes what it read in it as JSON in the same
way. More memory than OCTETS, or more than SECONDS of processor for a mail, end it, and so does the end of its input.
"""

import json
import resource
import sys
import time
from contextlib import suppress

from canary.mail.parse import parse
from canary.processes.memory import give_large_blocks_back
from canary.store.codec import parsed_json

LENGTH = 8


def main(octets: int, seconds: int) -> None:
    """Parse mails until standard input ends."""
    give_large_blocks_back()
    with suppress(OSError, ValueError):  # not every system bounds what a process may address
        resource.setrlimit(resource.RLIMIT_AS, (octets, octets))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while head := source.read(LENGTH):
        content = source.read(int.from_bytes(head))
        _allow(seconds)
        answer = json.dumps(parsed_json(parse(content))).encode("ascii")
        del content
        sink.write(len(answer).to_bytes(LENGTH) + answer)
        sink.flush()


def _allow(seconds: int) -> None:
    """Let the next mail have its share of processor time."""
    spent, (_, most) = int(time.process_time()), resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds + 1, most))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
