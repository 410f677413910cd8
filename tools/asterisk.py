"""`make asterisk`: gets a real Asterisk and a voice unless they are here, and says in one line which."""

import argparse
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
READY = ROOT / ".cache" / "asterisk" / "ready.json"
# Whatever is newer than the note asks for a closer look.
SOURCES = ("ivr_flows/prompts/zh_CN.yaml", "hotline/telephony/modules.py", "hotline/telephony/prompts.py", ".env")
HOW = "Install asterisk (20 or newer) and espeak-ng, or set HOTLINE_TELEPHONY=off."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--renew", action="store_true", help="fetch again; what is here stays until the new one has passed")
    options = parser.parse_args()
    line = "" if options.renew else noted()
    if not line:
        # Here, for they take longer than the look at the note.
        from hotline.errors import HotlineError
        from tools.asterisk_fetch import obtain
        from tools.asterisk_packages import Unavailable

        try:
            kit = obtain(renew=options.renew)
        except (Unavailable, HotlineError) as error:
            print(f"Asterisk cannot be had: {str(error).rstrip('.')}. {HOW}", file=sys.stderr)
            return 1
        line = f"Asterisk {kit.version}, espeak-ng {kit.speech.version if kit.speech else ''}"
        programs = [kit.program, *(kit.speech.command[-1:] if kit.speech else ())]
        note(line, programs)
    print(line)
    return 0


def noted() -> str:
    """What was found the last time, if it is still there and nothing has changed since."""
    if "HOTLINE_ASTERISK__ROOT" in os.environ or not READY.exists():
        return ""
    found = json.loads(READY.read_text())
    sources = [ROOT / name for name in SOURCES]
    is_fresh = all(READY.stat().st_mtime > path.stat().st_mtime for path in sources if path.exists())
    return str(found["line"]) if is_fresh and all(map(os.path.exists, found["programs"])) else ""


def note(line: str, programs: list[str]) -> None:
    if "HOTLINE_ASTERISK__ROOT" not in os.environ:
        READY.parent.mkdir(parents=True, exist_ok=True)
        READY.write_text(json.dumps({"line": line, "programs": programs}))


if __name__ == "__main__":
    sys.exit(main())
