/* The main store's migrations: every table, every column with its comment.
 *
 * Adding a migration: one row at the end of main_migrations. A row that has been released is never
 * changed. Instants are milliseconds since 1970 in UTC (`…_at`, `timestamp`), days are day numbers in
 * the configured zone (base/clock.h), money is nano-yuan. Each table is owned by the one module that
 * is named beside it: no other writes it. Telemetry's own tables are in telemetry/day_schema.c. */
#include "store/migration.h"

#include "base/memory.h"

/* The columns of comments are the reader's. */
/* clang-format off */
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
static const char SQL_JOBS[] =
    /* platform/jobs: long work, from the request to its result */
    "CREATE TABLE jobs ("
    " id TEXT PRIMARY KEY,"
    " kind TEXT NOT NULL,"           /* templates.distribute … */
    " status TEXT NOT NULL,"         /* queued, running, succeeded, failed, cancelled */
    " tenant_id TEXT,"               /* whom it is about; null: several or none, see job_items */
    " parameters {{json}} NOT NULL," /* what was asked for */
    " progress_done {{int}} NOT NULL DEFAULT 0,"
    " progress_total {{int}} NOT NULL DEFAULT 0,"
    " result {{json}}," /* figures so far, final when it has ended */
    " error_en TEXT,"   /* why it failed, in both languages */
    " error_zh TEXT,"
    " user_id TEXT NOT NULL," /* who asked: '' for the system itself */
    " username TEXT NOT NULL,"
    " ip_address TEXT NOT NULL,"
    " request_id TEXT NOT NULL,"
    " created_at {{int}} NOT NULL,"
    " started_at {{int}},"
    " finished_at {{int}});"
    "CREATE INDEX idx_jobs_time ON jobs(created_at, id);"
    "CREATE INDEX idx_jobs_open ON jobs(created_at, id) WHERE status IN ('queued', 'running');"
    /* platform/jobs: the parts of a job, each done in one transaction with what it changes */
    "CREATE TABLE job_items ("
    " job_id TEXT NOT NULL REFERENCES jobs(id),"
    " seq {{int}} NOT NULL,"    /* from 1, in the order of the work */
    " target_id TEXT NOT NULL," /* what it is about: a tenant's id */
    " outcome TEXT,"            /* null: not reached yet; else the kind's own word: done, suspended … */
    " detail {{json}},"         /* figures of it */
    " PRIMARY KEY (job_id, seq)){{without_rowid}};"
    "CREATE INDEX idx_job_items_target ON job_items(target_id, job_id);";

static const char SQL_TENANT_OPERATIONS[] =
    /* platform/tenants: the proof of a suspension, and how far the common templates have come */
    "ALTER TABLE tenants ADD COLUMN refused_count {{int}} NOT NULL DEFAULT 0;" /* chats refused since suspended_at */
    "ALTER TABLE tenants ADD COLUMN templates_revision {{int}} NOT NULL DEFAULT 0;" /* of meta 'templates_revision',
                                                                                     when it was last brought up to it */
    /* the list sorts by each of these */
    "CREATE INDEX idx_tenants_created ON tenants(created_at, id);"
    "CREATE INDEX idx_tenants_active ON tenants(last_active_at, id);"
    "CREATE INDEX idx_tenants_users ON tenants(user_count, id);"
    "CREATE INDEX idx_tenants_pairs ON tenants(qa_pair_count, id);"
    "CREATE INDEX idx_tenants_status ON tenants(status, id);"
    "CREATE INDEX idx_messages_tenant ON messages(tenant_id, created_at);"
    "CREATE INDEX idx_feedbacks_tenant ON feedbacks(tenant_id, status);";

static const char SQL_TEMPLATES[] =
    /* platform/templates: common question-answer pairs that are distributed to tenants */
    "CREATE TABLE templates ("
    " id {{id}},"
    " question TEXT NOT NULL,"
    " answer TEXT NOT NULL,"
    " category TEXT NOT NULL DEFAULT '',"
    " question_hash {{int}} NOT NULL," /* as in qa_pairs */
    " text_hash {{int}} NOT NULL,"
    " version {{int}} NOT NULL DEFAULT 1,"       /* counts its texts: template_versions holds each */
    " for_all {{int}} NOT NULL DEFAULT 0,"       /* 1: it was distributed to all, so who lacks it misses it */
    " copy_count {{int}} NOT NULL DEFAULT 0,"    /* live pairs that are its copies */
    " current_count {{int}} NOT NULL DEFAULT 0," /* those of them that come from its present version */
    " created_at {{int}} NOT NULL,"
    " updated_at {{int}} NOT NULL,"
    " updated_by TEXT NOT NULL," /* username */
    " deleted_at {{int}});"      /* set: gone; its copies stay with their tenants, unlinked */
    "CREATE UNIQUE INDEX idx_templates_question ON templates(question) WHERE deleted_at IS NULL;"
    "CREATE INDEX idx_templates_category ON templates(category, id) WHERE deleted_at IS NULL;"
    "CREATE TABLE template_versions ("
    " template_id {{int}} NOT NULL REFERENCES templates(id),"
    " version {{int}} NOT NULL,"
    " question TEXT NOT NULL,"
    " answer TEXT NOT NULL,"
    " category TEXT NOT NULL,"
    " text_hash {{int}} NOT NULL,"
    " created_at {{int}} NOT NULL,"
    " created_by TEXT NOT NULL," /* username */
    " PRIMARY KEY (template_id, version)){{without_rowid}};"
    "INSERT INTO meta(name, value) VALUES ('templates_revision', '0');" /* grows when a for_all template changes */

    /* platform/knowledge: the link of a copy to its template */
    "ALTER TABLE qa_pairs ADD COLUMN template_id {{int}} REFERENCES templates(id);"
    "ALTER TABLE qa_pairs ADD COLUMN template_version {{int}};" /* whose text it took */
    "ALTER TABLE qa_pairs ADD COLUMN template_kept {{int}};" /* newest version for which its own text was kept */
    "CREATE UNIQUE INDEX idx_qa_pairs_template ON qa_pairs(tenant_id, template_id)"
    " WHERE template_id IS NOT NULL;";

static const char SQL_TENANT_SEARCH[] =
    /* platform/counters: grows with every change of a tenant's own row: what ops/tenant_directory was read at */
    "INSERT INTO platform_counters(name, value)"
    " SELECT 'tenant_edits', COALESCE(SUM(version), 0) FROM tenants;"
    /* names that are equal are in the order of id, too */
    "DROP INDEX idx_tenants_name;"
    "CREATE INDEX idx_tenants_name ON tenants(name, id);"
    /* the same orders among those with one status */
    "CREATE INDEX idx_tenants_status_name ON tenants(status, name, id);"
    "CREATE INDEX idx_tenants_status_created ON tenants(status, created_at, id);"
    "CREATE INDEX idx_tenants_status_active ON tenants(status, last_active_at, id);"
    "CREATE INDEX idx_tenants_status_users ON tenants(status, user_count, id);"
    "CREATE INDEX idx_tenants_status_pairs ON tenants(status, qa_pair_count, id);";

/* What each index of the knowledge list serves, and what it costs: the bytes are of a pair of demonstration
 * data. All of them together, with full text and counts, take the loading of a pair from 17 to some 70 µs; a
 * new pair is put at the end of its group or tenant, so most of them stay in the writer's page cache.
 *
 * list_group is what makes any filter and any order quick at once: every combination of category, source,
 * state and range of quality is a group of its own, of which there are some hundreds. A page is merged from
 * the groups that the filter admits, each read in the list's order from an index that begins with the group.
 * ops/knowledge_groups.c knows how the number is made up. */
static const char SQL_KNOWLEDGE_LIST[] =
    "ALTER TABLE qa_pairs ADD COLUMN list_group {{int}} GENERATED ALWAYS AS (" /* null: deleted, in no list */
    " CASE WHEN deleted_at IS NULL THEN"
    " (((COALESCE({{code_point}}(category), 0) * 31"
    " + COALESCE({{code_point}}(SUBSTR(category, LENGTH(category), 1)), 0)) % 64" /* category, more or less */
    " * 8 + CASE source WHEN 'manual' THEN 0 WHEN 'import' THEN 1 WHEN 'learned' THEN 2"
    " WHEN 'template' THEN 3 WHEN 'demo' THEN 4 ELSE 5 END)"
    " * 2 + is_synced)"
    " * 8 + CASE WHEN quality_score < 0.3 THEN 0 WHEN quality_score < 0.5 THEN 1"
    " WHEN quality_score = 0.5 THEN 2 WHEN quality_score < 0.6 THEN 3 WHEN quality_score < 0.7 THEN 4"
    " WHEN quality_score < 0.8 THEN 5 WHEN quality_score < 0.9 THEN 6 ELSE 7 END"
    " END) {{generated}};"
    "CREATE INDEX idx_qa_pairs_by_id ON qa_pairs(list_group, id);" /* 15: id, and which groups there are */
    "CREATE INDEX idx_qa_pairs_by_creation ON qa_pairs(list_group, created_at, id);" /* 22 */
    "CREATE INDEX idx_qa_pairs_by_update ON qa_pairs(list_group, updated_at, id);" /* 22: the list's own order */
    "CREATE INDEX idx_qa_pairs_by_quality ON qa_pairs(list_group, quality_score, id);" /* 24: and counting a range */
    "CREATE INDEX idx_qa_pairs_by_hits ON qa_pairs(list_group, hit_count, id);"        /* 16 */
    "CREATE INDEX idx_qa_pairs_by_question ON qa_pairs(list_group, question, id);" /* 62 */
    /* 65: one tenant's list, in any order, filtered without a look at the pair itself */
    "CREATE INDEX idx_qa_pairs_tenant ON qa_pairs(tenant_id, category, source, is_synced, quality_score,"
    " created_at, updated_at, hit_count, id) WHERE deleted_at IS NULL;"
    /* 66: one tenant's list by question; finding a question again, so that the index on its hash (31) can go */
    "CREATE INDEX idx_qa_pairs_tenant_question ON qa_pairs(tenant_id, question, id);"
    "DROP INDEX idx_qa_pairs_question;"
    /* 21: a category of few pairs, which may share its group with one of many */
    "CREATE INDEX idx_qa_pairs_category ON qa_pairs(category, id) WHERE deleted_at IS NULL;"

    /* platform/knowledge: how many live pairs there are of each kind, for the overview and for what filters
     * offer. Kept by triggers: whatever statement changes a pair, nothing can be forgotten. */
    "CREATE TABLE knowledge_counts ("
    " tenant_id TEXT NOT NULL," /* '': all tenants together */
    " category TEXT NOT NULL,"
    " source TEXT NOT NULL,"
    " pairs {{int}} NOT NULL,"
    " unsynced {{int}} NOT NULL,"
    " quality_millionths {{int}} NOT NULL," /* sum of quality_score × 1,000,000, each rounded */
    " PRIMARY KEY (tenant_id, category, source)){{without_rowid}};"
    "INSERT INTO knowledge_counts(tenant_id, category, source, pairs, unsynced, quality_millionths)"
    " SELECT tenant_id, category, source, COUNT(*), SUM(1 - is_synced),"
    " SUM(CAST(ROUND(quality_score * 1000000) AS {{int}}))"
    " FROM qa_pairs WHERE deleted_at IS NULL GROUP BY tenant_id, category, source;"
    "INSERT INTO knowledge_counts(tenant_id, category, source, pairs, unsynced, quality_millionths)"
    " SELECT '', category, source, SUM(pairs), SUM(unsynced), SUM(quality_millionths)"
    " FROM knowledge_counts GROUP BY category, source;"
    "{{knowledge_counting}}"
    "{{knowledge_text}}"; /* 100: full text of question and answer */

static const char SQL_KNOWLEDGE_EDITING[] =
    /* platform/knowledge: deleted pairs are kept for undo */
    "ALTER TABLE qa_pairs ADD COLUMN deleted_by TEXT;" /* username */
    "CREATE INDEX idx_qa_pairs_deleted ON qa_pairs(deleted_at, id) WHERE deleted_at IS NOT NULL;"
    "CREATE INDEX idx_qa_pairs_tenant_deleted ON qa_pairs(tenant_id, deleted_at, id)"
    " WHERE deleted_at IS NOT NULL;"
    /* platform/quality.h: when age lowers the quality next; null: never */
    "ALTER TABLE qa_pairs ADD COLUMN quality_due_at {{int}};"
    "UPDATE qa_pairs SET quality_due_at = updated_at + 7862400000 WHERE good_count = 0;" /* 91 days */
    "CREATE INDEX idx_qa_pairs_quality_due ON qa_pairs(quality_due_at)"
    " WHERE quality_due_at IS NOT NULL AND deleted_at IS NULL;"

    /* platform/tenants: deleted pairs that the vector index still has, and since when it is behind */
    "ALTER TABLE tenants ADD COLUMN removal_count {{int}} NOT NULL DEFAULT 0;"
    "ALTER TABLE tenants ADD COLUMN unsynced_since {{int}};" /* null: the index has this very knowledge */
    "UPDATE tenants SET removal_count = (SELECT COUNT(*) FROM qa_pairs p WHERE p.tenant_id = tenants.id"
    " AND p.deleted_at IS NOT NULL AND p.synced_hash IS NOT NULL);"
    "UPDATE tenants SET unsynced_since = (SELECT MIN(COALESCE(p.deleted_at, p.updated_at)) FROM qa_pairs p"
    " WHERE p.tenant_id = tenants.id AND ((p.deleted_at IS NULL AND p.is_synced = 0)"
    " OR (p.deleted_at IS NOT NULL AND p.synced_hash IS NOT NULL)))"
    " WHERE unsynced_count > 0 OR removal_count > 0;"
    "CREATE INDEX idx_tenants_unsynced ON tenants(unsynced_since) WHERE unsynced_since IS NOT NULL;"
    "INSERT INTO platform_counters(name, value)"
    " SELECT 'pending_removals', COALESCE(SUM(removal_count), 0) FROM tenants;"

    /* platform/vector_sync: how the sync of each tenant went */
    "CREATE TABLE vector_syncs ("
    " tenant_id TEXT PRIMARY KEY," /* '': the runs over all tenants */
    " run_at {{int}} NOT NULL,"    /* begin of the last run that had something to do */
    " done_at {{int}},"            /* end of the last one that failed nowhere */
    " failed_at {{int}},"          /* since when it fails; null: the last one went well */
    " failures {{int}} NOT NULL DEFAULT 0," /* one after the other */
    " retry_at {{int}},"                    /* the scheduler leaves it alone until then */
    " error_en TEXT,"
    " error_zh TEXT){{without_rowid}};"
    "CREATE INDEX idx_vector_syncs_failed ON vector_syncs(failed_at) WHERE failed_at IS NOT NULL;"

    /* platform/knowledge_changes: what a job has changed, as long as it can be undone */
    "CREATE TABLE knowledge_changes ("
    " id {{id}},"
    " job_id TEXT NOT NULL,"
    " kind {{int}} NOT NULL," /* 0 created, 1 updated, 2 deleted */
    " tenant_id TEXT NOT NULL,"
    " first_id {{int}} NOT NULL," /* the pair; of created ones the first and the last */
    " last_id {{int}} NOT NULL,"
    " version {{int}} NOT NULL," /* of the pair, after the change */
    " deleted_at {{int}},"       /* of a deleted one */
    " question TEXT,"            /* before; null: not changed */
    " answer TEXT,"
    " category TEXT);"
    "CREATE INDEX idx_knowledge_changes_job ON knowledge_changes(job_id, id);"
    /* platform/knowledge_changes: the jobs that have changes, and who undoes them */
    "CREATE TABLE knowledge_undos ("
    " job_id TEXT PRIMARY KEY,"
    " undo_job_id TEXT){{without_rowid}};"; /* null: nobody has asked */

/* The list of everyone's knowledge is found in memory (ops/knowledge_directory.h): what its indexes and
 * counts of row 5 did in 45 µs for each pair that was written, it does in none; and the full text is brought up
 * to date later, which took 34 µs. */
static const char SQL_KNOWLEDGE_DIRECTORY[] =
    "DROP INDEX idx_qa_pairs_by_id;"
    "DROP INDEX idx_qa_pairs_by_creation;"
    "DROP INDEX idx_qa_pairs_by_update;"
    "DROP INDEX idx_qa_pairs_by_quality;"
    "DROP INDEX idx_qa_pairs_by_hits;"
    "DROP INDEX idx_qa_pairs_by_question;"
    "DROP INDEX idx_qa_pairs_tenant;"
    "DROP INDEX idx_qa_pairs_category;"
    "{{knowledge_triggers_end}}"
    "DROP TABLE knowledge_counts;"
    "ALTER TABLE qa_pairs DROP COLUMN list_group;"
    /* the list by question, which is too long to be kept in memory, and finding a tenant's question again */
    "CREATE INDEX idx_qa_pairs_question ON qa_pairs(question, tenant_id);"
    "DROP INDEX idx_qa_pairs_tenant_question;"
    /* store/sqlite_changes.c: which pairs each of the last commits has changed in any way */
    "CREATE TABLE qa_pairs_changes ("
    " sequence {{int}} PRIMARY KEY,"
    " pairs TEXT NOT NULL);"; /* ids in order: '12-500 733' */

/* Until here it was looked for in ops_logs, near the time of the suspension: a clock that jumped lost it. */
static const char SQL_TENANT_SUSPENDED_BY[] =
    "ALTER TABLE tenants ADD COLUMN suspended_by TEXT;" /* the user's name then */
    "UPDATE tenants SET suspended_by = (SELECT username FROM ops_logs WHERE action = 'tenant.suspend'"
    " AND target_id = tenants.id AND result = 'done' ORDER BY id DESC LIMIT 1) WHERE status = 'suspended';";

static const char SQL_CORRECTIONS_HELD[] =
    /* platform/feedback: corrections that wait for a person, and what came of them */
    "ALTER TABLE feedbacks ADD COLUMN held_for TEXT;" /* why learning leaves it alone: existing_pair, unfit; null: it does not */
    "ALTER TABLE feedbacks ADD COLUMN held_pair_id {{int}};" /* the pair whose answer it would change */
    "ALTER TABLE feedbacks ADD COLUMN version {{int}} NOT NULL DEFAULT 1;" /* grows when the customer says it anew */
    "ALTER TABLE feedbacks ADD COLUMN decided_by TEXT;" /* username */
    "ALTER TABLE feedbacks ADD COLUMN note TEXT;"       /* of who decided */
    "CREATE INDEX idx_feedbacks_status ON feedbacks(status, id) WHERE status <> 'noted';"
    "CREATE INDEX idx_feedbacks_corrections ON feedbacks(status, id) WHERE correction IS NOT NULL"
    " AND status <> 'noted';"
    "CREATE INDEX idx_feedbacks_to_learn ON feedbacks(tenant_id, id)"
    " WHERE status = 'pending' AND correction IS NOT NULL AND held_for IS NULL;"
    /* platform/counters */
    "INSERT INTO platform_counters(name, value) SELECT 'held_back_qa_pairs', COALESCE(SUM(unsynced_count), 0)"
    " FROM tenants WHERE status <> 'active';"
    "INSERT INTO platform_counters(name, value) SELECT 'held_back_removals', COALESCE(SUM(removal_count), 0)"
    " FROM tenants WHERE status <> 'active';";
static const char SQL_SESSION_ENDS[] =
    "ALTER TABLE sessions ADD COLUMN replaced_hash {{bytes}};" /* of the refresh token before the present one */
    "ALTER TABLE sessions ADD COLUMN ended_because TEXT;";     /* logout, password, disabled, reuse */
static const char SQL_TENANT_SAME_ID[] =
    /* not unique: a store may have two already that differ in the case of letters only */
    "CREATE INDEX idx_tenants_same_id ON tenants(LOWER(id));";

/* A keyword is found anywhere in a word, and its accents may be left out: the full text has other tokens. */
static const char SQL_FULL_TEXT_OF_PARTS[] = "{{knowledge_text_anew}}";

/* Which questions are the same to a reader (search/fold.h); null: a pair of before, until the next start
 * (platform/question_key). */
static const char SQL_QUESTION_KEYS[] =
    "ALTER TABLE qa_pairs ADD COLUMN question_key {{int}};"
    "CREATE INDEX idx_qa_pairs_question_key ON qa_pairs(tenant_id, question_key);"
    "ALTER TABLE templates ADD COLUMN question_key {{int}};";
/* Until here every process took it from its own settings, and counted days by it. */
static const char SQL_STORE_INFO[] =
    "CREATE TABLE store_info ("
    " id {{int}} PRIMARY KEY,"    /* 1 */
    " timezone TEXT NOT NULL);"; /* IANA name of the zone in which days are counted */
static const char SQL_TENANT_FEEDBACK_ORDER[] =
    "CREATE INDEX idx_tenants_feedbacks ON tenants(pending_feedback_count, id);"
    "CREATE INDEX idx_tenants_status_feedbacks ON tenants(status, pending_feedback_count, id);";
/* clang-format on */

const struct migration main_migrations[] = {
    {"tenants, knowledge, chat, feedback, roll-ups, settings, audit, metrics, alerts", SQL_FOUNDATION},
    {"jobs and their items", SQL_JOBS},
    {"tenants: list order, proof of a suspension", SQL_TENANT_OPERATIONS},
    {"common templates and their copies", SQL_TEMPLATES},
    {"everyone's knowledge as a list: orders, counts, full text", SQL_KNOWLEDGE_LIST},
    {"tenants: search, and list order by status", SQL_TENANT_SEARCH},
    {"knowledge: editing with undo, quality by age, state of the sync", SQL_KNOWLEDGE_EDITING},
    {"everyone's knowledge as a list in memory: which pairs have changed", SQL_KNOWLEDGE_DIRECTORY},
    {"tenants: who suspended one", SQL_TENANT_SUSPENDED_BY},
    {"feedback: what waits for a person; knowledge: what suspensions hold back", SQL_CORRECTIONS_HELD},
    {"sessions: a refresh token that was just replaced, why one has ended", SQL_SESSION_ENDS},
    {"tenants: ids without regard to case", SQL_TENANT_SAME_ID},
    {"full text: any part of a word", SQL_FULL_TEXT_OF_PARTS},
    {"questions: the same one in any width, case and form", SQL_QUESTION_KEYS},
    {"the store's own time zone", SQL_STORE_INFO},
    {"tenants: list order by feedback that waits", SQL_TENANT_FEEDBACK_ORDER},
};
const size_t main_migration_count = ARRAY_SIZE(main_migrations);
