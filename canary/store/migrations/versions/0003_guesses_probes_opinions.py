"""guesses by shape, probes, opinions of rspamd"""

import sqlalchemy as sa
import sqlmodel
from alembic import op


revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('guess',
    sa.Column('domain', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('shape', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('domain', 'shape', name=op.f('pk_guess'))
    )
    # What was guessed before had no shape; it counts as any.
    op.execute(
        "INSERT INTO guess (domain, shape, count) "
        "SELECT domain, '', sum(count) FROM attempt WHERE kind = 'guess' GROUP BY domain"
    )
    with op.batch_alter_table('hit', schema=None) as batch_op:
        batch_op.alter_column('mail_id', existing_type=sa.Integer(), nullable=True)
    op.create_table('probe',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('canary_id', sa.Integer(), nullable=False),
    sa.Column('day', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('source', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('hit_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['canary_id'], ['canary.id'], name=op.f('fk_probe_canary_id')),
    sa.ForeignKeyConstraint(['hit_id'], ['hit.id'], name=op.f('fk_probe_hit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_probe')),
    sa.UniqueConstraint('canary_id', 'day', 'source', name=op.f('uq_probe_canary_id_day_source'))
    )
    with op.batch_alter_table('probe', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_probe_hit_id'), ['hit_id'], unique=False)
    op.create_table('opinion',
    sa.Column('mail_id', sa.Integer(), nullable=False),
    sa.Column('at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('fault', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.ForeignKeyConstraint(['mail_id'], ['mail.id'], name=op.f('fk_opinion_mail_id')),
    sa.PrimaryKeyConstraint('mail_id', name=op.f('pk_opinion'))
    )


def downgrade() -> None:
    op.drop_table('opinion')
    op.drop_table('probe')
    op.execute("DELETE FROM hit WHERE mail_id IS NULL")
    with op.batch_alter_table('hit', schema=None) as batch_op:
        batch_op.alter_column('mail_id', existing_type=sa.Integer(), nullable=False)
    op.drop_table('guess')
