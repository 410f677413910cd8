"""Citizens by SIPp, where it is installed: it leaves more of the processors to what is measured than the own agent does."""

import csv
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from bench.telephone_load import HOST, LONGEST_CALL, TRUNK
from bench.telephone_stack import Load
from tests.telephony.sip_media import tone

HOW_TO_GET = "SIPp is missing (apt-get install sip-tester): the citizens are the project's own agent, which needs more processor"

SCENARIO = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="a citizen who calls, waits, speaks, and hears the other side hang up">
  <send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:[field0]@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
a=ptime:20
]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="183" optional="true"/>
  <recv response="200" rrs="true"/>
  <send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0
]]></send>
  <nop><action><exec rtp_stream="{voice},-1,8,PCMA/8000"/></action></nop>
  <recv request="BYE" timeout="{patience}"/>
  <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0
]]></send>
</scenario>
"""


def citizens(plan: Mapping[str, Any]) -> "Load | Sipp":
    """Whoever can play them on this machine."""
    program = shutil.which("sipp")
    if program is None:
        print(HOW_TO_GET)
        return Load("citizens", dict(plan))
    return Sipp(program, plan)


class Sipp:
    """As `Load` of citizens: started at once, told at the end."""

    def __init__(self, program: str, plan: Mapping[str, Any]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sipp-")
        home = Path(self._folder.name)
        self._statistics = home / "statistics.csv"
        (home / "voice.al").write_bytes(tone(1.0))
        scenario = SCENARIO.replace("{voice}", str(home / "voice.al")).replace("{patience}", str(round(1000 * LONGEST_CALL)))
        (home / "scenario.xml").write_text(scenario)
        numbers = range(plan["first_number"], plan["first_number"] + plan["calls"])
        (home / "numbers.csv").write_text("\n".join(["SEQUENTIAL", *map(str, numbers), ""]))
        options = {
            "-sf": home / "scenario.xml",
            "-inf": home / "numbers.csv",
            "-s": "12345",
            "-i": TRUNK,
            "-mi": TRUNK,
            "-m": plan["calls"],
            "-l": plan["calls"],
            # Whole calls in a period of milliseconds.
            "-r": 1 if plan["per_second"] < 1 else round(plan["per_second"]),
            "-rp": round(1000 / plan["per_second"]) if plan["per_second"] < 1 else 1000,
            "-stf": self._statistics,
        }
        words = [str(word) for pair in options.items() for word in pair]
        command = [program, f"{HOST}:{plan['sip_port']}", *words, "-trace_stat", "-nostdin"]
        self._process = subprocess.Popen(command, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_working():
            self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def is_working(self) -> bool:
        return self._process.poll() is None

    def finish(self) -> dict[str, Any]:
        _, said = self._process.communicate()
        if not self._statistics.exists():
            raise RuntimeError(f"SIPp did not run: {said[-500:]}")
        with self._statistics.open(newline="") as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        outcomes = {"ended by them": int(last["SuccessfulCall(C)"]), "failed: by SIPp": int(last["FailedCall(C)"])}
        return {"outcomes": {what: count for what, count in outcomes.items() if count}}
