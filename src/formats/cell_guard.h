/* Cells that a spreadsheet would take for a formula, made harmless, and back again.
 *
 * A program that opens a .csv takes a cell that begins with = + - @ (or their full-width forms, behind
 * spaces too) or with a tab or line break for more than text: what a customer once typed would be
 * computed on the desk of whoever opens the export. So it gets an apostrophe in front, which makes it
 * text:
 *
 *     =1+1   becomes   '=1+1        '=1+1   becomes   ''=1+1        'tis   stays as it is
 *
 * That is: a text that consists of any number of apostrophes and then begins dangerously gets one more,
 * and reading takes one away from a text of just this form that has at least one. So every text comes
 * back exactly, texts that begin with the escape itself too.
 *
 * In a workbook a cell says that it is text, and nothing is computed. There only what already begins with
 * an apostrophe gets one more, so that reading is the same for both: a .csv of ours, opened in Excel and
 * saved as .xlsx, still comes back right, and so does export and import of either kind.
 *
 * Writing guards by itself (csv_writer.h, xlsx_writer.h), and so does reading (table.h). */
#ifndef KIMONO_FORMATS_CELL_GUARD_H
#define KIMONO_FORMATS_CELL_GUARD_H

#include <stdbool.h>

/* Whether an apostrophe must stand in front of the text in a .csv, in a workbook. */
bool cell_guard_text_needs(const char *text);
bool cell_guard_workbook_needs(const char *text);

/* The text that is meant: `cell` itself, or the same without its first apostrophe. No copy. */
const char *cell_guard_decode(const char *cell);

#endif
