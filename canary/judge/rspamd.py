"""What rspamd says about a mail, read without trusting its form, as one reason of a hit."""

import json
import math
import re
from dataclasses import dataclass

from canary.model.verdict import Reason, StatedReason, state_reason

MOST = 8

_NAME = re.compile(r"[A-Z0-9_]{1,60}")


@dataclass(frozen=True, slots=True)
class Opinion:
    """The score and the symbols that moved it most, each with its share."""

    score: float
    symbols: tuple[tuple[str, float], ...]


def read_opinion(text: str) -> Opinion:
    """Read an answer of `/checkv2`; raises ValueError for anything else."""
    try:
        said = json.loads(text)
        symbols = said["symbols"].values()
        weighed = [(str(s["name"]), float(s.get("score", 0))) for s in symbols if _NAME.fullmatch(str(s["name"]))]
        score = float(said["score"])
    except (TypeError, KeyError, AttributeError, RecursionError, OverflowError) as fault:
        raise ValueError(f"not an answer of rspamd: {type(fault).__name__}") from None
    if not all(map(math.isfinite, (score, *(share for _, share in weighed)))):
        raise ValueError("not an answer of rspamd: its score is not a number")
    moved = sorted((pair for pair in weighed if abs(pair[1]) >= 0.1), key=lambda pair: (-abs(pair[1]), pair[0]))
    return Opinion(round(score, 1), tuple(moved[:MOST]))


def second_opinion(opinion: Opinion) -> StatedReason:
    """Return an opinion as a reason."""
    shares = tuple(f"{name} {share:+.1f}" for name, share in opinion.symbols)
    return state_reason(Reason.RSPAMD, score=f"{opinion.score:.1f}", symbols=shares or "nothing stands out")
