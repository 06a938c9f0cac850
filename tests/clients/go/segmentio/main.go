// segmentio/kafka-go: a client in Go of its own mind.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

const limit = 30 * time.Second

var (
	bootstrap, prefix = os.Args[1], os.Args[2]
	client            = &kafka.Client{Addr: kafka.TCP(bootstrap), Timeout: limit}
)

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

func topic(name string, partitions int, configs ...kafka.ConfigEntry) string {
	made, err := client.CreateTopics(limited(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{
		{Topic: prefix + name, NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: configs}}})
	check(err)
	check(made.Errors[prefix+name])
	return prefix + name
}

func numbered(count int) []kafka.Message {
	messages := make([]kafka.Message, count)
	for i := range messages {
		messages[i].Value = []byte(fmt.Sprint("record ", i))
	}
	return messages
}

func write(topic string, messages []kafka.Message, codec kafka.Compression, acks kafka.RequiredAcks) {
	writer := &kafka.Writer{Addr: kafka.TCP(bootstrap), Topic: topic, Compression: codec, RequiredAcks: acks,
		BatchTimeout: 5 * time.Millisecond, BatchBytes: 4_000_000, Balancer: &kafka.RoundRobin{}}
	check(writer.WriteMessages(limited(), messages...))
	check(writer.Close())
}

func read(topic string, count int) []kafka.Message {
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{bootstrap}, Topic: topic, MaxWait: 200 * time.Millisecond, MaxBytes: 4_000_000})
	defer reader.Close()
	return take(reader, count)
}

func take(reader *kafka.Reader, count int) []kafka.Message {
	var messages []kafka.Message
	for ctx := limited(); len(messages) < count; {
		message, err := reader.FetchMessage(ctx)
		check(err)
		messages = append(messages, message)
	}
	return messages
}

func values(messages []kafka.Message) string {
	var all []string
	for _, message := range messages {
		all = append(all, string(message.Value))
	}
	return strings.Join(all, ",")
}

func distinct(messages []kafka.Message) int {
	all := map[string]bool{}
	for _, message := range messages {
		all[string(message.Value)] = true
	}
	return len(all)
}

func produce(name string, codec kafka.Compression, acks kafka.RequiredAcks) {
	topic := topic("produce-"+name, 1)
	write(topic, numbered(10), codec, acks)
	expect(values(numbered(10)), values(read(topic, 10)))
}

func consumeFromTime() {
	topic := topic("time", 1)
	messages := numbered(10)
	for i := range messages {
		messages[i].Time = time.UnixMilli(int64(1000 * (i + 1)))
	}
	write(topic, messages, 0, kafka.RequireAll)
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{bootstrap}, Topic: topic})
	defer reader.Close()
	check(reader.SetOffsetAt(limited(), time.UnixMilli(5500)))
	expect(values(numbered(10)[5:]), values(take(reader, 5)))
}

func groupRebalance() {
	topic := topic("group", 4)
	settings := kafka.ReaderConfig{Brokers: []string{bootstrap}, GroupID: prefix + "group", Topic: topic, MaxWait: 200 * time.Millisecond,
		StartOffset: kafka.FirstOffset, HeartbeatInterval: 200 * time.Millisecond, RebalanceTimeout: 5 * time.Second}
	first := kafka.NewReader(settings)
	write(topic, numbered(40), 0, kafka.RequireAll)
	check(first.CommitMessages(limited(), take(first, 40)...))
	second := kafka.NewReader(settings)
	members := func(count int) {
		until(fmt.Sprint("the group has members: ", count), func() bool {
			described, err := client.DescribeGroups(limited(), &kafka.DescribeGroupsRequest{GroupIDs: []string{prefix + "group"}})
			check(err)
			return described.Groups[0].GroupState == "Stable" && len(described.Groups[0].Members) == count
		})
	}
	members(2)
	write(topic, numbered(40), 0, kafka.RequireAll)
	ofFirst, ofSecond := take(first, 20), take(second, 20)
	expect(40, distinct(append(ofFirst[:20:20], ofSecond...)))
	check(first.CommitMessages(limited(), ofFirst...))
	check(second.CommitMessages(limited(), ofSecond...))
	check(second.Close())
	members(1)
	write(topic, numbered(4), 0, kafka.RequireAll)
	check(first.CommitMessages(limited(), take(first, 4)...))
	check(first.Close())
	fetched, err := client.OffsetFetch(limited(), &kafka.OffsetFetchRequest{GroupID: prefix + "group", Topics: map[string][]int{topic: {0, 1, 2, 3}}})
	check(err)
	total := int64(0)
	for _, partition := range fetched.Topics[topic] {
		total += partition.CommittedOffset
	}
	expect(84, total)
}

func administer() {
	topic := topic("admin", 3, kafka.ConfigEntry{ConfigName: "retention.ms", ConfigValue: "60000"})
	described, err := client.Metadata(limited(), &kafka.MetadataRequest{Topics: []string{topic}})
	check(err)
	expect(3, len(described.Topics[0].Partitions))
	expect("60000", retention(topic))
	altered, err := client.IncrementalAlterConfigs(limited(), &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{
		{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, Configs: []kafka.IncrementalAlterConfigsRequestConfig{
			{Name: "retention.ms", Value: "70000", ConfigOperation: kafka.ConfigOperationSet}}}}})
	check(err)
	check(altered.Resources[0].Error)
	until("the configuration is changed", func() bool { return retention(topic) == "70000" })
	deleted, err := client.DeleteTopics(limited(), &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	check(err)
	check(deleted.Errors[topic])
	until("the topic is gone", func() bool {
		all, err := client.Metadata(limited(), &kafka.MetadataRequest{})
		check(err)
		return !slices.ContainsFunc(all.Topics, func(found kafka.Topic) bool { return found.Name == topic })
	})
}

func retention(topic string) string {
	configs, err := client.DescribeConfigs(limited(), &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
		{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{"retention.ms"}}}})
	check(err)
	return configs.Resources[0].ConfigEntries[0].ConfigValue
}

func bigMessage() {
	topic := topic("big", 1, kafka.ConfigEntry{ConfigName: "max.message.bytes", ConfigValue: "3000000"})
	big := bytes.Repeat([]byte("b"), 2_000_000)
	write(topic, []kafka.Message{{Value: big}}, 0, kafka.RequireAll)
	expect(true, bytes.Equal(big, read(topic, 1)[0].Value))
}

// fetch reads from the beginning of a partition with a request of its own: unlike a Reader, that tells null from empty.
func fetch(topic string, partition, count int) []kafka.Record {
	answer, err := client.Fetch(limited(), &kafka.FetchRequest{Topic: topic, Partition: partition, MinBytes: 1, MaxBytes: 1_000_000, MaxWait: limit})
	check(err)
	check(answer.Error)
	records := make([]kafka.Record, count)
	for i := range records {
		record, err := answer.Records.ReadRecord()
		check(err)
		records[i] = *record
	}
	return records
}

func headers() {
	topic := topic("headers", 1)
	write(topic, []kafka.Message{{Value: []byte("v"), Headers: []kafka.Header{
		{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte("2")}, {Key: "none"}, {Key: "empty", Value: []byte{}}}}}, 0, kafka.RequireAll)
	expect("2", string(read(topic, 1)[0].Headers[1].Value))
	found := fetch(topic, 0, 1)[0].Headers
	expect(4, len(found))
	expect("a 1 a 2", fmt.Sprintf("%s %s %s %s", found[0].Key, found[0].Value, found[1].Key, found[1].Value))
	expect("none true empty false", fmt.Sprint(found[2].Key, " ", found[2].Value == nil, " ", found[3].Key, " ", found[3].Value == nil))
}

func nulls() {
	topic := topic("nulls", 1)
	write(topic, []kafka.Message{{Value: []byte("no key")}, {Key: []byte("no value")}, {}, {Key: []byte{}, Value: []byte{}}}, 0, kafka.RequireAll)
	var nulls []bool
	for _, record := range fetch(topic, 0, 4) {
		nulls = append(nulls, record.Key == nil, record.Value == nil)
	}
	expect([]bool{true, false, false, true, true, true, false, false}, nulls)
}

func manyPartitions() {
	topic := topic("many", 1000)
	write(topic, numbered(1000), 0, kafka.RequireAll)
	all := map[string]bool{}
	for partition := 0; partition < 1000; partition++ {
		value, err := kafka.ReadAll(fetch(topic, partition, 1)[0].Value)
		check(err)
		all[string(value)] = true
	}
	expect(1000, len(all))
}

func oldConnection() {
	// The library's low-level connection picks the oldest versions that it finds.
	connection, err := kafka.DialLeader(limited(), "tcp", bootstrap, topic("connection", 1), 0)
	check(err)
	defer connection.Close()
	_, err = connection.WriteMessages(numbered(3)...)
	check(err)
	_, err = connection.Seek(0, kafka.SeekStart)
	check(err)
	message, err := connection.ReadMessage(10_000)
	check(err)
	expect("record 0", string(message.Value))
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
	codecs := []kafka.Compression{0, kafka.Gzip, kafka.Snappy, kafka.Lz4, kafka.Zstd}
	for i, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		for how, acks := range map[string]kafka.RequiredAcks{"0": kafka.RequireNone, "1": kafka.RequireOne, "all": kafka.RequireAll} {
			scenario("produce-"+codec+"-"+how, func() { produce(codec+"-"+how, codecs[i], acks) })
		}
	}
	scenario("consume-from-time", consumeFromTime)
	scenario("group-rebalance", groupRebalance)
	scenario("admin", administer)
	scenario("big-message", bigMessage)
	scenario("headers", headers)
	scenario("nulls", nulls)
	scenario("many-partitions", manyPartitions)
	scenario("old-connection", oldConnection)
	fmt.Println("done")
}
