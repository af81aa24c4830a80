/* hta-gen: synthetic events (gen.h) on standard output, a plain stream. */
#ifndef APP_GEN_MAIN_H
#define APP_GEN_MAIN_H

int gen_main(int argc, char **argv); /* the exit code */

#endif
