"""messages of many facts, what each destination may be told when, what is hushed, and tags of vendors"""

import sqlalchemy as sa
import sqlmodel
from alembic import op


revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
TIME = sqlmodel.UTCDateTime


def upgrade() -> None:
    # Added as they are, since a table made anew would lose what refers to it.
    op.add_column('outbox', sa.Column('topic', TEXT(), server_default='', nullable=False))
    op.add_column('delivery', sa.Column('topic', TEXT(), server_default='', nullable=False))
    op.add_column('delivery', sa.Column('ordinal', sa.Integer(), server_default='0', nullable=False))
    op.create_index('ix_delivery_destination_state_due_at', 'delivery', ['destination', 'state', 'due_at'])
    op.create_table('delivery_fact',
    sa.Column('delivery_id', sa.Integer(), nullable=False),
    sa.Column('outbox_id', TEXT(), nullable=False),
    sa.ForeignKeyConstraint(['delivery_id'], ['delivery.id'], name=op.f('fk_delivery_fact_delivery_id')),
    sa.ForeignKeyConstraint(['outbox_id'], ['outbox.id'], name=op.f('fk_delivery_fact_outbox_id')),
    sa.PrimaryKeyConstraint('delivery_id', 'outbox_id', name=op.f('pk_delivery_fact'))
    )
    op.create_index(op.f('ix_delivery_fact_outbox_id'), 'delivery_fact', ['outbox_id'])
    op.create_table('alert_destination',
    sa.Column('name', TEXT(), nullable=False),
    sa.Column('since', TIME(), nullable=False),
    sa.Column('free_at', TIME(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_alert_destination'))
    )
    op.create_table('alert_thread',
    sa.Column('destination', TEXT(), nullable=False),
    sa.Column('topic', TEXT(), nullable=False),
    sa.Column('messages', sa.Integer(), nullable=False),
    sa.Column('step', sa.Integer(), nullable=False),
    sa.Column('next_at', TIME(), nullable=False),
    sa.PrimaryKeyConstraint('destination', 'topic', name=op.f('pk_alert_thread'))
    )
    op.create_table('alert_hush',
    sa.Column('subject', TEXT(), nullable=False),
    sa.Column('until', TIME(), nullable=True),
    sa.Column('who', TEXT(), nullable=False),
    sa.Column('at', TIME(), nullable=False),
    sa.PrimaryKeyConstraint('subject', name=op.f('pk_alert_hush'))
    )
    op.create_table('case_watch',
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('topic', TEXT(), nullable=False),
    sa.Column('told', sa.JSON(), nullable=False),
    sa.Column('remind_at', TIME(), nullable=True),
    sa.Column('reminders', sa.Integer(), nullable=False),
    sa.Column('acknowledged_at', TIME(), nullable=True),
    sa.Column('acknowledged_by', TEXT(), nullable=False),
    sa.Column('resolved_at', TIME(), nullable=True),
    sa.ForeignKeyConstraint(['case_id'], ['leak_case.id'], name=op.f('fk_case_watch_case_id')),
    sa.PrimaryKeyConstraint('case_id', name=op.f('pk_case_watch'))
    )
    op.create_index(op.f('ix_case_watch_remind_at'), 'case_watch', ['remind_at'])
    op.create_index(op.f('ix_case_watch_resolved_at'), 'case_watch', ['resolved_at'])
    op.create_table('alert_ailment',
    sa.Column('subject', TEXT(), nullable=False),
    sa.Column('since', TIME(), nullable=False),
    sa.Column('text', TEXT(), nullable=False),
    sa.PrimaryKeyConstraint('subject', name=op.f('pk_alert_ailment'))
    )
    op.create_table('vendor_tag',
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('tag', TEXT(), nullable=False),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_vendor_tag_vendor_id')),
    sa.PrimaryKeyConstraint('vendor_id', 'tag', name=op.f('pk_vendor_tag'))
    )


def downgrade() -> None:
    for table in ('vendor_tag', 'alert_ailment', 'case_watch', 'alert_hush', 'alert_thread', 'alert_destination', 'delivery_fact'):
        op.drop_table(table)
    op.drop_index('ix_delivery_destination_state_due_at', 'delivery')
    op.drop_column('delivery', 'ordinal')
    op.drop_column('delivery', 'topic')
    op.drop_column('outbox', 'topic')
