/* The people of the platform in the demonstration. */
#ifndef KIMONO_CLI_DEMO_STORY_H
#define KIMONO_CLI_DEMO_STORY_H

#define DEMO_OPERATOR "lin.lan"  /* ops_admin: who suspends, imports, distributes */
#define DEMO_OBSERVER "zhou.wei" /* ops_viewer */

#endif
