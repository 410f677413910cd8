"""What a person wrote in a mail is kept; what mail programs put below it is not."""

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from hotline.channels import mail_text


def answer(text: str, *, subject: str = "Re: 12345热线回复") -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = subject
    mail.set_content(text)
    return mail


@pytest.mark.parametrize(
    "history",
    [
        "On Mon, Nov 23, 2026 at 10:00 AM hotline <a@b.cn> wrote:\n> 已答复\n> 谢谢",
        "On Mon, Nov 23, 2026 at 10:00 AM a very long name of an office\n<a@b.cn> wrote:\n> 已答复",
        "在 2026年11月23日，10:00，热线 <a@b.cn> 写道：\n\n已答复",
        "hotline@b.cn 于2026年11月23日周一 10:00写道：\n> 已答复",
        "------------------ 原始邮件 ------------------\n发件人: 热线\n已答复",
        "-----Original Message-----\nFrom: hotline\n已答复",
        "发件人: 热线 <a@b.cn>\n发送时间: 2026年11月23日 10:00\n收件人: 我\n\n已答复",
        "________________________________\nFrom: hotline <a@b.cn>\nSent: Monday\n\n已答复",
        "> 已答复\n> 谢谢",
    ],
)
def test_the_history_below_an_answer_is_cut(history: str) -> None:
    assert mail_text.of(answer(f"路灯还没修好\n\n{history}")) == "路灯还没修好"


def test_answers_between_the_lines_stay() -> None:
    text = "On Mon, 23 Nov 2026, hotline wrote:\n> 是哪盏路灯？\n西门第三盏\n> 什么时候坏的？\n昨天晚上"

    assert mail_text.of(answer(text)) == text


def test_a_mail_passed_on_is_kept_whole() -> None:
    text = "请看下面\n\n-----Original Message-----\nFrom: 邻居\n楼道灯坏了"

    assert "楼道灯坏了" in mail_text.of(answer(text, subject="Fwd: 楼道灯"))


def test_an_answer_above_which_nothing_is_written_is_kept_whole() -> None:
    assert "已答复" in mail_text.of(answer("On Mon, 23 Nov 2026, hotline wrote:\n> 已答复"))


@pytest.mark.parametrize("signature", ["-- \n张三\n某公司", "--\n张三", "发自我的iPhone", "Sent from my phone"])
def test_signatures_are_cut(signature: str) -> None:
    assert mail_text.of(answer(f"路灯坏了\n\n{signature}", subject="路灯")) == "路灯坏了"


def test_a_line_of_dashes_far_above_the_end_is_no_signature() -> None:
    text = "第一件事\n--\n" + "\n".join(f"第{n}行" for n in range(20))

    assert mail_text.of(answer(text, subject="两件事")) == text


def test_markup_becomes_words_line_by_line() -> None:
    html = (
        "<html><head><title>x</title><style>p{}</style></head><body><p>路灯&nbsp;坏了&amp;</p>西门<br>第三盏"
        "<script>alert(1)</script><blockquote>已答复</blockquote></body></html>"
    )

    assert mail_text.from_html(html).splitlines() == ["路灯 坏了&", "西门", "第三盏", "> 已答复"]


@pytest.mark.parametrize("charset", ["gb2312", "gbk", "utf-8", "no-such-charset"])
def test_declared_and_misdeclared_characters_are_read(charset: str) -> None:
    content = "镕路灯坏了".encode("gb18030" if charset.startswith("gb") else "utf-8")
    raw = f"Subject: x\nContent-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: 8bit\n\n".encode() + content

    assert mail_text.of(message_from_bytes(raw, policy=policy.default)) == "镕路灯坏了"
