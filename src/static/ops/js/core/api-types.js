/**
 * @file The answers of the server as the console reads them: types only, nothing at run time.
 *
 * The OpenAPI document that the server serves is the authority; a field stands here once a page shows it.
 * A figure that the server could not read is `null` and is shown as a dash, never as zero.
 */

/** @typedef {'healthy' | 'degraded' | 'unhealthy' | 'unknown'} Health */
/** @typedef {'critical' | 'error' | 'warning' | 'info'} Severity */
/** @typedef {'ops_admin' | 'ops_viewer' | 'tenant_admin' | 'tenant_staff' | 'ingest'} Role */

/**
 * @typedef {object} User
 * @property {string} id
 * @property {string} username
 * @property {Role} role
 * @property {string | null} tenant_id
 */

/**
 * The figures that the overview also gives for yesterday at the same time, and hour by hour.
 * @typedef {'total_tenants' | 'conversations_today' | 'pending_feedbacks' | 'api_calls_today'
 *   | 'estimated_cost_today'} ComparedFigure
 */

/**
 * GET /ops/dashboard/overview
 * @typedef {object} Overview
 * @property {number} total_tenants
 * @property {number} active_tenants
 * @property {number} suspended_tenants
 * @property {number} conversations_today
 * @property {number} conversations_week
 * @property {number | null} avg_response_time_ms  null when nothing was said today
 * @property {number} total_qa_pairs
 * @property {number} unsynced_qa_pairs
 * @property {number} pending_feedbacks
 * @property {number} api_calls_today
 * @property {number} failed_calls_today
 * @property {number} unpriced_calls_today  calls of a model that has no price
 * @property {number} estimated_cost_today  yuan
 * @property {number | null} month_cost_estimate  yuan, projected to the end of the month
 * @property {Record<string, Health>} components_status
 * @property {number} uptime_seconds
 * @property {string} generated_at
 * @property {string} timezone
 * @property {Record<ComparedFigure | 'avg_response_time_ms' | 'conversations_week' | 'failed_calls_today',
 *   number | null>} compared  the same time yesterday; of the week the same part of the week before
 * @property {Record<ComparedFigure, (number | null)[]>} history
 */

/**
 * One day of GET /ops/dashboard/trends.
 * @typedef {object} TrendPoint
 * @property {string} date  a calendar day of the configured zone, "2026-11-22"
 * @property {number | null} conversations
 * @property {number | null} api_calls
 * @property {number | null} failed_calls
 * @property {number | null} cost_cny
 * @property {number | null} avg_response_time_ms
 * @property {number | null} p95_response_time_ms
 * @property {number | null} feedbacks
 */

/**
 * A day until this time of the day: what an unfinished today is compared with.
 * @typedef {Omit<TrendPoint, 'p95_response_time_ms'>} DaySoFar
 */

/**
 * @typedef {object} TopTenant
 * @property {string} tenant_id
 * @property {string} name
 * @property {number} conversations
 * @property {number | null} conversations_yesterday
 */

/**
 * GET /ops/dashboard/trends
 * @typedef {object} Trends
 * @property {number} days
 * @property {TrendPoint[]} points
 * @property {TrendPoint[]} previous
 * @property {string} recorded_since  the first day of which there are figures
 * @property {DaySoFar} previous_so_far  the last day of `previous`
 * @property {TopTenant[]} top_tenants
 * @property {string} generated_at
 */

/**
 * GET /ops/system/status
 * @typedef {object} SystemStatus
 * @property {Health} status
 * @property {string} version
 * @property {string} started_at
 * @property {number} uptime_seconds
 * @property {Record<string, Health>} components_status
 * @property {Trouble[]} troubles  the worst first
 * @property {string} database
 * @property {string} timezone
 */

/**
 * A component that is degraded or unhealthy.
 * @typedef {object} Trouble
 * @property {string} component
 * @property {Health} status
 * @property {string} since
 * @property {number} failed_calls  since then
 * @property {number} tenants  whose calls those were
 */

/**
 * @typedef {object} Component
 * @property {string} name
 * @property {string} provider
 * @property {Health} status
 * @property {number | null} latency_ms
 * @property {number | null} p95_latency_ms
 * @property {string | null} last_check
 * @property {string | null} message
 * @property {string | null} since  since when it is degraded or unhealthy
 * @property {number} failed_calls  since then
 * @property {number} tenants  whose calls those were
 * @property {Health[]} history  48 half hours, the oldest first; the last one is the half hour that is running
 */

/**
 * GET /ops/system/components
 * @typedef {object} Components
 * @property {Component[]} items
 * @property {string} generated_at
 */

/**
 * @typedef {object} Alert
 * @property {number} id
 * @property {string} alert_type
 * @property {Severity} severity
 * @property {string} title
 * @property {string | null} message
 * @property {string | null} source
 * @property {string} status
 * @property {number | null} value
 * @property {number | null} threshold
 * @property {string | null} tenant_id
 * @property {number} count
 * @property {string} created_at
 * @property {string | null} last_seen_at
 * @property {string | null} acknowledged_by
 * @property {string | null} acknowledged_at
 * @property {string | null} resolved_at
 */

/** @typedef {'active' | 'suspended'} TenantStatus */

/**
 * @typedef {object} Tenant
 * @property {string} id
 * @property {string} name
 * @property {TenantStatus} status
 * @property {string | null} contact
 * @property {number} user_count
 * @property {number} qa_pair_count
 * @property {number} unsynced_count
 * @property {number} pending_feedback_count
 * @property {number} conversations_today
 * @property {number} templates_missing  templates for all that it lacks
 * @property {string | null} last_active_at
 * @property {string | null} suspended_at
 * @property {string | null} suspended_reason
 * @property {number} version  of its own data; a change names the version that it was made from
 * @property {string} created_at
 */

/**
 * GET /ops/tenants
 * @typedef {Page<Tenant> & { summary: { total: number, active: number, suspended: number } }} TenantPage
 */

/**
 * What a suspension would hit now.
 * @typedef {object} SuspensionEffect
 * @property {number} conversations_last_hour
 * @property {number} users_logged_in
 * @property {number} jobs_running
 */

/**
 * The proof that a suspension holds: messages that came after it.
 * @typedef {object} Suspension
 * @property {string} since
 * @property {string | null} reason
 * @property {string | null} by
 * @property {number} messages_answered
 * @property {number} messages_refused
 */

/**
 * GET /ops/tenants/{id}
 * @typedef {object} TenantExtras
 * @property {string} updated_at
 * @property {string | null} api_key  publishable; null for who may not see it
 * @property {SuspensionEffect} effect
 * @property {Suspension | null} suspension
 */
/** @typedef {Tenant & TenantExtras} TenantDetail */

/**
 * GET /ops/tenants/{id}/stats
 * @typedef {object} TenantStats
 * @property {number} total_users
 * @property {number} admin_count
 * @property {number} staff_count
 * @property {number} total_qa_pairs
 * @property {number} synced_qa_pairs
 * @property {number | null} avg_quality_score  0 to 1
 * @property {number} conversations_today
 * @property {number} conversations_week
 * @property {number} conversations_month
 * @property {number | null} conversations_yesterday  until this time
 * @property {number | null} conversations_week_before  until this weekday and time
 * @property {number | null} conversations_month_before  until this day of the month and time
 * @property {number | null} avg_response_time_ms
 * @property {number} pending_feedbacks
 * @property {number | null} feedback_approval_rate  0 to 1
 * @property {string} generated_at
 */

/**
 * GET /ops/tenants/{id}/trends
 * @typedef {object} TenantTrends
 * @property {number} days
 * @property {TrendPoint[]} points  none left out, today last
 * @property {string} recorded_since  the first day of which there are figures
 * @property {DaySoFar | null} compared  the day that was asked for
 * @property {string} generated_at
 */

/**
 * One of GET /ops/tenants/{id}/users
 * @typedef {object} TenantUser
 * @property {string} id
 * @property {string} username
 * @property {Role} role
 * @property {string} status
 * @property {boolean} logged_in
 * @property {string} created_at
 * @property {string | null} last_login_at
 */

/** @typedef {'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'} JobStatus */

/**
 * Long work. GET /ops/jobs is a Page of these, newest first.
 * @typedef {object} Job
 * @property {string} id
 * @property {string} kind  templates.distribute …
 * @property {string} title  the kind's, in the language of the request
 * @property {JobStatus} status
 * @property {string | null} tenant_id
 * @property {Record<string, unknown>} parameters
 * @property {{ done: number, total: number }} progress  total 0: not known yet
 * @property {Record<string, unknown> | null} result
 * @property {string | null} error
 * @property {string} created_by
 * @property {string} created_at
 * @property {string | null} started_at
 * @property {string | null} finished_at
 */

/**
 * One part of a job: GET /ops/jobs/{id}/items is a Page of these, in the order of the work.
 * @typedef {object} JobItem
 * @property {number} seq
 * @property {string} target_id  a tenant's id
 * @property {string | null} outcome  null: not reached yet
 * @property {Record<string, unknown> | null} detail
 */

/**
 * @typedef {object} Template
 * @property {number} id
 * @property {string} question
 * @property {string} answer
 * @property {string} category
 * @property {number} version
 * @property {number} distributed_count  tenants with a copy, of whatever version
 * @property {number} current_count  those of them whose copy is of the present version
 * @property {number} tenant_count  all tenants
 * @property {boolean} for_all  it was distributed to all, so a tenant without a copy misses it
 * @property {string} created_at
 * @property {string} updated_at
 * @property {string} updated_by
 */

/**
 * GET /ops/templates
 * @typedef {Page<Template> & { categories: { category: string, count: number }[] }} TemplatePage
 */

/**
 * @typedef {object} TemplateTexts
 * @property {number} version
 * @property {string} question
 * @property {string} answer
 * @property {string} category
 */

/**
 * GET /ops/templates/{id}
 * @typedef {Template & { versions: (TemplateTexts & { created_at: string, created_by: string })[] }} TemplateDetail
 */

/** @typedef {'current' | 'outdated' | 'conflict' | 'kept' | 'missing' | 'none' | 'deleted'} CopyState */

/**
 * What one tenant has of one template.
 * @typedef {object} MatrixCell
 * @property {number} template_id
 * @property {CopyState} state
 * @property {number | null} version
 * @property {number | null} qa_pair_id
 * @property {string | null} why  for a person, in the language of the request
 */

/**
 * @typedef {object} MatrixRow
 * @property {string} tenant_id
 * @property {string} name
 * @property {'active' | 'suspended'} status
 * @property {number} behind  outdated and missing ones, of the templates on all pages
 * @property {MatrixCell[]} cells  one for each template, in their order
 */

/**
 * GET /ops/templates/matrix
 * @typedef {object} MatrixExtras
 * @property {Pick<Template, 'id' | 'question' | 'category' | 'version' | 'for_all'>[]} templates  at most 50
 * @property {number} template_total
 * @property {number} template_page
 * @property {Partial<Record<CopyState, number>> | null} counts  of one template, over all tenants; else null
 */
/** @typedef {Page<MatrixRow> & MatrixExtras} Matrix */

/**
 * GET /ops/templates/{id}/copies/{tenant_id}
 * @typedef {object} TemplateCopy
 * @property {CopyState} state
 * @property {string | null} why
 * @property {TemplateTexts} template
 * @property {TemplateTexts | null} base  the version that the copy came from; null: a pair of the tenant's own
 * @property {(TemplateTexts & { qa_pair_id: number, updated_at: string }) | null} copy
 */

/** @typedef {'manual' | 'import' | 'learned' | 'template' | 'demo'} PairSource */

/**
 * A question and its answer.
 * @typedef {object} QaPair
 * @property {number} id
 * @property {string} tenant_id
 * @property {string} tenant_name
 * @property {string} question
 * @property {string} answer  empty: the pair is found but does not answer
 * @property {string} category  empty: none
 * @property {PairSource} source
 * @property {number} quality_score  0 to 1
 * @property {boolean} is_synced  the index holds this very text
 * @property {string | null} synced_at
 * @property {string} created_at
 * @property {string} updated_at
 * @property {number} version  counts edits; a change names the one that it was made from
 * @property {number} hit_count  answers that came from it
 * @property {number} good_count
 * @property {number} bad_count
 * @property {number | null} template_id
 */

/**
 * GET /ops/knowledge/qa-pairs
 * @typedef {object} PairList
 * @property {QaPair[]} items
 * @property {number} [total]  where counting is quick
 * @property {number} [total_at_least]  elsewhere
 * @property {number} page
 * @property {number} page_size
 * @property {string | null} next_cursor  null: this is the end
 */

/**
 * How a score comes about.
 * @typedef {object} QualityEvidence
 * @property {number} score
 * @property {number} hits
 * @property {number} good
 * @property {number} bad
 * @property {number} age_days  since the last edit
 * @property {string} explanation  in the language of the request
 */

/** GET /ops/knowledge/qa-pairs/{id} @typedef {QaPair & { quality: QualityEvidence }} PairDetail */

/** One of GET /ops/knowledge/deleted @typedef {QaPair & { deleted_at: string, deleted_by: string | null, undo_until: string }} DeletedPair */

/**
 * One of GET /ops/knowledge/corrections: what a customer says was wrong.
 * @typedef {object} Correction
 * @property {number} id  of the feedback
 * @property {string} tenant_id
 * @property {string} tenant_name
 * @property {string} question  what was asked
 * @property {string} answer  what was answered
 * @property {boolean} answered  by a pair
 * @property {string | null} correction  null: only that it was bad
 * @property {'pending' | 'approved' | 'rejected' | 'learned'} status
 * @property {'existing_pair' | 'unfit' | null} held_for  why learning leaves it to a person
 * @property {number | null} qa_pair_id  that it would change, or became
 * @property {string | null} pair_question  of that pair as it is now; null: there is none
 * @property {string | null} pair_answer
 * @property {number} version  grows when the customer says it anew
 * @property {string} created_at
 * @property {string | null} decided_by
 * @property {string | null} note
 * @property {string | null} decided_at
 */

/**
 * GET /ops/knowledge/corrections
 * @typedef {object} CorrectionList
 * @property {Correction[]} items
 * @property {number} [total]
 * @property {number} [total_at_least]
 * @property {number} page
 * @property {number} page_size
 * @property {string | null} next_cursor
 */

/**
 * GET /ops/knowledge/overview
 * @typedef {object} KnowledgeOverview
 * @property {number} total_qa_pairs
 * @property {number} synced_count
 * @property {number} unsynced_count
 * @property {number} held_back_count  not among them: of suspended tenants
 * @property {number | null} avg_quality_score  null: there are no pairs
 * @property {string} generated_at
 */

/**
 * GET /ops/knowledge/facets
 * @typedef {object} KnowledgeFacets
 * @property {{ name: string, count: number }[]} categories  '': pairs without one; those with the most pairs
 * @property {number} category_count  how many there are
 * @property {{ name: string, count: number }[]} sources
 */

/**
 * GET /ops/knowledge/sync/status
 * @typedef {object} SyncStatus
 * @property {number} pending  of active tenants
 * @property {number} removals_pending
 * @property {number} held_back  of suspended ones
 * @property {number} removals_held_back
 * @property {boolean} running
 * @property {string | null} last_run
 * @property {string | null} last_success
 * @property {string | null} last_error
 * @property {number | null} lag_seconds  the age of the oldest change that the index hasn't taken
 * @property {{ tenant_id: string, name: string, message: string, since: string }[]} tenants_failing
 */

/**
 * POST /ops/knowledge/search
 * @typedef {object} TrialResult
 * @property {{ qa_pair_id: number, question: string, answer: string, category: string, score: number }[]} matches
 * @property {string} answer
 * @property {boolean} answered
 * @property {number} top_k  as was asked, or as it is set
 * @property {number} min_score
 * @property {number} latency_ms
 */

/** @typedef {'question' | 'answer' | 'category'} ColumnUse */

/**
 * What an import had to guess, or is to be known before one relies on it.
 *
 * @typedef {object} ImportWarning
 * @property {'encoding' | 'heading' | 'first_row' | 'number_format' | 'digits' | 'other_tenants'} code
 * @property {number} row  the first that it is about; 0: the whole file
 * @property {number} count  rows; 0: the whole file
 * @property {string} message
 */

/**
 * POST /ops/knowledge/import/preview
 * @typedef {object} ImportPreview
 * @property {string} format
 * @property {string | null} encoding
 * @property {string | null} delimiter
 * @property {string[]} sheets
 * @property {string | null} sheet
 * @property {{ place: number, heading: string | null, taken_for: ColumnUse | null }[]} columns
 * @property {{ cells: string[] }[]} rows  the first of them below the heading
 * @property {number} total_rows_at_least
 * @property {string | null} problem  why it can't be imported as it is
 * @property {'encoding' | 'heading' | 'columns' | null} asks_for  what has to be said then
 * @property {ImportWarning[]} warnings
 * @property {string[]} encodings  of a text of which it is not sure: what it may be in, the likeliest first
 */

/**
 * @template T
 * @typedef {object} Page
 * @property {T[]} items
 * @property {number} total
 * @property {number} page
 * @property {number} page_size
 */

/**
 * application/problem+json (RFC 9457)
 * @typedef {object} Problem
 * @property {string} [type]
 * @property {string} [title]
 * @property {number} [status]
 * @property {string} [detail]
 * @property {string} [request_id]
 * @property {{ field: string, message: string }[]} [errors]
 */

export {};
