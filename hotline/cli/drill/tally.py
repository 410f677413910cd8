"""Counts after the drill: what citizens were told was received, and each acknowledged step, against what the service holds."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hotline.cli import export
from hotline.cli.drill.ledger import Act, Ledger, Letter, Step
from hotline.db import reading

CONSEQUENCES_WITHIN = 60.0
Row = dict[str, Any]


@dataclass
class Held:
    """What the service holds of the time of the drill."""

    contacts: dict[str, list[Row]]
    cases: dict[str, Row]
    surveys: dict[str, list[Row]]
    arrivals: Counter[str]

    @classmethod
    def since(cls, start: datetime) -> "Held":
        with reading() as session:
            contacts = list(export.contacts(session, start))
            cases = {row["number"]: row for row in export.cases(session, start)}
            surveys = list(export.surveys(session, start))
        return cls(
            contacts=_grouped(contacts, "reference"),
            cases=cases,
            surveys=_grouped(surveys, "case"),
            arrivals=Counter(external_id for row in contacts for external_id in row["external_ids"]),
        )


def _grouped(rows: Sequence[Row], key: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[key], []).append(row)
    return found


@dataclass
class Tally:
    reached: Counter[Step] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)

    def expect(self, what: str, count: int, least: int = 1, most: int | None = None) -> None:
        """`least` was acknowledged, `most` was tried: what died on the way back may have taken effect, once."""
        most = least if most is None else most
        if count < least:
            self.lost.append(f"{what}: {count} of {least}")
        elif count > most:
            self.doubled.append(f"{what}: {count} instead of {most}")

    def lines(self) -> Iterator[str]:
        for step in Step:
            yield f"{step} {self.reached[step]}"
        yield f"lost {len(self.lost)}"
        yield f"doubled {len(self.doubled)}"


def count(ledger: Ledger, start: datetime) -> Tally:
    """Waits a while for the last scores, which follow the surveys by themselves."""
    end = time.monotonic() + CONSEQUENCES_WITHIN
    while True:
        held = Held.since(start)
        missing = [letter for letter in ledger.letters if Step.SURVEYED in letter.reached and not _scores(held, letter)]
        if not missing or time.monotonic() > end:
            return _compare(ledger, held)
        time.sleep(0.5)


def _scores(held: Held, letter: Letter) -> Row:
    found: Row = next((row["scores"] for row in held.surveys.get(letter.number, ())), {})
    return found if "satisfaction" in found else {}


def _compare(ledger: Ledger, held: Held) -> Tally:
    tally = Tally()
    for letter in ledger.letters:
        tally.expect(f"contact {letter.reference}", len(held.contacts.get(letter.reference, ())))
        tally.expect(f"message of {letter.reference}", held.arrivals[letter.external_id])
        _compare_acts(tally, letter, held)
        tally.reached.update(letter.reached)
        if Step.SURVEYED in letter.reached:
            _compare_scores(tally, letter, held)
    for external_id, number in ledger.remarks.items():
        tally.expect(f"remark on {number}", held.arrivals[external_id])
    return tally


def _compare_acts(tally: Tally, letter: Letter, held: Held) -> None:
    cases = [number for row in held.contacts.get(letter.reference, ()) for number in row["cases"]]
    row = held.cases.get(cases[0]) if cases else None
    surveys = held.surveys.get(row["number"], []) if row else []
    found = {
        Act.FILE: len(cases),
        Act.DISPATCH: len(row["assignments"]) if row else 0,
        Act.ANSWER: row["answers"] if row else 0,
        Act.REWORK: row["reworked"] if row else 0,
        Act.CHECK: len(row["checks"]) if row else 0,
        Act.SURVEY: sum(survey["answers"] for survey in surveys),
    }
    for act, count in found.items():
        tally.expect(f"{act} of {letter.reference}", count, letter.done[act], letter.tried[act])


def _compare_scores(tally: Tally, letter: Letter, held: Held) -> None:
    tally.expect(f"survey of {letter.number}", len(held.surveys.get(letter.number, ())))
    if _scores(held, letter):
        tally.reached[Step.SCORED] += 1
    else:
        tally.lost.append(f"score of {letter.number}")
