"""Everything that a recount finds to differ."""

from sqlalchemy.orm import Session

from hotline.services.scores import recount


def differences(session: Session) -> list[str]:
    found = [each for ids in recount.batches(session) for each in recount.compare(session, ids)]
    found += [each for day in recount.days(session) for each in recount.compare_sums(session, day)]
    return [str(each) for each in found + recount.compare_periods(session)]
