/* Which windows are final, for readers: the rule is proto/finality.h, which sinks go by as well. */
#ifndef READ_FINALITY_H
#define READ_FINALITY_H

#include "proto/finality.h"

#endif
