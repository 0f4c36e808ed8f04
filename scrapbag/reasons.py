"""Why a picture never came, or was not kept, or a file is no row: closed sets of words, each with a person's sentence.

The words are types too: mypy refuses a reason that stands in no table, and a test compares the tables with the docs.
"""

from __future__ import annotations

from typing import Literal, get_args

DecisionReason = Literal[
    "gone",
    "missing",
    "no_decoder",
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
PassedReason = Literal[
    "no_picture",
    "packed",
    "link",
    "special",
    "system",
    "unreadable",
    "too_many",
    "no_list",
    "no_column",
    "no_address",
    "bad_row",
    "repeated",
    "bad_sidecar",
    "sidecar",
]

# In the order in which they are asked; the first that holds is a row's reason
DECISION: dict[str, str] = {
    "gone": "No source of the recipe names it any more: its file, line or start, or the source, was taken out.",
    "missing": "It came once, but its file in images/ is gone or damaged; make scrape RETRY=failed asks for it again.",
    "no_decoder": "It is a HEIC picture, which needs pillow-heif: make setup EXTRA=heic, then make scrape.",
    "unreadable": "The file came, but no decoder makes a picture of it.",
    "not_image": "Something else came under a picture's address, such as a web page.",
    "placeholder": "Its very bytes stand at five or more addresses of its source, each of another thing.",
    "human_reject": "A person said no to this picture, or to one that is nearly the same.",
    "too_small": "Its shorter side is under min_side, or under SIZE: enlarge = true under [curate] would take it.",
    "too_large": "It has more pixels than max_pixels allows.",
    "odd_aspect": "It is longer or taller than max_aspect allows.",
    "low_information": "It is almost one colour: a placeholder, a blank, a swatch.",
    "blurry": "It is far less sharp than the rest of this dataset.",
    "collage": "Straight gutters part it into several: pictures joined into one, or a page of a book.",
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
# What a folder, an archive or a list holds that is no row, and why
PASSED: dict[str, str] = {
    "no_picture": "By its bytes it is no picture of a format that is read.",
    "packed": "It may hold pictures, but is not opened where it lies: write its path as a source of its own"
    " (a zip or tar: kind folder; a Parquet file with addresses: kind urls), or unpack it.",
    "link": "It leads out of the folder, in circles or to nothing; links = [...] names folders that links may lead to.",
    "special": "It is no file: a device, a pipe, a link inside an archive.",
    "system": "A file of the system or of a program: .DS_Store, Thumbs.db, ._name, __MACOSX, _SUCCESS.",
    "unreadable": "It cannot be opened: no permission, a password, or damage.",
    "too_many": "An archive has more members than are looked at; members = N in the recipe allows more.",
    "no_list": "It is no list that is read: txt, csv, tsv, jsonl, json or parquet, packed or not.",
    "no_column": "It is a list without a column of addresses, or without rows.",
    "no_address": "The row has no address.",
    "bad_row": "The row cannot be read.",
    "repeated": "The same source names this address before.",
    "bad_sidecar": "It lies beside a picture, but cannot be read as JSON, table or text; the picture came without it.",
    "sidecar": "Nothing is lost: what it says of the picture beside it was read.",
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
PASSED_REASONS: tuple[PassedReason, ...] = get_args(PassedReason)
FETCH_REASONS: tuple[FetchReason, ...] = get_args(FetchReason)
