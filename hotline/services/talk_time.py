"""When people had spoken to the end: the survey after a call, which nobody of ours hears, is none of it."""

from sqlalchemy import func, select

from models import Call, CallLeg

_LAST_LEFT = select(func.max(CallLeg.ended_at)).where(CallLeg.call_id == Call.id, CallLeg.answered_at.is_not(None))
# Of a call that is over; one that was pieced together afterwards may lack the ends of its legs.
TALKED_UNTIL = func.coalesce(_LAST_LEFT.scalar_subquery(), Call.ended_at)
