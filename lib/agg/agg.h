/* hta-window: records into rollups. The whole program but its main. */
#ifndef AGG_AGG_H
#define AGG_AGG_H

int agg_main(int argc, char **argv);      /* the exit code */

#endif
