"""every table, and what is searched"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT, TIME = sqlmodel.sql.sqltypes.AutoString(), sqlmodel.UTCDateTime()
CANARY_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    make_tables()
    for name, (table, columns) in INDEXES.items():
        if op.get_bind().dialect.name == "sqlite":
            make_full_text_table(name, table, columns)
        elif name != "words_head":
            make_text_index(name, table, columns)
    count_addresses_by_range()
    count_addresses_by_vendor()


def make_tables() -> None:
    op.create_table('alert_destination',
    sa.Column('name', TEXT, nullable=False),
    sa.Column('since', TIME, nullable=False),
    sa.Column('free_at', TIME, nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_alert_destination'))
    )
    op.create_table('alert_mute',
    sa.Column('subject', TEXT, nullable=False),
    sa.Column('until', TIME, nullable=True),
    sa.Column('who', TEXT, nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.PrimaryKeyConstraint('subject', name=op.f('pk_alert_mute'))
    )
    op.create_table('alert_thread',
    sa.Column('destination', TEXT, nullable=False),
    sa.Column('topic', TEXT, nullable=False),
    sa.Column('messages', sa.Integer(), nullable=False),
    sa.Column('step', sa.Integer(), nullable=False),
    sa.Column('next_at', TIME, nullable=False),
    sa.PrimaryKeyConstraint('destination', 'topic', name=op.f('pk_alert_thread'))
    )
    op.create_table('attempt',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('domain', TEXT, nullable=False),
    sa.Column('source', TEXT, nullable=False),
    sa.Column('kind', TEXT, nullable=False),
    sa.Column('hour', TIME, nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attempt')),
    sa.UniqueConstraint('domain', 'source', 'kind', 'hour', name=op.f('uq_attempt_domain_source_kind_hour'))
    )
    op.create_table('audit',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.Column('who', TEXT, nullable=False),
    sa.Column('action', TEXT, nullable=False),
    sa.Column('subject', TEXT, nullable=False),
    sa.Column('text', TEXT, nullable=False),
    sa.Column('client', TEXT, nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit'))
    )
    op.create_index('ix_audit_action', 'audit', ['action', 'id'])
    op.create_index(op.f('ix_audit_at'), 'audit', ['at'])
    op.create_index('ix_audit_who', 'audit', ['who', 'id'])
    op.create_table('campaign',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('subject', TEXT, nullable=False),
    sa.Column('first_at', TIME, nullable=False),
    sa.Column('last_at', TIME, nullable=False),
    sa.Column('mails', sa.Integer(), nullable=False),
    sa.Column('merged_into', sa.Integer(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_campaign'))
    )
    op.create_index(op.f('ix_campaign_merged_into'), 'campaign', ['merged_into'])
    op.create_table('campaign_band',
    sa.Column('band', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('digest', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.PrimaryKeyConstraint('band', 'digest', name=op.f('pk_campaign_band')),
    sqlite_with_rowid=False
    )
    op.create_table('canary_change',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_canary_change'))
    )
    op.create_table('case_decision',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.Column('who', TEXT, nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_case_decision'))
    )
    op.create_table('day_count',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('verdict', TEXT, nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('day', 'verdict', name=op.f('pk_day_count')),
    sqlite_with_rowid=False
    )
    op.create_table('entered',
    sa.Column('section', TEXT, nullable=False),
    sa.Column('name', TEXT, nullable=False),
    sa.Column('plain', sa.JSON(), nullable=False),
    sa.Column('sealed', TEXT, nullable=False),
    sa.Column('who', TEXT, nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.PrimaryKeyConstraint('section', 'name', name=op.f('pk_entered'))
    )
    op.create_table('guess',
    sa.Column('domain', TEXT, nullable=False),
    sa.Column('shape', TEXT, nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('domain', 'shape', name=op.f('pk_guess'))
    )
    op.create_table('health_problem',
    sa.Column('subject', TEXT, nullable=False),
    sa.Column('since', TIME, nullable=False),
    sa.Column('text', TEXT, nullable=False),
    sa.PrimaryKeyConstraint('subject', name=op.f('pk_health_problem'))
    )
    op.create_table('key_fingerprint',
    sa.Column('name', TEXT, nullable=False),
    sa.Column('fingerprint', TEXT, nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_key_fingerprint'))
    )
    op.create_table('lease',
    sa.Column('name', TEXT, nullable=False),
    sa.Column('holder', TEXT, nullable=False),
    sa.Column('until', TIME, nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_lease'))
    )
    op.create_table('letter',
    sa.Column('kind', TEXT, nullable=False),
    sa.Column('language', TEXT, nullable=False),
    sa.Column('text', TEXT, nullable=False),
    sa.Column('changed_at', TIME, nullable=False),
    sa.Column('changed_by', TEXT, nullable=False),
    sa.PrimaryKeyConstraint('kind', 'language', name=op.f('pk_letter'))
    )
    op.create_table('log_checkpoint',
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.Column('note', TEXT, nullable=False),
    sa.Column('published_at', TIME, nullable=True),
    sa.PrimaryKeyConstraint('size', name=op.f('pk_log_checkpoint'))
    )
    op.create_index(op.f('ix_log_checkpoint_at'), 'log_checkpoint', ['at'])
    op.create_table('log_leaf',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('reference', sa.BigInteger(), nullable=False),
    sa.Column('salt', sa.LargeBinary(), nullable=True),
    sa.Column('leaf', sa.LargeBinary(), nullable=False),
    sa.Column('held', sa.LargeBinary(), nullable=True),
    sa.Column('position', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_log_leaf'))
    )
    op.create_index(op.f('ix_log_leaf_reference'), 'log_leaf', ['reference'])
    op.create_index('ix_log_leaf_waiting', 'log_leaf', ['id'], unique=False, sqlite_where=sa.text('position IS NULL'), postgresql_where=sa.text('position IS NULL'))
    op.create_table('log_tile',
    sa.Column('height', sa.Integer(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('hashes', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('height', 'number', name=op.f('pk_log_tile'))
    )
    op.create_table('login_attempt',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('key', TEXT, nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_login_attempt'))
    )
    op.create_index(op.f('ix_login_attempt_at'), 'login_attempt', ['at'])
    op.create_index('ix_login_attempt_key_at', 'login_attempt', ['key', 'at'])
    op.create_table('node_role',
    sa.Column('machine', TEXT, nullable=False),
    sa.Column('folder', TEXT, nullable=False),
    sa.Column('role', TEXT, nullable=False),
    sa.Column('version', TEXT, nullable=False),
    sa.Column('since', TIME, nullable=False),
    sa.Column('seen', TIME, nullable=False),
    sa.Column('backlog', sa.Integer(), nullable=True),
    sa.PrimaryKeyConstraint('machine', 'folder', 'role', name=op.f('pk_node_role'))
    )
    op.create_table('outbox',
    sa.Column('id', TEXT, nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.Column('fact', sa.JSON(), nullable=False),
    sa.Column('routed', sa.Boolean(), nullable=False),
    sa.Column('topic', TEXT, nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outbox'))
    )
    op.create_index(op.f('ix_outbox_routed'), 'outbox', ['routed'])
    op.create_table('spool_position',
    sa.Column('spool', TEXT, nullable=False),
    sa.Column('upto', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('spool', name=op.f('pk_spool_position'))
    )
    op.create_table('supplier',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('slug', TEXT, nullable=False),
    sa.Column('name', TEXT, nullable=False),
    sa.Column('created_at', TIME, nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_supplier')),
    sa.UniqueConstraint('slug', name=op.f('uq_supplier_slug'))
    )
    op.create_table('user_account',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', TEXT, nullable=False),
    sa.Column('password', TEXT, nullable=False),
    sa.Column('role', TEXT, nullable=False),
    sa.Column('created_at', TIME, nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_user_account')),
    sa.UniqueConstraint('name', name=op.f('uq_user_account_name'))
    )
    op.create_table('vendor',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('slug', TEXT, nullable=False),
    sa.Column('name', TEXT, nullable=False),
    sa.Column('created_at', TIME, nullable=False),
    sa.Column('contract_ends', TIME, nullable=True),
    sa.Column('erasure_requested', TIME, nullable=True),
    sa.Column('unsubscribed', TIME, nullable=True),
    sa.Column('grace_days', sa.Integer(), nullable=True),
    sa.Column('publishes', sa.Boolean(), nullable=False),
    sa.Column('unconfirmed', sa.Boolean(), nullable=False),
    sa.Column('decisions', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_vendor')),
    sa.UniqueConstraint('slug', name=op.f('uq_vendor_slug'))
    )
    op.create_table('campaign_decision',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.Column('who', TEXT, nullable=False),
    sa.Column('one', sa.Boolean(), nullable=False),
    sa.Column('campaign_id', sa.Integer(), nullable=False),
    sa.Column('other_id', sa.Integer(), nullable=False),
    sa.Column('mails', sa.JSON(), nullable=False),
    sa.Column('note', TEXT, nullable=False),
    sa.Column('lifted_at', TIME, nullable=True),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaign.id'], name=op.f('fk_campaign_decision_campaign_id')),
    sa.ForeignKeyConstraint(['other_id'], ['campaign.id'], name=op.f('fk_campaign_decision_other_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_campaign_decision'))
    )
    op.create_index(op.f('ix_campaign_decision_campaign_id'), 'campaign_decision', ['campaign_id'])
    op.create_index(op.f('ix_campaign_decision_other_id'), 'campaign_decision', ['other_id'])
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
    op.create_table('canary',
    sa.Column('id', CANARY_KEY, autoincrement=False, nullable=False),
    sa.Column('address', TEXT, nullable=False),
    sa.Column('domain', TEXT, nullable=False),
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('channel', TEXT, nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('style', TEXT, nullable=False),
    sa.Column('bits', sa.Float(), nullable=False),
    sa.Column('state', TEXT, nullable=False),
    sa.Column('published', sa.Boolean(), nullable=True),
    sa.Column('persona', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('issued_at', TIME, nullable=False),
    sa.Column('undated', sa.Boolean(), nullable=False),
    sa.Column('rotated_at', TIME, nullable=True),
    sa.Column('burned_at', TIME, nullable=True),
    sa.Column('burned_by_owner', sa.Boolean(), nullable=False),
    sa.Column('tentative', sa.Boolean(), nullable=False),
    sa.Column('hidden', TEXT, nullable=False),
    sa.Column('hidden_at', TIME, nullable=True),
    sa.Column('note', TEXT, nullable=False),
    sa.Column('mac', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_canary_vendor_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_canary')),
    sa.UniqueConstraint('address', name=op.f('uq_canary_address'))
    )
    op.create_index(op.f('ix_canary_burned_at'), 'canary', ['burned_at'])
    op.create_index('ix_canary_domain', 'canary', ['domain', 'id'])
    op.create_index('ix_canary_hidden', 'canary', ['issued_at', 'id'], unique=False, sqlite_where=sa.text('hidden_at IS NOT NULL'), postgresql_where=sa.text('hidden_at IS NOT NULL'))
    op.create_index('ix_canary_issued_at', 'canary', ['issued_at', 'id'])
    op.create_index('ix_canary_published', 'canary', ['id'], unique=False, sqlite_where=sa.text('published IS NOT NULL'), postgresql_where=sa.text('published IS NOT NULL'))
    op.create_index('ix_canary_tentative', 'canary', ['issued_at', 'id'], unique=False, sqlite_where=sa.text('tentative = 1'), postgresql_where=sa.text('tentative'))
    op.create_index('ix_canary_vendor_channel', 'canary', ['vendor_id', 'channel', 'generation', 'issued_at', 'id'])
    op.create_index('ix_canary_vendor_issued', 'canary', ['vendor_id', 'issued_at'])
    op.create_table('delivery',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('outbox_id', TEXT, nullable=False),
    sa.Column('destination', TEXT, nullable=False),
    sa.Column('state', TEXT, nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('due_at', TIME, nullable=False),
    sa.Column('sent_at', TIME, nullable=True),
    sa.Column('fault', TEXT, nullable=False),
    sa.Column('topic', TEXT, nullable=False),
    sa.Column('ordinal', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['outbox_id'], ['outbox.id'], name=op.f('fk_delivery_outbox_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_delivery')),
    sa.UniqueConstraint('outbox_id', 'destination', name=op.f('uq_delivery_outbox_id_destination'))
    )
    op.create_index('ix_delivery_destination_state_due_at', 'delivery', ['destination', 'state', 'due_at'])
    op.create_index('ix_delivery_state_due_at', 'delivery', ['state', 'due_at'])
    op.create_table('former_slug',
    sa.Column('slug', TEXT, nullable=False),
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_former_slug_vendor_id')),
    sa.PrimaryKeyConstraint('slug', name=op.f('pk_former_slug'))
    )
    op.create_index(op.f('ix_former_slug_vendor_id'), 'former_slug', ['vendor_id'])
    op.create_table('former_supplier',
    sa.Column('slug', TEXT, nullable=False),
    sa.Column('supplier_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['supplier_id'], ['supplier.id'], name=op.f('fk_former_supplier_supplier_id')),
    sa.PrimaryKeyConstraint('slug', name=op.f('pk_former_supplier'))
    )
    op.create_index(op.f('ix_former_supplier_supplier_id'), 'former_supplier', ['supplier_id'])
    op.create_table('leak_case',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('state', TEXT, nullable=False),
    sa.Column('outcome', TEXT, nullable=False),
    sa.Column('owner', TEXT, nullable=False),
    sa.Column('aware_at', TIME, nullable=True),
    sa.Column('merged_into', sa.Integer(), nullable=True),
    sa.Column('opening_hit', sa.Integer(), nullable=False),
    sa.Column('decision', sa.Integer(), nullable=False),
    sa.Column('reopened', sa.JSON(), nullable=True),
    sa.Column('emptied', TEXT, nullable=False),
    sa.Column('touched', sa.Boolean(), nullable=False),
    sa.Column('told', sa.Boolean(), nullable=False),
    sa.Column('quiet', sa.Boolean(), nullable=False),
    sa.Column('evidence', sa.Integer(), nullable=False),
    sa.Column('revised', sa.Integer(), nullable=False),
    sa.Column('weighed', sa.Integer(), nullable=False),
    sa.Column('due_at', TIME, nullable=True),
    sa.Column('leak', sa.Float(), nullable=False),
    sa.Column('opened_at', TIME, nullable=False),
    sa.Column('last_hit_at', TIME, nullable=False),
    sa.Column('suspects', sa.JSON(), nullable=False),
    sa.Column('findings', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_leak_case_vendor_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_leak_case'))
    )
    op.create_index(op.f('ix_leak_case_due_at'), 'leak_case', ['due_at'])
    op.create_index(op.f('ix_leak_case_last_hit_at'), 'leak_case', ['last_hit_at'])
    op.create_index(op.f('ix_leak_case_state'), 'leak_case', ['state'])
    op.create_index(op.f('ix_leak_case_vendor_id'), 'leak_case', ['vendor_id'])
    op.create_table('linked_domain',
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('domain', TEXT, nullable=False),
    sa.Column('since', TIME, nullable=False),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_linked_domain_vendor_id')),
    sa.PrimaryKeyConstraint('vendor_id', 'domain', name=op.f('pk_linked_domain')),
    sqlite_with_rowid=False
    )
    op.create_table('log_stamp',
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('authority', TEXT, nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.Column('token', sa.LargeBinary(), nullable=False),
    sa.Column('roots', TEXT, nullable=False),
    sa.ForeignKeyConstraint(['size'], ['log_checkpoint.size'], name=op.f('fk_log_stamp_size')),
    sa.PrimaryKeyConstraint('size', 'authority', name=op.f('pk_log_stamp'))
    )
    op.create_table('mail',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('key', TEXT, nullable=False),
    sa.Column('sha256', TEXT, nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('received_at', TIME, nullable=False),
    sa.Column('envelope', sa.JSON(), nullable=False),
    sa.Column('subject', TEXT, nullable=False),
    sa.Column('sender_name', TEXT, nullable=False),
    sa.Column('sender', TEXT, nullable=False),
    sa.Column('message_id', TEXT, nullable=False),
    sa.Column('text', TEXT, nullable=False),
    sa.Column('identity_domain', TEXT, nullable=False),
    sa.Column('identity', sa.JSON(), nullable=False),
    sa.Column('proofs', sa.JSON(), nullable=False),
    sa.Column('answers', sa.JSON(), nullable=False),
    sa.Column('parts', sa.JSON(), nullable=False),
    sa.Column('digest', TEXT, nullable=False),
    sa.Column('inlet', TEXT, nullable=False),
    sa.Column('campaign_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaign.id'], name=op.f('fk_mail_campaign_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mail')),
    sa.UniqueConstraint('key', name=op.f('uq_mail_key'))
    )
    op.create_index(op.f('ix_mail_campaign_id'), 'mail', ['campaign_id'])
    op.create_index('ix_mail_digest', 'mail', ['digest', 'inlet'])
    op.create_index(op.f('ix_mail_identity_domain'), 'mail', ['identity_domain'])
    op.create_index(op.f('ix_mail_received_at'), 'mail', ['received_at'])
    op.create_index(op.f('ix_mail_sha256'), 'mail', ['sha256'])
    op.create_table('rejudge_job',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('key', TEXT, nullable=False),
    sa.Column('text', TEXT, nullable=False),
    sa.Column('who', TEXT, nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.Column('upto', sa.Integer(), nullable=False),
    sa.Column('last', sa.Integer(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('done', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_rejudge_job_vendor_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rejudge_job')),
    sa.UniqueConstraint('vendor_id', 'key', name=op.f('uq_rejudge_job_vendor_id_key'))
    )
    op.create_table('signed_mail',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('signer', TEXT, nullable=False),
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('use', TEXT, nullable=False),
    sa.Column('organisation', TEXT, nullable=False),
    sa.Column('since', TIME, nullable=False),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_signed_mail_vendor_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_signed_mail')),
    sa.UniqueConstraint('signer', 'vendor_id', 'use', name=op.f('uq_signed_mail_signer_vendor_id_use'))
    )
    op.create_index('ix_signed_mail_vendor', 'signed_mail', ['vendor_id'])
    op.create_table('supplier_domain',
    sa.Column('domain', TEXT, nullable=False),
    sa.Column('supplier_id', sa.Integer(), nullable=False),
    sa.Column('created_at', TIME, nullable=False),
    sa.ForeignKeyConstraint(['supplier_id'], ['supplier.id'], name=op.f('fk_supplier_domain_supplier_id')),
    sa.PrimaryKeyConstraint('domain', name=op.f('pk_supplier_domain'))
    )
    op.create_index(op.f('ix_supplier_domain_supplier_id'), 'supplier_domain', ['supplier_id'])
    op.create_table('supplier_link',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('supplier_id', sa.Integer(), nullable=False),
    sa.Column('channel', TEXT, nullable=False),
    sa.Column('account', TEXT, nullable=False),
    sa.Column('since', TIME, nullable=True),
    sa.Column('until', TIME, nullable=True),
    sa.Column('origin', TEXT, nullable=False),
    sa.Column('through', TEXT, nullable=False),
    sa.ForeignKeyConstraint(['supplier_id'], ['supplier.id'], name=op.f('fk_supplier_link_supplier_id')),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_supplier_link_vendor_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_supplier_link')),
    sa.UniqueConstraint('vendor_id', 'supplier_id', 'channel', name=op.f('uq_supplier_link_vendor_id_supplier_id_channel'))
    )
    op.create_index(op.f('ix_supplier_link_supplier_id'), 'supplier_link', ['supplier_id'])
    op.create_table('token',
    sa.Column('hash', TEXT, nullable=False),
    sa.Column('kind', TEXT, nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('name', TEXT, nullable=False),
    sa.Column('scope', TEXT, nullable=False),
    sa.Column('created_at', TIME, nullable=False),
    sa.Column('expires_at', TIME, nullable=False),
    sa.Column('revoked_at', TIME, nullable=True),
    sa.Column('last_at', TIME, nullable=True),
    sa.Column('client', TEXT, nullable=False),
    sa.Column('agent', TEXT, nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_token_user_id')),
    sa.PrimaryKeyConstraint('hash', name=op.f('pk_token'))
    )
    op.create_index(op.f('ix_token_kind'), 'token', ['kind'])
    op.create_index(op.f('ix_token_user_id'), 'token', ['user_id'])
    op.create_table('vendor_brand',
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('name', TEXT, nullable=False),
    sa.Column('created_at', TIME, nullable=False),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_vendor_brand_vendor_id')),
    sa.PrimaryKeyConstraint('vendor_id', 'name', name=op.f('pk_vendor_brand'))
    )
    op.create_table('vendor_count',
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('own', sa.Integer(), nullable=False),
    sa.Column('outside', sa.Integer(), nullable=False),
    sa.Column('asking', sa.Integer(), nullable=False),
    sa.Column('hints', sa.Integer(), nullable=False),
    sa.Column('other', sa.Integer(), nullable=False),
    sa.Column('outsiders', sa.Integer(), nullable=False),
    sa.Column('first_outside', TIME, nullable=True),
    sa.Column('last_outside', TIME, nullable=False),
    sa.Column('last_at', TIME, nullable=False),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_vendor_count_vendor_id')),
    sa.PrimaryKeyConstraint('vendor_id', name=op.f('pk_vendor_count'))
    )
    op.create_index('ix_vendor_count_asking', 'vendor_count', ['asking', 'vendor_id'])
    op.create_index('ix_vendor_count_last_outside', 'vendor_count', ['last_outside', 'vendor_id'])
    op.create_index('ix_vendor_count_outsiders', 'vendor_count', ['outsiders'])
    op.create_table('vendor_domain',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('domain', TEXT, nullable=False),
    sa.Column('origin', TEXT, nullable=False),
    sa.Column('created_at', TIME, nullable=False),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_vendor_domain_vendor_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_vendor_domain')),
    sa.UniqueConstraint('vendor_id', 'domain', name=op.f('uq_vendor_domain_vendor_id_domain'))
    )
    op.create_index(op.f('ix_vendor_domain_domain'), 'vendor_domain', ['domain'])
    op.create_table('vendor_event',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.Column('kind', TEXT, nullable=False),
    sa.Column('who', TEXT, nullable=False),
    sa.Column('text', TEXT, nullable=False),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_vendor_event_vendor_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_vendor_event'))
    )
    op.create_index('ix_vendor_event_vendor_at', 'vendor_event', ['vendor_id', 'at'])
    op.create_table('vendor_outsider',
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('domain', TEXT, nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('last_at', TIME, nullable=False),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_vendor_outsider_vendor_id')),
    sa.PrimaryKeyConstraint('vendor_id', 'domain', name=op.f('pk_vendor_outsider')),
    sqlite_with_rowid=False
    )
    op.create_index('ix_vendor_outsider_last', 'vendor_outsider', ['vendor_id', 'last_at'])
    op.create_table('vendor_tag',
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('tag', TEXT, nullable=False),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_vendor_tag_vendor_id')),
    sa.PrimaryKeyConstraint('vendor_id', 'tag', name=op.f('pk_vendor_tag'))
    )
    op.create_table('vendor_week',
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('week', sa.Date(), nullable=False),
    sa.Column('expected', sa.Integer(), nullable=False),
    sa.Column('supplier', sa.Integer(), nullable=False),
    sa.Column('third_party', sa.Integer(), nullable=False),
    sa.Column('spam', sa.Integer(), nullable=False),
    sa.Column('other', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_vendor_week_vendor_id')),
    sa.PrimaryKeyConstraint('vendor_id', 'week', name=op.f('pk_vendor_week')),
    sqlite_with_rowid=False
    )
    op.create_table('campaign_hit',
    sa.Column('campaign_id', sa.Integer(), nullable=False),
    sa.Column('canary_id', CANARY_KEY, nullable=False),
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('hits', sa.Integer(), nullable=False),
    sa.Column('leaks', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['canary_id'], ['canary.id'], name=op.f('fk_campaign_hit_canary_id')),
    sa.PrimaryKeyConstraint('campaign_id', 'canary_id', 'case_id', name=op.f('pk_campaign_hit')),
    sqlite_with_rowid=False
    )
    op.create_index('ix_campaign_hit_case', 'campaign_hit', ['case_id', 'campaign_id', 'canary_id'])
    op.create_table('campaign_mail',
    sa.Column('mail_id', sa.Integer(), nullable=False),
    sa.Column('digest', sa.BigInteger(), nullable=True),
    sa.Column('features', sa.JSON(), nullable=False),
    sa.Column('links', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['mail_id'], ['mail.id'], name=op.f('fk_campaign_mail_mail_id')),
    sa.PrimaryKeyConstraint('mail_id', name=op.f('pk_campaign_mail'))
    )
    op.create_table('canary_count',
    sa.Column('canary_id', CANARY_KEY, nullable=False),
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('own', sa.Integer(), nullable=False),
    sa.Column('outside', sa.Integer(), nullable=False),
    sa.Column('asking', sa.Integer(), nullable=False),
    sa.Column('hints', sa.Integer(), nullable=False),
    sa.Column('other', sa.Integer(), nullable=False),
    sa.Column('first_outside', TIME, nullable=True),
    sa.Column('last_outside', TIME, nullable=False),
    sa.Column('last_at', TIME, nullable=False),
    sa.ForeignKeyConstraint(['canary_id'], ['canary.id'], name=op.f('fk_canary_count_canary_id')),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_canary_count_vendor_id')),
    sa.PrimaryKeyConstraint('canary_id', name=op.f('pk_canary_count'))
    )
    op.create_index('ix_canary_count_vendor', 'canary_count', ['vendor_id', 'last_at'])
    op.create_table('case_event',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.Column('kind', TEXT, nullable=False),
    sa.Column('who', TEXT, nullable=False),
    sa.Column('text', TEXT, nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['leak_case.id'], name=op.f('fk_case_event_case_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_case_event'))
    )
    op.create_index(op.f('ix_case_event_case_id'), 'case_event', ['case_id'])
    op.create_table('case_link',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('made_by', TEXT, nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.Column('ends', TIME, nullable=False),
    sa.Column('revoked_at', TIME, nullable=True),
    sa.Column('opened_at', TIME, nullable=True),
    sa.Column('answers', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['leak_case.id'], name=op.f('fk_case_link_case_id')),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_case_link_vendor_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_case_link'))
    )
    op.create_index(op.f('ix_case_link_case_id'), 'case_link', ['case_id'])
    op.create_index(op.f('ix_case_link_vendor_id'), 'case_link', ['vendor_id'])
    op.create_table('case_move',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', TEXT, nullable=False),
    sa.Column('from_id', sa.Integer(), nullable=False),
    sa.Column('to_id', sa.Integer(), nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.Column('who', TEXT, nullable=False),
    sa.Column('note', TEXT, nullable=False),
    sa.Column('moved', sa.JSON(), nullable=False),
    sa.Column('undone_at', TIME, nullable=True),
    sa.ForeignKeyConstraint(['from_id'], ['leak_case.id'], name=op.f('fk_case_move_from_id')),
    sa.ForeignKeyConstraint(['to_id'], ['leak_case.id'], name=op.f('fk_case_move_to_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_case_move'))
    )
    op.create_index(op.f('ix_case_move_from_id'), 'case_move', ['from_id'])
    op.create_index(op.f('ix_case_move_to_id'), 'case_move', ['to_id'])
    op.create_table('case_notification',
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('topic', TEXT, nullable=False),
    sa.Column('told', sa.JSON(), nullable=False),
    sa.Column('remind_at', TIME, nullable=True),
    sa.Column('reminders', sa.Integer(), nullable=False),
    sa.Column('acknowledged_at', TIME, nullable=True),
    sa.Column('acknowledged_by', TEXT, nullable=False),
    sa.Column('resolved_at', TIME, nullable=True),
    sa.ForeignKeyConstraint(['case_id'], ['leak_case.id'], name=op.f('fk_case_notification_case_id')),
    sa.PrimaryKeyConstraint('case_id', name=op.f('pk_case_notification'))
    )
    op.create_index('ix_case_notification_remind_at', 'case_notification', ['remind_at'])
    op.create_index(op.f('ix_case_notification_resolved_at'), 'case_notification', ['resolved_at'])
    op.create_table('case_statement',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.Column('party', TEXT, nullable=False),
    sa.Column('claims', sa.JSON(), nullable=False),
    sa.Column('text', TEXT, nullable=False),
    sa.Column('noted_at', TIME, nullable=False),
    sa.Column('noted_by', TEXT, nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['leak_case.id'], name=op.f('fk_case_statement_case_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_case_statement'))
    )
    op.create_index(op.f('ix_case_statement_case_id'), 'case_statement', ['case_id'])
    op.create_table('case_task',
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('code', TEXT, nullable=False),
    sa.Column('done_at', TIME, nullable=False),
    sa.Column('by', TEXT, nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['leak_case.id'], name=op.f('fk_case_task_case_id')),
    sa.PrimaryKeyConstraint('case_id', 'code', name=op.f('pk_case_task'))
    )
    op.create_table('case_vendor',
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['leak_case.id'], name=op.f('fk_case_vendor_case_id')),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_case_vendor_vendor_id')),
    sa.PrimaryKeyConstraint('case_id', 'vendor_id', name=op.f('pk_case_vendor'))
    )
    op.create_index(op.f('ix_case_vendor_vendor_id'), 'case_vendor', ['vendor_id'])
    op.create_table('delivery_fact',
    sa.Column('delivery_id', sa.Integer(), nullable=False),
    sa.Column('outbox_id', TEXT, nullable=False),
    sa.ForeignKeyConstraint(['delivery_id'], ['delivery.id'], name=op.f('fk_delivery_fact_delivery_id')),
    sa.ForeignKeyConstraint(['outbox_id'], ['outbox.id'], name=op.f('fk_delivery_fact_outbox_id')),
    sa.PrimaryKeyConstraint('delivery_id', 'outbox_id', name=op.f('pk_delivery_fact'))
    )
    op.create_index(op.f('ix_delivery_fact_outbox_id'), 'delivery_fact', ['outbox_id'])
    op.create_table('evidence_pack',
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('root', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['leak_case.id'], name=op.f('fk_evidence_pack_case_id')),
    sa.PrimaryKeyConstraint('case_id', 'digest', name=op.f('pk_evidence_pack'))
    )
    op.create_table('first_writer',
    sa.Column('canary_id', CANARY_KEY, nullable=False),
    sa.Column('key', TEXT, nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.ForeignKeyConstraint(['canary_id'], ['canary.id'], name=op.f('fk_first_writer_canary_id')),
    sa.PrimaryKeyConstraint('canary_id', name=op.f('pk_first_writer'))
    )
    op.create_table('hit',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('mail_id', sa.Integer(), nullable=True),
    sa.Column('canary_id', CANARY_KEY, nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.Column('verdict', TEXT, nullable=False),
    sa.Column('confidence', sa.Float(), nullable=False),
    sa.Column('reasons', sa.JSON(), nullable=False),
    sa.Column('case_id', sa.Integer(), nullable=True),
    sa.Column('decision', sa.Integer(), nullable=False),
    sa.Column('burns', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['canary_id'], ['canary.id'], name=op.f('fk_hit_canary_id')),
    sa.ForeignKeyConstraint(['case_id'], ['leak_case.id'], name=op.f('fk_hit_case_id')),
    sa.ForeignKeyConstraint(['mail_id'], ['mail.id'], name=op.f('fk_hit_mail_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hit')),
    sa.UniqueConstraint('mail_id', 'canary_id', name=op.f('uq_hit_mail_id_canary_id'))
    )
    op.create_index(op.f('ix_hit_at'), 'hit', ['at'])
    op.create_index('ix_hit_canary_at', 'hit', ['canary_id', 'at'])
    op.create_index(op.f('ix_hit_case_id'), 'hit', ['case_id'])
    op.create_index(op.f('ix_hit_mail_id'), 'hit', ['mail_id'])
    op.create_index('ix_hit_verdict_at', 'hit', ['verdict', 'at'])
    op.create_table('mail_content',
    sa.Column('mail_id', sa.Integer(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.Column('parsed', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['mail_id'], ['mail.id'], name=op.f('fk_mail_content_mail_id')),
    sa.PrimaryKeyConstraint('mail_id', name=op.f('pk_mail_content'))
    )
    op.create_table('mail_sender',
    sa.Column('key', TEXT, nullable=False),
    sa.Column('mail_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['mail_id'], ['mail.id'], name=op.f('fk_mail_sender_mail_id')),
    sa.PrimaryKeyConstraint('key', 'mail_id', name=op.f('pk_mail_sender'))
    )
    op.create_table('rspamd_check',
    sa.Column('mail_id', sa.Integer(), nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.Column('fault', TEXT, nullable=False),
    sa.ForeignKeyConstraint(['mail_id'], ['mail.id'], name=op.f('fk_rspamd_check_mail_id')),
    sa.PrimaryKeyConstraint('mail_id', name=op.f('pk_rspamd_check'))
    )
    op.create_table('sender',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('key', TEXT, nullable=False),
    sa.Column('state', TEXT, nullable=False),
    sa.Column('proof', TEXT, nullable=False),
    sa.Column('first_at', TIME, nullable=True),
    sa.Column('last_at', TIME, nullable=True),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('asked_at', TIME, nullable=True),
    sa.Column('decided_at', TIME, nullable=True),
    sa.Column('decided_by', TEXT, nullable=False),
    sa.Column('before', TEXT, nullable=False),
    sa.Column('mail_id', sa.Integer(), nullable=True),
    sa.Column('question', TEXT, nullable=False),
    sa.Column('plausibility', sa.Float(), nullable=False),
    sa.ForeignKeyConstraint(['mail_id'], ['mail.id'], name=op.f('fk_sender_mail_id')),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendor.id'], name=op.f('fk_sender_vendor_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sender')),
    sa.UniqueConstraint('vendor_id', 'key', name=op.f('uq_sender_vendor_id_key'))
    )
    op.create_index(op.f('ix_sender_question'), 'sender', ['question'])
    op.create_index('ix_sender_state', 'sender', ['state', 'vendor_id'])
    op.create_table('suspect_history',
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.Column('kind', TEXT, nullable=False),
    sa.Column('suspect', TEXT, nullable=False),
    sa.Column('p', sa.Float(), nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['leak_case.id'], name=op.f('fk_suspect_history_case_id')),
    sa.PrimaryKeyConstraint('case_id', 'at', 'kind', 'suspect', name=op.f('pk_suspect_history')),
    sqlite_with_rowid=False
    )
    op.create_index('ix_suspect_history_suspect', 'suspect_history', ['kind', 'suspect', 'at'])
    op.create_table('unread_mail',
    sa.Column('mail_id', sa.Integer(), nullable=False),
    sa.Column('at', TIME, nullable=False),
    sa.Column('why', TEXT, nullable=False),
    sa.ForeignKeyConstraint(['mail_id'], ['mail.id'], name=op.f('fk_unread_mail_mail_id')),
    sa.PrimaryKeyConstraint('mail_id', name=op.f('pk_unread_mail'))
    )
    op.create_index(op.f('ix_unread_mail_at'), 'unread_mail', ['at'])
    op.create_table('probe',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('canary_id', CANARY_KEY, nullable=False),
    sa.Column('day', TIME, nullable=False),
    sa.Column('source', TEXT, nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('hit_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['canary_id'], ['canary.id'], name=op.f('fk_probe_canary_id')),
    sa.ForeignKeyConstraint(['hit_id'], ['hit.id'], name=op.f('fk_probe_hit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_probe')),
    sa.UniqueConstraint('canary_id', 'day', 'source', name=op.f('uq_probe_canary_id_day_source'))
    )
    op.create_index(op.f('ix_probe_hit_id'), 'probe', ['hit_id'])


# What is searched: of which table, by which columns. SQLite keeps full-text tables by triggers, PostgreSQL indexes of
# what it takes for words; PostgreSQL needs no second one for the head of a mail. A later migration that makes one of
# these tables over (as batch operations of Alembic do on SQLite) has to make its triggers again as well.
HEAD = ("subject", "sender_name", "sender", "identity_domain")
BODY = "substr({}text, 1, 8192)"
INDEXES = {
    "words_mail": ("mail", (*HEAD, BODY)),
    "words_head": ("mail", HEAD),
    "words_vendor": ("vendor", ("name", "slug")),
    "words_supplier": ("supplier", ("name", "slug")),
    "words_canary": ("canary", ("address",)),
    "words_sender": ("sender", ("key",)),
}


def make_full_text_table(name: str, table: str, columns: tuple[str, ...]) -> None:
    names = ", ".join(f"c{n}" for n in range(len(columns)))
    # Beginnings of words are found in all but `words_mail`.
    prefix = "" if name == "words_mail" else ", prefix='2 3 4 5 6 7 8'"
    op.execute(f"CREATE VIRTUAL TABLE {name} USING fts5({names}, content='', detail=none, columnsize=0{prefix})")
    new, old = values_of(columns, "new."), values_of(columns, "old.")
    insert = f"INSERT INTO {name} (rowid, {names}) VALUES (new.id, {new});"
    delete = f"INSERT INTO {name} ({name}, rowid, {names}) VALUES ('delete', old.id, {old});"
    watched = ", ".join("text" if column is BODY else column for column in columns)
    op.execute(f"CREATE TRIGGER {name}_insert AFTER INSERT ON {table} BEGIN {insert} END")
    op.execute(f"CREATE TRIGGER {name}_delete AFTER DELETE ON {table} BEGIN {delete} END")
    op.execute(f"CREATE TRIGGER {name}_update AFTER UPDATE OF {watched} ON {table} BEGIN {delete} {insert} END")


def values_of(columns: tuple[str, ...], row: str) -> str:
    return ", ".join(column.format(row) if column is BODY else f"{row}{column}" for column in columns)


def make_text_index(name: str, table: str, columns: tuple[str, ...]) -> None:
    words = " || ' ' || ".join(column.format("") if column is BODY else column for column in columns)
    plain = f"translate({words}, '@.-_+/:', '       ')"
    op.execute(f"CREATE INDEX {name} ON {table} USING gin (to_tsvector('simple', {plain}))")


# How many addresses there are by ranges of their numbers, 4096 in all, and the sum of what their numbers have in the last
# 31 bits: receivers read only the ranges that have changed. On PostgreSQL those who add addresses take turns, by the lock
# `Lock.ADDRESSES`, or they would wait for each other's ranges in a circle.
RANGE, DIGEST = "id >> 41", "id & 2147483647"
ADD = "ON CONFLICT (number) DO UPDATE SET canaries = canary_range.canaries + excluded.canaries, digest = canary_range.digest + excluded.digest"  # fmt: skip
COUNT_RANGES = f"""
    CREATE FUNCTION count_canary_range() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE sign integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
    BEGIN
        PERFORM pg_advisory_xact_lock(7203257);
        INSERT INTO canary_range (number, canaries, digest)
            SELECT {RANGE}, sign * count(*), sign * sum({DIGEST}) FROM changed GROUP BY 1 {ADD};
        RETURN NULL;
    END $$
"""


def count_addresses_by_range() -> None:
    op.create_table(
        "canary_range",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("canaries", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    if not sqlite:
        op.execute(COUNT_RANGES)
    for event, side, row, sign in (("INSERT", "NEW", "new", ""), ("DELETE", "OLD", "old", "-")):
        name = f"canary_range_{event.lower()}"
        if sqlite:
            values = f"{row}.{RANGE}, {sign}1, {sign}({row}.{DIGEST})"
            change = f"INSERT INTO canary_range (number, canaries, digest) VALUES ({values}) {ADD};"
            op.execute(f"CREATE TRIGGER {name} AFTER {event} ON canary BEGIN {change} END")
        else:
            op.execute(
                f"CREATE TRIGGER {name} AFTER {event} ON canary REFERENCING {side} TABLE AS changed"
                " FOR EACH STATEMENT EXECUTE FUNCTION count_canary_range()"
            )


# How many addresses each vendor has, decoys with them: pages ask for it. On PostgreSQL those who add addresses hold the
# lock already, by the trigger above, whose name comes first.
MORE = "ON CONFLICT (vendor_id) DO UPDATE SET canaries = vendor_canaries.canaries + excluded.canaries"
COUNT_VENDORS = f"""
    CREATE FUNCTION count_vendor_canaries() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE sign integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
    BEGIN
        INSERT INTO vendor_canaries (vendor_id, canaries)
            SELECT vendor_id, sign * count(*) FROM changed GROUP BY 1 {MORE};
        RETURN NULL;
    END $$
"""
MOVE_CANARY = f"""
    CREATE FUNCTION move_vendor_canary() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(7203257);
        INSERT INTO vendor_canaries (vendor_id, canaries) VALUES (OLD.vendor_id, -1), (NEW.vendor_id, 1) {MORE};
        RETURN NULL;
    END $$
"""


def count_addresses_by_vendor() -> None:
    op.create_table(
        "vendor_canaries",
        sa.Column("vendor_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("canaries", sa.BigInteger(), nullable=False),
    )
    moved = "WHEN (OLD.vendor_id <> NEW.vendor_id)"
    trigger = "CREATE TRIGGER vendor_canaries_{} AFTER {} ON canary"
    if op.get_bind().dialect.name == "sqlite":
        add = "INSERT INTO vendor_canaries (vendor_id, canaries) VALUES ({}.vendor_id, {}1) " + MORE + ";"
        plus, minus = add.format("new", ""), add.format("old", "-")
        op.execute(f"{trigger.format('insert', 'INSERT')} BEGIN {plus} END")
        op.execute(f"{trigger.format('delete', 'DELETE')} BEGIN {minus} END")
        op.execute(f"{trigger.format('update', 'UPDATE OF vendor_id')} {moved} BEGIN {minus} {plus} END")
        return
    op.execute(COUNT_VENDORS)
    op.execute(MOVE_CANARY)
    for event, side in (("INSERT", "NEW"), ("DELETE", "OLD")):
        op.execute(
            f"{trigger.format(event.lower(), event)} REFERENCING {side} TABLE AS changed"
            " FOR EACH STATEMENT EXECUTE FUNCTION count_vendor_canaries()"
        )
    update = trigger.format("update", "UPDATE OF vendor_id")
    op.execute(f"{update} FOR EACH ROW {moved} EXECUTE FUNCTION move_vendor_canary()")
