/* The sketches from outside, for tests/sketches.py. Lines of stdin are decimals:
 *
 *	hta-sketch places          the place of each
 *	hta-sketch quantiles Q..   of all of them each quantile, then the stored form in hex
 *	hta-sketch middles         the middle of each place; reads nothing */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "sketch/logbucket.h"

static dec read_decimal(const char *text)
{
	dec v;
	size_t n = strcspn(text, "\n");
	if (dec_parse_sum(slice(text, n), &v) != DEC_OK) {
		fprintf(stderr, "hta-sketch: \"%.*s\" is no decimal\n", (int)n, text);
		exit(EX_DATAERR);
	}
	return v;
}

static int print_places(void)
{
	for (char line[80]; fgets(line, sizeof(line), stdin);)
		printf("%u\n", logbucket_place(read_decimal(line)));
	return 0;
}

static int print_middles(void)
{
	struct buf text = { 0 };
	for (unsigned place = 0; place < LOGBUCKET_PLACES; place++, text.n = 0) {
		logbucket_middle(place, &text);
		puts(buf_z(&text));
	}
	buf_fini(&text);
	return 0;
}

static int print_quantiles(char *const *q)
{
	struct logbucket *s = logbucket_new();
	struct buf text = { 0 }, stored = { 0 };
	for (char line[80]; fgets(line, sizeof(line), stdin);)
		logbucket_add(s, read_decimal(line));
	for (; *q; q++) {
		logbucket_quantile(s, read_decimal(*q), &text);
		buf_addc(&text, '\n');
	}
	logbucket_encode(s, &stored);
	buf_hex(&text, stored.p, stored.n);
	puts(buf_z(&text));
	logbucket_free(s);
	buf_fini(&text);
	buf_fini(&stored);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "places") == 0)
		return print_places();
	if (argc == 2 && strcmp(argv[1], "middles") == 0)
		return print_middles();
	if (argc > 2 && strcmp(argv[1], "quantiles") == 0)
		return print_quantiles(argv + 2);
	fprintf(stderr, "usage: hta-sketch places | middles | quantiles Q..\n");
	return EX_USAGE;
}
