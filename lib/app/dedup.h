/* hta-dedup: records whose key was there before are left out. */
#ifndef APP_DEDUP_H
#define APP_DEDUP_H

#include "xform/dedup_state.h"

/* states: what --state may name, NULL behind the last; the one without a scheme comes last. */
int dedup_main(int argc, char **argv, const struct dedup_state *const *states);

#endif
