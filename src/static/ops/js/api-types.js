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
 * @property {Record<ComparedFigure, number | null>} compared
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
 * @property {string} database
 * @property {string} timezone
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
