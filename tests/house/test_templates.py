"""Every page template compiles, and what it lets people do works without script."""

import re

from jinja2 import Environment

from tests.house.source import ROOT


def test_every_template_compiles() -> None:
    environment = Environment(extensions=["jinja2.ext.i18n", "jinja2.ext.do"], autoescape=True)
    templates = sorted((ROOT / "hotline" / "web" / "templates").rglob("*.*"))

    assert templates != []
    for template in templates:
        environment.parse(template.read_text(), filename=str(template))


def test_every_form_of_htmx_is_one_that_a_browser_without_script_can_send() -> None:
    for template in sorted((ROOT / "hotline" / "web" / "templates").rglob("*.html")):
        for tag in re.findall(r"<form\b[^>]*\bhx-post=[^>]*>", template.read_text()):
            posted = re.search(r'\bhx-post="([^"]*)"', tag)
            assert posted is not None, f"{template.name}: {tag}"
            assert 'method="post"' in tag, f"{template.name}: {tag}"
            assert f' action="{posted[1]}"' in tag, f"{template.name}: {tag}"


def test_files_are_chosen_in_our_own_words() -> None:
    """A bare field says "Choose Files" in the browser's language: `parts.files` does not, nor does the mailbox's own list."""
    for template in sorted((ROOT / "hotline" / "web" / "templates").rglob("*.html")):
        for tag in re.findall(r'<input\b[^>]*type="file"[^>]*>', template.read_text()):
            assert "data-names=" in tag or "data-files=" in tag, f"{template.name}: {tag}"
