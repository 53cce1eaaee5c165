/* `kimono demo`: fills an empty store with plausible demonstration data (demo.c, from the plan of
 * demo_plan.c and the corpus of demo_corpus.c); with --live, customers who keep asking a running server
 * over HTTP (demo_live.c). */
#ifndef KIMONO_CLI_DEMO_H
#define KIMONO_CLI_DEMO_H

#include "cli/cli.h"

enum cli_status demo_run(const struct invocation *invocation);
enum cli_status demo_live_run(const struct invocation *invocation);

#endif
