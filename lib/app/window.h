/* hta-window: records into rollups. The whole program but its main. */
#ifndef APP_WINDOW_H
#define APP_WINDOW_H

int agg_main(int argc, char **argv); /* the exit code */

#endif
