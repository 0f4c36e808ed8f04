"""What each reason means, in a sentence that a person reads."""

from __future__ import annotations

REASONS = {
    "unreadable": "The file came, but no decoder makes a picture of it.",
    "not_image": "Something else came under a picture's address, such as a web page.",
    "human_reject": "A person said no to this picture, or to one that is nearly the same.",
    "too_small": "Its shorter side is under min_side.",
    "too_large": "More pixels than are decoded safely.",
    "odd_aspect": "Longer or taller than max_aspect allows.",
    "low_information": "Almost one colour: a placeholder, a blank, a swatch.",
    "blurry": "Far less sharp than the rest of this dataset.",
    "collage": "Several pictures joined into one.",
    "licence": "Its licence is none of those that require_licence asks for.",
    "dup_exact": "The very same bytes as a picture that came before.",
    "off_target": "The classifier takes it for something else.",
    "low_confidence": "The classifier takes it for a target, but not firmly enough.",
    "dup_near": "Nearly the same as a picture that was kept instead.",
}
FETCH_REASONS = {
    "opt_out": "The site says that it does not want its pictures used like this.",
    "robots": "The site's robots.txt does not let us ask.",
    "http_4xx": "The server has no such picture for us.",
    "http_5xx": "The server failed.",
    "timeout": "No answer in time.",
    "address": "The address leads to a private network.",
    "redirect": "It led round in circles, or out of the web.",
    "too_many_bytes": "The file is larger than max_bytes.",
    "too_many_pixels": "More pixels than max_pixels allows.",
    "truncated": "The answer ended too early.",
    "challenge": "The site wanted to see a person.",
    "tls": "The connection could not be made safe.",
    "dns": "The host has no address.",
    "waiting": "It came after the last make score, so that nothing is known of it yet.",
}


def meaning(reason: str) -> str:
    """The sentence for a reason; '' for one that is not known here."""
    return REASONS.get(reason) or FETCH_REASONS.get(reason, "")
