#include "drv/kafka/fetch/fetcher_part.h"

#define TO(state) (1U << FETCH_##state)

void fetch_enter(struct fetcher_part *p, enum fetch_state to)
{
	static const struct {
		const char *name;
		unsigned to;
	} from[FETCH_STATES] = {
		[FETCH_OFF] = { "off", TO(ASKING) | TO(AWAY) | TO(UNREADABLE) },
		[FETCH_ASKING] = { "asking", TO(READING) | TO(AWAY) | TO(OFF) },
		[FETCH_READING] = { "reading",
				    TO(ENDING) | TO(AWAY) | TO(GONE) | TO(UNREADABLE) | TO(OFF) },
		[FETCH_ENDING] = { "ending", TO(READING) | TO(AWAY) | TO(UNREADABLE) | TO(OFF) },
		[FETCH_AWAY] = { "away", TO(ASKING) | TO(OFF) },
		[FETCH_GONE] = { "gone", TO(OFF) },
		[FETCH_UNREADABLE] = { "unreadable", TO(OFF) },
	};

	if (!(from[p->state].to & 1U << to))
		BUG("%s/%d: from %s to %s", p->part->topic, (int)p->part->partition,
		    from[p->state].name, from[to].name);
	p->state = to;
}
