"""Scores that can be defended: what does not count and why, sums, closed periods, corrections, marks, figures of others."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

HISTORY = ("period_figure", "score_correction")
OF_CASE = ("case_id", "indicator", "unit_id", "scored_on")


def upgrade() -> None:
    _score()
    _omissions()
    op.create_table("score_change", *_record(sa.Column("day", sa.Date(), nullable=False)), _key("score_change", "id"))
    op.create_table(
        "score_sum",
        sa.Column("span", sa.String(length=8), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        *_figures(),
        _key("score_sum", "span", "starts_on", "dimension", "measure", "key"),
    )
    _periods()
    _entries()
    # Made from what is stored already, by the timetable's first run.
    once = "id = (SELECT one.id FROM score AS one WHERE one.scored_on = score.scored_on ORDER BY one.id LIMIT 1)"
    op.execute(f"INSERT INTO score_change (id, created_at, day) SELECT id, created_at, scored_on FROM score WHERE {once}")  # noqa: S608
    for table in HISTORY:
        _refuse_changes(table)


def downgrade() -> None:
    for table in (
        "outside_figure",
        "answer_mark",
        "score_correction",
        "period_figure",
        "score_period",
        "score_sum",
        "score_change",
    ):
        op.drop_table(table)
    op.drop_table("score_omission")
    if op.get_bind().dialect.name == "postgresql":
        for table in HISTORY:
            op.execute(f"DROP FUNCTION {table}_is_history()")
    # Of a case that was scored twice, and for units that gave it back, the earlier form has no room.
    op.execute(
        "DELETE FROM score WHERE indicator NOT IN ('contact', 'on_time', 'resolution', 'satisfaction', 'unit_satisfaction')"
    )
    op.execute(
        "DELETE FROM score WHERE EXISTS (SELECT 1 FROM score AS later WHERE later.case_id = score.case_id "
        "AND later.indicator = score.indicator AND later.scored_on > score.scored_on)"
    )
    with op.batch_alter_table("score", schema=None) as batch_op:
        batch_op.drop_index(op.f("ix_score_scored_on"))
        batch_op.drop_constraint(op.f("uq_score_case_id_indicator_unit_id_scored_on"), type_="unique")
        batch_op.create_unique_constraint(op.f("uq_score_case_id_indicator"), ["case_id", "indicator"])
        batch_op.drop_column("assumed")
        batch_op.drop_column("scored_on")


def _score() -> None:
    with op.batch_alter_table("score", schema=None) as batch_op:
        batch_op.add_column(sa.Column("scored_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("assumed", sa.Boolean(), server_default=sa.false(), nullable=False))
    if op.get_bind().dialect.name == "sqlite":
        op.execute("UPDATE score SET scored_on = date(scored_at, '+8 hours')")
    else:
        op.execute("UPDATE score SET scored_on = (scored_at AT TIME ZONE 'Asia/Shanghai')::date")
    with op.batch_alter_table("score", schema=None) as batch_op:
        batch_op.alter_column("scored_on", existing_type=sa.Date(), nullable=False)
        batch_op.drop_constraint(op.f("uq_score_case_id_indicator"), type_="unique")
        batch_op.create_unique_constraint(op.f("uq_score_case_id_indicator_unit_id_scored_on"), list(OF_CASE))
        batch_op.create_index(op.f("ix_score_scored_on"), ["scored_on"], unique=False)


def _omissions() -> None:
    op.create_table(
        "score_omission",
        *_record(
            sa.Column("case_id", sa.Uuid(), nullable=False),
            sa.Column("indicator", sa.String(length=24), nullable=False),
            sa.Column("reason", sa.String(length=16), nullable=False),
            sa.Column("unit_id", sa.Uuid(), nullable=False),
            sa.Column("agent_id", sa.Uuid(), nullable=True),
            sa.Column("scored_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("scored_on", sa.Date(), nullable=False),
        ),
        *_to("score_omission", case_id="case", unit_id="unit", agent_id="staff"),
        _key("score_omission", "id"),
        sa.UniqueConstraint(*OF_CASE, name=op.f("uq_score_omission_case_id_indicator_unit_id_scored_on")),
    )
    _index("score_omission", "unit_id", "indicator", "scored_at")
    _index("score_omission", "scored_on")


def _periods() -> None:
    op.create_table(
        "score_period",
        *_record(
            sa.Column("starts_on", sa.Date(), nullable=False),
            sa.Column("ends_on", sa.Date(), nullable=False),
            sa.Column("rule_id", sa.Uuid(), nullable=False),
            sa.Column("profile_id", sa.Uuid(), nullable=False),
            sa.Column("note", sa.Text(), nullable=False),
            sa.Column("closed_by_id", sa.Uuid(), nullable=False),
        ),
        *_to("score_period", rule_id="rule", profile_id="rule", closed_by_id="staff"),
        _key("score_period", "id"),
        sa.UniqueConstraint("starts_on", name=op.f("uq_score_period_starts_on")),
    )
    op.create_table(
        "period_figure",
        sa.Column("period_id", sa.Uuid(), nullable=False),
        *_figures(),
        *_to("period_figure", period_id="score_period"),
        _key("period_figure", "period_id", "dimension", "measure", "key"),
    )


def _entries() -> None:
    op.create_table(
        "score_correction",
        *_record(
            sa.Column("period_id", sa.Uuid(), nullable=False),
            sa.Column("case_id", sa.Uuid(), nullable=False),
            sa.Column("unit_id", sa.Uuid(), nullable=False),
            sa.Column("indicator", sa.String(length=24), nullable=False),
            sa.Column("was", sa.Float(), nullable=True),
            sa.Column("value", sa.Float(), nullable=True),
            sa.Column("reason", sa.Text(), nullable=False),
            sa.Column("by_id", sa.Uuid(), nullable=True),
        ),
        *_to("score_correction", period_id="score_period", case_id="case", unit_id="unit", by_id="staff"),
        _key("score_correction", "id"),
    )
    for column in ("period_id", "case_id", "unit_id"):
        _index("score_correction", column)
    op.create_table(
        "answer_mark",
        *_record(
            sa.Column("case_id", sa.Uuid(), nullable=False),
            sa.Column("mark", sa.Integer(), nullable=False),
            sa.Column("remark", sa.Text(), nullable=False),
            sa.Column("by_id", sa.Uuid(), nullable=False),
        ),
        *_to("answer_mark", case_id="case", by_id="staff"),
        _key("answer_mark", "id"),
    )
    _index("answer_mark", "case_id")
    op.create_table(
        "outside_figure",
        *_record(
            sa.Column("starts_on", sa.Date(), nullable=False),
            sa.Column("unit_id", sa.Uuid(), nullable=False),
            sa.Column("indicator", sa.String(length=24), nullable=False),
            sa.Column("value", sa.Float(), nullable=False),
            sa.Column("sample", sa.Integer(), nullable=True),
            sa.Column("source", sa.String(length=128), nullable=False),
            sa.Column("by_id", sa.Uuid(), nullable=False),
        ),
        *_to("outside_figure", unit_id="unit", by_id="staff"),
        _key("outside_figure", "id"),
    )
    _index("outside_figure", "starts_on", "unit_id")


def _record(*columns: sa.Column) -> tuple[sa.Column, ...]:
    created = sa.Column("created_at", sa.DateTime(timezone=True), nullable=False)
    return (sa.Column("id", sa.Uuid(), nullable=False), *columns, created)


def _figures() -> tuple[sa.Column, ...]:
    return (
        sa.Column("dimension", sa.String(length=16), nullable=False),
        sa.Column("measure", sa.String(length=24), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("assumed", sa.Integer(), nullable=False),
        sa.Column("omitted", sa.Integer(), nullable=False),
    )


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _to(table: str, **columns: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}")) for column, other in columns.items()
    ]


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns), unique=False)


def _refuse_changes(table: str) -> None:
    """What was published stands (design decision 14): the database itself says no."""
    said = f"rows of {table} are history: they are never changed"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION {table}_is_history() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{said}'; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_is_history BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_history()"
        )
        return
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} BEGIN SELECT RAISE(ABORT, '{said}'); END"
        )
