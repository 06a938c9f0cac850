// franz-go: a client in Go that follows the protocol closely.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const limit = 30 * time.Second

var (
	bootstrap, prefix = os.Args[1], os.Args[2]
	admin             = kadm.NewClient(client())
)

func client(options ...kgo.Opt) *kgo.Client {
	made, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(bootstrap), kgo.FetchMaxWait(500 * time.Millisecond)}, options...)...)
	if err != nil {
		panic(err)
	}
	return made
}

func limited() context.Context {
	ctx, _ := context.WithTimeout(context.Background(), limit) //nolint:govet // ends with its time
	return ctx
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func expect(expected, actual any) {
	if fmt.Sprint(expected) != fmt.Sprint(actual) {
		panic(fmt.Sprintf("expected %.200v but got %.200v", expected, actual))
	}
}

func until(what string, condition func() bool) {
	for end := time.Now().Add(limit); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			panic("not in time: " + what)
		}
	}
}

func topic(name string, partitions int32, configs map[string]*string) string {
	made, err := admin.CreateTopic(limited(), partitions, 1, configs, prefix+name)
	check(err)
	check(made.Err)
	return prefix + name
}

func text(value string) *string { return &value }

func numbered(topic string, count int) []*kgo.Record {
	records := make([]*kgo.Record, count)
	for i := range records {
		records[i] = &kgo.Record{Topic: topic, Value: []byte(fmt.Sprint("record ", i))}
	}
	return records
}

func write(records []*kgo.Record, options ...kgo.Opt) {
	writer := client(options...)
	defer writer.Close()
	check(writer.ProduceSync(limited(), records...).FirstErr())
}

func read(topic string, count int) []*kgo.Record {
	return take(count, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
}

func take(count int, options ...kgo.Opt) []*kgo.Record {
	reader := client(options...)
	defer reader.Close()
	var records []*kgo.Record
	for ctx := limited(); len(records) < count; {
		fetches := reader.PollFetches(ctx)
		check(fetches.Err())
		records = append(records, fetches.Records()...)
	}
	return records
}

func values(records []*kgo.Record) string {
	var all []string
	for _, record := range records {
		all = append(all, string(record.Value))
	}
	return strings.Join(all, ",")
}

func produce(codec kgo.CompressionCodec, name string, acks kgo.Acks) {
	topic := topic("produce-"+name, 1, nil)
	records := numbered(topic, 10)
	options := []kgo.Opt{kgo.ProducerBatchCompression(codec), kgo.RequiredAcks(acks)}
	if acks != kgo.AllISRAcks() {
		options = append(options, kgo.DisableIdempotentWrite())
	}
	write(records, options...)
	expect(values(records), values(read(topic, 10)))
}

func consumeFromTime() {
	topic := topic("time", 1, nil)
	records := numbered(topic, 10)
	for i, record := range records {
		record.Timestamp = time.UnixMilli(int64(1000 * (i + 1)))
	}
	write(records)
	found, err := admin.ListOffsetsAfterMilli(limited(), 5500, topic)
	check(err)
	offset, _ := found.Lookup(topic, 0)
	expect(5, offset.Offset)
	expect(values(records[5:]), values(take(5, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AfterMilli(5500)}}))))
	ends, err := admin.ListEndOffsets(limited(), topic)
	check(err)
	end, _ := ends.Lookup(topic, 0)
	expect(10, end.Offset)
}

// member is one member of a group that collects what it reads and knows what happens to its partitions.
type member struct {
	sync.Mutex
	client            *kgo.Client
	partitions        []int32
	assignments       int
	mostGivenUpAtOnce int
	seen              []*kgo.Record
	err               error
}

func join(topic, group string, balancer kgo.GroupBalancer, options ...kgo.Opt) *member {
	self := &member{}
	assigned := func(_ context.Context, _ *kgo.Client, given map[string][]int32) {
		self.Lock()
		defer self.Unlock()
		self.assignments++
		self.partitions = append(self.partitions, given[topic]...)
	}
	revoked := func(_ context.Context, _ *kgo.Client, taken map[string][]int32) {
		self.Lock()
		defer self.Unlock()
		self.mostGivenUpAtOnce = max(self.mostGivenUpAtOnce, len(taken[topic]))
		self.partitions = slices.DeleteFunc(self.partitions, func(partition int32) bool { return slices.Contains(taken[topic], partition) })
	}
	self.client = client(append(options, kgo.ConsumeTopics(topic), kgo.ConsumerGroup(group), kgo.Balancers(balancer), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.HeartbeatInterval(200*time.Millisecond),
		kgo.OnPartitionsAssigned(assigned), kgo.OnPartitionsRevoked(revoked), kgo.OnPartitionsLost(revoked))...)
	go func() {
		for {
			fetches := self.client.PollFetches(context.Background())
			if fetches.IsClientClosed() {
				return
			}
			self.Lock()
			self.seen = append(self.seen, fetches.Records()...)
			self.err = errors.Join(self.err, fetches.Err())
			self.Unlock()
		}
	}()
	return self
}

func (self *member) has() []int32 {
	self.Lock()
	defer self.Unlock()
	sorted := slices.Clone(self.partitions)
	slices.Sort(sorted)
	return sorted
}

func (self *member) failed() error {
	self.Lock()
	defer self.Unlock()
	return self.err
}

func (self *member) changes() (assignments, mostGivenUpAtOnce int) {
	self.Lock()
	defer self.Unlock()
	return self.assignments, self.mostGivenUpAtOnce
}

func (self *member) count() int {
	self.Lock()
	defer self.Unlock()
	return len(self.seen)
}

// Cooperative members give up only what another one takes, eager ones all that they have.
func groupRebalance(name string, balancer kgo.GroupBalancer, mostGivenUpAtOnce int) {
	topic := topic(name, 4, nil)
	first := join(topic, prefix+name, balancer)
	until("the first member has all", func() bool { return len(first.has()) == 4 })
	second := join(topic, prefix+name, balancer)
	until("both have two", func() bool { return len(first.has()) == 2 && len(second.has()) == 2 })
	_, most := first.changes()
	expect(mostGivenUpAtOnce, most)
	records := numbered(topic, 40)
	for i, record := range records {
		record.Partition = int32(i % 4)
	}
	write(records, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	until("both read all", func() bool { return first.count()+second.count() == 40 })
	check(first.client.CommitUncommittedOffsets(limited()))
	check(second.client.CommitUncommittedOffsets(limited()))
	second.client.Close()
	until("the first member has all again", func() bool { return len(first.has()) == 4 })
	first.client.Close()
	committed, err := admin.FetchOffsets(limited(), prefix+name)
	check(err)
	for partition := int32(0); partition < 4; partition++ {
		offset, _ := committed.Lookup(topic, partition)
		expect(10, offset.At)
	}
	_, err = admin.DeleteGroups(limited(), prefix+name)
	check(err)
}

func staticMembers() {
	topic, group := topic("static", 4, nil), prefix+"static"
	enter := func(instance string) *member {
		return join(topic, group, kgo.CooperativeStickyBalancer(), kgo.InstanceID(instance))
	}
	first, second := enter("one"), enter("two")
	until("both have two", func() bool { return len(first.has()) == 2 && len(second.has()) == 2 })
	hadByTwo := second.has()
	assignments, _ := first.changes()
	second.client.Close()
	back := enter("two")
	until("the member is back with what it had", func() bool { return slices.Equal(hadByTwo, back.has()) })
	now, _ := first.changes()
	expect(assignments, now)
	described, err := admin.DescribeGroups(limited(), group)
	check(err)
	var instances []string
	for _, found := range described[group].Members {
		instances = append(instances, *found.InstanceID)
	}
	slices.Sort(instances)
	expect("[one two]", instances)
	usurper := enter("two")
	until("another one has its place", func() bool { return slices.Equal(hadByTwo, usurper.has()) })
	until("the member is fenced", func() bool { return errors.Is(back.failed(), kerr.FencedInstanceID) })
	back.client.Close()
	usurper.client.Close()
	_, err = admin.LeaveGroup(limited(), kadm.LeaveGroup(group).InstanceIDs("two"))
	check(err)
	until("the first member has all", func() bool { return len(first.has()) == 4 })
	first.client.Close()
}

func administer() {
	topic := topic("admin", 3, map[string]*string{"retention.ms": text("60000")})
	listed, err := admin.ListTopics(limited(), topic)
	check(err)
	expect(3, len(listed[topic].Partitions))
	_, err = admin.AlterTopicConfigs(limited(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: text("70000")}}, topic)
	check(err)
	until("the configuration is changed", func() bool {
		configs, err := admin.DescribeTopicConfigs(limited(), topic)
		check(err)
		for _, config := range configs[0].Configs {
			if config.Key == "retention.ms" {
				return *config.Value == "70000"
			}
		}
		return false
	})
	_, err = admin.DeleteTopics(limited(), topic)
	check(err)
	until("the topic is gone", func() bool {
		all, err := admin.ListTopics(limited())
		check(err)
		return !all.Has(topic)
	})
}

func idempotent() {
	topic := topic("idempotent", 1, nil)
	records := numbered(topic, 500)
	write(records, kgo.ProducerBatchMaxBytes(1000))
	expect(values(records), values(read(topic, 500)))
}

func bigMessage() {
	topic := topic("big", 1, map[string]*string{"max.message.bytes": text("3000000")})
	big := bytes.Repeat([]byte("b"), 2_000_000)
	write([]*kgo.Record{{Topic: topic, Value: big}}, kgo.ProducerBatchMaxBytes(3_000_000))
	expect(true, bytes.Equal(big, read(topic, 1)[0].Value))
}

func headers() {
	topic := topic("headers", 1, nil)
	write([]*kgo.Record{{Topic: topic, Value: []byte("v"), Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte("2")}, {Key: "none"}}}})
	found := read(topic, 1)[0].Headers
	expect(3, len(found))
	expect("2", string(found[1].Value))
	expect(true, found[2].Value == nil)
}

func nulls() {
	topic := topic("nulls", 1, nil)
	write([]*kgo.Record{{Topic: topic, Value: []byte("no key")}, {Topic: topic, Key: []byte("no value")}, {Topic: topic}})
	found := read(topic, 3)
	expect(true, found[0].Key == nil && found[1].Value == nil && found[2].Key == nil && found[2].Value == nil)
}

func manyPartitions() {
	topic := topic("many", 1000, nil)
	records := numbered(topic, 1000)
	for i, record := range records {
		record.Partition = int32(i)
	}
	write(records, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	expect(1000, len(read(topic, 1000)))
}

func scenario(name string, run func()) {
	defer func() {
		if why := recover(); why != nil {
			fmt.Println("FAIL", name, strings.Join(strings.Fields(fmt.Sprint(why)), " "))
		} else {
			fmt.Println("ok", name)
		}
	}()
	run()
}

func main() {
	codecs := []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}
	acks := []kgo.Acks{kgo.NoAck(), kgo.LeaderAck(), kgo.AllISRAcks()}
	for i, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		for j, how := range []string{"0", "1", "all"} {
			name := codec + "-" + how
			scenario("produce-"+name, func() { produce(codecs[i], name, acks[j]) })
		}
	}
	scenario("consume-from-time", consumeFromTime)
	scenario("group-rebalance", func() { groupRebalance("group", kgo.RangeBalancer(), 4) })
	scenario("group-rebalance-cooperative", func() { groupRebalance("cooperative", kgo.CooperativeStickyBalancer(), 2) })
	scenario("static-members", staticMembers)
	scenario("admin", administer)
	scenario("idempotent", idempotent)
	scenario("big-message", bigMessage)
	scenario("headers", headers)
	scenario("nulls", nulls)
	scenario("many-partitions", manyPartitions)
	fmt.Println("done")
}
