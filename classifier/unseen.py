"""Words that a model has never read: where citizens talk of what its examples lack."""

from collections.abc import Iterator, Sequence

from classifier.features import Features

_BLOCK = 256


def unknown_words(features: Features, texts: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Of each text how many words it has, and those without a column. Single signs and numbers are no words here."""
    for at in range(0, len(texts), _BLOCK):
        block = texts[at : at + _BLOCK]
        words, _, _ = features.reader.read(block)
        for owner in range(len(block)):
            said = [(word, key) for word, key in words.of(owner) if len(word) > 1 and word.isalpha()]
            yield len(said), [word for word, key in said if features.column_of_word(key) is None]
