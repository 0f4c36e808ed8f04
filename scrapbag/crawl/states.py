"""The states of a request and what moves it from one to another, as one table that the frontier's SQL is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

State = Literal["queued", "leased", "done", "failed", "skipped"]

STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class Transition:
    """An event moves a request from one of the states `before` to `after`; in any other state it moves nothing."""

    before: tuple[State, ...]  # () of a request that was not known
    after: State
    when: str


TRANSITIONS = {
    "add": Transition((), "queued", "a source begins with it, or a page names it"),
    "lease": Transition(("queued",), "leased", "its host's turn has come"),
    "page_done": Transition(("leased",), "done", "a page was read"),
    "unchanged": Transition(("leased",), "done", "a page or a picture is as it was (304)"),
    "picture_done": Transition(("leased",), "done", "a picture is on the disk"),
    "lost": Transition(("leased",), "failed", "it brought nothing, for a reason"),
    "skip": Transition(("leased",), "skipped", "it was not to be asked (robots, opt_out)"),
    "later": Transition(("leased",), "queued", "it is to be tried again, or was never asked"),
    "stop": Transition(("queued",), "failed", "its host was given up"),
    "begin": Transition(("leased",), "queued", "the run that had leased it was killed"),
    "crash": Transition(("queued",), "failed", "six runs in a row were killed while they had leased it"),
    "retry": Transition(("failed", "done"), "queued", "RETRY=failed: what failed, and what has no usable body"),
    "round": Transition(("done",), "queued", "nothing is left to ask: each list page"),
    "allow": Transition(("failed",), "queued", "allow_hosts names its private address by now"),
    "fresh": Transition(("queued", "done", "failed", "skipped"), "queued", "FRESH=1: each page and picture"),
    "named": Transition(
        ("queued", "done", "failed", "skipped"), "queued", "an edited source names it again, or a list says it changed"
    ),
    "gone": Transition(("queued", "done", "failed", "skipped"), "skipped", "no source of the recipe names it any more"),
    "back": Transition(("skipped",), "done", "a source names it again, and its picture is here"),
}


def move(event: str, *values: str, where: str) -> str:
    """The SQL that moves those requests that fulfil `where` and that the event may move, and sets `values` beside."""
    sets = ", ".join((f"state = {TRANSITIONS[event].after!r}", *values))
    states = ", ".join(map(repr, TRANSITIONS[event].before))
    return f"update request set {sets} where state in ({states}) and {where}"  # noqa: S608  (words of our own)


def change(*values: str, where: str) -> str:
    """The SQL that sets `values` of those requests that fulfil `where`, and leaves their states alone."""
    return f"update request set {', '.join(values)} where {where}"  # noqa: S608  (likewise)


def table() -> str:
    """Every transition as a row of a Markdown table, for the docs."""
    rows = ["| event | from | to | when |", "|---|---|---|---|"]
    for event, one in TRANSITIONS.items():
        rows.append(f"| {event} | {', '.join(one.before) or '(new)'} | {one.after} | {one.when} |")
    return "\n".join(rows) + "\n"


def diagram() -> str:
    """The table as a Mermaid state diagram; events between the same two states share an arrow."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for event, one in TRANSITIONS.items():
        for before in one.before or ("[*]",):
            arrows.setdefault((before, one.after), []).append(event)
    lines = [f"    {before} --> {after}: {', '.join(events)}" for (before, after), events in arrows.items()]
    return "\n".join(["stateDiagram-v2", *lines]) + "\n"
