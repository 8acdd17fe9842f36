"""Sphinx's settings for the site, of which each language is a project of its own.

`python -m tools.site` gathers the pages and calls Sphinx with the tag `zh` or `en`.
"""

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from sphinx.application import Sphinx

from tools import site
from tools.site_search import SearchChinese

tags: Any = globals()["tags"]  # which Sphinx gives
LANGUAGE = next(each for each in site.LANGUAGES if tags.has(each))

project = "dify-java-compat"
release = site.version()
author = "the dify-java-compat authors"
copyright = author
language = {"zh": "zh_CN", "en": "en"}[LANGUAGE]

extensions = ["myst_parser"]
myst_heading_anchors = 4
root_doc = "index"
templates_path = ["templates"]
# a page may begin a step deeper; and `type` in a signature is Python's, not a field of that name
suppress_warnings = ["myst.header", "ref.python"]

add_module_names = False

html_theme = "furo"
html_title = "dify-java-compat"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = True
html_baseurl = os.environ.get("READTHEDOCS_CANONICAL_URL", "")
html_theme_options = {"top_of_page_buttons": ["edit"]}
# Furo's own list, with the languages and versions below the name
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/switch.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
pygments_style = "friendly"

_TOC = "\n            On this page\n          "  # as the theme writes it
_WORDS = {
    "zh": {
        "other": "English",
        "version": "版本",
        "furo": [("Next", "下一页"), ("Previous", "上一页"), ("Home", "首页"), (_TOC, "本页内容")],
    },
    "en": {"other": "简体中文", "version": "Version", "furo": []},
}


def add_to_page(app: Sphinx, name: str, template: str, context: dict[str, Any], _: Any) -> None:
    """What our templates need: the page in the other language, and where its source is edited."""
    root = context["content_root"]
    top = root if LANGUAGE == "zh" else f"{root}../"
    there = f"{top}en/" if LANGUAGE == "zh" else top
    context["words"] = _WORDS[LANGUAGE]
    context["site_root"] = top
    # pages that Sphinx makes, such as that of the search, are in both languages too
    context["other_language"] = f"{there}{name}.html"
    context["edit_url"] = site.edit_url(site.read_origins(Path(app.srcdir)).get(name))


def setup(app: Sphinx) -> None:
    app.add_search_language(SearchChinese)
    app.connect("html-page-context", add_to_page)
