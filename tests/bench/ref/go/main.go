// Task T1 by hand: go BROKERS TOPIC. Reads every partition to the end that it had at the start and writes start,endpoint,status,count,sum as CSV, unordered.
//
// What a good Go programmer would write who wants speed and nothing durable: one poll loop, one parser that is used again, a map whose lookups make no garbage,
// record memory from a pool, no checksums (librdkafka does not check them either), a collector that may wait until there is something to collect.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/valyala/fastjson"
)

type cell struct {
	count int64
	sum   float64
}

type totals struct {
	parser fastjson.Parser
	key    []byte
	cells  map[string]*cell
}

func (t *totals) add(event []byte) {
	v, err := t.parser.ParseBytes(event)
	if err != nil {
		log.Fatal(err)
	}
	ts, endpoint := v.GetStringBytes("ts"), v.GetStringBytes("endpoint")
	if len(ts) < 20 || endpoint == nil {
		log.Fatalf("not an event: %s", event)
	}
	t.key = append(t.key[:0], ts[:16]...)
	t.key = append(t.key, ":00Z,"...)
	t.key = append(t.key, endpoint...)
	t.key = append(t.key, ',')
	t.key = strconv.AppendInt(t.key, v.GetInt64("status"), 10)
	c := t.cells[string(t.key)]
	if c == nil {
		c = &cell{}
		t.cells[string(t.key)] = c
	}
	c.count++
	c.sum += v.GetFloat64("latency_ms")
}

// pool gives records back to the client instead of to the collector.
type pool struct{ free chan []kgo.Record }

func (p *pool) GetRecords(n int) []kgo.Record {
	select {
	case r := <-p.free:
		if cap(r) >= n {
			return r
		}
	default:
	}
	return make([]kgo.Record, 0, n)
}

func (p *pool) PutRecords(r []kgo.Record) {
	select {
	case p.free <- r:
	default:
	}
}

// read calls add with every record up to the ends of the partitions now.
func read(ctx context.Context, brokers, topic string, add func([]byte)) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...), kgo.ConsumeTopics(topic), kgo.DisableFetchCRCValidation(),
		kgo.WithPools(&pool{make(chan []kgo.Record, 1024)}))
	if err != nil {
		return err
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			var next int64
			for _, r := range p.Records {
				add(r.Value)
				next = r.Offset + 1
				r.Recycle()
			}
			if end, reading := left[p.Partition]; reading && next >= end {
				delete(left, p.Partition)
			}
		})
	}
	return nil
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: go BROKERS TOPIC")
	}
	debug.SetGCPercent(400)
	t := totals{cells: map[string]*cell{}}
	if err := read(context.Background(), os.Args[1], os.Args[2], t.add); err != nil {
		log.Fatal(err)
	}
	for key, c := range t.cells {
		fmt.Printf("%s,%d,%.3f\n", key, c.count, c.sum)
	}
}
