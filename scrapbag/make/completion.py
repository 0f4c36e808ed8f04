"""python -m scrapbag.make.completion: what bash needs to complete make's targets, variables and recipes here.

Its argument: the targets, with spaces between them.
"""

from __future__ import annotations

import sys

from scrapbag.make.variables import VARIABLES

_VALUES = {  # of variables whose values are few, or files
    "AS": "folder zip webdataset parquet captions png",
    "BACKEND": "torch openvino",
    "BY": "auto precision prob",
    "DTYPE": "bf16 fp32 int8",
    "FIT": "auto crop white border blur reflect original",
    "SIDE": "512 768 1024",
}
_SCRIPT = """\
# bash: eval "$(make completion)", in ~/.bashrc too; elsewhere make is completed as it was before
_scrapbag() {{
  [ -f scrapbag/make/completion.py ] || {{ declare -F _make >/dev/null && _make "$@"; return; }}
  local word="${{COMP_WORDS[COMP_CWORD]}}" name="${{COMP_WORDS[COMP_CWORD-1]}}"
  [ "$word" = "=" ] && word=""
  [ "$name" = "=" ] && name="${{COMP_WORDS[COMP_CWORD-2]}}" || {{ [ "${{COMP_WORDS[COMP_CWORD]}}" = "=" ] || name=""; }}
  case "$name" in
    "") COMPREPLY=($(compgen -W "{words}" -- "$word"))
        [[ "${{COMPREPLY[0]}}" = *= ]] && compopt -o nospace 2>/dev/null ;;
    RECIPE) COMPREPLY=($(compgen -W "$(echo recipes/*.toml)" -- "$word") $(compgen -f -X '!*.toml' -- "$word")) ;;
{cases}
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}}
complete -F _scrapbag make
"""


def script(targets: str) -> str:
    """Of the targets and of every variable."""
    words = " ".join([*targets.split(), *(f"{name}=" for name in sorted(VARIABLES))])
    cases = "\n".join(
        f'    {name}) COMPREPLY=($(compgen -W "{values}" -- "$word")) ;;' for name, values in _VALUES.items()
    )
    return _SCRIPT.format(words=words, cases=cases)


if __name__ == "__main__":
    print(script(sys.argv[1]), end="")  # noqa: T201  click alone takes as long to import
