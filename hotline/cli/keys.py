"""The refusal to start with keys that do not fit what is stored."""

from hotline import process
from hotline.db import reading
from hotline.services import unlocking


def refuse_others() -> None:
    """What would be written with a key that does not fit could later be neither read nor found beside the rest."""
    with reading() as session:
        place = unlocking.misfit(session)
    if place:
        raise process.NotConfigured(
            "HOTLINE_PRIVACY__KEY does not fit what is stored ({place}): nothing is started. Put back the key that it was "
            "stored with; replaced ones belong into HOTLINE_PRIVACY__OLD_KEYS, newest first.",
            place=place,
        )
