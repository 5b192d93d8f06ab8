"""campaigns by likeness and by pairs of features

Keys of the older kind lead nowhere any more: mails that come later begin campaigns of their own.
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('campaign', sa.Column('merged_into', sa.Integer(), nullable=True))
    op.create_index(op.f('ix_campaign_merged_into'), 'campaign', ['merged_into'], unique=False)
    op.drop_table('campaign_key')
    op.create_table('campaign_key',
    sa.Column('key', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('campaign_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaign.id'], name=op.f('fk_campaign_key_campaign_id')),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_campaign_key'))
    )
    op.create_table('campaign_text',
    sa.Column('digest', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('signature', sa.LargeBinary(), nullable=False),
    sa.Column('campaign_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaign.id'], name=op.f('fk_campaign_text_campaign_id')),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_campaign_text'))
    )
    op.create_table('campaign_band',
    sa.Column('band', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('digest', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.PrimaryKeyConstraint('band', 'digest', name=op.f('pk_campaign_band')),
    sqlite_with_rowid=False
    )
    op.create_table('campaign_mail',
    sa.Column('mail_id', sa.Integer(), nullable=False),
    sa.Column('digest', sa.BigInteger(), nullable=True),
    sa.Column('features', sa.JSON(), nullable=False),
    sa.Column('links', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['mail_id'], ['mail.id'], name=op.f('fk_campaign_mail_mail_id')),
    sa.PrimaryKeyConstraint('mail_id', name=op.f('pk_campaign_mail'))
    )
    op.create_table('campaign_verdict',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('who', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('one', sa.Boolean(), nullable=False),
    sa.Column('campaign_id', sa.Integer(), nullable=False),
    sa.Column('other_id', sa.Integer(), nullable=False),
    sa.Column('mails', sa.JSON(), nullable=False),
    sa.Column('note', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('lifted_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaign.id'], name=op.f('fk_campaign_verdict_campaign_id')),
    sa.ForeignKeyConstraint(['other_id'], ['campaign.id'], name=op.f('fk_campaign_verdict_other_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_campaign_verdict'))
    )
    op.create_index(op.f('ix_campaign_verdict_campaign_id'), 'campaign_verdict', ['campaign_id'], unique=False)
    op.create_index(op.f('ix_campaign_verdict_other_id'), 'campaign_verdict', ['other_id'], unique=False)


def downgrade() -> None:
    op.drop_table('campaign_verdict')
    op.drop_table('campaign_mail')
    op.drop_table('campaign_band')
    op.drop_table('campaign_text')
    op.drop_table('campaign_key')
    op.create_table('campaign_key',
    sa.Column('key', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('campaign_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaign.id'], name=op.f('fk_campaign_key_campaign_id')),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_campaign_key'))
    )
    op.create_index(op.f('ix_campaign_key_campaign_id'), 'campaign_key', ['campaign_id'], unique=False)
    op.drop_index(op.f('ix_campaign_merged_into'), table_name='campaign')
    op.drop_column('campaign', 'merged_into')
