/* Passwords that are tried first: what everybody takes, walks over the keyboard, dates, and names of the
 * person, the shop and the product. No rule of composition beyond that (NIST SP 800-63B, 3.1.1.2). */
#ifndef KIMONO_SECURITY_COMMON_PASSWORDS_H
#define KIMONO_SECURITY_COMMON_PASSWORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Whatever case it is in, and whatever digits and marks stand around it. `names`: what else is easily
 * guessed here; NULLs among them are skipped. */
bool password_is_common(const char *password, const char *const *names, size_t name_count);

#endif
