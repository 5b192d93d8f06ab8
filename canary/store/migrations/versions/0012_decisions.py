"""Decisions on cases are numbered, and hits remember the number."""

import sqlalchemy as sa
from alembic import op
import sqlmodel

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("case_decision", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("at", sqlmodel.UTCDateTime(), nullable=False), sa.Column("who", sa.String(), nullable=False))
    for table, columns in {
        "hit": [sa.Column("decision", sa.Integer(), nullable=False, server_default="0"), sa.Column("burns", sa.Boolean(), nullable=False, server_default=sa.text("false"))],
        "leak_case": [sa.Column("opening_hit", sa.Integer(), nullable=False, server_default="0"), sa.Column("decision", sa.Integer(), nullable=False, server_default="0"), sa.Column("reopened", sa.JSON(), nullable=True)],
        "canary": [sa.Column("burned_by_owner", sa.Boolean(), nullable=False, server_default=sa.text("false"))],
        "vendor": [sa.Column("decisions", sa.Integer(), nullable=False, server_default="0")],
    }.items():
        for column in columns:
            op.add_column(table, column)
