/* Private to store/: which statements were run, for tools/statements.mjs, which finds those that no test runs.
 *
 * Off unless KIMONO_STATEMENT_LOG names a file. Each statement that has succeeded is appended to it once in a
 * process, at once, so that of a killed process there is all that it ran: one line with the program's name, the
 * driver's and the text as JSON. Several processes may write one file. */
#ifndef KIMONO_STORE_STATEMENT_LOG_H
#define KIMONO_STORE_STATEMENT_LOG_H

void statement_log(const char *driver, const char *sql);

#endif
