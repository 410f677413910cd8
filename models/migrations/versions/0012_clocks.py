"""Clocks: due times that were moved, and why; what units ask for beside a return; the answer's clock may stand still."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
PEOPLE = ("answered_by_id", "cleared_by_id")
SUPERVISED = "kind = 'supervision' AND cleared_at IS NULL"
INDEXES = (
    ("alarm", "alarm_at", "alarm_at IS NOT NULL"),
    ("unplanned", "due_at", "due_at IS NOT NULL AND (alarm_for IS NULL OR alarm_for <> due_at)"),
)


def upgrade() -> None:
    op.create_table(
        "due_change",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("was_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["case_event.id"], name=op.f("fk_due_change_event_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_due_change")),
    )
    _refuse_changes()
    with op.batch_alter_table("assignment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True))
    for table in ("assignment", "case"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("alarm_at", sa.DateTime(timezone=True), nullable=True))
            batch_op.add_column(sa.Column("alarm_for", sa.DateTime(timezone=True), nullable=True))
            for name, column, where in INDEXES:
                batch_op.create_index(
                    f"ix_{table}_{name}", [column], unique=False, postgresql_where=sa.text(where), sqlite_where=sa.text(where)
                )
    with op.batch_alter_table("mark", schema=None) as batch_op:
        batch_op.add_column(sa.Column("measure", sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column("party", sa.String(length=64), server_default="", nullable=False))
        batch_op.add_column(sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("answer", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True))
        for person in PEOPLE:
            batch_op.add_column(sa.Column(person, sa.Uuid(), nullable=True))
            batch_op.create_foreign_key(batch_op.f(f"fk_mark_{person}"), "staff", [person], ["id"])
        where = sa.text(SUPERVISED)
        batch_op.create_index("ix_mark_supervision", ["assignment_id"], unique=False, postgresql_where=where, sqlite_where=where)
    with op.batch_alter_table("request", schema=None) as batch_op:
        batch_op.add_column(sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("plan", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("invited", JSON, server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("decided_unit_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_request_decided_unit_id"), "unit", ["decided_unit_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("mark", schema=None) as batch_op:
        where = sa.text(SUPERVISED)
        batch_op.drop_index("ix_mark_supervision", postgresql_where=where, sqlite_where=where)
        for person in PEOPLE:
            batch_op.drop_constraint(batch_op.f(f"fk_mark_{person}"), type_="foreignkey")
            batch_op.drop_column(person)
        for column in ("answered_at", "answer", "due_at", "party", "measure"):
            batch_op.drop_column(column)
    for table in ("case", "assignment"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name, _, where in INDEXES:
                batch_op.drop_index(f"ix_{table}_{name}", postgresql_where=sa.text(where), sqlite_where=sa.text(where))
            batch_op.drop_column("alarm_for")
            batch_op.drop_column("alarm_at")
    with op.batch_alter_table("request", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_request_decided_unit_id"), type_="foreignkey")
        batch_op.drop_column("decided_unit_id")
        batch_op.drop_column("invited")
        batch_op.drop_column("plan")
        batch_op.drop_column("wanted_at")
    with op.batch_alter_table("assignment", schema=None) as batch_op:
        batch_op.drop_column("paused_until")
        batch_op.drop_column("paused_at")
    op.drop_table("due_change")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION due_change_is_history()")


def _refuse_changes() -> None:
    """What was moved is history (design decision 14): the database itself says no."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            """CREATE FUNCTION due_change_is_history() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'rows of due_change are history: they are never changed'; END $$"""
        )
        op.execute(
            """CREATE TRIGGER due_change_is_history BEFORE UPDATE OR DELETE OR TRUNCATE ON due_change
            FOR EACH STATEMENT EXECUTE FUNCTION due_change_is_history()"""
        )
        return
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"""CREATE TRIGGER due_change_no_{action.lower()} BEFORE {action} ON due_change
            BEGIN SELECT RAISE(ABORT, 'rows of due_change are history: they are never changed'); END"""
        )
