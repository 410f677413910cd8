"""Writes a migration: what the models have and the migrations, applied to an empty SQLite, do not yet lead to."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from hotline.db import engine_for


def main(message: str) -> None:
    config = Config("alembic.ini")
    head = ScriptDirectory.from_config(config).get_current_head() or "0"
    with tempfile.TemporaryDirectory() as folder:
        engine = engine_for(f"sqlite:///{Path(folder) / 'migration.db'}")
        config.attributes["engine"] = engine
        command.upgrade(config, "head")
        command.revision(config, message=message, autogenerate=True, rev_id=f"{int(head) + 1:04d}")
        engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1])
