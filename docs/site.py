"""python -m docs.site: README and docs/ as a site under out/site/, strict: a link that leads nowhere ends it.

The pages stay plain Markdown, which a forge shows as well; here links are only led to where the pages lie in the site.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from scrapbag.errors import MissingExtraError, exits

ROOT = Path(__file__).parents[1]
OUT = ROOT / "out" / "site"
NAV = {  # heading: its pages, in the order in which one reads them
    "": ["index", "tutorial", "troubleshooting"],
    "Stages": ["recipe", "recipes", "sources", "curate", "report", "review", "gan", "gan-transfer", "textures"],
    "Show": ["gallery", "map", "show"],
    "Larger": ["scale", "engines", "storage", "serve", "processes"],
    "Reference": ["reference", "format", "glossary", "architecture"],
    "Records": ["real-run", "gan-records", "CHANGELOG"],
    "Project": ["CONTRIBUTING", "SECURITY"],
}
_LINK = re.compile(r"(?<=\]\()(?:\.\./|docs/)?([\w.-]+)(?=[)#])")


def pages(folder: Path) -> None:
    """Lay every page and picture of docs/, the pages at the root and what they name, side by side in `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for path in (*ROOT.glob("*.md"), ROOT / "LICENSE", ROOT / "CITATION.cff"):
        shutil.copy(path, folder / ("index.md" if path.stem == "README" else path.name))
    for path in folder.glob("*.md"):
        text = _LINK.sub(r"\1", path.read_text(encoding="utf-8")).replace("](README.md", "](index.md")
        path.write_text(text, encoding="utf-8")


def config() -> str:
    """Zensical's, as TOML. No font and no script comes from another host."""
    groups = []
    for heading, names in NAV.items():
        listed = ", ".join(f'"{name}.md"' for name in names)
        groups.append(f'  {{ "{heading}" = [{listed}] }},' if heading else f"  {listed},")
    return "\n".join([
        "[project]", 'site_name = "scrapbag"', 'docs_dir = "pages"', 'site_dir = "html"', "use_directory_urls = false",
        "nav = [", *groups, "]", "[project.theme]", "font = false", "",
    ])  # fmt: skip


@click.command()
def main() -> None:
    """Build out/site/html."""
    with exits():
        if find_spec("zensical") is None:
            raise MissingExtraError("make docs", "zensical", "docs")
        pages(OUT / "pages")
        (OUT / "zensical.toml").write_text(config(), encoding="utf-8")
        command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(OUT / "zensical.toml")]
        if code := subprocess.run(command, check=False).returncode:
            sys.exit(code)
        click.echo(
            f"{len(list((OUT / 'pages').glob('*.md')))} pages -> {OUT.relative_to(ROOT) / 'html' / 'index.html'}"
        )


if __name__ == "__main__":
    main()
