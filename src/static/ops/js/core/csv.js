/**
 * @file A table as a file that spreadsheets read: CSV (RFC 4180), UTF-8 with a mark by which Excel knows that.
 */

const BYTE_ORDER_MARK = '\uFEFF';

/**
 * @param {string[]} head
 * @param {(string | number)[][]} rows
 */
export function toCsv(head, rows) {
  return BYTE_ORDER_MARK + [head, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('');
}

/**
 * Gives the person a file that was made here.
 * @param {string} name
 * @param {string} text
 */
export function saveFile(name, text) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  link.download = name;
  link.click();
  // The browser has taken hold of the file by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A text that a spreadsheet would run as a formula is marked as text. @param {string | number} value */
function field(value) {
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
