"""where tokens were used and changes came from, and tries to come in"""

import sqlalchemy as sa
import sqlmodel
from alembic import op


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    text = sqlmodel.sql.sqltypes.AutoString()
    op.add_column('token', sa.Column('last_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
    op.add_column('token', sa.Column('client', text, nullable=False, server_default=''))
    op.add_column('token', sa.Column('agent', text, nullable=False, server_default=''))
    op.add_column('audit', sa.Column('client', text, nullable=False, server_default=''))
    op.create_index('ix_audit_who', 'audit', ['who', 'id'], unique=False)
    op.create_index('ix_audit_action', 'audit', ['action', 'id'], unique=False)
    op.create_table('login_try',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('key', text, nullable=False),
    sa.Column('at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_login_try'))
    )
    op.create_index('ix_login_try_key_at', 'login_try', ['key', 'at'], unique=False)
    op.create_index(op.f('ix_login_try_at'), 'login_try', ['at'], unique=False)


def downgrade() -> None:
    op.drop_table('login_try')
    op.drop_index('ix_audit_action', 'audit')
    op.drop_index('ix_audit_who', 'audit')
    op.drop_column('audit', 'client')
    for name in ('agent', 'client', 'last_at'):
        op.drop_column('token', name)
