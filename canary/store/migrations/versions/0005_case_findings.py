"""what is found about a case: window, fields, what cannot be told apart, and why"""

import sqlalchemy as sa
from alembic import op


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('leak_case', schema=None) as batch_op:
        batch_op.add_column(sa.Column('findings', sa.JSON(), server_default='{}', nullable=False))


def downgrade() -> None:
    with op.batch_alter_table('leak_case', schema=None) as batch_op:
        batch_op.drop_column('findings')
