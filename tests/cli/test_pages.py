"""How the drill reads a page: as a browser without script would send its forms."""

import pytest

from hotline.cli.drill.pages import Page, Unexpected

HTML = """
<form data-form="other" action="/other"><input name="a" value="1"></form>
<form method="post" action="/act" data-form="act" enctype="multipart/form-data">
  <input type="hidden" name="key" value="k&amp;1"><input name="typed"><input type="file" name="file">
  <input type="radio" name="one" value="x"><input type="radio" name="one" value="y" checked>
  <input type="checkbox" name="no" value="true"><input type="checkbox" name="yes" checked>
  <input name="off" value="z" disabled>
  <select name="first"><option value="1">1</option><option value="2">2</option></select>
  <select name="chosen"><option value="1">1</option><option value="2" selected>2</option></select>
  <textarea name="text">
line one
line two</textarea>
  <button>send</button><button formaction="/elsewhere" data-form="elsewhere" name="how" value="so">send</button>
</form>
<form data-form="row" action="/1"></form><form data-form="row" action="/2"></form>
<a href="/desk?c=12&amp;m=1">open</a>
"""
PAGE = Page(200, "/page", HTML)


def test_a_form_is_sent_as_a_browser_sends_it() -> None:
    form = PAGE.form("act")

    assert form.action == "/act"
    assert form.has_files
    assert form.filled({}) == {
        "key": ["k&1"],
        "typed": [""],
        "one": ["y"],
        "yes": ["on"],
        "first": ["1"],
        "chosen": ["2"],
        "text": ["line one\nline two"],
    }


def test_a_button_may_send_it_elsewhere() -> None:
    form = PAGE.form("elsewhere")

    assert (form.action, form.first("how"), form.first("key")) == ("/elsewhere", "so", "k&1")


def test_what_is_typed_replaces_and_nothing_leaves_out() -> None:
    sent = PAGE.form("act").filled({"typed": "words", "one": None, "new": "more"})

    assert (sent["typed"], sent["new"]) == (["words"], ["more"])
    assert "one" not in sent


def test_every_row_has_its_form() -> None:
    assert [form.action for form in PAGE.forms("row")] == ["/1", "/2"]


def test_a_link_is_found_by_its_shape() -> None:
    assert PAGE.link(r"/desk\?c=[^\"]+") == "/desk?c=12&m=1"


def test_a_missing_form_says_what_was_there_instead() -> None:
    with pytest.raises(Unexpected, match=r"no form sign on /page \(status 200\): .*open"):
        PAGE.form("sign")
