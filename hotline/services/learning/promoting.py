"""Promotion by rule: a model in shadow takes over by itself once it has proved better. Off until an administrator wants it."""

import logging

from sqlalchemy.orm import Session

from hotline.services.learning import comparing, model_versions
from hotline.services.learning.comparing import Comparison
from hotline.settings import get_settings

log = logging.getLogger(__name__)

# Stricter than what the page calls better: the question is asked every hour.
FEWEST, CHANCE = 500, 0.01
# Confidence may not become less honest by more than this.
WORSE_CALIBRATED = 0.02
LEADING = "category"


def promote_better(session: Session) -> None:
    """Never back to a model that was replaced: that is for people."""
    chosen = model_versions.in_use(session)
    if not chosen.by_rule or chosen.shadow is None or chosen.shadow == chosen.former:
        return
    listening, current = (model_versions.about(name, get_settings()) for name in (chosen.shadow, chosen.current))
    if listening is None or current is None:
        return
    if is_better({each.field: each for each in comparing.compare(session, listening.version, current.version)}):
        model_versions.promote_by_rule(session, chosen.shadow)
        log.info("a model was promoted by rule", extra={"model": chosen.shadow, "version": listening.version})


def is_better(compared: dict[str, Comparison]) -> bool:
    """Better in the category on enough contacts beyond chance, worse in nothing."""
    leading = compared.get(LEADING)
    return (
        leading is not None
        and leading.count >= FEWEST
        and leading.only_shadow > leading.only_shown
        and leading.p < CHANCE
        and leading.shadow.ece <= leading.shown.ece + WORSE_CALIBRATED
        and all(each.verdict != "worse" for each in compared.values())
    )
