"""who sees to a case and how it ended; statements, ticked tasks, moves between cases, letters"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlmodel import UTCDateTime

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

Text = sqlmodel.sql.sqltypes.AutoString


def upgrade() -> None:
    for column in (
        sa.Column('outcome', Text(), nullable=False, server_default=''),
        sa.Column('owner', Text(), nullable=False, server_default=''),
        sa.Column('aware_at', UTCDateTime(), nullable=True),
        sa.Column('merged_into', sa.Integer(), nullable=True),
    ):
        op.add_column('leak_case', column)
    op.create_table('case_statement',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('at', UTCDateTime(), nullable=False),
    sa.Column('party', Text(), nullable=False),
    sa.Column('claims', sa.JSON(), nullable=False),
    sa.Column('text', Text(), nullable=False),
    sa.Column('noted_at', UTCDateTime(), nullable=False),
    sa.Column('noted_by', Text(), nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['leak_case.id'], name=op.f('fk_case_statement_case_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_case_statement'))
    )
    op.create_index(op.f('ix_case_statement_case_id'), 'case_statement', ['case_id'])
    op.create_table('case_task',
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('code', Text(), nullable=False),
    sa.Column('done_at', UTCDateTime(), nullable=False),
    sa.Column('by', Text(), nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['leak_case.id'], name=op.f('fk_case_task_case_id')),
    sa.PrimaryKeyConstraint('case_id', 'code', name=op.f('pk_case_task'))
    )
    op.create_table('case_move',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', Text(), nullable=False),
    sa.Column('from_id', sa.Integer(), nullable=False),
    sa.Column('to_id', sa.Integer(), nullable=False),
    sa.Column('at', UTCDateTime(), nullable=False),
    sa.Column('who', Text(), nullable=False),
    sa.Column('note', Text(), nullable=False),
    sa.Column('moved', sa.JSON(), nullable=False),
    sa.Column('undone_at', UTCDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['from_id'], ['leak_case.id'], name=op.f('fk_case_move_from_id')),
    sa.ForeignKeyConstraint(['to_id'], ['leak_case.id'], name=op.f('fk_case_move_to_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_case_move'))
    )
    for name in ('from_id', 'to_id'):
        op.create_index(op.f(f'ix_case_move_{name}'), 'case_move', [name])
    op.create_table('letter',
    sa.Column('kind', Text(), nullable=False),
    sa.Column('language', Text(), nullable=False),
    sa.Column('text', Text(), nullable=False),
    sa.Column('changed_at', UTCDateTime(), nullable=False),
    sa.Column('changed_by', Text(), nullable=False),
    sa.PrimaryKeyConstraint('kind', 'language', name=op.f('pk_letter'))
    )


def downgrade() -> None:
    for name in ('letter', 'case_move', 'case_task', 'case_statement'):
        op.drop_table(name)
    for name in ('merged_into', 'aware_at', 'owner', 'outcome'):
        op.drop_column('leak_case', name)
