"""WeChat's XML as words by name. Nothing is looked up, expanded or nested deeply, whoever sent it."""

from xml.parsers import expat

from hotline.errors import Invalid

DEEPEST = 6
MOST_ELEMENTS = 300
ROOT = "xml"


class _Reader:
    """Collects the text of each element under its path, `SendLocationInfo/Label`; the first of several counts within a list."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}
        self._path: list[str] = []
        self._text: list[list[str]] = []
        self._elements = 0

    def opened(self, name: str, _: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MOST_ELEMENTS or len(self._path) >= DEEPEST or (not self._path and name != ROOT):
            raise Invalid("This is not a message of WeChat.")
        self._path.append(name)
        self._text.append([])

    def said(self, text: str) -> None:
        self._text[-1].append(text)

    def closed(self, _: str) -> None:
        path, text = "/".join(self._path[1:]), "".join(self._text.pop())
        self._path.pop()
        # Two ids or two senders: which one was meant, nobody can say.
        if len(self._path) == 1 and path in self.words:
            raise Invalid("A field comes twice.")
        self.words.setdefault(path, text)


def _refuse(*_: object) -> None:
    raise Invalid("Document types and entities are not taken.")


def read(body: bytes) -> dict[str, str]:
    """Invalid for whatever is not one flat message in UTF-8."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.opened
    parser.EndElementHandler = reader.closed
    parser.CharacterDataHandler = reader.said
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        # Decoded here, whatever encoding the first line claims.
        parser.Parse(body.decode(), True)
    except (expat.ExpatError, UnicodeDecodeError) as error:
        raise Invalid("This cannot be read.") from error
    return reader.words
