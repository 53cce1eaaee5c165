/* The main store's migrations: every table, every column with its comment.
 *
 * Adding a migration: one row at the end of main_migrations. A row that has been released is never
 * changed. Instants are milliseconds since 1970 in UTC (`…_at`, `timestamp`), days are day numbers in
 * the configured zone (base/clock.h), money is nano-yuan. Each table is owned by the one module that
 * is named beside it: no other writes it. Telemetry's own tables are in telemetry/day_schema.c. */
#include "store/migration.h"

#include "base/memory.h"

/* clang-format off: the columns of comments are the reader's */
static const char SQL_FOUNDATION[] =
    /* facts about this store, each written by the module that is named with it: audit_head (platform/audit) */
    "CREATE TABLE meta ("
    " name TEXT PRIMARY KEY,"
    " value TEXT NOT NULL);"

    /* platform/counters: totals that pages show, kept in the transaction that changes them */
    "CREATE TABLE platform_counters ("
    " name TEXT PRIMARY KEY," /* tenants, active_tenants, qa_pairs, unsynced_qa_pairs, pending_feedbacks */
    " value {{int}} NOT NULL);"
    "INSERT INTO platform_counters(name, value) VALUES"
    " ('tenants', 0), ('active_tenants', 0), ('qa_pairs', 0), ('unsynced_qa_pairs', 0),"
    " ('pending_feedbacks', 0);"

    /* platform/tenants */
    "CREATE TABLE tenants ("
    " id TEXT PRIMARY KEY,"
    " name TEXT NOT NULL,"
    " contact TEXT NOT NULL DEFAULT '',"
    " status TEXT NOT NULL DEFAULT 'active'," /* active, suspended */
    " api_key TEXT NOT NULL UNIQUE,"          /* publishable: names the tenant, grants only chat */
    " created_at {{int}} NOT NULL,"
    " updated_at {{int}} NOT NULL,"
    " version {{int}} NOT NULL DEFAULT 1," /* counts edits: a second editor is told */
    " last_active_at {{int}},"             /* the newest chat message or log-in of its users */
    " suspended_at {{int}},"
    " suspended_reason TEXT,"
    " knowledge_revision {{int}} NOT NULL DEFAULT 0," /* grows with every change of its pairs */
    " user_count {{int}} NOT NULL DEFAULT 0,"
    " qa_pair_count {{int}} NOT NULL DEFAULT 0,"  /* live pairs */
    " unsynced_count {{int}} NOT NULL DEFAULT 0," /* live pairs that the vector index lacks */
    " pending_feedback_count {{int}} NOT NULL DEFAULT 0);"
    "CREATE INDEX idx_tenants_name ON tenants(name);"

    /* platform/users */
    "CREATE TABLE users ("
    " id TEXT PRIMARY KEY,"
    " username TEXT NOT NULL UNIQUE," /* lower case */
    " password_hash TEXT NOT NULL,"   /* Argon2id in its own text form */
    " role TEXT NOT NULL,"            /* ops_admin, ops_viewer, tenant_admin, tenant_staff */
    " tenant_id TEXT REFERENCES tenants(id),"
    " status TEXT NOT NULL DEFAULT 'active'," /* active, disabled */
    " created_at {{int}} NOT NULL,"
    " updated_at {{int}} NOT NULL,"
    " last_login_at {{int}});"
    "CREATE INDEX idx_users_tenant ON users(tenant_id);"

    /* platform/sessions: one row for each log-in */
    "CREATE TABLE sessions ("
    " id TEXT PRIMARY KEY,"
    " user_id TEXT NOT NULL REFERENCES users(id),"
    " refresh_hash {{bytes}} NOT NULL," /* SHA-256 of the one refresh token that is good now */
    " created_at {{int}} NOT NULL,"
    " refreshed_at {{int}} NOT NULL,"
    " expires_at {{int}} NOT NULL,"
    " revoked_at {{int}}," /* log-out, disabled user, or a refresh token that came twice */
    " ip_address TEXT NOT NULL DEFAULT '');"
    "CREATE INDEX idx_sessions_user ON sessions(user_id);"
    "CREATE INDEX idx_sessions_expiry ON sessions(expires_at);"

    /* platform/api_tokens */
    "CREATE TABLE api_tokens ("
    " id TEXT PRIMARY KEY,"
    " name TEXT NOT NULL UNIQUE,"
    " role TEXT NOT NULL," /* ingest */
    " tenant_id TEXT REFERENCES tenants(id),"
    " token_hash {{bytes}} NOT NULL UNIQUE," /* SHA-256 of the token */
    " created_at {{int}} NOT NULL,"
    " revoked_at {{int}});"

    /* platform/knowledge: question-answer pairs */
    "CREATE TABLE qa_pairs ("
    " id {{id}},"
    " tenant_id TEXT NOT NULL REFERENCES tenants(id),"
    " question TEXT NOT NULL,"
    " answer TEXT NOT NULL,"
    " category TEXT NOT NULL DEFAULT '',"
    " source TEXT NOT NULL DEFAULT 'manual'," /* manual, import, learned, template, demo */
    " question_hash {{int}} NOT NULL,"        /* of the trimmed question: finds the same one again */
    " text_hash {{int}} NOT NULL,"            /* of question and answer */
    " synced_hash {{int}},"                   /* text_hash that the vector index holds */
    " is_synced {{int}} NOT NULL DEFAULT 0,"  /* 1: synced_hash equals text_hash */
    " synced_at {{int}},"
    " quality_score {{real}} NOT NULL DEFAULT 0.5," /* 0 to 1: platform/knowledge.h */
    " hit_count {{int}} NOT NULL DEFAULT 0,"        /* answers that came from it */
    " good_count {{int}} NOT NULL DEFAULT 0,"       /* feedback on those answers */
    " bad_count {{int}} NOT NULL DEFAULT 0,"
    " version {{int}} NOT NULL DEFAULT 1," /* counts edits */
    " revision {{int}} NOT NULL,"          /* tenants.knowledge_revision at its last change */
    " deleted_at {{int}},"                 /* set: gone from every list, kept for undo */
    " created_at {{int}} NOT NULL,"
    " updated_at {{int}} NOT NULL);"
    "CREATE INDEX idx_qa_pairs_revision ON qa_pairs(tenant_id, revision);"
    "CREATE INDEX idx_qa_pairs_question ON qa_pairs(tenant_id, question_hash);"
    "CREATE INDEX idx_qa_pairs_unsynced ON qa_pairs(tenant_id, id)"
    " WHERE is_synced = 0 AND deleted_at IS NULL;"
    "CREATE INDEX idx_qa_pairs_removed ON qa_pairs(tenant_id, id)" /* gone, and still in the vector index */
    " WHERE deleted_at IS NOT NULL AND synced_hash IS NOT NULL;"

    /* platform/conversations */
    "CREATE TABLE conversations ("
    " id {{id}},"
    " public_id TEXT NOT NULL UNIQUE,"
    " tenant_id TEXT NOT NULL REFERENCES tenants(id),"
    " started_at {{int}} NOT NULL,"
    " last_message_at {{int}} NOT NULL,"
    " message_count {{int}} NOT NULL DEFAULT 0);"
    "CREATE INDEX idx_conversations_tenant ON conversations(tenant_id, started_at);"
    "CREATE TABLE messages ("
    " id {{id}},"
    " public_id TEXT NOT NULL UNIQUE,"
    " conversation_id {{int}} NOT NULL REFERENCES conversations(id),"
    " tenant_id TEXT NOT NULL,"
    " created_at {{int}} NOT NULL,"
    " question TEXT NOT NULL,"
    " answer TEXT NOT NULL,"
    " answered {{int}} NOT NULL," /* 0: an honest 'not known' */
    " latency_ms {{int}} NOT NULL,"
    " model TEXT NOT NULL,"       /* what wrote the answer */
    " sources {{json}} NOT NULL," /* [{qa_pair_id, score}], best first */
    " request_id TEXT NOT NULL);"
    "CREATE INDEX idx_messages_conversation ON messages(conversation_id, id);"

    /* platform/feedback */
    "CREATE TABLE feedbacks ("
    " id {{id}},"
    " tenant_id TEXT NOT NULL REFERENCES tenants(id),"
    " message_id {{int}} NOT NULL REFERENCES messages(id),"
    " rating TEXT NOT NULL," /* good, bad */
    " correction TEXT,"
    " status TEXT NOT NULL," /* noted (nothing to do), pending, learned, rejected */
    " qa_pair_id {{int}},"   /* what it became */
    " created_at {{int}} NOT NULL,"
    " processed_at {{int}});"
    "CREATE UNIQUE INDEX idx_feedbacks_message ON feedbacks(message_id);"
    "CREATE INDEX idx_feedbacks_pending ON feedbacks(tenant_id, id) WHERE status = 'pending';"

    /* platform/activity: what customers did, by day and tenant, and over all tenants */
    "CREATE TABLE activity_daily ("
    " day {{int}} NOT NULL,"
    " tenant_id TEXT NOT NULL REFERENCES tenants(id),"
    " conversations {{int}} NOT NULL DEFAULT 0," /* begun on that day */
    " messages {{int}} NOT NULL DEFAULT 0,"      /* answered with an answer or a 'not known' */
    " answered {{int}} NOT NULL DEFAULT 0,"
    " refused {{int}} NOT NULL DEFAULT 0," /* chats refused while suspended */
    " feedbacks {{int}} NOT NULL DEFAULT 0,"
    " latency_sum_ms {{int}} NOT NULL DEFAULT 0,"
    " latency_histogram {{bytes}}," /* base/histogram.h */
    " PRIMARY KEY (tenant_id, day)){{without_rowid}};"
    "CREATE INDEX idx_activity_daily_top ON activity_daily(day, conversations);"
    "CREATE TABLE activity_platform ("
    " bucket TEXT NOT NULL,"   /* 'day' or 'hour' */
    " start {{int}} NOT NULL," /* day number, or the hour's first millisecond */
    " conversations {{int}} NOT NULL DEFAULT 0,"
    " messages {{int}} NOT NULL DEFAULT 0,"
    " answered {{int}} NOT NULL DEFAULT 0,"
    " refused {{int}} NOT NULL DEFAULT 0,"
    " feedbacks {{int}} NOT NULL DEFAULT 0,"
    " latency_sum_ms {{int}} NOT NULL DEFAULT 0,"
    " latency_histogram {{bytes}},"
    " PRIMARY KEY (bucket, start)){{without_rowid}};"

    /* telemetry/daily_totals: totals of the days that have ended, from the day files, for good */
    "CREATE TABLE usage_daily ("
    " day {{int}} NOT NULL,"
    " tenant_id TEXT NOT NULL," /* '' for calls of no tenant */
    " api_type TEXT NOT NULL,"
    " operation TEXT NOT NULL,"
    " model TEXT NOT NULL,"
    " calls {{int}} NOT NULL,"
    " failed {{int}} NOT NULL,"
    " unpriced {{int}} NOT NULL,"
    " tokens_input {{int}} NOT NULL,"
    " tokens_output {{int}} NOT NULL,"
    " tokens_cached {{int}} NOT NULL,"
    " latency_sum_ms {{int}} NOT NULL,"
    " cost_nano_cny {{int}} NOT NULL,"
    " latency_histogram {{bytes}} NOT NULL,"
    " PRIMARY KEY (day, tenant_id, api_type, operation, model)){{without_rowid}};"
    "CREATE INDEX idx_usage_daily_tenant ON usage_daily(tenant_id, day);"
    /* the same over all tenants: what a trend of the platform reads */
    "CREATE TABLE usage_platform_daily ("
    " day {{int}} NOT NULL,"
    " api_type TEXT NOT NULL,"
    " operation TEXT NOT NULL,"
    " model TEXT NOT NULL,"
    " calls {{int}} NOT NULL,"
    " failed {{int}} NOT NULL,"
    " unpriced {{int}} NOT NULL,"
    " tokens_input {{int}} NOT NULL,"
    " tokens_output {{int}} NOT NULL,"
    " tokens_cached {{int}} NOT NULL,"
    " latency_sum_ms {{int}} NOT NULL,"
    " cost_nano_cny {{int}} NOT NULL,"
    " latency_histogram {{bytes}} NOT NULL,"
    " PRIMARY KEY (day, api_type, operation, model)){{without_rowid}};"
    /* which days' totals are here, as of which revision of the day file */
    "CREATE TABLE usage_days ("
    " day {{int}} PRIMARY KEY,"
    " revision {{int}} NOT NULL,"
    " usage_rows {{int}} NOT NULL,"
    " log_rows {{int}} NOT NULL);"

    /* settings/: values that differ from the default, one version for each category */
    "CREATE TABLE settings ("
    " category TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " value TEXT NOT NULL,"
    " PRIMARY KEY (category, name));"
    "CREATE TABLE settings_categories ("
    " category TEXT PRIMARY KEY,"
    " version {{int}} NOT NULL,"
    " updated_at {{int}} NOT NULL,"
    " updated_by TEXT NOT NULL);"

    /* platform/audit: who changed what; each row holds the hash of the one before */
    "CREATE TABLE ops_logs ("
    " id {{id}},"
    " timestamp {{int}} NOT NULL,"
    " user_id TEXT NOT NULL,"  /* '' for the system itself */
    " username TEXT NOT NULL," /* as it was then */
    " action TEXT NOT NULL,"
    " target_type TEXT NOT NULL,"
    " target_id TEXT NOT NULL,"
    " details {{json}} NOT NULL," /* {before, after, reason} */
    " ip_address TEXT NOT NULL,"
    " request_id TEXT NOT NULL,"
    " result TEXT NOT NULL,"           /* done, refused, failed */
    " chain_hash {{bytes}} NOT NULL);" /* SHA-256 of the row before's hash and this row */
    "CREATE INDEX idx_ops_logs_time ON ops_logs(timestamp);"

    /* ops/metrics_collector: readings on a schedule */
    "CREATE TABLE metrics_snapshots ("
    " id {{id}},"
    " timestamp {{int}} NOT NULL,"
    " metric_type TEXT NOT NULL,"
    " metric_value {{real}}," /* null: could not be read */
    " dimensions {{json}} NOT NULL DEFAULT '{}');"
    "CREATE INDEX idx_metrics_time ON metrics_snapshots(metric_type, timestamp);"

    /* ops/alert_service */
    "CREATE TABLE alerts ("
    " id {{id}},"
    " created_at {{int}} NOT NULL,"
    " alert_type TEXT NOT NULL,"
    " severity TEXT NOT NULL," /* critical, error, warning, info */
    " title TEXT NOT NULL,"
    " message TEXT NOT NULL,"
    " source TEXT NOT NULL,"
    " status TEXT NOT NULL," /* active, acknowledged, resolved */
    " value {{real}},"
    " threshold {{real}},"
    " tenant_id TEXT,"
    " count {{int}} NOT NULL DEFAULT 1,"
    " last_seen_at {{int}} NOT NULL,"
    " acknowledged_by TEXT,"
    " acknowledged_at {{int}},"
    " resolved_at {{int}});"
    "CREATE INDEX idx_alerts_status ON alerts(status, id);";
/* clang-format on */

const struct migration main_migrations[] = {
    {"tenants, knowledge, chat, feedback, roll-ups, settings, audit, metrics, alerts", SQL_FOUNDATION},
};
const size_t main_migration_count = ARRAY_SIZE(main_migrations);
