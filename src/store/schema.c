/* The main store's tables: every column with its comment.
 *
 * Nothing of this has been released yet: until it is, the base line is changed where it stands. From then on a
 * change is a row at the end of main_migrations, and a row that has been released is never changed.
 *
 * Instants are milliseconds since 1970 in UTC (`…_at`, `timestamp`), days are day numbers in the store's own
 * zone (base/clock.h), money is nano-yuan, what is true or false is 1 or 0. Above each table stands the one
 * module that writes it. Telemetry's own tables are in telemetry/day_files/day_schema.c and
 * telemetry/postgresql/schema.c. */
#include "store/migration.h"
#include "store/transfer.h"

#include "base/memory.h"

/* The columns of comments are the reader's. */
/* clang-format off */
static const char SQL_BASE_LINE[] =
    /* ---- the store itself ---- */

    /* settings/store_zone.c */
    "CREATE TABLE store_info ("
    " id {{int}} PRIMARY KEY,"    /* 1 */
    " timezone TEXT NOT NULL);"   /* IANA name of the zone in which days are counted */

    /* store/lease.c: the processes that share the store, and what only one of them does at a time */
    "CREATE TABLE processes ("
    " id TEXT PRIMARY KEY,"          /* made anew at each start */
    " machine TEXT,"                 /* where `pid` means something; null: not known */
    " pid {{int}} NOT NULL,"
    " beats {{int}} NOT NULL,"       /* grows each second; who sees it stand still for a while deletes the row */
    " foreground_works {{int}} NOT NULL);" /* what it has written since its start for somebody who waits */
    "CREATE TABLE leases ("
    " name TEXT PRIMARY KEY,"
    " holder TEXT NOT NULL,"         /* a process; one that is not there holds nothing */
    " token {{int}} NOT NULL,"       /* grows with each taking: what was begun under an earlier one is refused */
    " since {{int}} NOT NULL);"      /* when this holder took it, for people */

    /* platform/audit/audit.c, platform/audit/audit_head.c, platform/knowledge/templates.c: one fact each: audit_head, the
     * days of audit_head_file and audit_head_webhook, templates_revision */
    "CREATE TABLE meta ("
    " name TEXT PRIMARY KEY,"
    " value TEXT NOT NULL);"
    "INSERT INTO meta(name, value) VALUES ('templates_revision', '0');" /* grows when a for_all template changes */

    /* platform/tenants/counters.c: totals that pages show, kept in the transaction that changes them */
    "CREATE TABLE platform_counters ("
    " name TEXT PRIMARY KEY," /* counters.h says what each counts */
    " value {{int}} NOT NULL);"
    "INSERT INTO platform_counters(name, value) VALUES"
    " ('tenants', 0), ('active_tenants', 0), ('tenant_edits', 0), ('qa_pairs', 0), ('unsynced_qa_pairs', 0),"
    " ('pending_removals', 0), ('held_back_qa_pairs', 0), ('held_back_removals', 0), ('pending_feedbacks', 0);"

    /* settings/settings.c: values that differ from the default, one version for each category */
    "CREATE TABLE settings ("
    " category TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " value TEXT NOT NULL,"
    " PRIMARY KEY (category, name));"
    "CREATE TABLE settings_categories ("
    " category TEXT PRIMARY KEY,"
    " version {{int}} NOT NULL,"
    " updated_at {{int}} NOT NULL,"
    " updated_by TEXT NOT NULL);" /* username */

    /* store/files.c: what was sent and is needed by a job, where the store has no folder for it */
    "CREATE TABLE stored_files ("
    " name TEXT PRIMARY KEY,"
    " size {{int}},"                /* bytes; null: it is not whole yet */
    " written_at {{int}} NOT NULL," /* the newest piece, or the end */
    " deleting {{int}} NOT NULL DEFAULT 0);"
    "CREATE TABLE stored_file_chunks ("
    " name TEXT NOT NULL REFERENCES stored_files(name),"
    " seq {{int}} NOT NULL," /* from 0 */
    " bytes {{bytes}} NOT NULL,"
    " PRIMARY KEY (name, seq));"

    /* ---- tenants ---- */

    /* platform/tenants/tenants.c, suspension.c */
    "CREATE TABLE tenants ("
    " id TEXT PRIMARY KEY,"
    " name TEXT NOT NULL,"
    " name_folded TEXT NOT NULL," /* in which a keyword is looked for (search/fold.h) */
    " contact TEXT NOT NULL DEFAULT '',"
    " status TEXT NOT NULL DEFAULT 'active'," /* active, suspended */
    " api_key TEXT NOT NULL UNIQUE,"          /* publishable: names the tenant, grants only chat */
    " created_at {{int}} NOT NULL,"
    " updated_at {{int}} NOT NULL,"
    " version {{int}} NOT NULL DEFAULT 1," /* counts edits: a second editor is told */
    " last_active_at {{int}},"             /* the newest chat message or log-in of its users */
    " suspended_at {{int}},"
    " suspended_reason TEXT,"
    " suspended_by TEXT,"                               /* the user's name then */
    " refused_count {{int}} NOT NULL DEFAULT 0,"        /* chats refused since suspended_at */
    " knowledge_revision {{int}} NOT NULL DEFAULT 0,"   /* grows with every change of its pairs */
    " templates_revision {{int}} NOT NULL DEFAULT 0,"   /* meta's, when it was last brought up to it */
    " user_count {{int}} NOT NULL DEFAULT 0,"
    " qa_pair_count {{int}} NOT NULL DEFAULT 0,"  /* live pairs */
    " unsynced_count {{int}} NOT NULL DEFAULT 0," /* live pairs that the vector index lacks */
    " removal_count {{int}} NOT NULL DEFAULT 0,"  /* deleted pairs that the vector index still has */
    " unsynced_since {{int}},"                    /* since when the vector index is behind; null: it is not */
    " pending_feedback_count {{int}} NOT NULL DEFAULT 0);"
    "CREATE INDEX idx_tenants_same_id ON tenants(LOWER(id));" /* ids that differ only in case are refused */
    "CREATE INDEX idx_tenants_unsynced ON tenants(unsynced_since) WHERE unsynced_since IS NOT NULL;"
    /* the list sorts by each of these, of all tenants or of those with one status */
    "CREATE INDEX idx_tenants_name ON tenants(name, id);"
    "CREATE INDEX idx_tenants_created ON tenants(created_at, id);"
    "CREATE INDEX idx_tenants_active ON tenants(last_active_at {{nulls_first}}, id);"
    "CREATE INDEX idx_tenants_users ON tenants(user_count, id);"
    "CREATE INDEX idx_tenants_pairs ON tenants(qa_pair_count, id);"
    "CREATE INDEX idx_tenants_feedbacks ON tenants(pending_feedback_count, id);"
    "CREATE INDEX idx_tenants_status ON tenants(status, id);"
    "CREATE INDEX idx_tenants_status_name ON tenants(status, name, id);"
    "CREATE INDEX idx_tenants_status_created ON tenants(status, created_at, id);"
    "CREATE INDEX idx_tenants_status_active ON tenants(status, last_active_at {{nulls_first}}, id);"
    "CREATE INDEX idx_tenants_status_users ON tenants(status, user_count, id);"
    "CREATE INDEX idx_tenants_status_pairs ON tenants(status, qa_pair_count, id);"
    "CREATE INDEX idx_tenants_status_feedbacks ON tenants(status, pending_feedback_count, id);"

    /* ---- identity ---- */

    /* platform/identity/users.c */
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

    /* platform/identity/sessions.c: one row for each log-in */
    "CREATE TABLE sessions ("
    " id TEXT PRIMARY KEY,"
    " user_id TEXT NOT NULL REFERENCES users(id),"
    " refresh_hash {{bytes}} NOT NULL," /* SHA-256 of the one refresh token that is good now */
    " replaced_hash {{bytes}},"         /* of the one before it */
    " created_at {{int}} NOT NULL,"
    " refreshed_at {{int}} NOT NULL,"
    " expires_at {{int}} NOT NULL,"
    " revoked_at {{int}},"
    " ended_because TEXT," /* why revoked: logout, password, disabled, reuse (a refresh token that came twice) */
    " ip_address TEXT NOT NULL DEFAULT '');"
    "CREATE INDEX idx_sessions_user ON sessions(user_id);"
    "CREATE INDEX idx_sessions_expiry ON sessions(expires_at);"

    /* platform/identity/api_tokens.c */
    "CREATE TABLE api_tokens ("
    " id TEXT PRIMARY KEY,"
    " name TEXT NOT NULL UNIQUE,"
    " role TEXT NOT NULL," /* ingest, metrics */
    " tenant_id TEXT REFERENCES tenants(id),"
    " token_hash {{bytes}} NOT NULL UNIQUE," /* SHA-256 of the token */
    " created_at {{int}} NOT NULL,"
    " revoked_at {{int}});"

    /* platform/identity/signing_key.c: where the store has no folder for it */
    "CREATE TABLE signing_keys ("
    " id {{int}} PRIMARY KEY,"      /* 1 */
    " bytes {{bytes}} NOT NULL,"    /* signs access tokens */
    " created_at {{int}} NOT NULL);"

    /* platform/identity/login_limit.c: wrong passwords of the last minutes */
    "CREATE TABLE login_failures ("
    " kind TEXT NOT NULL,"   /* address, account */
    " caller TEXT NOT NULL," /* a hash with the signing key */
    " counts_until {{int}} NOT NULL,"
    " PRIMARY KEY (kind, caller)){{without_rowid}};"
    "CREATE INDEX idx_login_failures_until ON login_failures(kind, counts_until);"

    /* ---- templates ---- */

    /* platform/knowledge/templates.c: common question-answer pairs that are distributed to tenants */
    "CREATE TABLE templates ("
    " id {{id}},"
    " question TEXT NOT NULL,"
    " answer TEXT NOT NULL,"
    " category TEXT NOT NULL DEFAULT '',"
    " question_hash {{int}} NOT NULL," /* the three as in qa_pairs */
    " question_key {{int}} NOT NULL,"
    " text_hash {{int}} NOT NULL,"
    " version {{int}} NOT NULL DEFAULT 1,"       /* counts its texts: template_versions holds each */
    " for_all {{int}} NOT NULL DEFAULT 0,"       /* 1: it was distributed to all, so who lacks it misses it */
    " copy_count {{int}} NOT NULL DEFAULT 0,"    /* live pairs that are its copies */
    " current_count {{int}} NOT NULL DEFAULT 0," /* those of them that come from its present version */
    " created_at {{int}} NOT NULL,"
    " updated_at {{int}} NOT NULL,"
    " updated_by TEXT NOT NULL," /* username */
    " deleted_at {{int}});"      /* set: gone; its copies stay with their tenants, unlinked */
    "CREATE UNIQUE INDEX idx_templates_question ON templates(question_key) WHERE deleted_at IS NULL;"
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

    /* ---- knowledge ---- */

    /* platform/knowledge/knowledge.c, editing.c: question-answer pairs */
    "CREATE TABLE qa_pairs ("
    " id {{id}},"
    " tenant_id TEXT NOT NULL REFERENCES tenants(id),"
    " question TEXT NOT NULL,"
    " answer TEXT NOT NULL,"
    " category TEXT NOT NULL DEFAULT '',"
    " source TEXT NOT NULL DEFAULT 'manual'," /* manual, import, learned, template, demo */
    " question_hash {{int}} NOT NULL,"        /* of the trimmed question */
    " question_key {{int}} NOT NULL,"         /* the same for questions that are one to a reader (search/fold.h) */
    " text_hash {{int}} NOT NULL,"            /* of question and answer */
    " synced_hash {{int}},"                   /* text_hash that the vector index holds */
    " is_synced {{int}} NOT NULL DEFAULT 0,"  /* 1: synced_hash equals text_hash */
    " synced_at {{int}},"
    " quality_score {{real}} NOT NULL DEFAULT 0.5," /* 0 to 1 (platform/knowledge/quality.h) */
    " quality_due_at {{int}},"                      /* when age lowers the quality next; null: never */
    " hit_count {{int}} NOT NULL DEFAULT 0,"        /* answers that came from it */
    " good_count {{int}} NOT NULL DEFAULT 0,"       /* feedback on those answers */
    " bad_count {{int}} NOT NULL DEFAULT 0,"
    " version {{int}} NOT NULL DEFAULT 1," /* counts edits */
    " revision {{int}} NOT NULL,"          /* tenants.knowledge_revision at its last change */
    " template_id {{int}} REFERENCES templates(id)," /* that it is a copy of */
    " template_version {{int}},"                     /* whose text it took */
    " template_kept {{int}},"                        /* newest version for which its own text was kept */
    " deleted_at {{int}},"                           /* set: gone from every list, kept for undo */
    " deleted_by TEXT,"                              /* username */
    " created_at {{int}} NOT NULL,"
    " updated_at {{int}} NOT NULL);"
    "CREATE INDEX idx_qa_pairs_revision ON qa_pairs(tenant_id, revision);"
    "CREATE INDEX idx_qa_pairs_question_key ON qa_pairs(tenant_id, question_key);"
    /* the list by question: as much of it as any database has room for in an index */
    "CREATE INDEX idx_qa_pairs_question ON qa_pairs(SUBSTR(question, 1, 600));"
    "CREATE INDEX idx_qa_pairs_unsynced ON qa_pairs(tenant_id, id)"
    " WHERE is_synced = 0 AND deleted_at IS NULL;"
    "CREATE INDEX idx_qa_pairs_removed ON qa_pairs(tenant_id, id)" /* gone, and still in the vector index */
    " WHERE deleted_at IS NOT NULL AND synced_hash IS NOT NULL;"
    "CREATE INDEX idx_qa_pairs_deleted ON qa_pairs(deleted_at, id) WHERE deleted_at IS NOT NULL;"
    "CREATE INDEX idx_qa_pairs_tenant_deleted ON qa_pairs(tenant_id, deleted_at, id)"
    " WHERE deleted_at IS NOT NULL;"
    "CREATE INDEX idx_qa_pairs_quality_due ON qa_pairs(quality_due_at)"
    " WHERE quality_due_at IS NOT NULL AND deleted_at IS NULL;"
    "CREATE UNIQUE INDEX idx_qa_pairs_template ON qa_pairs(tenant_id, template_id)"
    " WHERE template_id IS NOT NULL;"
    /* store/change_feed.h: which pairs have changed in any way, the latest of them */
    "CREATE TABLE qa_pairs_changes ("
    " sequence {{int}} PRIMARY KEY," /* from 1, in the order of commits, without a gap */
    " stamp {{int}} NOT NULL,"       /* when, in microseconds: tells it from another with its sequence */
    " pairs TEXT NOT NULL);"         /* ids in order: '12-500 733' */
    "{{change_feed}}" /* and who writes it */
    /* store/full_text.h: which pairs hold a token */
    "{{full_text}}"

    /* platform/knowledge/vector_sync.c: how the sync of each tenant went */
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
    /* platform/knowledge/sync_claim.c: the pass that is at a tenant's pairs; of a process that is not there: nothing */
    "CREATE TABLE sync_claims ("
    " tenant_id TEXT PRIMARY KEY,"
    " pass TEXT NOT NULL,"       /* made anew for each */
    " process TEXT NOT NULL){{without_rowid}};"

    /* platform/knowledge/changes.c: what a job has changed, as long as it can be undone */
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
    /* the jobs that have changes, and who undoes them */
    "CREATE TABLE knowledge_undos ("
    " job_id TEXT PRIMARY KEY,"
    " undo_job_id TEXT){{without_rowid}};" /* null: nobody has asked */

    /* ---- chat ---- */

    /* platform/chat/chat.c */
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
    "CREATE INDEX idx_messages_tenant ON messages(tenant_id, created_at);"
    "CREATE INDEX idx_messages_request ON messages(request_id);"

    /* platform/chat/feedback.c */
    "CREATE TABLE feedbacks ("
    " id {{id}},"
    " tenant_id TEXT NOT NULL REFERENCES tenants(id),"
    " message_id {{int}} NOT NULL REFERENCES messages(id),"
    " rating TEXT NOT NULL," /* good, bad */
    " correction TEXT,"
    " status TEXT NOT NULL,"   /* noted (nothing to do), pending, learned, rejected */
    " held_for TEXT,"          /* why learning leaves it to a person: existing_pair, unfit; null: it does not */
    " held_pair_id {{int}},"   /* the pair whose answer it would change */
    " version {{int}} NOT NULL DEFAULT 1," /* grows when the customer says it anew */
    " qa_pair_id {{int}},"     /* what it became */
    " decided_by TEXT,"        /* username */
    " note TEXT,"              /* of who decided */
    " created_at {{int}} NOT NULL,"
    " processed_at {{int}});"
    "CREATE UNIQUE INDEX idx_feedbacks_message ON feedbacks(message_id);"
    "CREATE INDEX idx_feedbacks_tenant ON feedbacks(tenant_id, status);"
    "CREATE INDEX idx_feedbacks_pending ON feedbacks(tenant_id, id) WHERE status = 'pending';"
    "CREATE INDEX idx_feedbacks_status ON feedbacks(status, id) WHERE status <> 'noted';"
    "CREATE INDEX idx_feedbacks_corrections ON feedbacks(status, id) WHERE correction IS NOT NULL"
    " AND status <> 'noted';"
    "CREATE INDEX idx_feedbacks_to_learn ON feedbacks(tenant_id, id)"
    " WHERE status = 'pending' AND correction IS NOT NULL AND held_for IS NULL;"

    /* platform/tenants/activity.c: what customers did, by day and tenant, and over all tenants */
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

    /* ---- jobs ---- */

    /* platform/jobs/jobs.c, state.c: long work, from the request to its result */
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
    " finished_at {{int}},"
    " owner TEXT,"                        /* the process (see processes) that runs it; null: none does */
    " claim {{int}} NOT NULL DEFAULT 0,"  /* grows with each taking: a step of an earlier one is refused */
    " failures {{int}} NOT NULL DEFAULT 0," /* runs in a row that got no further, for what may pass */
    " retry_at {{int}});"                 /* left alone until then, when it waits for something; null: due */
    "CREATE INDEX idx_jobs_time ON jobs(created_at, id);"
    "CREATE INDEX idx_jobs_open ON jobs(created_at, id) WHERE status IN ('queued', 'running');"
    /* the parts of a job, each done in one transaction with what it changes */
    "CREATE TABLE job_items ("
    " job_id TEXT NOT NULL REFERENCES jobs(id),"
    " seq {{int}} NOT NULL,"    /* from 1, in the order of the work */
    " target_id TEXT NOT NULL," /* what it is about: a tenant's id */
    " outcome TEXT,"            /* null: not reached yet; else the kind's own word: done, suspended … */
    " detail {{json}},"         /* figures of it */
    " PRIMARY KEY (job_id, seq)){{without_rowid}};"
    "CREATE INDEX idx_job_items_target ON job_items(target_id, job_id);"
    /* platform/jobs/scheduler.c: the newest run of each scheduled task, whichever process makes it */
    "CREATE TABLE scheduled_tasks ("
    " name TEXT PRIMARY KEY,"
    " started_at {{int}} NOT NULL,"
    " ended_at {{int}});"                 /* null: it is running, or was cut off */

    /* ---- audit ---- */

    /* platform/audit/audit.c: who changed what; each row holds the hash of the one before */
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
    "CREATE INDEX idx_ops_logs_time ON ops_logs(timestamp, id);"
    "CREATE INDEX idx_ops_logs_user ON ops_logs(user_id, timestamp, id);"
    "CREATE INDEX idx_ops_logs_action ON ops_logs(action, timestamp, id);"
    "CREATE INDEX idx_ops_logs_target ON ops_logs(target_id, timestamp, id);"
    "CREATE INDEX idx_ops_logs_request ON ops_logs(request_id, timestamp, id);"
    "CREATE INDEX idx_ops_logs_refused ON ops_logs(result, timestamp, id) WHERE result <> 'done';"

    /* ---- usage of the days that have ended ---- */

    /* telemetry/roll_over.c: totals from telemetry, for good; those that one recorder (telemetry/engine.h) has of
     * the day, readers add them up */
    "CREATE TABLE usage_daily ("
    " day {{int}} NOT NULL,"
    " recorder {{int}} NOT NULL,"
    " tenant_id TEXT NOT NULL," /* '' for calls of no tenant */
    " api_type TEXT NOT NULL,"
    " operation TEXT NOT NULL,"
    " model TEXT NOT NULL,"
    " calls {{int}} NOT NULL,"
    " failed {{int}} NOT NULL,"
    " unpriced {{int}} NOT NULL,"
    " estimated {{int}} NOT NULL,"
    " aborted {{int}} NOT NULL,"
    " tokens_input {{int}} NOT NULL,"
    " tokens_output {{int}} NOT NULL,"
    " tokens_cached {{int}} NOT NULL,"
    " latency_sum_ms {{int}} NOT NULL,"
    " cost_nano_cny {{int}} NOT NULL,"
    " estimated_cost_nano_cny {{int}} NOT NULL,"
    " latency_histogram {{bytes}} NOT NULL,"
    " PRIMARY KEY (day, tenant_id, api_type, operation, model, recorder)){{without_rowid}};"
    "CREATE INDEX idx_usage_daily_tenant ON usage_daily(tenant_id, day);"
    /* the same over all tenants: what a trend of the platform reads */
    "CREATE TABLE usage_platform_daily ("
    " day {{int}} NOT NULL,"
    " recorder {{int}} NOT NULL,"
    " api_type TEXT NOT NULL,"
    " operation TEXT NOT NULL,"
    " model TEXT NOT NULL,"
    " calls {{int}} NOT NULL,"
    " failed {{int}} NOT NULL,"
    " unpriced {{int}} NOT NULL,"
    " estimated {{int}} NOT NULL,"
    " aborted {{int}} NOT NULL,"
    " tokens_input {{int}} NOT NULL,"
    " tokens_output {{int}} NOT NULL,"
    " tokens_cached {{int}} NOT NULL,"
    " latency_sum_ms {{int}} NOT NULL,"
    " cost_nano_cny {{int}} NOT NULL,"
    " estimated_cost_nano_cny {{int}} NOT NULL,"
    " latency_histogram {{bytes}} NOT NULL,"
    " PRIMARY KEY (day, api_type, operation, model, recorder)){{without_rowid}};"
    /* which recorders' days are rolled over */
    "CREATE TABLE usage_days ("
    " day {{int}} NOT NULL,"
    " recorder {{int}} NOT NULL,"
    " revision {{int}},"              /* of the rows whose totals are here; null: not all are, or no longer */
    " run {{int}} NOT NULL,"          /* random, of the roll-over that began last */
    " usage_rows {{int}} NOT NULL,"
    " log_rows {{int}} NOT NULL,"
    " rows_deleted {{int}} NOT NULL," /* 0 or 1: the rows are gone, or about to go */
    " PRIMARY KEY (day, recorder)){{without_rowid}};"

    /* ---- the console's own ---- */

    /* ops/dashboard/metrics_collector.c: readings on a schedule */
    "CREATE TABLE metrics_snapshots ("
    " id {{id}},"
    " timestamp {{int}} NOT NULL,"
    " metric_type TEXT NOT NULL,"
    " metric_value {{real}}," /* null: could not be read */
    " dimensions {{json}} NOT NULL DEFAULT '{}');"
    "CREATE INDEX idx_metrics_time ON metrics_snapshots(metric_type, timestamp);"

    /* ops/logs/saved_queries.c: searches of the log that people keep; a text that is empty asks for nothing */
    "CREATE TABLE saved_queries ("
    " id {{id}},"
    " user_id TEXT NOT NULL," /* whose */
    " name TEXT NOT NULL,"
    " query TEXT NOT NULL,"
    " keyword TEXT NOT NULL,"
    " level TEXT NOT NULL,"
    " source TEXT NOT NULL,"
    " tenant_id TEXT NOT NULL,"
    " shared {{int}} NOT NULL,"  /* 0 or 1: everyone sees it */
    " created_by TEXT NOT NULL," /* username */
    " created_at {{int}} NOT NULL,"
    " UNIQUE (user_id, name));"
    "CREATE INDEX idx_saved_queries_shared ON saved_queries(shared, name);"

    /* ops/alerts/alert_service.c */
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
    " acknowledged_by TEXT," /* username */
    " acknowledged_at {{int}},"
    " resolved_at {{int}});"
    "CREATE INDEX idx_alerts_status ON alerts(status, id);";
/* clang-format on */

const struct migration main_migrations[] = {
    {"base line: tenants, identity, knowledge, chat, jobs, audit, usage", SQL_BASE_LINE},
};
const size_t main_migration_count = ARRAY_SIZE(main_migrations);

/* In the order of the base line: each table stands behind those that it refers to. */
const struct store_table main_tables[] = {
    {.name = "store_info", .key = "id", .is_seeded = true},
    {.name = "meta", .key = "name", .is_seeded = true},
    {.name = "platform_counters", .key = "name", .is_seeded = true},
    {.name = "settings", .key = "category, name"},
    {.name = "settings_categories", .key = "category"},
    {.name = "stored_files", .key = "name"},
    {.name = "stored_file_chunks", .key = "name, seq"},
    {.name = "tenants", .key = "id"},
    {.name = "users", .key = "id"},
    {.name = "sessions", .key = "id"},
    {.name = "api_tokens", .key = "id"},
    {.name = "signing_keys", .key = "id"},
    {.name = "templates", .key = "id", .is_numbered = true},
    {.name = "template_versions", .key = "template_id, version"},
    {.name = "qa_pairs", .key = "id", .is_numbered = true},
    {.name = "vector_syncs", .key = "tenant_id"},
    {.name = "knowledge_changes", .key = "id", .is_numbered = true},
    {.name = "knowledge_undos", .key = "job_id"},
    {.name = "conversations", .key = "id", .is_numbered = true},
    {.name = "messages", .key = "id", .is_numbered = true},
    {.name = "feedbacks", .key = "id", .is_numbered = true},
    {.name = "activity_daily", .key = "tenant_id, day"},
    {.name = "activity_platform", .key = "bucket, start"},
    {.name = "jobs", .key = "id"},
    {.name = "job_items", .key = "job_id, seq"},
    {.name = "scheduled_tasks", .key = "name"},
    {.name = "ops_logs", .key = "id", .is_numbered = true},
    {.name = "usage_daily",
     .key = "day, tenant_id, api_type, operation, model, recorder",
     .is_adopted = true},
    {.name = "usage_platform_daily", .key = "day, api_type, operation, model, recorder", .is_adopted = true},
    {.name = "usage_days", .key = "day, recorder", .is_adopted = true},
    {.name = "metrics_snapshots", .key = "id", .is_numbered = true},
    {.name = "saved_queries", .key = "id", .is_numbered = true},
    {.name = "alerts", .key = "id", .is_numbered = true},
};
const size_t main_table_count = ARRAY_SIZE(main_tables);

const char *const main_tables_of_its_own[] = {
    "schema_version",   "processes",     "leases",      "login_failures",
    "qa_pairs_changes", "qa_pairs_text", "sync_claims", NULL,
};
