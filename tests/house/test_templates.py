"""Every page template compiles."""

from jinja2 import Environment

from tests.house.source import ROOT


def test_every_template_compiles() -> None:
    environment = Environment(extensions=["jinja2.ext.i18n", "jinja2.ext.do"], autoescape=True)
    templates = sorted((ROOT / "hotline" / "web" / "templates").rglob("*.*"))

    assert templates != []
    for template in templates:
        environment.parse(template.read_text(), filename=str(template))
