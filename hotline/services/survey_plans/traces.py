"""Where an answer came from: two keyed hashes, kept for a while, by which many answers from one place are found."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from models import AnswerTrace, SurveyAnswer, now, privacy


@dataclass(frozen=True)
class Origin:
    """As the door saw it: address and program of a page, or the number that a message or call came from."""

    address: str = ""
    agent: str = ""
    number_hash: bytes | None = None


def keep(session: Session, answer: SurveyAnswer, origin: Origin) -> None:
    """Nothing of what a person of the centre wrote down: that is named in the history."""
    hashed = privacy.lookup_hash("origin", f"{origin.address}\0{origin.agent}") if origin.address else None
    if hashed is not None or origin.number_hash is not None:
        session.add(AnswerTrace(answer_id=answer.id, origin_hash=hashed, number_hash=origin.number_hash, at=now()))
