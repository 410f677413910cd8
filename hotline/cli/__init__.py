"""The subcommands of `hotline`, one file each: `add_arguments(parser)` and `run(arguments) -> exit code`."""
