"""Bare names of persons, on invented sentences: half of them served to mend the rules, the other half only measures."""

import json
import re
from pathlib import Path

import pytest

from classifier.names import names_in
from classifier.text import normalise

SENTENCES = [json.loads(line) for line in Path(__file__).with_name("bare_names.jsonl").read_text(encoding="utf-8").splitlines()]
WITHOUT_NAMES = ["citizens.jsonl", "held_out.jsonl"]
TITLE = re.compile("(老师|书记|大妈|警官|主任|教练|师傅)$")


def found(half: str) -> tuple[float, float]:
    """Of the sentences with a name, which stands in brackets, the share found; of the others the share in which one is seen."""
    named, seen = [], []
    for sentence in (each["text"] for each in SENTENCES if each["half"] == half):
        marked = normalise(sentence)
        text = marked.replace("[", "").replace("]", "")
        names = [text[start:end] for start, end in names_in(text)]
        if wanted := re.search(r"\[(.+?)\]", marked):
            named.append(any(name.startswith(TITLE.sub("", wanted[1])) for name in names))
        else:
            seen.append(bool(names))
    return sum(named) / len(named), sum(seen) / len(seen)


@pytest.mark.parametrize(("half", "fewest", "most"), [("mending", 0.93, 0.04), ("held_out", 0.7, 0.1)])
def test_most_names_are_found_and_few_other_words_taken_for_one(half: str, fewest: float, most: float) -> None:
    right, wrong = found(half)

    assert right >= fewest
    assert wrong <= most


@pytest.mark.parametrize("file", WITHOUT_NAMES)
def test_texts_that_name_nobody_stay_whole(file: str) -> None:
    texts = [
        normalise(json.loads(line)["text"]) for line in Path(__file__).with_name(file).read_text(encoding="utf-8").splitlines()
    ]

    assert sum(any(names_in(text)) for text in texts) <= len(texts) / 200


def test_units_and_places_of_the_city_are_nobody(city: dict[str, object]) -> None:
    names = set(re.findall(r"'(?:name|short)': '([\u4e00-\u9fff]+)'", str(city)))

    assert len(names) > 100
    assert [name for name in sorted(names) if any(names_in(f"{name}没有人管"))] == []
