"""The skeleton of every web page that we write: it carries its own style and script, and its policy admits no others.

A package's templates extend `page.html.j2`, which has the head. W3C, Content Security Policy Level 3: a style or script
inside the page runs only if its SHA-256 is in the policy, so text that slipped through the escaping would not run.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

Files = str | tuple[str, ...]  # a name in a package's templates/, or in ours; or several, put one after the other


def render(package: str, template: str, style: Files, script: Files = "", *, served: bool = False, **words: Any) -> str:
    """The page as HTML; `template`, `style` and `script` are names in the package's templates/.

    A page that is `served` has its policy in a header (`policy`), any other in itself.
    """
    css, js = source(package, style), source(package, script) if script else ""
    skeleton = {
        "policy": "" if served else policy(css, js),
        "style": Markup(css),  # noqa: S704  our own file, and the policy admits no other
        "script": Markup(js),  # noqa: S704  likewise
    }
    return _environment(package).get_template(template).render(skeleton | words)


@cache
def source(package: str, files: Files) -> str:
    """The text of files in the package's templates/, or in ours."""
    loader = _environment(package).loader
    assert loader is not None
    names = (files,) if isinstance(files, str) else files
    return "".join(loader.get_source(_environment(package), name)[0] for name in names)


def policy(style: str, script: str = "", *, served: bool = False) -> str:
    """The Content-Security-Policy of a page with this style and script: nothing else runs, and nothing is loaded.

    Pictures come from the page itself as data URIs. A `served` page may ask its own server, for pictures too, and no
    other page may frame it.
    """
    from_where = "img-src 'self'; connect-src 'self'" if served else "img-src data:"
    scripts = f" script-src {_hash(script)};" if script else ""
    frames = "; frame-ancestors 'none'" if served else ""
    start = f"default-src 'none'; {from_where}; style-src {_hash(style)};{scripts}"
    return f"{start} base-uri 'none'; form-action 'none'{frames}"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _environment(package: str) -> Environment:
    return Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("scrapbag.web")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
