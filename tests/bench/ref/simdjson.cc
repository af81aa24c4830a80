/* simdjson on-demand on task T1, one thread: simdjson FILE [lines]. Writes start,endpoint,status,count,sum as CSV, unordered.
 *
 * Written to be as fast as the library allows, for the one comparison of scanners: everything around it is done the cheap way that our own program has.
 * Blocks of whole lines that stay in L2 go through iterate_many, whose structural pass then runs once a block; "lines" has a call a line instead, which is
 * slower. Fields are looked up by name from where the last one was, so their order may change at a price. A minute is parsed once and then recognised by its
 * 16 bytes; groups are found by XXH3 of the key in an open table; sums are 64-bit thousandths. No field that is not asked for is validated,
 * which on-demand does not do: ours does.
 *
 * Build: c++ -O3 -march=native simdjson.cc -lsimdjson (on-demand is compiled for the processor that the flags name). */
#define XXH_INLINE_ALL
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <simdjson.h>
#include <string>
#include <unistd.h>
#include <vector>
#include <xxhash.h>

using namespace simdjson;

static constexpr size_t BLOCK = 256 << 10, MOST_KEY = 112;

struct Group {
	uint64_t hash, count;
	int64_t sum; /* thousandths */
	uint32_t key_len;
	char key[MOST_KEY]; /* minute, endpoint, status: 16 bytes, a length of 1 byte and the text, 8 bytes */
};

class Table {
	std::vector<uint32_t> slots = std::vector<uint32_t>(1 << 15); /* index of the group + 1 */
	void grow()
	{
		slots.assign(slots.size() * 2, 0);
		for (size_t i = 0; i < groups.size(); i++)
			*place(groups[i].hash, groups[i].key, groups[i].key_len) = uint32_t(i + 1);
	}
	uint32_t *place(uint64_t hash, const char *key, size_t n)
	{
		for (size_t at = hash & (slots.size() - 1);; at = (at + 1) & (slots.size() - 1)) {
			const Group *g = slots[at] ? &groups[slots[at] - 1] : nullptr;
			if (!g || (g->hash == hash && g->key_len == n && memcmp(g->key, key, n) == 0))
				return &slots[at];
		}
	}

public:
	std::vector<Group> groups;
	void add(const char *key, size_t n, int64_t value)
	{
		uint64_t hash = XXH3_64bits(key, n);
		uint32_t *slot = place(hash, key, n);
		if (!*slot) {
			groups.push_back({hash, 0, 0, uint32_t(n), {}});
			memcpy(groups.back().key, key, n);
			*slot = uint32_t(groups.size());
			if (groups.size() * 2 > slots.size()) {
				grow();
				slot = place(hash, key, n);
			}
		}
		Group &g = groups[*slot - 1];
		g.count++;
		g.sum += value;
	}
};

[[noreturn]] static void die(const char *what)
{
	fprintf(stderr, "simdjson: %s\n", what);
	_exit(65);
}

/* The 16 bytes of a minute in UTC are the window's name; they are checked when they change. */
static void minute(std::string_view quoted, char *out)
{
	static char last[16];
	if (quoted.size() < 22 || quoted[0] != '"')
		die("no time stamp");
	if (memcmp(last, quoted.data() + 1, 16) != 0) {
		int y, mo, d, h, mi, end = 0;
		std::string text(quoted.substr(1, 16));
		if (sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d%n", &y, &mo, &d, &h, &mi, &end) != 5 || end != 16 || quoted.find('Z') == quoted.npos)
			die("no time stamp in UTC");
		memcpy(last, text.data(), 16);
	}
	memcpy(out, last, 16);
}

template <typename Document> static void event(Document &&doc, Table &table)
{
	char key[MOST_KEY];
	std::string_view endpoint;
	uint64_t status;
	double latency;
	minute(doc["ts"].raw_json_token(), key);
	if (doc["endpoint"].get(endpoint) || doc["status"].get(status) || doc["latency_ms"].get(latency) || endpoint.size() > MOST_KEY - 25)
		die("not an event");
	key[16] = char(endpoint.size());
	memcpy(key + 17, endpoint.data(), endpoint.size());
	memcpy(key + 17 + endpoint.size(), &status, 8);
	table.add(key, 25 + endpoint.size(), int64_t(latency * 1000 + (latency < 0 ? -0.5 : 0.5)));
}

static void block(ondemand::parser &parser, char *p, size_t n, bool lines, Table &table)
{
	if (!lines) {
		ondemand::document_stream stream;
		if (parser.iterate_many(p, n, BLOCK).get(stream))
			die("iterate_many");
		for (auto doc : stream)
			event(doc, table);
		if (stream.truncated_bytes())
			die("a document is cut");
		return;
	}
	for (char *end; n > 0; n -= size_t(end - p), p = end) {
		end = static_cast<char *>(memchr(p, '\n', n)) + 1;
		ondemand::document doc;
		if (parser.iterate(p, size_t(end - p), n + SIMDJSON_PADDING).get(doc))
			die("iterate");
		event(doc, table);
	}
}

int main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[1], O_RDONLY) : -1;
	if (fd < 0)
		die("usage: simdjson FILE [lines]");
	std::vector<char> buf(BLOCK + SIMDJSON_PADDING);
	ondemand::parser parser;
	Table table;
	size_t have = 0;
	for (ssize_t n; (n = read(fd, buf.data() + have, BLOCK - have)) > 0;) {
		have += size_t(n);
		char *last = static_cast<char *>(memrchr(buf.data(), '\n', have));
		if (!last)
			die("a line is too long");
		size_t whole = size_t(last + 1 - buf.data());
		block(parser, buf.data(), whole, argc > 2, table);
		memmove(buf.data(), last + 1, have -= whole);
	}
	if (have)
		die("the last line has no end");
	for (const Group &g : table.groups) {
		uint64_t status;
		int size = (unsigned char)g.key[16];
		memcpy(&status, g.key + 17 + size, 8);
		printf("%.16s:00Z,%.*s,%llu,%llu,%s%lld.%03lld\n", g.key, size, g.key + 17, (unsigned long long)status, (unsigned long long)g.count, g.sum < 0 ? "-" : "",
		       llabs((long long)g.sum) / 1000, llabs((long long)g.sum) % 1000);
	}
	return 0;
}
