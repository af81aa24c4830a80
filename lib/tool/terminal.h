/* The terminal of whoever reads: its width, and whether it takes UTF-8. */
#ifndef TOOL_TERMINAL_H
#define TOOL_TERMINAL_H

#include <stdbool.h>

/* Places of a line: of fd, else $COLUMNS, else 80. */
unsigned terminal_width(int fd);
/* The locale's characters are UTF-8. Sets the locale's LC_CTYPE from the environment. */
bool terminal_utf8(void);

#endif
