"""What a person wrote in a mail: without the history below it and the signature, with care that no answer goes with them."""

import re
from email.message import EmailMessage, Message
from html.parser import HTMLParser

# Mails in Chinese name the older set and use the newer.
CHARSETS = {"gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030"}
LONGEST_SIGNATURE = 10

_ANSWER = re.compile(r"^\s*(?:re|回复|答复|回覆)\s*[:：]", re.IGNORECASE)
_HISTORY = re.compile(
    r"^(?:On\b.{5,200}\bwrote:|.{0,120}\d.{0,120}写道[:：]|在.{3,200}写道[:：]"
    r"|-{2,}\s*(?:Original Message|原始邮件|原邮件|回复的原邮件|Replied Message)\s*-{2,}|_{20,})\s*$",
    re.IGNORECASE,
)
_HEADS = re.compile(r"^(?:发件人|From)\s*[:：]\s*\S")
_MORE_HEADS = re.compile(r"^(?:发送时间|发送日期|日期|收件人|主题|Sent|Date|To|Subject)\s*[:：]")
_DEVICE = re.compile(r"^(?:发自我的|从我的.{1,20}发送|Sent from my )", re.IGNORECASE)
_MANY_BREAKS = re.compile(r"\n{3,}")
_LINE_ENDING = frozenset({"br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "table", "ul", "ol", "blockquote"})
_UNREAD = frozenset({"script", "style", "head", "title"})


def of(message: Message) -> str:
    whole = plain(message)
    kept = _without_history(whole) if _is_answer(message) else whole
    return _MANY_BREAKS.sub("\n\n", _without_signature(kept)).strip()


def from_html(html: str) -> str:
    """Its words, line by line; quoted passages as mail marks them."""
    reader = _Words()
    reader.feed(html)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.words).splitlines())
    return _MANY_BREAKS.sub("\n\n", "\n".join(lines)).strip()


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._unread = 0
        self._quoted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unread += tag in _UNREAD
        self._quoted += tag == "blockquote"
        if tag in _LINE_ENDING:
            self._break()

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNREAD:
            self._unread = max(0, self._unread - 1)
        if tag == "blockquote":
            self._quoted = max(0, self._quoted - 1)
        if tag in _LINE_ENDING:
            self._break()

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.words.append(" ".join(data.split("\n")))

    def _break(self) -> None:
        self.words.append("\n" + "> " * bool(self._quoted))


def _is_answer(message: Message) -> bool:
    """Of a mail passed on, what lies below is what it is about."""
    return bool(_ANSWER.match(str(message.get("Subject", "")))) or "In-Reply-To" in message


def plain(message: Message) -> str:
    """All that it says."""
    body = message.get_body(("plain", "html")) if isinstance(message, EmailMessage) else None
    content = body.get_payload(decode=True) if body is not None else None
    if body is None or not isinstance(content, bytes):
        return ""
    text = _decoded(content, body.get_content_charset("utf-8")).replace("\r\n", "\n")
    return from_html(text) if body.get_content_subtype() == "html" else text


def _decoded(content: bytes, charset: str) -> str:
    try:
        return content.decode(CHARSETS.get(charset.lower(), charset), "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


def _without_history(text: str) -> str:
    """Cut where the history begins, unless the answers stand between its lines or nothing would be left."""
    lines = text.splitlines()
    for place in range(len(lines)):
        if _begins_history(lines, place):
            before = "\n".join(lines[:place])
            return text if not before.strip() or _has_answers(lines[place + 1 :]) else before
    while lines and (not lines[-1].strip() or lines[-1].startswith(">")):
        lines.pop()
    return "\n".join(lines) or text


def _begins_history(lines: list[str], place: int) -> bool:
    line = lines[place].strip()
    following = [each.strip() for each in lines[place + 1 : place + 5]]
    # Some programs break the line of “On …” before “wrote:”.
    is_line = bool(_HISTORY.match(line)) or (line.startswith("On ") and bool(_HISTORY.match(" ".join((line, *following[:1])))))
    return is_line or (bool(_HEADS.match(line)) and any(_MORE_HEADS.match(each) for each in following))


def _has_answers(lines: list[str]) -> bool:
    """Quoted and unquoted lines in turns: somebody answered point by point."""
    written = [line for line in lines if line.strip() and not line.rstrip().endswith("wrote:")]
    return any(line.startswith(">") for line in written) and any(not line.startswith(">") for line in written)


def _without_signature(text: str) -> str:
    lines = text.rstrip().splitlines()
    for place in range(max(0, len(lines) - LONGEST_SIGNATURE - 1), len(lines)):
        if lines[place].rstrip() == "--":
            lines = lines[:place]
            break
    while lines and (_DEVICE.match(lines[-1].strip()) or not lines[-1].strip()):
        lines.pop()
    return "\n".join(lines) or text
