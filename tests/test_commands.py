"""What users have written down in scripts: no option, target or variable goes or changes unnoticed."""

from making import ROOT

from docs.commands import lines

FROZEN = ROOT / "tests" / "commands.txt"


def test_every_command_line_and_every_variable_of_make_is_as_it_was():
    was, now = FROZEN.read_text(encoding="utf-8").splitlines(), list(lines())
    gone, new = [line for line in was if line not in now], [line for line in now if line not in was]
    assert now == was, (
        f"gone or changed: {gone}; new: {new}. Is it meant? Then `python -m docs.commands > tests/commands.txt`, and"
        " a line in CHANGELOG.md that tells users of it"
    )
