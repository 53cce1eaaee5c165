/**
 * @file Texts of the core, in both languages. Keys are the same in both: the type check says so.
 */

export const zh = {
  'error.unreachable': '服务器没有回应。请检查网络，或确认服务正在运行。',
  'error.timeout': '服务器 15 秒内没有回应。',
  'error.unreadable': '服务器的回答无法读取。',
  'error.field': '{field}：{message}',
  'error.refused': '服务器拒绝了请求（{status}）。',

  'state.what': '系统状态',

  'health.since': '自 {time}',
  'health.failedCalls': { other: '{count} 次调用失败' },
  'health.harm': { other: '{count} 家商家，{failed}' },

  'severity.critical': '严重',
  'severity.error': '错误',
  'severity.warning': '警告',
  'severity.info': '提示',

  'alerts.what': '告警',
  'alerts.tenant': '商家 {tenant}',
  'alerts.since': '自 {time}',
  'alerts.acknowledged': '{user} 已确认',
  'alerts.repeated': { other: '{count} 次' },

  'figure.under': '<{value}',
  'time.zoned': '{time} {zone}',
  'duration.days': '{value} 天',
  'duration.hours': '{value} 小时',
  'duration.minutes': '{value} 分',
  'duration.seconds': '{value} 秒',
  'duration.two': '{larger} {smaller}',
  'quality.of': '{value}（满分 1）',
  'time.justNow': '刚刚',
  'unit.milliseconds': '{value} ms',

  'facts.beside': '{first} · {next}',

  'command.refresh': '刷新本页',
  close: '关闭',
};

/** @type {import('../core/i18n.js').TextsLike<typeof zh>} */
export const en = {
  'error.unreachable': 'The server does not answer. Check the network, or whether the service is running.',
  'error.timeout': 'The server did not answer within 15 seconds.',
  'error.unreadable': "The server's answer could not be read.",
  'error.field': '{field} {message}',
  'error.refused': 'The server refused the request ({status}).',

  'state.what': "the system's state",

  'health.since': 'since {time}',
  'health.failedCalls': { one: '{count} call failed', other: '{count} calls failed' },
  'health.harm': { one: '{count} tenant, {failed}', other: '{count} tenants, {failed}' },

  'severity.critical': 'Critical',
  'severity.error': 'Error',
  'severity.warning': 'Warning',
  'severity.info': 'Info',

  'alerts.what': 'the alerts',
  'alerts.tenant': 'Tenant {tenant}',
  'alerts.since': 'since {time}',
  'alerts.acknowledged': 'Acknowledged by {user}',
  'alerts.repeated': { one: '{count} time', other: '{count} times' },

  'figure.under': '<{value}',
  'time.zoned': '{time} {zone}',
  'duration.days': '{value} d',
  'duration.hours': '{value} h',
  'duration.minutes': '{value} min',
  'duration.seconds': '{value} s',
  'duration.two': '{larger} {smaller}',
  'quality.of': '{value} of 1',
  'time.justNow': 'just now',
  'unit.milliseconds': '{value} ms',

  'facts.beside': '{first} · {next}',

  'command.refresh': 'Refresh this page',
  close: 'Close',
};
