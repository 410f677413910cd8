"""The schema's versions: bring a database to the newest one, or say whether it is there."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

HERE = Path(__file__).parent / "migrations"


def config_for(engine: Engine) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["engine"] = engine
    return config


def is_current(engine: Engine) -> bool:
    """Whether the database stands at the newest revision; a fresh one does not."""
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    return found == ScriptDirectory(str(HERE)).get_current_head()


def is_newer(engine: Engine) -> bool:
    """Whether a later release has brought the database to a revision that this one does not know."""
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory(str(HERE)).walk_revisions()}
    return found is not None and found not in known


def upgrade(engine: Engine, to: str = "head") -> None:
    command.upgrade(config_for(engine), to)


def downgrade(engine: Engine, to: str) -> None:
    command.downgrade(config_for(engine), to)
