/**
 * @file Texts of this page, in both languages. Keys are the same in both: the type check says so.
 */

export const zh = {
  'nav.jobs': '任务',

  'jobs.heading': '任务',
  'jobs.text': '导入、分发、批量修改、同步：谁发起、做到哪里、结果如何。',
  'jobs.asked': '发起',
  'jobs.status': '状态',
  'jobs.status.any': '全部状态',
  'jobs.kind': '类型',
  'jobs.kind.any': '全部类型',
  'jobs.tenant': '商家',
  'jobs.tenant.any': '全部商家',
  'jobs.by.any': '全部发起人',
  'jobs.trials': '含试算',
  'jobs.actions': '操作',
  'jobs.openOne': '查看详情：{title}',
  'jobs.empty': '还没有任务',
  'jobs.empty.text': '导入问答、分发模板、批量修改和同步都会在这里留下记录。',
  'jobKind.knowledge.import': '导入问答',
  'jobKind.knowledge.bulk': '批量处理问答',
  'jobKind.knowledge.undo': '撤销任务',
  'jobKind.knowledge.sync': '同步向量索引',
  'jobKind.knowledge.sync_check': '检查向量索引',
  'jobKind.templates.distribute': '分发通用模板',
};

/** @type {import('../../core/i18n.js').TextsLike<typeof zh>} */
export const en = {
  'nav.jobs': 'Jobs',

  'jobs.heading': 'Jobs',
  'jobs.text': 'Imports, distributions, bulk changes, syncs: who asked, how far, what came of it.',
  'jobs.asked': 'Asked for',
  'jobs.status': 'Status',
  'jobs.status.any': 'Any status',
  'jobs.kind': 'Kind',
  'jobs.kind.any': 'All kinds',
  'jobs.tenant': 'Tenant',
  'jobs.tenant.any': 'All tenants',
  'jobs.by.any': 'Anybody',
  'jobs.trials': 'With trial runs',
  'jobs.actions': 'Actions',
  'jobs.openOne': 'Details: {title}',
  'jobs.empty': 'No jobs yet',
  'jobs.empty.text': 'Imports, distributions of templates, bulk changes and syncs leave their record here.',
  'jobKind.knowledge.import': 'Import of pairs',
  'jobKind.knowledge.bulk': 'Change of many pairs',
  'jobKind.knowledge.undo': 'Undoing a job',
  'jobKind.knowledge.sync': 'Sync of the vector index',
  'jobKind.knowledge.sync_check': 'Check of the vector index',
  'jobKind.templates.distribute': 'Distribution of templates',
};
