"""python -m ivr_flows check | play | draw: for whoever edits the flows."""

import argparse
import sys
from pathlib import Path

from ivr_flows.drawing import draw
from ivr_flows.flow import Flow
from ivr_flows.loader import FLOWS, load_flows
from ivr_flows.playing import play
from ivr_flows.reading import FlowsRefused
from ivr_flows.spoken import PROMPTS


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (FlowsRefused, ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ivr_flows", description="Check, try and draw what callers hear.")
    commands = parser.add_subparsers(required=True)

    check = commands.add_parser("check", help="name every problem with its file and line")
    check.add_argument("folder", nargs="?", type=Path, default=FLOWS, help="a folder with flow files (default: those that ship)")
    check.set_defaults(run=_check)

    trial = commands.add_parser("play", help="play a flow in the terminal; h hangs up")
    trial.add_argument("name")
    trial.add_argument("values", nargs="*", metavar="name=value", help="values that the flow is given")
    trial.set_defaults(run=_play)

    drawing = commands.add_parser("draw", help="draw a flow as SVG")
    drawing.add_argument("name")
    drawing.add_argument("-o", "--out", type=Path, help="the file to write (default: standard output)")
    drawing.set_defaults(run=_draw)

    for command in (trial, drawing):
        command.add_argument("--folder", type=Path, default=FLOWS, help="flow files (default: those that ship)")
    for command in (check, trial, drawing):
        command.add_argument("--prompts", type=Path, default=PROMPTS, help="prompt texts (default: those that ship)")
    return parser


def _load(options: argparse.Namespace) -> dict[str, Flow]:
    return load_flows(options.folder, options.prompts)


def _check(options: argparse.Namespace) -> None:
    for name, flow in _load(options).items():
        print(f"{name} {flow.version}: {len(flow.nodes)} nodes, {len(flow.texts)} prompts")


def _play(options: argparse.Namespace) -> None:
    flows = _load(options)
    given = dict(pair.partition("=")[::2] for pair in options.values)
    play(flows, _named(flows, options.name).name, given, input, print)


def _draw(options: argparse.Namespace) -> None:
    picture = draw(_named(_load(options), options.name))
    if options.out:
        options.out.write_text(picture, encoding="utf-8")
    else:
        sys.stdout.write(picture)


def _named(flows: dict[str, Flow], name: str) -> Flow:
    if name not in flows:
        raise ValueError(f"There is no flow {name}; there are {', '.join(flows)}.")
    return flows[name]


if __name__ == "__main__":
    sys.exit(main())
