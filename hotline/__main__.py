"""The `hotline` command. Each subcommand is one file in `hotline/cli` and is imported only when it is asked for."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from pydantic import ValidationError
from pydantic_settings import SettingsError

from hotline.errors import HotlineError

COMMANDS = {
    "up": "start the service, or one part of it",
    "seed": "load the city's reference data, and the demo's with HOTLINE_DEMO",
    "staff": "add, list, deactivate accounts; set passwords",
    "grids": "cut the city's grids anew from CSV or GeoJSON: a report first, then --apply",
    "suggest": "texts on standard input, one a line, to suggestions as JSON lines",
    "model": "train a suggestion model from decided cases, without persons",
    "replay": "send the texts of a CSV file through the public mailbox",
    "drill": "play citizens, agents, units and the centre against the running service, and count",
    "import": "cases of an older system from CSV or JSON lines: a report first, then --write; an import taken back",
    "export": "contacts, cases or surveys as JSON lines",
    "scores": "compute scores again from history, or check that they are as stored",
    "call": "dial the running service from a scripted phone, and say what became of it",
    "sandbox": "stand-ins for the providers of SMS, WeChat and mail, with a page to write as a citizen",
    "wechat": "check the WeChat official account; put its menu and templates into force",
    "doctor": "check each component and setting, and say what to do",
}


def parser_for(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hotline", description="A municipal 12345 hotline.")
    commands = parser.add_subparsers(dest="command", required=True)
    chosen = next((word for word in arguments if word in COMMANDS), None)
    for name, does in COMMANDS.items():
        command = commands.add_parser(name, help=does, description=does[0].upper() + does[1:] + ".")
        if name == chosen:
            module = import_module(f"hotline.cli.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    asked = parser_for(words).parse_args(words)
    try:
        return int(asked.run(asked))
    except HotlineError as error:
        print(error, file=sys.stderr)
        return 1
    except ValidationError as error:
        if error.title != "Settings":
            raise
        for problem in error.errors():
            name = "HOTLINE_" + "__".join(map(str, problem["loc"])).upper()
            print(name, problem["msg"].removeprefix("Value error, "), file=sys.stderr)
        return 1
    except SettingsError as error:
        print(f"{error}: lists and tables are written as JSON, see .env.example", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (`| head`) has seen enough.
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
