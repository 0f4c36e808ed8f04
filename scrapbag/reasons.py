"""Why a picture never came, or was not kept: one closed set of words, each with the sentence that a person reads.

The words are types too: mypy refuses a reason that stands in no table, and a test compares the tables with the docs.
"""

from __future__ import annotations

from typing import Literal, get_args

DecisionReason = Literal[
    "gone",
    "missing",
    "unreadable",
    "not_image",
    "placeholder",
    "human_reject",
    "too_small",
    "too_large",
    "odd_aspect",
    "low_information",
    "blurry",
    "collage",
    "licence",
    "dup_exact",
    "off_target",
    "low_confidence",
    "dup_near",
]
FetchReason = Literal[
    "opt_out",
    "robots",
    "http_4xx",
    "http_5xx",
    "timeout",
    "address",
    "redirect",
    "too_many_bytes",
    "too_many_pixels",
    "truncated",
    "challenge",
    "tls",
    "dns",
    "connection",
    "mismatch",
    "not_image",
    "unreadable",
    "crash",
    "gone",
]

# In the order in which they are asked; the first that holds is a row's reason
DECISION: dict[str, str] = {
    "gone": "No source of the recipe names it any more: its file, line or start, or the source, was taken out.",
    "missing": "It came once, but its file in images/ is gone or damaged; make scrape RETRY=failed asks for it again.",
    "unreadable": "The file came, but no decoder makes a picture of it.",
    "not_image": "Something else came under a picture's address, such as a web page.",
    "placeholder": "Its very bytes stand at five or more addresses of its source, each of another thing.",
    "human_reject": "A person said no to this picture, or to one that is nearly the same.",
    "too_small": "Its shorter side is under min_side, or under SIZE: enlarge = true under [curate] would take it.",
    "too_large": "It has more pixels than max_pixels allows.",
    "odd_aspect": "It is longer or taller than max_aspect allows.",
    "low_information": "It is almost one colour: a placeholder, a blank, a swatch.",
    "blurry": "It is far less sharp than the rest of this dataset.",
    "collage": "It is several pictures joined into one.",
    "licence": "Its licence is none of those that require_licence asks for.",
    "dup_exact": "It has the very same bytes as a picture that came before.",
    "off_target": "The classifier takes it for something else.",
    "low_confidence": "The classifier takes it for a target, but its confidence is under the threshold.",
    "dup_near": "It is nearly the same as a picture that was kept instead.",
}
# A row whose picture never came has one of these, or `gone`, `not_image` or `unreadable`
FETCH: dict[str, str] = {
    "opt_out": "The site says that it does not want its pictures used like this.",
    "robots": "The site's robots.txt does not let us ask.",
    "http_4xx": "The server has no such picture for us.",
    "http_5xx": "The server failed.",
    "timeout": "No answer came in time.",
    "address": "It is no address, or it leads to a private network.",
    "redirect": "It redirects in circles, too often, or to nowhere.",
    "too_many_bytes": "The file is larger than max_bytes.",
    "too_many_pixels": "It has more pixels than max_pixels allows.",
    "truncated": "The answer ended too early.",
    "challenge": "The site wanted to see a person.",
    "tls": "The connection could not be made safe.",
    "dns": "The host has no address.",
    "connection": "The connection could not be made, or broke.",
    "mismatch": "Its bytes are not those whose sha256 the list names.",
    "crash": "Six runs in a row were killed while they had asked for it.",
}
# Neither failed nor decided
PENDING: dict[str, str] = {
    "queued": "It was asked for without an answer so far; the next make scrape asks again.",
    "waiting": "It came after the last make score, so that nothing is known of it yet.",
}


def sentence(reason: str) -> str:
    """The sentence for a reason; '' for one that is not known here."""
    return DECISION.get(reason) or FETCH.get(reason) or PENDING.get(reason, "")


DECISION_REASONS: tuple[DecisionReason, ...] = get_args(DecisionReason)
FETCH_REASONS: tuple[FetchReason, ...] = get_args(FetchReason)
