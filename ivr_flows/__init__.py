"""What callers hear: flows as data and a pure engine; sounds, look-ups and queues are left to whoever carries out its turns."""

from ivr_flows.engine import NotExpected, OtherVersion, resume, start
from ivr_flows.flow import Flow
from ivr_flows.loader import FLOWS, load_flow, load_flows
from ivr_flows.reading import FlowsRefused, line_to_mend
from ivr_flows.spoken import PROMPTS, Prompts, load_prompts
from ivr_flows.turns import (
    Answered,
    Found,
    Gather,
    Goto,
    Hangup,
    HungUp,
    Input,
    Keys,
    Lookup,
    Position,
    Queue,
    Record,
    Recorded,
    Save,
    Say,
    Step,
    Turn,
    Unanswered,
)

__all__ = [
    "FLOWS",
    "PROMPTS",
    "Answered",
    "Flow",
    "FlowsRefused",
    "Found",
    "Gather",
    "Goto",
    "Hangup",
    "HungUp",
    "Input",
    "Keys",
    "Lookup",
    "NotExpected",
    "OtherVersion",
    "Position",
    "Prompts",
    "Queue",
    "Record",
    "Recorded",
    "Save",
    "Say",
    "Step",
    "Turn",
    "Unanswered",
    "line_to_mend",
    "load_flow",
    "load_flows",
    "load_prompts",
    "resume",
    "start",
]
